//! Google's cloud: tokens for signed assertions, Gemini and Claude behind them.

use serde_json::json;

use crate::client::{exchange, request_text, send, start};
use crate::signing::{assertion, exchange_assertion, with_token};

const PLACE: &str = "/v1/projects/p/locations/us-central1/publishers";

#[tokio::test]
async fn a_token_is_given_for_a_good_assertion_only() {
    let simulator = start().await;
    let good = exchange_assertion(&simulator, &assertion(&simulator, |_| {})).await;
    assert_eq!(good.status, 200, "{}", good.text());
    assert_eq!(good.json()["token_type"], "Bearer");
    let mut broken = assertion(&simulator, |_| {});
    broken.replace_range(broken.len() - 8..broken.len() - 4, "AAAA");
    let cases = [
        (broken, "Invalid JWT Signature."),
        (
            assertion(&simulator, |c| c["iss"] = json!("other")),
            "account not found",
        ),
        (
            assertion(&simulator, |c| c["aud"] = json!("https://other")),
            "audience",
        ),
        (
            assertion(&simulator, |c| c["exp"] = json!(2_000_000_000)),
            "short-lived",
        ),
        ("nothing".to_owned(), "Bad Request"),
    ];
    for (assertion, expected) in cases {
        let reply = exchange_assertion(&simulator, &assertion).await;
        assert_eq!(reply.status, 400);
        assert_eq!(reply.json()["error"], "invalid_grant");
        assert!(reply.text().contains(expected), "{}", reply.text());
    }
    let form = "grant_type=refresh_token&client_id=c&client_secret=s&refresh_token=simulated-refresh-token";
    let request = request_text("POST", "/token", &[], form);
    let reply = exchange(
        simulator.addr(),
        &request,
        std::time::Duration::from_secs(5),
    )
    .await;
    assert_eq!(reply.status, 200);
    let path = "/computeMetadata/v1/instance/service-accounts/default/token";
    let flavor = [("metadata-flavor", "Google")];
    let reply = send(&simulator, "GET", path, &flavor, &json!(null)).await;
    assert!(reply.json()["access_token"].is_string());
}

#[tokio::test]
async fn gemini_is_served_to_bearers_of_an_issued_token() {
    let simulator = start().await;
    let path = format!("{PLACE}/google/models/gemini-2.5-pro:generateContent");
    let body = json!({"contents": [{"role": "user", "parts": [{"text": "Hello there"}]}]});
    let reply = with_token(&simulator, &path, &body).await;
    assert_eq!(reply.json()["usageMetadata"]["trafficType"], "ON_DEMAND");
    for headers in [vec![], vec![("authorization", "Bearer ya29.sim.Zm9yZ2Vk")]] {
        let reply = send(&simulator, "POST", &path, &headers, &body).await;
        assert_eq!(reply.status, 401);
        assert_eq!(reply.json()["error"]["status"], "UNAUTHENTICATED");
    }
    let path = format!("{PLACE}/google/models/g:streamGenerateContent?alt=sse");
    assert!(with_token(&simulator, &path, &body).await.events().len() > 2);
    let path = format!("{PLACE}/google/models/e:predict");
    let body = json!({"instances": [{"content": "one"}]});
    let reply = with_token(&simulator, &path, &body).await.json();
    assert!(reply["predictions"][0]["embeddings"]["values"].is_array());
}

#[tokio::test]
async fn claude_is_served_in_anthropics_form() {
    let simulator = start().await;
    let path = format!("{PLACE}/anthropic/models/claude-x@1:rawPredict");
    let mut body = json!({"anthropic_version": "vertex-2023-10-16", "max_tokens": 100,
        "messages": [{"role": "user", "content": "Hello there"}]});
    let reply = with_token(&simulator, &path, &body).await;
    assert_eq!(reply.json()["model"], "claude-x@1", "{}", reply.text());
    body["stream"] = json!(true);
    let path = format!("{PLACE}/anthropic/models/claude-x@1:streamRawPredict");
    let reply = with_token(&simulator, &path, &body).await;
    assert!(
        reply
            .text()
            .ends_with("event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n")
    );
    body.as_object_mut()
        .expect("fields")
        .remove("anthropic_version");
    let reply = with_token(&simulator, &path, &body).await;
    assert!(reply.text().contains("anthropic_version: Field required"));
}
