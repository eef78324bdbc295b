//! Every way in which a call is refused before a provider is asked, in the same envelope.

use bytes::Bytes;
use http::Method;
use serde_json::{Value, json};

use crate::stage::{Seen, Stage, hello};

const CHAT: &str = "/api/v1/chat/completions";

async fn send(stage: &Stage, body: impl Into<Bytes>) -> Seen {
    stage
        .send((Method::POST, CHAT), &stage.key, body.into(), &[])
        .await
}

async fn with(stage: &Stage, field: &str, value: Value) -> Seen {
    let mut body = hello("simulated/echo");
    body[field] = value;
    send(stage, body.to_string()).await
}

#[tokio::test]
async fn malformed_json_is_a_bad_request() {
    let stage = Stage::open().await;
    for body in [
        "",
        "{",
        "[]",
        "{\"model\": \"simulated/echo\",}",
        "nonsense",
        "{} {}",
    ] {
        let seen = send(&stage, body).await;
        seen.error(400, "invalid_request");
        assert!(
            seen.header("x-generation-id").starts_with("gen-"),
            "{body:?}"
        );
    }
}

#[tokio::test]
async fn a_wrong_type_names_the_field() {
    let stage = Stage::open().await;
    for (field, value, named) in [
        ("temperature", json!("warm"), "temperature"),
        ("messages", json!("hello"), "messages"),
        (
            "messages",
            json!([{ "role": "user", "content": 7 }]),
            "messages[0].content",
        ),
        ("stream", json!("yes"), "stream"),
        ("provider", json!({ "order": "one" }), "provider.order"),
        ("provider", json!({ "colour": "red" }), "provider.colour"),
    ] {
        let seen = with(&stage, field, value).await;
        let message = seen.error(400, "invalid_request");
        let at = seen.json()["error"]["metadata"]["field"].to_string();
        assert!(
            message.contains(named) || at.contains(named),
            "{field}: {message} ({at})"
        );
    }
    assert!(
        stage.simulator.ledger().entries().is_empty(),
        "no provider may have been asked"
    );
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_with_the_limit() {
    let stage = Stage::open_with("[limits]\nbody_bytes_max = 2048\n", &[]).await;
    let long = "x".repeat(10_000);
    let seen = with(&stage, "user", json!(long)).await;
    let message = seen.error(413, "payload_too_large");
    assert!(message.contains("2048"), "{message}");
    assert_eq!(with(&stage, "user", json!("short")).await.status, 200);
}

#[tokio::test]
async fn an_unknown_model_is_answered_with_what_was_probably_meant() {
    let stage = Stage::open().await;
    let seen = send(&stage, hello("simulated/ehco").to_string()).await;
    let message = seen.error(400, "invalid_request");
    assert!(message.contains("simulated/echo"), "{message}");
    let json = seen.json();
    assert_eq!(
        json["error"]["availability"]["code"], "model_not_found",
        "{json:#}"
    );
}

#[tokio::test]
async fn a_model_without_a_usable_provider_says_which_credential_would_help() {
    let stage = Stage::open().await;
    let seen = send(&stage, hello("simulated/locked").to_string()).await;
    let message = seen.error(404, "not_found");
    assert!(message.contains("SIM_LOCKED_API_KEY"), "{message}");
}

#[tokio::test]
async fn that_credential_switches_the_model_on() {
    let stage = Stage::open_with("", &[("SIM_LOCKED_API_KEY", "secret-of-the-house")]).await;
    let seen = send(&stage, hello("simulated/locked").to_string()).await;
    assert_eq!(seen.status, 200, "{}", seen.text());
}

#[tokio::test]
async fn no_model_at_all_is_a_bad_request() {
    let stage = Stage::open().await;
    let body = json!({ "messages": [{ "role": "user", "content": "Hello" }] });
    let message = send(&stage, body.to_string())
        .await
        .error(400, "invalid_request");
    assert!(message.contains("model"), "{message}");
}

#[tokio::test]
async fn keys_that_do_not_work_are_told_why() {
    let stage = Stage::open().await;
    let body = hello("simulated/echo");
    let none = stage.post(CHAT, "", &body).await;
    assert_eq!(
        none.error(401, "authentication"),
        "Missing Authentication header"
    );
    let other = stage
        .post(CHAT, &format!("sk-wb-v1-{}", "0".repeat(64)), &body)
        .await;
    assert!(other.error(401, "authentication").contains("unknown"));
    let management = stage.post(CHAT, &stage.management_key, &body).await;
    assert!(
        management
            .error(403, "permission_denied")
            .contains("inference key")
    );
    let made = json!({ "name": "old", "expires_at": "2020-01-01T00:00:00Z" });
    let made = stage
        .post("/api/v1/keys", &stage.management_key, &made)
        .await
        .json();
    let expired = stage.post(CHAT, made["key"].as_str().unwrap(), &body).await;
    assert!(expired.error(401, "authentication").contains("expired"));
}

#[tokio::test]
async fn a_key_that_has_spent_its_limit_is_asked_to_pay() {
    let stage = Stage::open().await;
    let made = json!({ "name": "nothing", "limit": 0 });
    let made = stage
        .post("/api/v1/keys", &stage.management_key, &made)
        .await
        .json();
    let seen = stage
        .post(
            CHAT,
            made["key"].as_str().unwrap(),
            &hello("simulated/echo"),
        )
        .await;
    let message = seen.error(402, "payment_required");
    assert!(message.contains("Insufficient credits"), "{message}");
}

#[tokio::test]
async fn unknown_paths_and_methods_are_answered_in_json() {
    let stage = Stage::open().await;
    let nowhere = stage.get("/api/v1/nowhere", &stage.key).await;
    assert!(nowhere.error(404, "not_found").contains("/api/v1/nowhere"));
    let get = stage.get(CHAT, &stage.key).await;
    get.error(405, "invalid_request");
}

#[tokio::test]
async fn an_error_says_how_the_call_was_routed_when_its_caller_wants_to_know() {
    let stage = Stage::open().await;
    let body = hello("simulated/echo").to_string();
    let headers = [
        ("x-simulate", "status=503"),
        ("x-openrouter-metadata", "enabled"),
    ];
    let path = (Method::POST, CHAT);
    let seen = stage
        .send(path.clone(), &stage.key, body.clone().into(), &headers)
        .await;
    let json = seen.json();
    let attempts = json["openrouter_metadata"]["attempts"].as_array().unwrap();
    assert_eq!(attempts.len(), 2, "{json:#}");
    assert_eq!(attempts[0]["status"], 503);
    assert!(json["error"]["message"].is_string());
    let seen = stage
        .send(path, &stage.key, body.into(), &headers[..1])
        .await;
    assert!(seen.json().get("openrouter_metadata").is_none());
}
