//! The second dialect: Anthropic's messages.

use serde_json::{Value, json};
use simulator::Simulator;

use crate::client::{Reply, send, start};

async fn messages(simulator: &Simulator, model: &str, change: impl Fn(&mut Value)) -> Reply {
    let mut body = json!({"model": model, "max_tokens": 1000, "system": "12345678",
        "messages": [{"role": "user", "content": "Hello there"}]});
    change(&mut body);
    send(simulator, "POST", "/v1/messages", &[], &body).await
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
