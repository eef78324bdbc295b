//! `POST /plan`: bodies of every path are recognised, and Google's have a place for their model.

use serde_json::{Value, json};

use crate::stage::Stage;

async fn planned(stage: &Stage, query: &str, body: &Value) -> Value {
    let path = format!("/api/v1/plan{query}");
    let seen = stage.post(&path, &stage.key, body).await;
    assert_eq!(seen.status, 200, "{path}: {}", seen.text());
    seen.json()["data"].take()
}

#[tokio::test]
async fn a_body_of_googles_has_its_model_in_the_query_or_beside_the_rest() {
    let stage = Stage::open().await;
    let mut body = json!({"contents": [{"role": "user", "parts": [{"text": "Hello"}]}]});
    let plan = planned(&stage, "?model=simulated%2Fecho", &body).await;
    assert_eq!(plan["attempts"][0]["model"], "simulated/echo", "{plan:#}");
    let refused = stage.post("/api/v1/plan", &stage.key, &body).await;
    assert_eq!(refused.status, 400);
    assert!(refused.text().contains("?model="), "{}", refused.text());
    body["model"] = json!("models/simulated/echo");
    let plan = planned(&stage, "", &body).await;
    assert_eq!(plan["attempts"][0]["model"], "simulated/echo", "{plan:#}");
    assert_eq!(plan["input"]["needs"]["dialect"], "gemini", "{plan:#}");
}

#[tokio::test]
async fn what_is_no_conversation_is_recognised_by_its_fields() {
    let stage = Stage::open().await;
    for (dialect, body) in [
        ("openai-embeddings", json!({"input": ["a", "b"]})),
        ("openai-embeddings", json!({"input": [1, 2, 3]})),
        (
            "openai-embeddings",
            json!({"input": "a", "encoding_format": "float"}),
        ),
        ("rerank", json!({"query": "a", "documents": ["b"]})),
        ("openai-responses", json!({"input": "a"})),
        (
            "openai-responses",
            json!({"input": [{"role": "user", "content": "a"}]}),
        ),
        ("openai-completions", json!({"prompt": "a"})),
        (
            "openai-chat",
            json!({"messages": [{"role": "user", "content": "a"}]}),
        ),
    ] {
        let mut body = body;
        body["model"] = json!("simulated/echo");
        let path = "/api/v1/plan";
        let seen = stage.post(path, &stage.key, &body).await;
        let named = stage
            .post(&format!("{path}?dialect={dialect}"), &stage.key, &body)
            .await;
        assert_eq!(seen.status, named.status, "{body}: {}", seen.text());
        let dialect_of = |seen: Value| seen["data"]["input"]["needs"]["dialect"].clone();
        if seen.status == 200 {
            assert_eq!(dialect_of(seen.json()), dialect, "{body}");
        }
    }
    let unknown = stage
        .post("/api/v1/plan?dialect=morse", &stage.key, &json!({}))
        .await;
    assert_eq!(unknown.status, 400);
}
