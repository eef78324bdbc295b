//! `/native/{provider}/…`: untouched in both directions, and on the bill all the same.

use bytes::Bytes;
use http::Method;
use serde_json::{Value, json};

use crate::stage::{Seen, Stage};

fn body(stream: bool) -> Value {
    let mut body = json!({
        "model": "echo",
        "messages": [{"role": "user", "content": "Hello there"}],
        "max_tokens": 50,
        "an_unknown_field": {"kept": [1.50, "é"]},
    });
    if stream {
        body["stream"] = true.into();
        body["stream_options"] = json!({"include_usage": true});
    }
    body
}

async fn native(stage: &Stage, key: &str, body: &Value, script: &str) -> Seen {
    let path = "/native/sim-one/v1/chat/completions";
    let headers = [
        ("x-simulate", script),
        ("x-custom", "kept"),
        ("cookie", "no"),
    ];
    let headers = if script.is_empty() {
        &headers[1..]
    } else {
        &headers
    };
    let bytes = Bytes::from(body.to_string());
    stage.send((Method::POST, path), key, bytes, headers).await
}

async fn limited_key(stage: &Stage, limit: f64) -> String {
    let body = json!({"name": "limited", "limit": limit});
    let made = stage
        .post("/api/v1/keys", &stage.management_key, &body)
        .await;
    made.json()["key"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_whole_answer_is_the_providers_own_and_has_its_record() {
    let stage = Stage::open().await;
    let sent = body(false);
    let seen = native(&stage, &stage.key, &sent, "text=Good%20day").await;
    let json = seen.json();
    assert_eq!(seen.status, 200, "{json:#}");
    assert_eq!(json["model"], "echo", "nothing is stamped");
    assert!(json.get("provider").is_none() && json["usage"].get("cost").is_none());
    let entry = stage.simulator.ledger().last().unwrap();
    assert_eq!(entry.json(), sent, "nothing is changed on the way up");
    assert_eq!(entry.header("x-custom"), Some("kept"));
    assert_eq!(entry.header("cookie"), None);
    assert!(
        !format!("{entry:?}").contains(&stage.key),
        "our key stays here"
    );
    let record = stage.record(&seen).await;
    assert_eq!(record["provider_name"], "Simulated One");
    assert_eq!(record["model"], "simulated/echo");
    assert_eq!(
        record["native_tokens_prompt"],
        json["usage"]["prompt_tokens"]
    );
    let tokens = |name: &str| json["usage"][name].as_i64().unwrap();
    let nanos = tokens("prompt_tokens") * 1000 + tokens("completion_tokens") * 2000;
    let cost = ledger::Amount::from_usd(&record["total_cost"].to_string()).unwrap();
    assert_eq!(cost.nanos(), nanos, "{record:#}");
}

#[tokio::test]
async fn a_stream_passes_byte_for_byte_and_is_metered() {
    let stage = Stage::open().await;
    let seen = native(
        &stage,
        &stage.key,
        &body(true),
        "chunks=4,text=one%20two%20three",
    )
    .await;
    assert_eq!(seen.status, 200);
    let text = seen.text();
    assert!(
        text.ends_with("data: [DONE]\n\n") && !text.contains("gen-"),
        "{text}"
    );
    let record = stage.record(&seen).await;
    assert_eq!(record["streamed"], true);
    assert_eq!(record["finish_reason"], "stop");
    assert!(record["total_cost"].as_f64().unwrap() > 0.0, "{record:#}");
}

#[tokio::test]
async fn a_providers_error_is_shown_as_it_is_and_costs_nothing() {
    let stage = Stage::open().await;
    let seen = native(&stage, &stage.key, &body(false), "status=429").await;
    assert_eq!(seen.status, 429, "{}", seen.text());
    assert!(seen.json()["error"].is_object());
    let record = stage.record(&seen).await;
    assert_eq!(record["total_cost"], 0.0, "{record:#}");
}

#[tokio::test]
async fn a_refused_credential_rests_and_the_next_call_presents_another() {
    let more = |url: &str| {
        format!(
            r#"
[providers.two-keys]
name = "Two Keys"
kind = "simulated"
base_url = "{url}"
dialects = ["openai-chat"]
auth = "bearer"
credentials = [{{ credential = "key-one", label = "one" }}, {{ credential = "key-two", label = "two" }}]

[[providers.two-keys.endpoints]]
model = "simulated/two-keys"
upstream_model = "two-keys"
context_length = 100000
price = {{ input = "1", output = "1" }}
"#
        )
    };
    for status in [401, 429] {
        let stage = Stage::open_beside(more, &[]).await;
        let mut labels = Vec::new();
        for (script, expected) in [(Some(status), status), (None, 200), (None, 200)] {
            let mut sent = body(false);
            sent["model"] = json!("two-keys");
            let script = script.map(|status| format!("status={status}"));
            let headers: Vec<_> = script
                .iter()
                .map(|script| ("x-simulate", script.as_str()))
                .collect();
            let path = (Method::POST, "/native/two-keys/v1/chat/completions");
            let seen = stage
                .send(path, &stage.key, sent.to_string().into(), &headers)
                .await;
            assert_eq!(seen.status, expected, "{}", seen.text());
            let record = stage.record(&seen).await;
            let label = &record["provider_responses"][0]["credential"];
            labels.push(label.as_str().unwrap().to_owned());
        }
        assert_ne!(labels[0], labels[1], "{status}");
        assert_eq!(labels[1], labels[2], "{status}");
    }
}

#[tokio::test]
async fn budgets_hold_and_what_cannot_be_metered_is_not_for_bounded_keys() {
    let stage = Stage::open().await;
    let none = limited_key(&stage, 0.0).await;
    let seen = native(&stage, &none, &body(false), "").await;
    seen.error(402, "payment_required");
    let some = limited_key(&stage, 1.0).await;
    let seen = native(&stage, &some, &body(false), "").await;
    assert_eq!(seen.status, 200, "{}", seen.text());
    let path = "/native/sim-one/v1/fine_tuning/jobs";
    let made = stage.post(path, &some, &json!({"model": "echo"})).await;
    made.error(403, "permission_denied");
    // Without a budget the provider is the judge, and this one has no such path.
    let made = stage
        .post(path, &stage.key, &json!({"model": "echo"}))
        .await;
    assert_eq!(made.status, 404, "{}", made.text());
    assert!(made.header("x-generation-id").starts_with("gen-"));
    let listed = stage.get("/native/sim-one/v1/models", &some).await;
    assert_eq!(listed.status, 200, "{}", listed.text());
}

#[tokio::test]
async fn nobody_gets_in_or_out_who_should_not() {
    let stage = Stage::open().await;
    let path = "/native/sim-one/v1/models";
    assert_eq!(stage.get(path, "").await.status, 401);
    assert_eq!(stage.get(path, &stage.management_key).await.status, 403);
    let missing = stage.get("/native/nobody/v1/models", &stage.key).await;
    missing.error(404, "not_found");
    let locked = stage.get("/native/sim-locked/v1/models", &stage.key).await;
    locked.error(404, "not_found");
    let outside = stage
        .get("/native/sim-one/v1/%2e%2e/%2e%2e/_sim/ledger", &stage.key)
        .await;
    outside.error(400, "invalid_request");
}

#[tokio::test]
async fn an_operator_may_close_it() {
    let stage = Stage::open_with("[native]\naccess = \"metered\"", &[]).await;
    let listed = stage.get("/native/sim-one/v1/models", &stage.key).await;
    listed.error(403, "permission_denied");
    let seen = native(&stage, &stage.key, &body(false), "").await;
    assert_eq!(seen.status, 200, "{}", seen.text());
}
