//! `GET /key` and `GET /credits`.

use serde_json::json;

use crate::stage::{Stage, hello};

#[tokio::test]
async fn a_key_sees_its_own_limits_and_what_it_has_spent() {
    let stage = Stage::open().await;
    let made = json!({ "name": "mine", "limit": 0.5, "limit_reset": "monthly" });
    let made = stage
        .post("/api/v1/keys", &stage.management_key, &made)
        .await
        .json();
    let key = made["key"].as_str().unwrap();
    let path = "/api/v1/chat/completions";
    let mut body = hello("simulated/echo");
    body["max_tokens"] = 100.into();
    let cost = stage.post(path, key, &body).await.json()["usage"]["cost"].to_string();
    stage.running.app.recorder.flush().await;
    let view = stage.get("/api/v1/key", key).await.json()["data"].take();
    assert_eq!(view["usage"].to_string(), cost, "{view:#}");
    assert_eq!(view["usage_monthly"].to_string(), cost);
    assert_eq!(view["limit"], 0.5);
    assert_eq!(view["limit_reset"], "monthly");
    assert_eq!(view["is_management_key"], false);
    let usd = |name: &str| ledger::Amount::from_usd(&view[name].to_string()).unwrap();
    assert_eq!(
        usd("limit_remaining"),
        usd("limit").checked_sub(usd("usage")).unwrap()
    );
    for hidden in ["hash", "name", "disabled"] {
        assert!(view.get(hidden).is_none(), "{hidden}");
    }
    let credits = stage
        .get("/api/v1/credits", &stage.management_key)
        .await
        .json();
    assert_eq!(credits["data"]["total_usage"].to_string(), cost);
    stage
        .get("/api/v1/credits", key)
        .await
        .error(403, "permission_denied");
}
