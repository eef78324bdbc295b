//! Exact answers: recorded traffic, byte for byte, at any split.

use simulator::{Raw, Script};

use crate::client::{Ended, chat, question, send, start, streamed};

const RECORDED: &str = "data: {\"id\":1.50,\"x\":\"Grüße 🧾\"}\r\n\r\n: odd\n\ndata:[DONE]\n\n";

#[tokio::test]
async fn a_recorded_stream_is_replayed_at_every_split() {
    let simulator = start().await;
    for split in 1..RECORDED.len() {
        let raw = Raw::new("text/event-stream", RECORDED).in_writes([split]);
        assert!(simulator.script_once("m", Script::raw(raw)));
        let reply = chat(&simulator, &streamed("m")).await;
        assert_eq!(reply.body, RECORDED.as_bytes());
        assert_eq!(reply.chunks[0].1.len(), split);
        assert_eq!(reply.chunks.len(), 2);
    }
}

#[tokio::test]
async fn status_headers_and_body_are_as_given_on_any_path() {
    let simulator = start().await;
    let mut raw = Raw::new("application/problem+json", "{\"a\" : 1.0}");
    raw.status = 451;
    raw.headers
        .push(("x-request-id".to_owned(), "r1".to_owned()));
    raw.headers
        .push(("Content-Length".to_owned(), "999".to_owned()));
    simulator.script("gemini-x", Script::raw(raw));
    let path = "/v1beta/models/gemini-x:generateContent";
    let reply = send(
        &simulator,
        "POST",
        path,
        &[],
        &serde_json::json!({"contents": []}),
    )
    .await;
    assert_eq!((reply.status, reply.ended), (451, Ended::Well));
    assert_eq!(reply.text(), "{\"a\" : 1.0}");
    assert_eq!(
        reply.header("content-type"),
        Some("application/problem+json")
    );
    assert_eq!(reply.header("x-request-id"), Some("r1"));
    assert_eq!(reply.header("content-length"), Some("11"));
}

#[tokio::test]
async fn an_empty_recorded_body_counts_as_finished() {
    let simulator = start().await;
    simulator.script("m", Script::raw(Raw::new("text/plain", "")));
    let reply = chat(&simulator, &question("m")).await;
    assert_eq!((reply.status, reply.body.len()), (200, 0));
    assert!(
        simulator
            .ledger()
            .last()
            .is_some_and(|entry| entry.is_finished())
    );
}

#[tokio::test]
async fn a_recorded_stream_can_be_cut_at_every_byte() {
    let simulator = start().await;
    for at in 0..RECORDED.len() {
        let mut script = Script::raw(Raw::new("text/event-stream", RECORDED));
        script.trouble.cut = Script::parse(&format!("cut={at}"))
            .expect("parses")
            .trouble
            .cut;
        simulator.script("m", script);
        let reply = chat(&simulator, &streamed("m")).await;
        assert_eq!(
            (reply.ended, &*reply.body),
            (Ended::Well, &RECORDED.as_bytes()[..at])
        );
    }
}
