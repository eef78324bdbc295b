//! Budgets, prepaid balances and calls without a price, from outside.

use std::time::Duration;

use bytes::Bytes;
use http::Method;
use ledger::Amount;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::stage::{Seen, Stage, hello};

pub(super) const CALLS: &str = "/api/v1/chat/completions";

pub(super) async fn make_key(stage: &Stage, body: &Value) -> String {
    let made = stage
        .post("/api/v1/keys", &stage.management_key, body)
        .await;
    assert_eq!(made.status, 201, "{}", made.text());
    made.json()["key"].as_str().unwrap().to_owned()
}

pub(super) async fn desk(stage: &Stage, method: Method, path: &str, body: &Value) -> Seen {
    let body = Bytes::from(body.to_string());
    stage
        .send((method, path), &stage.management_key, body, &[])
        .await
}

/// A call whose ceiling is known: at most so many tokens of output, 2.00 USD per million.
pub(super) fn bounded(tokens: u64) -> Value {
    let mut body = hello("simulated/echo");
    body["max_tokens"] = tokens.into();
    body["provider"] = json!({"only": ["sim-one"]});
    body
}

#[tokio::test]
async fn a_keys_limit_is_hard_and_says_what_could_be_afforded() {
    let stage = Stage::open().await;
    // 100 tokens of output cost 0.0002 USD, and the prompt is bounded by its bytes.
    let key = make_key(&stage, &json!({"name": "small", "limit": 0.0006})).await;
    let seen = stage.post(CALLS, &key, &bounded(100)).await;
    assert_eq!(seen.status, 200, "{}", seen.text());
    assert_eq!(seen.header("x-waybill-admission"), "full");
    let refused = stage.post(CALLS, &key, &bounded(1000)).await;
    let message = refused.error(402, "payment_required");
    assert!(
        message.starts_with("This request requires more credits, or fewer max_tokens. You requested up to 1000 tokens, but can only afford"),
        "{message}"
    );
    let none = make_key(&stage, &json!({"name": "none", "limit": 0})).await;
    let message = stage
        .post(CALLS, &none, &bounded(1))
        .await
        .error(402, "payment_required");
    assert!(message.contains("Insufficient credits"), "{message}");
    let metrics = stage.get("/metrics", "").await.text();
    assert!(
        metrics.contains("waybill_budget_refusals_total 2\n"),
        "{metrics}"
    );
}

#[tokio::test]
async fn a_stream_is_clamped_to_what_the_money_reaches_for_unless_told_otherwise() {
    let stage = Stage::open().await;
    let key = make_key(&stage, &json!({"name": "small", "limit": 0.0003})).await;
    let mut body = bounded(90_000);
    body["stream"] = true.into();
    let call = |admission: &'static str| {
        let headers: &[(&str, &str)] = match admission {
            "" => &[("x-simulate", "tokens=5000")],
            "reject" => &[("x-waybill-admission", "reject")],
            _ => &[("x-waybill-admission", "perhaps")],
        };
        stage.send(
            (Method::POST, CALLS),
            &key,
            body.to_string().into(),
            headers,
        )
    };
    call("perhaps").await.error(400, "invalid_request");
    call("reject").await.error(402, "payment_required");
    let clamped = call("").await;
    assert_eq!(clamped.status, 200, "{}", clamped.text());
    let rule = clamped.header("x-waybill-admission");
    assert!(rule.starts_with("clamped="), "{rule}");
    let (frames, is_done) = clamped.frames();
    assert!(is_done);
    let cost = frames.last().unwrap()["usage"]["cost"].to_string();
    let cost = Amount::from_usd(&cost).unwrap();
    assert!(cost <= Amount::from_usd("0.0003").unwrap(), "{cost}");
    assert!(cost > Amount::from_usd("0.00015").unwrap(), "{cost}");
}

#[tokio::test(flavor = "multi_thread")]
async fn parallel_calls_never_spend_more_than_the_limit() {
    let stage = Stage::open().await;
    let limit = Amount::from_usd("0.01").unwrap();
    let key = make_key(&stage, &json!({"name": "shared", "limit": 0.01})).await;
    let body = bounded(500).to_string();
    // Each costs about 0.001 USD, so that ten fit and forty are asked for.
    let calls = (0..40).map(|_| {
        let headers = &[("x-simulate", "tokens=500")];
        stage.send((Method::POST, CALLS), &key, body.clone().into(), headers)
    });
    let seen = futures_util::future::join_all(calls).await;
    let mut spent = Amount::ZERO;
    let mut served = 0;
    for seen in &seen {
        assert!(
            [200, 402].contains(&seen.status.as_u16()),
            "{}",
            seen.text()
        );
        if seen.status == 200 {
            let cost = Amount::from_usd(&seen.json()["usage"]["cost"].to_string()).unwrap();
            spent = spent.checked_add(cost).unwrap();
            served += 1;
        }
    }
    assert!(spent <= limit, "{spent}");
    // So many ceilings fit at once; whatever ends makes room for more.
    assert!(served >= 7, "{served}");
    stage.running.app.recorder.flush().await;
    let view = stage.get("/api/v1/key", &key).await.json()["data"].take();
    assert_eq!(view["usage"].to_string(), spent.to_string());
    let left = limit.checked_sub(spent).unwrap();
    assert_eq!(view["limit_remaining"].to_string(), left.to_string());
}

#[tokio::test]
async fn a_workspaces_budgets_are_those_of_the_reference() {
    let stage = Stage::open().await;
    let path = |interval: &str| format!("/api/v1/workspaces/default/budgets/{interval}");
    let put =
        async |interval: &str, body: Value| desk(&stage, Method::PUT, &path(interval), &body).await;
    let monthly = put(
        "monthly",
        json!({"limit_usd": 5, "include_byok_in_budgets": true}),
    )
    .await;
    assert_eq!(monthly.status, 200, "{}", monthly.text());
    let monthly = monthly.json();
    assert_eq!(monthly["data"]["limit_usd"], 5);
    assert_eq!(monthly["data"]["reset_interval"], "monthly");
    assert_eq!(monthly["include_byok_in_budgets"], true);
    let message = put("weekly", json!({"limit_usd": 6}))
        .await
        .error(400, "invalid_request");
    assert_eq!(
        message,
        "Budget limits must be strictly decreasing as scope narrows: the monthly limit ($5) must be \
         greater than the weekly limit ($6)."
    );
    put("yearly", json!({"limit_usd": 6}))
        .await
        .error(400, "invalid_request");
    put("daily", json!({"limit_usd": 0}))
        .await
        .error(400, "invalid_request");
    let daily = put("daily", json!({"limit_usd": 0.000001})).await.json();
    assert_eq!(daily["include_byok_in_budgets"], true);
    let listed = stage
        .get("/api/v1/workspaces/default/budgets", &stage.management_key)
        .await
        .json();
    let listed = listed["data"].as_array().unwrap().len();
    assert_eq!(listed, 2);
    let message = stage
        .post(CALLS, &stage.key, &bounded(100))
        .await
        .error(402, "payment_required");
    assert!(message.contains(":daily"), "{message}");
    for _ in 0..2 {
        let deleted = desk(&stage, Method::DELETE, &path("daily"), &json!(null)).await;
        assert_eq!(deleted.json(), json!({"deleted": true}));
    }
    desk(&stage, Method::GET, &path("daily"), &json!(null))
        .await
        .error(404, "not_found");
    let seen = stage.post(CALLS, &stage.key, &bounded(100)).await;
    assert_eq!(seen.status, 200, "{}", seen.text());
    stage
        .get("/api/v1/workspaces/nobody/budgets", &stage.management_key)
        .await
        .error(404, "not_found");
    stage
        .get("/api/v1/workspaces/default/budgets", &stage.key)
        .await
        .error(403, "permission_denied");
}

#[tokio::test]
async fn a_budget_can_be_for_calls_that_carry_certain_metadata() {
    let stage = Stage::open().await;
    let new = json!({"subject": "metadata", "subject_id": "team=red&stage=trial", "limit": 0});
    let made = desk(&stage, Method::POST, "/api/v1/budgets", &new).await;
    assert_eq!(made.status, 201, "{}", made.text());
    for (metadata, status) in [
        (json!({"team": "red", "stage": "trial", "other": "x"}), 402),
        (json!({"team": "red"}), 200),
        (json!({"team": "blue", "stage": "trial"}), 200),
        (json!(null), 200),
    ] {
        let mut body = bounded(10);
        body["metadata"] = metadata;
        let seen = stage.post(CALLS, &stage.key, &body).await;
        assert_eq!(seen.status, status, "{body}: {}", seen.text());
    }
}

#[tokio::test]
async fn a_budget_can_be_for_one_user_of_the_callers_own() {
    let stage = Stage::open().await;
    let new = json!({"subject": "end_user", "subject_id": "ann", "limit": 0, "window": "daily"});
    let made = desk(&stage, Method::POST, "/api/v1/budgets", &new).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let id = made.json()["data"]["id"].as_str().unwrap().to_owned();
    let mut body = bounded(10);
    body["user"] = "ann".into();
    stage
        .post(CALLS, &stage.key, &body)
        .await
        .error(402, "payment_required");
    assert_eq!(
        stage.post(CALLS, &stage.key, &bounded(10)).await.status,
        200
    );
    let path = format!("/api/v1/budgets/{id}");
    let changed = desk(&stage, Method::PATCH, &path, &json!({"limit": 1})).await;
    assert_eq!(changed.json()["data"]["limit"], 1, "{}", changed.text());
    let listed = stage.get("/api/v1/budgets", &stage.management_key).await;
    let listed = listed.json();
    assert_eq!(listed["data"][0]["id"], id.as_str());
    let since = listed["data"][0]["counted_from"].as_str().unwrap();
    assert!(since.contains("T00:00:00"), "{since}");
    let deleted = desk(&stage, Method::DELETE, &path, &json!(null)).await;
    assert_eq!(deleted.status, 200, "{}", deleted.text());
    assert_eq!(stage.post(CALLS, &stage.key, &body).await.status, 200);
    for wrong in [
        json!({"subject": "nobody", "subject_id": "x", "limit": 1}),
        json!({"subject": "key", "limit": 1}),
        json!({"subject": "organization", "limit": 1, "window": "yearly"}),
        json!({"subject": "organization", "limit": -1}),
    ] {
        desk(&stage, Method::POST, "/api/v1/budgets", &wrong)
            .await
            .error(400, "invalid_request");
    }
    desk(
        &stage,
        Method::DELETE,
        "/api/v1/budgets/key:x",
        &json!(null),
    )
    .await
    .error(400, "invalid_request");
}

#[tokio::test]
async fn prepaid_calls_need_a_balance_and_spend_it() {
    let stage = Stage::open_with("[billing]\nmode = \"prepaid\"\n", &[]).await;
    let message = stage
        .post(CALLS, &stage.key, &bounded(10))
        .await
        .error(402, "payment_required");
    assert!(message.starts_with("Insufficient credits."), "{message}");
    let grant = json!({"amount": 0.01, "id": "first", "note": "to begin with"});
    for status in [201, 200] {
        let granted = desk(&stage, Method::POST, "/api/v1/credits/grants", &grant).await;
        assert_eq!(granted.status, status, "{}", granted.text());
    }
    // Nodes follow within a second.
    let since = Instant::now();
    let seen = loop {
        let seen = stage.post(CALLS, &stage.key, &bounded(10)).await;
        if seen.status == 200 {
            break seen;
        }
        assert!(since.elapsed() < Duration::from_secs(5), "{}", seen.text());
        sleep(Duration::from_millis(20)).await;
    };
    stage.running.app.recorder.flush().await;
    let credits = stage
        .get("/api/v1/credits", &stage.management_key)
        .await
        .json();
    assert_eq!(credits["data"]["total_credits"].to_string(), "0.01");
    assert_eq!(
        credits["data"]["total_usage"].to_string(),
        seen.json()["usage"]["cost"].to_string()
    );
    stage
        .post(CALLS, &stage.key, &bounded(90_000))
        .await
        .error(402, "payment_required");
    desk(
        &stage,
        Method::POST,
        "/api/v1/credits/grants",
        &json!({"amount": 0}),
    )
    .await
    .error(400, "invalid_request");
    let id = seen.json()["id"].as_str().unwrap().to_owned();
    give_back(&stage, &id).await;
}

/// A call is refunded what it cost and not more; a fee is taken; the ledger shows all of it.
async fn give_back(stage: &Stage, id: &str) {
    let refunds = "/api/v1/credits/refunds";
    let cost = stage
        .get(&format!("/api/v1/generation?id={id}"), &stage.key)
        .await
        .json()["data"]["total_cost"]
        .clone();
    let refund = json!({"amount": cost, "generation_id": id});
    let given = desk(stage, Method::POST, refunds, &refund).await;
    assert_eq!(given.status, 201, "{}", given.text());
    desk(stage, Method::POST, refunds, &refund)
        .await
        .error(400, "invalid_request");
    desk(
        stage,
        Method::POST,
        refunds,
        &json!({"amount": 1, "generation_id": "gen-unknown"}),
    )
    .await
    .error(404, "not_found");
    let fee = json!({"amount": 0.001, "generation_id": id});
    let taken = desk(stage, Method::POST, "/api/v1/credits/fees", &fee).await;
    assert_eq!(taken.status, 201, "{}", taken.text());
    let mut kinds = Vec::new();
    let mut path = "/api/v1/ledger/entries?limit=2".to_owned();
    loop {
        let page = stage.get(&path, &stage.management_key).await.json();
        let lines = page["data"].as_array().unwrap();
        kinds.extend(
            lines
                .iter()
                .map(|line| line["kind"].as_str().unwrap().to_owned()),
        );
        let Some(next) = page["next"].as_str() else {
            break;
        };
        path = format!("/api/v1/ledger/entries?limit=2&after={next}");
    }
    for kind in [
        "grant", "charge", "refund", "fee", "reserve", "settle", "release",
    ] {
        assert!(
            kinds.iter().any(|found| found == kind),
            "{kind} in {kinds:?}"
        );
    }
    let csv = stage
        .get("/api/v1/ledger/entries?format=csv", &stage.management_key)
        .await;
    assert!(
        csv.text().starts_with("at,kind,from,to,amount_usd"),
        "{}",
        csv.text()
    );
    stage
        .get("/api/v1/ledger/entries", &stage.key)
        .await
        .error(403, "permission_denied");
    assert_eq!(stage.running.app.store.verify().await.unwrap(), None);
}

#[tokio::test]
async fn calls_without_a_price_follow_the_policy_of_the_house() {
    let body = hello("simulated/unpriced");
    let deny = Stage::open_with("[billing]\nunpriced = \"deny\"\n", &[]).await;
    let message = deny
        .post(CALLS, &deny.key, &body)
        .await
        .error(402, "payment_required");
    assert!(message.contains("price"), "{message}");
    let priced = "[billing]\nunpriced = { input = \"5\", output = \"15\" }\n";
    let priced = Stage::open_with(priced, &[]).await;
    let usage = priced.post(CALLS, &priced.key, &body).await.json()["usage"].take();
    let count = |name: &str| usage[name].as_i64().unwrap();
    let nanos = count("prompt_tokens") * 5000 + count("completion_tokens") * 15_000;
    let cost = Amount::from_usd(&usage["cost"].to_string()).unwrap();
    assert_eq!(cost.nanos(), nanos, "{usage:#}");
}

#[tokio::test]
async fn a_statement_says_what_was_spent_by_day_and_model() {
    let stage = Stage::open().await;
    let seen = stage.post(CALLS, &stage.key, &bounded(10)).await;
    assert_eq!(seen.status, 200, "{}", seen.text());
    stage.running.app.recorder.flush().await;
    let path = "/api/v1/ledger/statement";
    let json = stage.get(path, &stage.management_key).await.json();
    assert_eq!(json["data"][0]["model"], "simulated/echo");
    assert_eq!(json["data"][0]["requests"], 1);
    let cost = seen.json()["usage"]["cost"].to_string();
    assert_eq!(json["total"].to_string(), cost);
    let csv = stage
        .get(
            &format!("{path}?format=csv&from=2020-01-01"),
            &stage.management_key,
        )
        .await;
    assert_eq!(csv.header("content-type"), "text/csv; charset=utf-8");
    let csv = csv.text();
    assert!(
        csv.lines().nth(1).unwrap().ends_with(&format!(",{cost}")),
        "{csv}"
    );
    let past = format!("{path}?to=2020-01-01");
    let past = stage.get(&past, &stage.management_key).await.json();
    assert_eq!(past, json!({"data": [], "total": 0}));
    stage
        .get(&format!("{path}?from=soon"), &stage.management_key)
        .await
        .error(400, "invalid_request");
    stage
        .get(path, &stage.key)
        .await
        .error(403, "permission_denied");
}
