//! What goes wrong, when a script says so.

use std::time::Duration;

use serde_json::{Value, json};
use simulator::End;

use crate::client::{Ended, chat, exchange, question, request_text, send, start, streamed};

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test]
async fn a_status_comes_with_openais_error_body() {
    let simulator = start().await;
    let reply = chat(&simulator, &question("m!status=429,retry-after=2")).await;
    assert_eq!(
        (reply.status, reply.header("retry-after")),
        (429, Some("2"))
    );
    assert_eq!(reply.json()["error"]["code"], "rate_limit_exceeded");
    let reply = chat(&simulator, &streamed("m!status=429")).await;
    assert_eq!((reply.status, reply.header("retry-after")), (429, None));
    assert_eq!(reply.header("content-type"), Some("application/json"));
    for status in [
        400_u16, 401, 402, 403, 404, 408, 413, 500, 502, 503, 504, 529,
    ] {
        let reply = chat(&simulator, &question(&format!("m!status={status}"))).await;
        assert_eq!(reply.status, status);
        assert!(reply.json()["error"]["type"].is_string());
    }
    let model =
        "m!status=503,code=slow_down,message=Too%20busy%2C%20sorry,header=x-a:1,header=x-b:2";
    let reply = chat(&simulator, &question(model)).await;
    assert_eq!(reply.json()["error"]["code"], "slow_down");
    assert_eq!(reply.json()["error"]["message"], "Too busy, sorry");
    assert_eq!(
        (reply.header("x-a"), reply.header("x-b")),
        (Some("1"), Some("2"))
    );
}

#[tokio::test]
async fn fields_and_roles_can_be_refused() {
    let simulator = start().await;
    let model = "m!refuse=max_tokens+role:developer";
    assert_eq!(chat(&simulator, &question(model)).await.status, 200);
    let mut limited = question(model);
    limited["max_tokens"] = json!(5);
    let mut developer = question(model);
    developer["messages"][0]["role"] = json!("developer");
    for body in [limited, developer] {
        let reply = chat(&simulator, &body).await;
        assert_eq!(reply.status, 400);
        assert_eq!(reply.json()["error"]["code"], "unsupported_parameter");
    }
}

#[tokio::test]
async fn a_200_can_carry_an_error() {
    let simulator = start().await;
    let whole = chat(&simulator, &question("m!error-200,message=No")).await;
    assert_eq!(
        (whole.status, whole.json()["error"]["message"].clone()),
        (200, json!("No"))
    );
    let stream = chat(&simulator, &streamed("m!error-200")).await;
    assert_eq!(stream.frames().len(), 1);
    assert!(stream.events()[0]["error"]["message"].is_string());
    let stream = chat(&simulator, &streamed("m!error-200=json")).await;
    assert_eq!(stream.header("content-type"), Some("application/json"));
    assert!(stream.json()["error"].is_object());
}

#[tokio::test]
async fn an_error_event_ends_the_stream_where_it_is_scripted() {
    let simulator = start().await;
    let reply = chat(
        &simulator,
        &streamed("m!error=2,text=Four%20times%20four,chunks=4"),
    )
    .await;
    let events = reply.events();
    assert_eq!(events.len(), 1 + 2 + 1, "role, two pieces, the error");
    assert!(events[3]["error"]["message"].is_string());
    assert!(!reply.text().contains("[DONE]"));
    let first = chat(&simulator, &streamed("m!error=0")).await;
    assert!(first.events()[0]["error"].is_object());
    let late = chat(&simulator, &streamed("m!error=9999")).await;
    assert!(
        late.events()
            .last()
            .is_some_and(|event| event["error"].is_object())
    );
}

#[tokio::test]
async fn json_can_be_broken_and_the_end_can_be_missing() {
    let simulator = start().await;
    let reply = chat(&simulator, &streamed("m!malformed")).await;
    let broken = reply
        .frames()
        .iter()
        .filter(|frame| *frame != "[DONE]" && serde_json::from_str::<Value>(frame).is_err())
        .count();
    assert_eq!(broken, 1);
    let whole = chat(&simulator, &question("m!malformed")).await;
    assert_eq!(whole.ended, Ended::Well);
    assert!(serde_json::from_slice::<Value>(&whole.body).is_err());
    let reply = chat(&simulator, &streamed("m!no-done")).await;
    assert_eq!(
        (reply.text().contains("[DONE]"), reply.finishes().len()),
        (false, 1)
    );
}

#[tokio::test]
async fn a_cut_is_clean_closed_or_reset_after_exactly_so_many_bytes() {
    let simulator = start().await;
    let full = chat(&simulator, &streamed("m!served-model=m")).await.body;
    let cases = [
        ("cut", Ended::Well, End::Finished),
        ("abort", Ended::Closed, End::Severed),
        ("reset", Ended::Reset, End::Severed),
    ];
    for (word, ended, end) in cases {
        for at in [0, 1, 400, 1234] {
            let reply = chat(
                &simulator,
                &streamed(&format!("m!served-model=m,{word}={at}")),
            )
            .await;
            assert_eq!((reply.status, reply.ended), (200, ended), "{word}={at}");
            assert_eq!(reply.body.len(), at, "{word}={at}");
            let entry = simulator
                .ledger()
                .wait_for(|e| e.end.is_some(), SECOND)
                .await;
            let entry = entry.expect("an entry");
            assert_eq!(
                (entry.bytes_written, entry.end),
                (at as u64, Some(end)),
                "{word}={at}"
            );
            // The id differs by its number only, which has the same length.
            assert_eq!(reply.body.get(..20), full.get(..20).filter(|_| at >= 20));
        }
    }
}

#[tokio::test]
async fn a_whole_answer_can_be_cut_as_well() {
    let simulator = start().await;
    let clean = chat(&simulator, &question("m!cut=30")).await;
    assert_eq!((clean.body.len(), clean.ended), (30, Ended::Well));
    let closed = chat(&simulator, &question("m!abort=30")).await;
    assert_eq!((closed.body.len(), closed.ended), (30, Ended::Closed));
    assert!(
        closed.header("content-length").is_some(),
        "the length promises more"
    );
    let reset = chat(&simulator, &question("m!reset=30")).await;
    assert_eq!((reset.body.len(), reset.ended), (30, Ended::Reset));
}

#[tokio::test]
async fn a_connection_can_end_without_any_answer() {
    let simulator = start().await;
    let closed = chat(&simulator, &question("m!abort")).await;
    assert_eq!((closed.status, closed.ended), (0, Ended::Closed));
    let reset = chat(&simulator, &question("m!reset,delay=20ms")).await;
    assert_eq!((reset.status, reset.ended), (0, Ended::Reset));
    let entry = simulator.ledger().last().expect("an entry");
    assert_eq!((entry.status, entry.end), (None, Some(End::Severed)));
}

#[tokio::test]
async fn silence_begins_where_it_is_scripted() {
    let simulator = start().await;
    let ask = async |model: &str, body: Value| {
        let text = request_text("POST", "/v1/chat/completions", &[], &body.to_string());
        let reply = exchange(simulator.addr(), &text, Duration::from_millis(150)).await;
        assert_eq!(reply.ended, Ended::Silent, "{model}");
        reply
    };
    assert_eq!(ask("hang", streamed("m!hang")).await.status, 0);
    let reply = ask("headers", streamed("m!hang=headers")).await;
    assert_eq!((reply.status, reply.body.len()), (200, 0));
    let reply = ask("headers, whole", question("m!hang=headers")).await;
    assert_eq!((reply.status, reply.body.len()), (200, 0));
    assert_eq!(ask("3", streamed("m!hang=3")).await.frames().len(), 3);
    let reply = ask("with comments", streamed("m!hang=1,comment=20ms")).await;
    assert!(reply.text().matches(": keep-alive").count() >= 2);
}

#[tokio::test]
async fn a_script_can_act_on_every_third_call_only() {
    let simulator = start().await;
    let mut statuses = Vec::new();
    for _ in 0..6 {
        statuses.push(
            chat(&simulator, &question("m!status=503,every=3"))
                .await
                .status,
        );
    }
    assert_eq!(statuses, [200, 200, 503, 200, 200, 503]);
}

#[tokio::test]
async fn a_script_that_cannot_be_read_is_refused_in_clear_words() {
    let simulator = start().await;
    let reply = chat(&simulator, &question("m!dealy=5ms")).await;
    assert_eq!(reply.status, 400);
    let message = reply.json()["error"]["message"]
        .as_str()
        .expect("text")
        .to_owned();
    assert!(
        message.contains("\"dealy=5ms\"") && message.contains("delay"),
        "{message}"
    );
    let header = [("x-simulate", "status=99")];
    let reply = send(
        &simulator,
        "POST",
        "/v1/chat/completions",
        &header,
        &question("m"),
    )
    .await;
    assert_eq!(reply.status, 400);
}
