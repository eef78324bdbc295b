//! The simulated prompt cache, in each dialect's own words.

use serde_json::{Value, json};

use crate::client::{send, start};
use crate::signing::signed;

const VERSION: [(&str, &str); 2] = [
    ("anthropic-version", "2023-06-01"),
    ("x-simulate", "cache-min=8"),
];

#[tokio::test]
async fn marked_beginnings_are_written_once_and_read_again() {
    let simulator = start().await;
    let system = json!([{"type": "text", "text": "x".repeat(400),
        "cache_control": {"type": "ephemeral"}}]);
    let call = async |question: &str, mark: Option<&str>| -> Value {
        let mut content = json!({"type": "text", "text": question});
        if let Some(ttl) = mark {
            content["cache_control"] = json!({"type": "ephemeral", "ttl": ttl});
        }
        let body = json!({"model": "m", "max_tokens": 100, "system": system,
            "messages": [{"role": "user", "content": [content]}]});
        let reply = send(&simulator, "POST", "/v1/messages", &VERSION, &body).await;
        reply.json()["usage"].clone()
    };
    let counts = |usage: &Value| {
        [
            "input_tokens",
            "cache_creation_input_tokens",
            "cache_read_input_tokens",
        ]
        .map(|name| usage[name].as_u64().expect("a count"))
    };
    // 104 tokens of system, of which 4 are not its text; 4 + 2 of the question.
    assert_eq!(counts(&call("12345678", None).await), [10, 100, 0]);
    assert_eq!(counts(&call("87654321", None).await), [10, 0, 100]);
    let usage = call("87654321", Some("5m")).await;
    assert_eq!(counts(&usage), [4, 6, 100]);
    assert_eq!(usage["cache_creation"]["ephemeral_5m_input_tokens"], 6);
    assert_eq!(counts(&call("87654321", Some("5m")).await), [4, 0, 106]);
    let entry = simulator.ledger().last().expect("an entry");
    assert_eq!(entry.usage_sent.expect("usage").cached, 106);
}

#[tokio::test]
async fn an_hours_life_is_counted_apart() {
    let simulator = start().await;
    let body = json!({"model": "m", "max_tokens": 100, "messages": [{"role": "user", "content":
        [{"type": "text", "text": "x".repeat(80),
            "cache_control": {"type": "ephemeral", "ttl": "1h"}}]}]});
    let reply = send(&simulator, "POST", "/v1/messages", &VERSION, &body)
        .await
        .json();
    let created = &reply["usage"]["cache_creation"];
    assert_eq!(created["ephemeral_1h_input_tokens"], 24);
    assert_eq!(created["ephemeral_5m_input_tokens"], 0);
}

#[tokio::test]
async fn long_beginnings_are_cached_by_themselves_where_the_provider_does() {
    let simulator = start().await;
    let system = "y".repeat(8000);
    let chat = json!({"model": "m", "messages": [{"role": "system", "content": system},
        {"role": "user", "content": "Hello"}]});
    let responses = json!({"model": "m", "instructions": system, "input": "Hello"});
    let gemini = json!({"systemInstruction": {"parts": [{"text": system}]},
        "contents": [{"parts": [{"text": "Hello"}]}]});
    let cases = [
        (
            "/v1/chat/completions",
            chat,
            "/usage/prompt_tokens_details/cached_tokens",
        ),
        (
            "/v1/responses",
            responses,
            "/usage/input_tokens_details/cached_tokens",
        ),
        (
            "/v1beta/models/m:generateContent",
            gemini,
            "/usageMetadata/cachedContentTokenCount",
        ),
    ];
    for (path, body, pointer) in cases {
        let mut seen = Vec::new();
        for _ in 0..2 {
            let reply = send(&simulator, "POST", path, &[], &body).await.json();
            seen.push(reply.pointer(pointer).and_then(Value::as_u64).unwrap_or(0));
        }
        assert_eq!(seen, [0, 1920], "{path}"); // 2010 tokens and some, in steps of 128.
    }
}

#[tokio::test]
async fn cache_points_work_like_markers() {
    let simulator = start().await;
    let body = json!({"system": [{"text": "z".repeat(400)}, {"cachePoint": {"type": "default"}}],
        "messages": [{"role": "user", "content": [{"text": "Hello"}]}]});
    let path = "/model/m!cache-min=8/converse";
    let first = signed(&simulator, path, &body).await.json()["usage"].clone();
    let again = signed(&simulator, path, &body).await.json()["usage"].clone();
    assert_eq!(first["cacheWriteInputTokens"], 100);
    assert_eq!(again["cacheReadInputTokens"], 100);
    assert_eq!(first["totalTokens"], again["totalTokens"]);
}

#[tokio::test]
async fn a_script_may_say_what_the_cache_does() {
    let simulator = start().await;
    let body = json!({"model": "m!cached=3,cache-written=2", "max_tokens": 9,
        "messages": [{"role": "user", "content": "Hello there"}]});
    let headers = [("anthropic-version", "2023-06-01")];
    let reply = send(&simulator, "POST", "/v1/messages", &headers, &body)
        .await
        .json();
    let usage = &reply["usage"];
    assert_eq!(
        [
            &usage["input_tokens"],
            &usage["cache_read_input_tokens"],
            &usage["cache_creation_input_tokens"]
        ],
        [&json!(2), &json!(3), &json!(2)]
    );
}
