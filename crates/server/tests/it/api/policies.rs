//! What policies decide beside the plain limit: calls without a price, calls that cost nothing, a
//! workspace's budgets, and what is left while calls are under way.

use std::time::Duration;

use http::Method;
use ledger::Amount;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::budgets::{CALLS, bounded, desk, make_key};
use crate::stage::{Seen, Stage, hello};

#[tokio::test]
async fn a_workspace_has_a_policy_of_its_own_for_calls_without_a_price() {
    let body = hello("simulated/unpriced");
    let stage = Stage::open().await;
    let path = "/api/v1/workspaces/default";
    let set = async |policy: Value| {
        let body = json!({"unpriced": policy});
        desk(&stage, Method::PATCH, path, &body).await
    };
    let shown = stage.get(path, &stage.management_key).await.json();
    assert_eq!(shown["data"]["unpriced"], Value::Null);
    assert_eq!(stage.post(CALLS, &stage.key, &body).await.status, 200);
    let denied = set(json!("deny")).await;
    assert_eq!(
        denied.json()["data"]["unpriced"],
        "deny",
        "{}",
        denied.text()
    );
    let message = stage
        .post(CALLS, &stage.key, &body)
        .await
        .error(402, "payment_required");
    assert!(message.contains("this workspace denies"), "{message}");
    // A plan is made by the same policy.
    let plan = async || {
        let plan = stage.post("/api/v1/plan", &stage.key, &body).await.json();
        plan["data"]["attempts"][0]["passed_over"].clone()
    };
    assert_eq!(plan().await, "unpriced");
    let prices = json!({"input": "5", "output": "15"});
    assert_eq!(set(prices.clone()).await.json()["data"]["unpriced"], prices);
    let usage = stage.post(CALLS, &stage.key, &body).await.json()["usage"].take();
    let count = |name: &str| usage[name].as_i64().unwrap();
    let nanos = count("prompt_tokens") * 5000 + count("completion_tokens") * 15_000;
    let cost = Amount::from_usd(&usage["cost"].to_string()).unwrap();
    assert_eq!(cost.nanos(), nanos, "{usage:#}");
    let allowed = set(Value::Null).await;
    assert_eq!(allowed.json()["data"]["unpriced"], Value::Null);
    assert_eq!(plan().await, Value::Null);
    let usage = stage.post(CALLS, &stage.key, &body).await.json()["usage"].take();
    assert_eq!(usage["cost"], Value::Null, "{usage:#}");
    for wrong in [
        json!("perhaps"),
        json!({"input": "x", "output": "1"}),
        json!(1),
    ] {
        set(wrong).await.error(400, "invalid_request");
    }
    let listed = stage.get("/api/v1/workspaces", &stage.management_key).await;
    assert_eq!(listed.json()["data"][0]["slug"], "default");
    stage
        .get("/api/v1/workspaces", &stage.key)
        .await
        .error(403, "permission_denied");
}

/// Calls until one is refused: a changed budget holds within a second.
async fn refused(stage: &Stage) -> Seen {
    let since = Instant::now();
    loop {
        let seen = stage.post(CALLS, &stage.key, &bounded(50)).await;
        if seen.status != 200 {
            return seen;
        }
        assert!(since.elapsed() < Duration::from_secs(5), "{}", seen.text());
        sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn an_exhausted_workspace_budget_is_403_and_names_the_broadest_interval() {
    let stage = Stage::open().await;
    let path = |interval: &str| format!("/api/v1/workspaces/default/budgets/{interval}");
    let put = async |interval: &str, usd: &str| {
        let limit: Value = serde_json::from_str(usd).unwrap();
        let body = json!({"limit_usd": limit});
        let seen = desk(&stage, Method::PUT, &path(interval), &body).await;
        assert_eq!(seen.status, 200, "{}", seen.text());
    };
    let seen = stage.post(CALLS, &stage.key, &bounded(50)).await;
    assert_eq!(seen.status, 200, "{}", seen.text());
    stage.running.app.recorder.flush().await;
    // Less than was spent already.
    put("daily", "0.000001").await;
    let message = refused(&stage).await.error(403, "permission_denied");
    let expected = "Workspace daily budget of $0.000001 exceeded. Contact your org admin.";
    assert_eq!(message, expected);
    put("monthly", "0.000002").await;
    let since = Instant::now();
    loop {
        let message = refused(&stage).await.error(403, "permission_denied");
        if message == "Workspace monthly budget of $0.000002 exceeded. Contact your org admin." {
            break;
        }
        assert_eq!(message, expected);
        assert!(since.elapsed() < Duration::from_secs(5));
        sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn free_calls_pass_an_exhausted_budget_unless_the_house_says_otherwise_but_no_rate_limit() {
    let rate = "[limits]\nrate = [{ per = \"key\", requests = 2, window = \"day\" }]\n";
    for (more, statuses) in [
        ("", [200, 200, 429]),
        ("[billing]\nfree_needs_money = true\n", [402; 3]),
    ] {
        let stage = Stage::open_with(&format!("{more}{rate}{FREE}"), &[]).await;
        let key = make_key(&stage, &json!({"name": "none", "limit": 0})).await;
        for status in statuses {
            let seen = stage.post(CALLS, &key, &hello("simulated/gratis")).await;
            assert_eq!(seen.status, status, "{}", seen.text());
            if seen.status == 402 {
                break; // a call that is refused later counts against its rate limits
            }
        }
    }
}

/// A model that costs nothing, beside the others.
const FREE: &str = r#"
[[providers.sim-one.endpoints]]
model = "simulated/gratis"
upstream_model = "echo"
context_length = 100000
price = { input = "0", output = "0" }
"#;

#[tokio::test]
async fn what_is_left_of_a_limit_is_less_what_is_held_for_calls_under_way() {
    let stage = Stage::open().await;
    let key = make_key(&stage, &json!({"name": "small", "limit": 0.01})).await;
    let left = async || {
        let view = stage.get("/api/v1/key", &key).await.json();
        Amount::from_usd(&view["data"]["limit_remaining"].to_string()).unwrap()
    };
    let all = Amount::from_usd("0.01").unwrap();
    assert_eq!(left().await, all);
    let body = bounded(1000).to_string();
    let headers = &[("x-simulate", "delay=1500ms")];
    let call = stage.send((Method::POST, CALLS), &key, body.into(), headers);
    let (seen, during) = tokio::join!(call, async {
        sleep(Duration::from_millis(700)).await;
        left().await
    });
    // 1,000 tokens of output cost 0.002 USD, and the prompt is held for as well.
    let held = all.checked_sub(during).unwrap();
    assert!(held >= Amount::from_usd("0.002").unwrap(), "{held}");
    stage.running.app.recorder.flush().await;
    let cost = Amount::from_usd(&seen.json()["usage"]["cost"].to_string()).unwrap();
    assert_eq!(left().await, all.checked_sub(cost).unwrap());
}
