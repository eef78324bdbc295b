//! `POST /responses`: whole, streamed, silent, refused.

use serde_json::{Value, json};
use server::api::openapi::document;

use crate::schema::assert_fits;
use crate::stage::Stage;

const PATH: &str = "/api/v1/responses";

fn hello() -> Value {
    json!({"model": "simulated/echo", "input": "Hello"})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_whole_answer_is_a_response_object_with_its_cost() {
    let stage = Stage::open().await;
    let document = document().unwrap();
    assert_fits(&document, "ResponsesRequest", &hello());
    for path in [PATH, "/v1/responses"] {
        let seen = stage.post(path, &stage.key, &hello()).await;
        let json = seen.json();
        assert_eq!(seen.status, 200, "{json:#}");
        assert_fits(&document, "ResponsesResult", &json);
        assert_eq!(json["id"], seen.header("x-generation-id"));
        assert_eq!(json["model"], "simulated/echo");
        assert_eq!(json["status"], "completed");
        let part = &json["output"][0]["content"][0];
        assert_eq!(part["type"], "output_text", "{json:#}");
        assert!(json["usage"]["cost"].is_number(), "{json:#}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_is_numbered_and_ends_with_its_usage() {
    let stage = Stage::open().await;
    let document = document().unwrap();
    let mut body = hello();
    body["stream"] = json!(true);
    let seen = stage.post(PATH, &stage.key, &body).await;
    assert_eq!(seen.header("content-type"), "text/event-stream");
    let (events, is_done) = seen.frames();
    assert!(is_done, "{}", seen.text());
    for (number, event) in events.iter().enumerate() {
        assert_fits(&document, "ResponsesEvent", event);
        assert_eq!(event["sequence_number"], number);
    }
    assert_eq!(events[0]["type"], "response.created");
    let last = events.last().unwrap();
    assert_eq!(last["type"], "response.completed");
    assert!(last["response"]["usage"]["cost"].is_number(), "{last:#}");
    assert_eq!(last["response"]["id"], seen.header("x-generation-id"));
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_are_told_in_this_dialect() {
    let stage = Stage::open().await;
    let document = document().unwrap();
    let with = |name: &str, value: Value| {
        let mut body = hello();
        body[name] = value;
        body
    };
    for (key, body, status, code) in [
        ("sk-wb-v1-unknown", hello(), 401, "server_error"),
        (
            &*stage.key,
            with("store", json!(true)),
            400,
            "invalid_prompt",
        ),
        (
            &*stage.key,
            with("previous_response_id", json!("resp_1")),
            400,
            "invalid_prompt",
        ),
        (
            &*stage.key,
            with("model", json!("simulated/ech")),
            400,
            "invalid_prompt",
        ),
        (
            &*stage.key,
            with("model", json!("simulated/locked")),
            404,
            "server_error",
        ),
        (
            &*stage.key,
            with("tools", json!([{"type": "web_search"}])),
            404,
            "server_error",
        ),
    ] {
        let seen = stage.post(PATH, key, &body).await;
        assert_eq!(seen.status, status, "{}", seen.text());
        let json = seen.json();
        assert_fits(&document, "ResponsesError", &json);
        assert_eq!(json["error"]["code"], code, "{json:#}");
    }
}
