//! Tools that are called with free text in Chat Completions: known to GPT-5, refused by all before it.

use serde_json::{Value, json};

use crate::client::{chat, question, start};

/// A question with such a tool, which may have a grammar, and a function.
fn asked(model: &str) -> Value {
    let grammar = json!({"syntax": "lark", "definition": "start: /.+/"});
    let mut body = question(model);
    body["tools"] = json!([
        {"type": "custom", "custom": {"name": "patch", "format": {"type": "grammar", "grammar": grammar}}},
        {"type": "function", "function": {"name": "look"}},
    ]);
    body["tool_choice"] = json!({"type": "custom", "custom": {"name": "patch"}});
    body
}

const MODEL: &str = "gpt-5!tools=1,arguments=%7B%22input%22:%22a%20b%20c%22%7D";

#[tokio::test]
async fn a_tool_is_called_with_text_whole_and_streamed() {
    let simulator = start().await;
    let whole = chat(&simulator, &asked(MODEL)).await.json();
    let call = whole["choices"][0]["message"]["tool_calls"][0].clone();
    assert_eq!(call["type"], "custom", "{whole}");
    assert_eq!(call["custom"], json!({"name": "patch", "input": "a b c"}));
    let mut body = asked(MODEL);
    body["stream"] = json!(true);
    let events = chat(&simulator, &body).await.events();
    let calls: Vec<_> = events
        .iter()
        .filter_map(|event| event["choices"][0]["delta"]["tool_calls"].get(0))
        .collect();
    assert_eq!(calls[0]["type"], "custom");
    let said: String = calls
        .iter()
        .filter_map(|call| call["custom"]["input"].as_str())
        .collect();
    assert_eq!((calls.len() > 2, said.as_str()), (true, "a b c"));
    // The call goes back with its result.
    let mut body = asked("gpt-5!text=Done.");
    body["tool_choice"] = json!({"type": "allowed_tools", "allowed_tools":
        {"mode": "auto", "tools": [{"type": "custom", "custom": {"name": "patch"}}]}});
    body["messages"] = json!([
        {"role": "user", "content": "Patch it."},
        {"role": "assistant", "content": null, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": call["id"], "content": "patched"},
    ]);
    let reply = chat(&simulator, &body).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
}

#[tokio::test]
async fn what_openai_refuses_is_refused() {
    let simulator = start().await;
    let with = |path: &str, value: Value| {
        let mut body = asked("gpt-5");
        *body.pointer_mut(path).expect("a field") = value;
        body
    };
    let mut before = asked("gpt-5");
    before["messages"] = json!([
        {"role": "user", "content": "Patch it."},
        {"role": "assistant", "tool_calls": [{"id": "c", "type": "custom", "custom": {"name": "patch"}}]},
        {"role": "tool", "tool_call_id": "c", "content": "patched"},
    ]);
    for (body, param) in [
        (asked("gpt-4o"), "tools[0].type"),
        (with("/tools/0/custom", json!({})), "tools[0].custom.name"),
        (
            with("/tools/0/custom/format/grammar/syntax", json!("ebnf")),
            "tools[0].custom.format.grammar.syntax",
        ),
        (
            with(
                "/tools/0/custom/format",
                json!({"type": "grammar", "syntax": "lark"}),
            ),
            "tools[0].custom.format.grammar.syntax",
        ),
        (
            with(
                "/tool_choice",
                json!({"type": "function", "function": {"name": "patch"}}),
            ),
            "tool_choice",
        ),
        (before, "messages[1].tool_calls[0].custom.input"),
    ] {
        let reply = chat(&simulator, &body).await;
        let error = &reply.json()["error"];
        assert_eq!(
            (reply.status, &error["param"]),
            (400, &json!(param)),
            "{error}"
        );
    }
}
