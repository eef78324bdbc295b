//! Calls without a script: whole, streamed, listed, refused.

use serde_json::{Value, json};
use simulator::{Simulator, count_tokens};

use crate::client::{Ended, chat, counted, question, send, start, streamed};

#[tokio::test]
async fn a_whole_answer_has_openais_shape_and_says_that_it_is_simulated() {
    let simulator = start().await;
    let reply = chat(&simulator, &question("sim/plain")).await;
    assert_eq!((reply.status, reply.ended), (200, Ended::Well));
    assert_eq!(reply.header("content-type"), Some("application/json"));
    assert_eq!(reply.header("x-simulated"), Some("true"));
    let body = reply.json();
    assert_eq!(body["object"], "chat.completion");
    assert_eq!(body["id"], "chatcmpl-sim-00000001");
    assert_eq!(body["model"], "sim/plain");
    let choice = &body["choices"][0];
    assert_eq!(choice["finish_reason"], "stop");
    assert_eq!(choice["message"]["role"], "assistant");
    let text = choice["message"]["content"].as_str().expect("text");
    assert!(
        text.starts_with("This is a simulated answer from the Waybill simulator."),
        "{text}"
    );
    assert!(
        text.contains("1 message(s)") && text.contains("11 bytes"),
        "{text}"
    );
    // "Hello there" is 11 bytes: 3 tokens, and 4 for the message.
    assert_eq!(body["usage"]["prompt_tokens"], 7);
    assert_eq!(body["usage"]["completion_tokens"], count_tokens(text));
    assert_eq!(body["usage"]["total_tokens"], 7 + count_tokens(text));
}

#[tokio::test]
async fn a_stream_says_the_same_as_the_whole_answer() {
    let simulator = start().await;
    let whole = chat(&simulator, &question("m")).await.json();
    let reply = chat(&simulator, &streamed("m")).await;
    assert_eq!(
        reply.header("content-type"),
        Some("text/event-stream; charset=utf-8")
    );
    assert_eq!(reply.ended, Ended::Well);
    assert_eq!(
        json!(reply.joined("content")),
        whole["choices"][0]["message"]["content"]
    );
    assert_eq!(reply.finishes(), ["stop"]);
    assert_eq!(reply.frames().last().map(String::as_str), Some("[DONE]"));
    let first = &reply.events()[0];
    assert_eq!(first["object"], "chat.completion.chunk");
    assert_eq!(first["choices"][0]["delta"]["role"], "assistant");
    assert!(
        reply
            .events()
            .iter()
            .all(|event| event["id"] == first["id"])
    );
}

#[tokio::test]
async fn a_stream_reports_usage_only_when_it_is_asked_to() {
    let simulator = start().await;
    let silent = chat(&simulator, &streamed("m")).await;
    assert!(
        silent
            .events()
            .iter()
            .all(|event| event.get("usage").is_none())
    );
    let counting = chat(&simulator, &counted("m")).await;
    let events = counting.events();
    let (last, others) = events.split_last().expect("events");
    assert_eq!(last["choices"], json!([]));
    assert_eq!(last["usage"]["prompt_tokens"], 7);
    assert!(
        others
            .iter()
            .all(|event| event.get("usage") == Some(&Value::Null))
    );
}

#[tokio::test]
async fn each_chunk_is_a_write_of_its_own() {
    let simulator = start().await;
    let reply = chat(&simulator, &streamed("m")).await;
    assert_eq!(reply.chunks.len(), reply.frames().len());
    for (_, chunk) in &reply.chunks {
        assert!(chunk.starts_with(b"data: ") && chunk.ends_with(b"\n\n"));
    }
}

#[tokio::test]
async fn models_are_listed_and_any_model_is_known() {
    let simulator = start().await;
    let list = send(&simulator, "GET", "/v1/models", &[], &Value::Null)
        .await
        .json();
    assert_eq!(list["object"], "list");
    assert!(
        list["data"]
            .as_array()
            .is_some_and(|models| !models.is_empty())
    );
    let one = send(&simulator, "GET", "/v1/models/anything", &[], &Value::Null)
        .await
        .json();
    assert_eq!(one["id"], "anything");
}

#[tokio::test]
async fn bad_requests_get_openais_error_shape() {
    let simulator = start().await;
    let user = json!([{"role": "user", "content": "x"}]);
    let tools = json!([{"type": "function", "function": {"name": "a"}}]);
    let cases = [
        (json!({"model": "m"}), "messages"),
        (json!({"model": "m", "messages": []}), "messages"),
        (
            json!({"model": "m", "messages": [{"content": "x"}]}),
            "messages[0].role",
        ),
        (json!({"messages": user}), "model"),
        (
            json!({"model": "m", "messages": [{"role": "robot", "content": "x"}]}),
            "messages[0].role",
        ),
        (
            json!({"model": "m", "messages": [{"role": "user", "content": [{"type": "input_text"}]}]}),
            "messages[0].content[0]",
        ),
        (
            json!({"model": "m", "messages": [{"role": "tool", "tool_call_id": "c", "content": "x"}]}),
            "messages[0].role",
        ),
        (
            json!({"model": "m", "messages": [{"role": "assistant", "content": null, "tool_calls":
                [{"id": "c", "type": "function", "function": {"name": "a", "arguments": "{}"}}]}]}),
            "messages",
        ),
        (
            json!({"model": "m", "messages": user, "tools": [{"type": "function", "function":
                {"name": "a", "strict": true, "parameters": {"type": "object", "properties": {}}}}]}),
            "tools[0].function.parameters",
        ),
        (
            json!({"model": "m", "messages": user, "stream": "yes"}),
            "stream",
        ),
        (
            json!({"model": "m", "messages": user, "stream_options": {}}),
            "stream_options",
        ),
        (
            json!({"model": "m", "messages": user, "max_tokens": 0}),
            "max_tokens",
        ),
        (json!({"model": "m", "messages": user, "n": 129}), "n"),
        (
            json!({"model": "m", "messages": user, "tool_choice": "auto"}),
            "tool_choice",
        ),
        (
            json!({"model": "m", "messages": user, "tools": tools,
                "tool_choice": {"type": "function", "function": {"name": "b"}}}),
            "tool_choice",
        ),
        (
            json!({"model": "m", "messages": user, "response_format": {"type": "x"}}),
            "response_format",
        ),
    ];
    for (body, param) in cases {
        let reply = chat(&simulator, &body).await;
        assert_eq!(reply.status, 400, "{body}");
        let error = &reply.json()["error"];
        assert_eq!(error["param"], param, "{body}");
        assert_eq!(error["type"], "invalid_request_error");
        assert!(error["message"].is_string() && error.get("code").is_some());
    }
}

#[tokio::test]
async fn a_body_that_is_not_json_and_an_unknown_path_are_refused() {
    let simulator = start().await;
    let reply = send(
        &simulator,
        "POST",
        "/v1/chat/completions",
        &[],
        &Value::Null,
    )
    .await;
    assert_eq!(reply.status, 400);
    let reply = send(&simulator, "POST", "/chat/completions", &[], &question("m")).await;
    assert_eq!(
        (reply.status, reply.json()["error"]["code"].clone()),
        (404, json!("unknown_url"))
    );
    let reply = send(&simulator, "GET", "/v1/chat/completions", &[], &Value::Null).await;
    assert_eq!(reply.status, 405);
    assert_eq!(
        simulator.ledger().totals().by_status.values().sum::<u64>(),
        3
    );
}

#[tokio::test]
async fn a_configured_key_is_required_in_any_of_its_forms() {
    let simulator: Simulator = start().await.with_key("sk-sim-0123456789");
    let path = "/v1/chat/completions";
    for (name, value, status) in [
        ("authorization", "Bearer sk-sim-0123456789", 200),
        ("x-api-key", "sk-sim-0123456789", 200),
        ("api-key", "sk-sim-0123456789", 200),
        ("authorization", "Bearer sk-sim-other", 401),
        ("x-nothing", "", 401),
    ] {
        let reply = send(&simulator, "POST", path, &[(name, value)], &question("m")).await;
        assert_eq!(reply.status, status, "{name}: {value}");
        if status == 401 {
            assert_eq!(reply.json()["error"]["code"], "invalid_api_key");
        }
    }
}
