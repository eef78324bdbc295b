//! `POST /chat/completions`: whole, streamed, fallback, cancellation.

use std::time::Duration;

use http::Method;
use serde_json::json;

use crate::stage::{Stage, hello};

#[tokio::test]
async fn a_whole_answer_carries_who_served_it_and_what_it_cost() {
    let stage = Stage::open().await;
    let seen = stage
        .chat(&hello("simulated/echo"), "text=Good%20day")
        .await;
    let json = seen.json();
    assert_eq!(seen.status, 200, "{json:#}");
    let id = json["id"].as_str().unwrap();
    assert!(id.starts_with("gen-"));
    assert_eq!(seen.header("x-generation-id"), id);
    assert_eq!(seen.header("x-waybill-provider"), "Simulated One");
    assert_eq!(json["model"], "simulated/echo");
    assert_eq!(json["provider"], "Simulated One");
    assert_eq!(json["choices"][0]["message"]["content"], "Good day");
    assert_eq!(json["choices"][0]["finish_reason"], "stop");
    assert_eq!(json["choices"][0]["native_finish_reason"], "stop");
    let usage = &json["usage"];
    let count = |name: &str| usage[name].as_u64().unwrap();
    // 1.00 and 2.00 USD per million tokens, in nano-USD.
    let nanos = count("prompt_tokens") * 1000 + count("completion_tokens") * 2000;
    let cost = ledger::Amount::from_usd(&usage["cost"].to_string()).unwrap();
    assert_eq!(cost.nanos(), i64::try_from(nanos).unwrap(), "{usage:#}");
}

#[tokio::test]
async fn a_stream_ends_with_usage_and_done() {
    let stage = Stage::open().await;
    let mut body = hello("simulated/echo");
    body["stream"] = json!(true);
    let seen = stage
        .chat(&body, "chunks=5,text=one%20two%20three%20four%20five")
        .await;
    assert_eq!(seen.status, 200);
    assert_eq!(seen.header("content-type"), "text/event-stream");
    assert_eq!(seen.header("cache-control"), "no-cache");
    let (frames, is_done) = seen.frames();
    assert!(is_done);
    let text: String = frames
        .iter()
        .filter_map(|frame| frame["choices"][0]["delta"]["content"].as_str())
        .collect();
    assert_eq!(text, "one two three four five");
    let last = frames.last().unwrap();
    assert_eq!(last["choices"], json!([]));
    assert!(last["usage"]["cost"].is_number(), "{last:#}");
    assert!(
        frames
            .iter()
            .all(|frame| frame["id"] == seen.header("x-generation-id"))
    );
}

#[tokio::test]
async fn the_same_door_stands_at_both_prefixes() {
    let stage = Stage::open().await;
    for path in ["/api/v1/chat/completions", "/v1/chat/completions"] {
        let seen = stage.post(path, &stage.key, &hello("simulated/echo")).await;
        assert_eq!(seen.status, 200, "{path}: {}", seen.text());
    }
    let body = hello("simulated/echo").to_string();
    let headers = [("x-api-key", stage.key.as_str())];
    let seen = stage
        .send(
            (Method::POST, "/v1/chat/completions"),
            "",
            body.into(),
            &headers,
        )
        .await;
    assert_eq!(seen.status, 200, "{}", seen.text());
}

#[tokio::test]
async fn the_next_endpoint_answers_when_the_first_fails() {
    let stage = Stage::open().await;
    stage
        .simulator
        .script_once("echo", simulator::Script::parse("status=503").unwrap());
    let seen = stage.chat(&hello("simulated/echo"), "").await;
    assert_eq!(seen.status, 200, "{}", seen.text());
    assert_eq!(seen.json()["provider"], "Simulated Two");
    let record = stage.record(&seen).await;
    let attempts = record["provider_responses"].as_array().unwrap();
    let statuses: Vec<_> = attempts.iter().map(|attempt| &attempt["status"]).collect();
    assert_eq!(statuses, [503, 200]);
    assert_eq!(attempts[0]["error_type"], "provider_overloaded");
}

#[tokio::test]
async fn what_could_not_be_passed_on_is_named() {
    let stage = Stage::open().await;
    let mut body = hello("simulated/echo");
    body["top_a"] = json!(0.5);
    let seen = stage.chat(&body, "").await;
    let went_up = stage
        .simulator
        .ledger()
        .last()
        .unwrap()
        .json()
        .get("top_a")
        .is_some();
    let is_named = seen.header("x-waybill-dropped").contains("top_a");
    assert!(went_up != is_named, "sent on or named, never neither");
}

#[tokio::test]
async fn a_caller_that_leaves_cancels_the_provider() {
    let stage = Stage::open().await;
    let mut body = hello("simulated/echo");
    body["stream"] = json!(true);
    let call = stage.chat(&body, "chunks=1000,gap=20ms");
    let left = tokio::time::timeout(Duration::from_millis(300), call).await;
    assert!(left.is_err(), "it should still have been streaming");
    let gone = |entry: &simulator::Entry| entry.disconnected_at().is_some();
    let entry = stage
        .simulator
        .ledger()
        .wait_for(gone, Duration::from_secs(2))
        .await;
    assert!(
        entry.is_some(),
        "the provider did not see that the caller had left"
    );
}
