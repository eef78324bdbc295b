//! The second dialect: Anthropic's messages.

use serde_json::{Value, json};
use simulator::Simulator;

use crate::client::{Reply, send, start};

/// The header that every call needs.
const VERSION: [(&str, &str); 1] = [("anthropic-version", "2023-06-01")];

async fn messages(simulator: &Simulator, model: &str, change: impl Fn(&mut Value)) -> Reply {
    let mut body = json!({"model": model, "max_tokens": 1000, "system": "12345678",
        "messages": [{"role": "user", "content": "Hello there"}]});
    change(&mut body);
    send(simulator, "POST", "/v1/messages", &VERSION, &body).await
}

#[tokio::test]
async fn whole_and_streamed_messages_agree() {
    let simulator = start().await;
    let whole = messages(&simulator, "m!reasoning=3,cached=5", |_| {})
        .await
        .json();
    assert_eq!(
        (&whole["type"], &whole["stop_reason"]),
        (&json!("message"), &json!("end_turn"))
    );
    assert_eq!(whole["content"][0]["type"], "thinking");
    // 7 for the message, 6 for the system text; 5 of the 13 are cached and counted apart.
    assert_eq!(whole["usage"]["input_tokens"], 8);
    assert_eq!(whole["usage"]["cache_read_input_tokens"], 5);
    let reply = messages(&simulator, "m!reasoning=3,cached=5", |b| {
        b["stream"] = json!(true)
    })
    .await;
    let events = reply.events();
    let kinds: Vec<_> = events
        .iter()
        .filter_map(|event| event["type"].as_str())
        .collect();
    assert_eq!(kinds[..3], ["message_start", "ping", "content_block_start"]);
    assert_eq!(kinds[kinds.len() - 2..], ["message_delta", "message_stop"]);
    let text: String = events
        .iter()
        .filter_map(|e| e["delta"]["text"].as_str())
        .collect();
    assert_eq!(json!(text), whole["content"][1]["text"]);
    let last = &events[events.len() - 2];
    assert_eq!(
        last["usage"]["output_tokens"],
        whole["usage"]["output_tokens"]
    );
    assert_eq!(last["delta"]["stop_reason"], "end_turn");
    for line in reply.text().split("\n\n").filter(|frame| !frame.is_empty()) {
        assert!(line.starts_with("event: "), "{line}");
    }
}

#[tokio::test]
async fn tools_are_called_in_anthropics_way() {
    let simulator = start().await;
    let with_tools = |body: &mut Value| {
        body["tools"] = json!([{"name": "f", "input_schema":
            {"type": "object", "properties": {"n": {"type": "integer"}}}}]);
        body["tool_choice"] = json!({"type": "any"});
    };
    let whole = messages(&simulator, "m", with_tools).await.json();
    assert_eq!(whole["stop_reason"], "tool_use");
    assert_eq!(whole["content"][0]["input"], json!({"n": 1}));
    let reply = messages(&simulator, "m", |body| {
        with_tools(body);
        body["stream"] = json!(true);
    })
    .await;
    let events = reply.events();
    let input: String = events
        .iter()
        .filter_map(|e| e["delta"]["partial_json"].as_str())
        .collect();
    assert_eq!(input, "{\"n\":1}");
}

#[tokio::test]
async fn errors_have_anthropics_shape() {
    let simulator = start().await;
    let reply = messages(&simulator, "m!status=529", |_| {}).await;
    assert_eq!(reply.json()["error"]["type"], "overloaded_error");
    let reply = messages(&simulator, "m", |body| body["max_tokens"] = Value::Null).await;
    assert_eq!(
        (reply.status, reply.json()["type"].clone()),
        (400, json!("error"))
    );
    let reply = messages(&simulator, "m!error=1", |body| body["stream"] = json!(true)).await;
    assert!(reply.text().contains("event: error\n"));
    assert!(!reply.text().contains("message_stop"));
}

fn change(body: &mut Value, fields: &Value) {
    for (name, value) in fields.as_object().expect("fields") {
        body[name] = value.clone();
    }
}

/// Changes to a good request, and what is said about each.
fn mistakes() -> Vec<(Value, &'static str)> {
    let user = |content: Value| json!({"messages": [{"role": "user", "content": content}]});
    let marked = json!({"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}});
    let result = json!([{"type": "tool_result", "tool_use_id": "t", "content": "x"}]);
    let call = json!({"role": "assistant", "content":
        [{"type": "tool_use", "id": "t", "name": "f", "input": {}}]});
    let forged = json!({"role": "assistant", "content":
        [{"type": "thinking", "thinking": "x", "signature": "Zm9yZ2Vk"}, {"type": "text", "text": "y"}]});
    let hi = json!({"role": "user", "content": "hi"});
    let thinking = json!({"type": "enabled", "budget_tokens": 2000});
    vec![
        (json!({"max_tokens": null}), "max_tokens: Field required"),
        (
            json!({"response_format": {}}),
            "response_format: Extra inputs",
        ),
        (
            json!({"messages": [{"role": "system", "content": "x"}]}),
            "Unexpected role \"system\"",
        ),
        (
            json!({"messages": [{"role": "assistant", "content": "x"}]}),
            "first message",
        ),
        (user(json!("")), "non-empty content"),
        (
            user(json!([{"type": "text", "text": ""}])),
            "must be non-empty",
        ),
        (
            user(json!([{"type": "image_url", "image_url": {}}])),
            "Input tag 'image_url'",
        ),
        (
            user(json!([marked, marked, marked, marked, marked])),
            "A maximum of 4 blocks",
        ),
        (user(result), "unexpected `tool_use_id`"),
        (
            json!({"messages": [hi, call, hi]}),
            "without `tool_result` blocks",
        ),
        (
            json!({"messages": [hi, forged, hi]}),
            "Invalid `signature` in `thinking` block",
        ),
        (
            json!({"tools": [{"name": "f"}]}),
            "tools.0.custom.input_schema: Field required",
        ),
        (
            json!({"tool_choice": {"type": "auto"}}),
            "tool_choice may only",
        ),
        (
            json!({"thinking": thinking}),
            "must be greater than `thinking.budget_tokens`",
        ),
        (
            json!({"thinking": thinking, "max_tokens": 9000, "temperature": 0.5}),
            "`temperature`",
        ),
        (
            json!({"messages": [hi, {"role": "assistant", "content": "x "}]}),
            "trailing whitespace",
        ),
    ]
}

#[tokio::test]
async fn bad_requests_are_told_in_anthropics_words() {
    let simulator = start().await;
    for (fields, expected) in mistakes() {
        let reply = messages(&simulator, "m", |body| change(body, &fields)).await;
        let error = reply.json()["error"].clone();
        assert_eq!(reply.status, 400, "{fields}");
        assert_eq!(error["type"], "invalid_request_error");
        let message = error["message"].as_str().expect("a message");
        assert!(message.contains(expected), "{fields}: {message}");
    }
    let body =
        json!({"model": "m", "max_tokens": 5, "messages": [{"role": "user", "content": "hi"}]});
    let reply = send(&simulator, "POST", "/v1/messages", &[], &body).await;
    assert!(
        reply
            .text()
            .contains("anthropic-version: header is required")
    );
}

#[tokio::test]
async fn a_tool_loop_must_bring_its_thinking_back() {
    let simulator = start().await;
    let tools = json!([{"name": "f", "input_schema": {"type": "object"}}]);
    let thinking = json!({"type": "enabled", "budget_tokens": 1024});
    let fields = json!({"tools": tools, "thinking": thinking, "max_tokens": 4000});
    for model in ["m!tools=1", "m!tools=1,redacted"] {
        let first = messages(&simulator, model, |body| change(body, &fields))
            .await
            .json();
        let content = first["content"].as_array().expect("blocks").clone();
        assert_eq!(content.len(), 2, "{first}");
        let again = async |content: &[Value]| {
            let reply = messages(&simulator, "m", |body| {
                change(body, &fields);
                body["messages"] = json!([body["messages"][0],
                    {"role": "assistant", "content": content},
                    {"role": "user", "content": [{"type": "tool_result", "content": "7",
                        "tool_use_id": content.last().expect("a call")["id"]}]}]);
            });
            reply.await
        };
        let reply = again(&content).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        let reply = again(&content[1..]).await;
        assert!(
            reply
                .text()
                .contains("Expected `thinking` or `redacted_thinking`")
        );
    }
}

#[tokio::test]
async fn tokens_are_counted_without_an_answer() {
    let simulator = start().await;
    let body = json!({"model": "m", "system": "12345678",
        "messages": [{"role": "user", "content": "Hello there"}]});
    let path = "/v1/messages/count_tokens";
    let reply = send(&simulator, "POST", path, &VERSION, &body).await;
    assert_eq!(reply.json(), json!({"input_tokens": 13}));
    let entry = simulator.ledger().last().expect("an entry");
    assert_eq!((entry.prompt_tokens, entry.completion_tokens), (13, 0));
    let refused = messages(&simulator, "m!refusal", |_| {}).await.json();
    assert_eq!(refused["stop_reason"], "refusal");
}
