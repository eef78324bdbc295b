//! Azure OpenAI: deployments and API versions, both kinds of keys, and the content filter's findings.

use std::time::Duration;

use serde_json::{Value, json};

use crate::client::{exchange, request_text, send, start};

const DEPLOYMENT: &str = "/openai/deployments/my-gpt/chat/completions?api-version=2024-10-21";

fn question() -> Value {
    json!({"messages": [{"role": "user", "content": "Hello there"}]})
}

#[tokio::test]
async fn a_deployment_answers_with_findings_whole_and_streamed() {
    let simulator = start().await.with_key("azure-key");
    for key in [
        ("api-key", "azure-key"),
        ("authorization", "Bearer azure-key"),
    ] {
        let reply = send(&simulator, "POST", DEPLOYMENT, &[key], &question()).await;
        let whole = reply.json();
        assert_eq!(whole["model"], "my-gpt");
        assert!(whole["prompt_filter_results"].is_array());
        assert!(whole["choices"][0]["content_filter_results"].is_object());
    }
    let key = [("api-key", "azure-key")];
    let mut body = question();
    body["stream"] = json!(true);
    let reply = send(&simulator, "POST", DEPLOYMENT, &key, &body).await;
    let events = reply.events();
    assert_eq!(events[0]["choices"], json!([]));
    assert!(events[1]["choices"][0]["content_filter_results"].is_object());
    assert!(
        reply
            .joined("content")
            .starts_with("This is a simulated answer")
    );
    assert_eq!(reply.frames().last().map(String::as_str), Some("[DONE]"));
    body["model"] = json!("gpt");
    let reply = send(
        &simulator,
        "POST",
        "/openai/v1/chat/completions",
        &key,
        &body,
    )
    .await;
    assert_eq!(reply.status, 200);
    body = json!({"model": "gpt", "input": "x"});
    let reply = send(&simulator, "POST", "/openai/v1/responses", &key, &body).await;
    assert_eq!(reply.json()["object"], "response");
}

#[tokio::test]
async fn errors_have_azures_codes() {
    let simulator = start().await;
    let path = "/openai/deployments/my-gpt/chat/completions";
    let reply = send(&simulator, "POST", path, &[], &question()).await;
    assert_eq!(
        (reply.status, &reply.json()["error"]["code"]),
        (404, &json!("404"))
    );
    let blocked = [("x-simulate", "refusal")];
    let reply = send(&simulator, "POST", DEPLOYMENT, &blocked, &question()).await;
    assert_eq!(reply.status, 400);
    assert_eq!(reply.json()["error"]["code"], "content_filter");
    assert!(reply.json()["error"]["innererror"].is_object());
    let missing = [("x-simulate", "status=404")];
    let reply = send(&simulator, "POST", DEPLOYMENT, &missing, &question()).await;
    assert_eq!(reply.json()["error"]["code"], "DeploymentNotFound");
    let simulator = simulator.with_key("azure-key");
    let reply = send(&simulator, "POST", DEPLOYMENT, &[], &question()).await;
    assert_eq!(
        (reply.status, &reply.json()["error"]["code"]),
        (401, &json!("401"))
    );
}

#[tokio::test]
async fn a_clients_secret_gives_a_token_that_opens_a_deployment() {
    let simulator = start().await.with_key("azure-key");
    let token = async |secret: &str| {
        let form = format!(
            "grant_type=client_credentials&client_id=c&client_secret={secret}\
             &scope=https%3A%2F%2Fcognitiveservices.azure.com%2F.default"
        );
        let path = "/tenant/oauth2/v2.0/token";
        let request = request_text("POST", path, &[], &form);
        exchange(simulator.addr(), &request, Duration::from_secs(5)).await
    };
    assert_eq!(token("wrong").await.json()["error"], "invalid_client");
    let given = token("simulated-client-secret").await.json();
    let bearer = format!(
        "Bearer {}",
        given["access_token"].as_str().expect("a token")
    );
    let headers = [("authorization", bearer.as_str())];
    let reply = send(&simulator, "POST", DEPLOYMENT, &headers, &question()).await;
    assert_eq!(reply.status, 200);
}
