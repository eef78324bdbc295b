//! The ledger: what was asked, what was served, who left and when.

use std::time::Duration;

use serde_json::json;
use simulator::{Limits, Options, Script, Simulator};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::Instant;

use crate::client::{chat, counted, question, request_text, send, start, streamed};

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test]
async fn an_entry_says_what_was_asked_and_served() {
    let simulator = start().await;
    let headers = [
        ("authorization", "Bearer sk-sim-abcdefgh1234"),
        ("content-type", "application/json"),
        ("user-agent", "it"),
        ("x-title", "Tests"),
        ("cookie", "private"),
    ];
    let body = counted("gpt!tokens=9");
    let reply = send(
        &simulator,
        "POST",
        "/v1/chat/completions?a=1",
        &headers,
        &body,
    )
    .await;
    let entry = simulator.ledger().last().expect("an entry");
    assert_eq!((entry.seq, entry.method.as_str()), (1, "POST"));
    assert_eq!(entry.path, "/v1/chat/completions?a=1");
    assert_eq!(entry.header("authorization"), Some("Bearer …1234"));
    assert_eq!(entry.header("x-title"), Some("Tests"));
    assert_eq!(entry.header("user-agent"), Some("it"));
    assert_eq!(entry.header("cookie"), None);
    assert_eq!(
        (entry.json(), entry.body_bytes),
        (body.clone(), body.to_string().len() as u64)
    );
    assert_eq!(
        (entry.model.as_str(), entry.script.as_str()),
        ("gpt!tokens=9", "tokens=9")
    );
    assert!(entry.stream && entry.is_finished());
    assert_eq!(entry.status, Some(200));
    assert_eq!(entry.bytes_written, reply.body.len() as u64);
    assert_eq!(entry.chunks_written, reply.chunks.len() as u64);
    assert_eq!((entry.prompt_tokens, entry.completion_tokens), (7, 9));
    assert_eq!(entry.usage_sent.map(|usage| usage.completion), Some(9));
    assert_eq!(entry.disconnected_at(), None);
}

/// Sends the request, reads until `bytes` have come, hangs up, and says how long the simulator took to notice.
async fn leave_after(simulator: &Simulator, model: &str, bytes: usize) -> Duration {
    let body = if model.ends_with("whole") {
        question(model)
    } else {
        streamed(model)
    };
    let text = request_text("POST", "/v1/chat/completions", &[], &body.to_string());
    let mut stream = TcpStream::connect(simulator.addr())
        .await
        .expect("connects");
    stream.write_all(text.as_bytes()).await.expect("sends");
    let (mut got, mut buffer) = (0, [0; 4096]);
    while got < bytes {
        got += stream.read(&mut buffer).await.expect("reads");
    }
    let ledger = simulator.ledger();
    let begun = ledger.wait_for(|entry| entry.model == model, SECOND).await;
    assert!(begun.is_some_and(|entry| entry.end.is_none()), "{model}");
    let left = Instant::now();
    drop(stream);
    let gone = |entry: &simulator::Entry| entry.model == model && entry.disconnected_at().is_some();
    let entry = ledger.wait_for(gone, SECOND).await.expect("is noticed");
    assert!(!entry.is_finished());
    entry
        .disconnected_at()
        .expect("a time")
        .saturating_duration_since(left)
}

#[tokio::test]
async fn a_client_that_leaves_is_noticed_within_milliseconds_wherever_the_answer_is() {
    let simulator = start().await;
    for (model, bytes) in [
        ("a!delay=30s", 0),
        ("b!hang", 0),
        ("c!hang=headers", 100),
        ("d!first-token=30s", 100),
        ("e!chunks=50,gap=10s", 300),
        ("f!chunks=5000,gap=1ms", 1000),
        ("g!hang=2,comment=10ms", 1000),
        ("h!drip=5s", 100),
        ("i!delay=30s,served-model=whole", 0),
    ] {
        let took = leave_after(&simulator, model, bytes).await;
        assert!(took < Duration::from_millis(100), "{model}: {took:?}");
    }
    let totals = simulator.ledger().totals();
    assert_eq!((totals.disconnected, totals.in_flight()), (9, 0));
}

#[tokio::test]
async fn tokens_of_an_abandoned_stream_are_those_that_were_written() {
    let simulator = start().await;
    let text = request_text(
        "POST",
        "/v1/chat/completions",
        &[],
        &counted("m!chunks=20,tokens=200,hang=6").to_string(),
    );
    let mut stream = TcpStream::connect(simulator.addr())
        .await
        .expect("connects");
    stream.write_all(text.as_bytes()).await.expect("sends");
    let ledger = simulator.ledger();
    let entry = ledger
        .wait_for(|entry| entry.chunks_written == 6, SECOND)
        .await
        .expect("writes");
    drop(stream);
    assert_eq!((entry.completion_tokens, entry.usage_sent), (50, None));
    let entry = ledger
        .wait_for(|entry| entry.disconnected_at().is_some(), SECOND)
        .await;
    assert_eq!(entry.map(|entry| entry.completion_tokens), Some(50));
}

#[tokio::test]
async fn totals_stay_exact_when_old_entries_are_dropped() {
    let limits = Limits {
        entries: 3,
        body_bytes: 20,
        bodies_bytes: 50,
    };
    let options = Options {
        limits,
        ..Options::default()
    };
    let simulator = Simulator::start_with("127.0.0.1:0", options)
        .await
        .expect("starts");
    let (mut bytes, mut completion) = (0, 0);
    for number in 0..10 {
        let reply = chat(&simulator, &question(&format!("m{number}!tokens={number}"))).await;
        bytes += reply.body.len() as u64;
        completion += number;
    }
    chat(&simulator, &question("m!status=500")).await;
    let ledger = simulator.ledger();
    let totals = ledger.totals();
    assert_eq!(
        (totals.requests, totals.finished, totals.in_flight()),
        (11, 11, 0)
    );
    assert_eq!(totals.completion_tokens, completion);
    assert_eq!(totals.prompt_tokens, 70);
    assert!(totals.bytes_written > bytes);
    assert_eq!(totals.by_status, [(200, 10), (500, 1)].into());
    assert_eq!(totals.usage_sent, 10);
    let entries = ledger.entries();
    assert_eq!(
        entries.iter().map(|entry| entry.seq).collect::<Vec<_>>(),
        [9, 10, 11]
    );
    let lengths: Vec<_> = entries.iter().map(|entry| entry.body.len()).collect();
    assert_eq!(
        lengths,
        [0, 20, 20],
        "bodies are cut, and dropped when all are too many"
    );
    assert!(entries[0].body_bytes > 20);
    ledger.clear();
    assert_eq!((ledger.entries().len(), ledger.totals().requests), (0, 0));
    chat(&simulator, &question("m")).await;
    assert_eq!(ledger.last().map(|entry| entry.seq), Some(12));
}

#[tokio::test]
async fn waiting_ends_without_an_entry_when_nothing_comes() {
    let simulator = start().await;
    let none = simulator
        .ledger()
        .wait_for(|_| true, Duration::from_millis(10))
        .await;
    assert!(none.is_none());
}

#[tokio::test]
async fn queued_scripts_are_used_once_each_in_order_and_the_header_wins() {
    let simulator = start().await;
    let script = |text: &str| Script::parse(text).expect("parses");
    simulator.script("m", script("status=500"));
    assert!(simulator.script_once("m", script("status=429")));
    assert!(simulator.script_once("m", Script::default()));
    assert!(simulator.script_once("*", script("status=418")));
    let mut statuses = Vec::new();
    for model in ["m!status=404", "other", "m", "m", "m!status=404"] {
        statuses.push(chat(&simulator, &question(model)).await.status);
    }
    assert_eq!(statuses, [429, 418, 200, 500, 404]);
    let header = [("x-simulate", "status=403")];
    let reply = send(
        &simulator,
        "POST",
        "/v1/chat/completions",
        &header,
        &question("m"),
    )
    .await;
    assert_eq!(reply.status, 403);
    simulator.clear_scripts();
    assert_eq!(chat(&simulator, &question("m")).await.status, 200);
}

#[tokio::test]
async fn shutdown_ends_calls_in_flight_and_frees_the_address() {
    let simulator = start().await;
    let (addr, ledger) = (simulator.addr(), simulator.ledger());
    let mut stream = TcpStream::connect(addr).await.expect("connects");
    let text = request_text(
        "POST",
        "/v1/chat/completions",
        &[],
        &json!({"model": "m!hang"}).to_string(),
    );
    stream.write_all(text.as_bytes()).await.expect("sends");
    ledger
        .wait_for(|entry| entry.model == "m!hang", SECOND)
        .await
        .expect("arrives");
    simulator.shutdown().await;
    assert_eq!(ledger.totals().in_flight(), 0);
    assert!(matches!(stream.read(&mut [0; 1]).await, Ok(0) | Err(_)));
    assert!(TcpStream::connect(addr).await.is_err());
}
