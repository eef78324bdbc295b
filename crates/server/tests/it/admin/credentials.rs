//! `/credentials` and `/providers/own`: what is added while the server runs.

use bytes::Bytes;
use http::Method;
use serde_json::{Value, json};

use crate::stage::{Seen, Stage, hello};

async fn desk(stage: &Stage, method: Method, path: &str, body: Value) -> Seen {
    let body = match body {
        Value::Null => Bytes::new(),
        body => body.to_string().into(),
    };
    let path = format!("/api/v1{path}");
    stage
        .send((method, &path), &stage.management_key, body, &[])
        .await
}

async fn call(stage: &Stage, model: &str) -> Seen {
    stage
        .post("/api/v1/chat/completions", &stage.key, &hello(model))
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_credential_switches_a_provider_on_and_its_removal_off() {
    let stage = Stage::open().await;
    call(&stage, "simulated/locked")
        .await
        .error(404, "not_found");
    let secret = format!("sk-locked-{}", "7".repeat(32));
    let put = desk(
        &stage,
        Method::PUT,
        "/credentials/sim-locked",
        json!({"key": secret}),
    )
    .await;
    assert_eq!(put.status, 200, "{}", put.text());
    assert_eq!(put.json()["data"]["source"], "added");
    assert_eq!(call(&stage, "simulated/locked").await.status, 200);

    let list = desk(&stage, Method::GET, "/credentials", Value::Null).await;
    assert!(list.text().contains("sim-locked"), "{}", list.text());
    assert!(!list.text().contains(&secret), "it is masked");
    let settings = stage.running.app.store.settings();
    for (_, text) in settings.beginning_with("provider/").await.unwrap() {
        assert!(!text.contains(&secret), "it is sealed: {text}");
    }

    let gone = desk(
        &stage,
        Method::DELETE,
        "/credentials/sim-locked",
        Value::Null,
    )
    .await;
    assert_eq!(gone.json(), json!({"deleted": true}));
    call(&stage, "simulated/locked")
        .await
        .error(404, "not_found");
    let again = desk(
        &stage,
        Method::DELETE,
        "/credentials/sim-locked",
        Value::Null,
    )
    .await;
    again.error(404, "not_found");
    let unknown = desk(
        &stage,
        Method::PUT,
        "/credentials/nobody",
        json!({"key": "x"}),
    )
    .await;
    unknown.error(404, "not_found");
    let empty = desk(
        &stage,
        Method::PUT,
        "/credentials/sim-locked",
        json!({"key": " "}),
    )
    .await;
    empty.error(400, "invalid_request");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_configuration_wins_over_what_is_added() {
    let stage = Stage::open_with("", &[("SIM_LOCKED_API_KEY", "from-the-environment")]).await;
    let listed = desk(&stage, Method::GET, "/credentials", Value::Null)
        .await
        .json();
    let of = |listed: &Value| {
        let all = listed["data"].as_array().unwrap();
        let found = all.iter().find(|one| one["provider"] == "sim-locked");
        found.unwrap()["source"].as_str().unwrap().to_owned()
    };
    assert_eq!(of(&listed), "environment");
    let key = json!({"key": "another-one-of-these"});
    let put = desk(&stage, Method::PUT, "/credentials/sim-locked", key).await;
    assert_eq!(put.json()["data"]["source"], "added");

    let written = "[providers.other]\nbase_url = \"http://127.0.0.1:9/v1\"\ncredential = \"x\"\n";
    let stage = Stage::open_with(written, &[]).await;
    let refused = desk(
        &stage,
        Method::PUT,
        "/credentials/other",
        json!({"key": "y"}),
    )
    .await;
    assert!(
        refused
            .error(409, "invalid_request")
            .contains("configuration")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_is_added_in_three_fields_and_removed() {
    let stage = Stage::open().await;
    let base_url = stage.simulator.base_url();
    let wrong = json!({"name": "Mine", "base_url": "http://127.0.0.1:9/v1"});
    let refused = desk(&stage, Method::POST, "/providers/own", wrong).await;
    assert!(
        refused
            .error(400, "invalid_request")
            .contains("nothing answers")
    );
    let taken = json!({"name": "sim one", "base_url": base_url, "models": ["echo"]});
    let refused = desk(&stage, Method::POST, "/providers/own", taken).await;
    assert!(refused.error(400, "invalid_request").contains("already"));

    let new = json!({"name": "My vLLM", "base_url": base_url, "models": ["echo"]});
    let made = desk(&stage, Method::POST, "/providers/own", new).await;
    assert_eq!(made.status, 201, "{}", made.text());
    assert_eq!(made.json()["data"]["slug"], "my-vllm");
    assert_eq!(made.json()["data"]["models"], json!(["my-vllm/echo"]));
    let answer = call(&stage, "my-vllm/echo").await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.json()["provider"], "My vLLM");
    assert_eq!(answer.json()["usage"]["cost"], 0);
    let listed = desk(&stage, Method::GET, "/providers/own", Value::Null).await;
    assert_eq!(listed.json()["data"].as_array().unwrap().len(), 1);

    let gone = desk(
        &stage,
        Method::DELETE,
        "/providers/own/my-vllm",
        Value::Null,
    )
    .await;
    assert_eq!(gone.json(), json!({"deleted": true}));
    assert_eq!(call(&stage, "my-vllm/echo").await.status, 400);
}
