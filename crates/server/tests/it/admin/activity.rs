//! `GET /activity`: completed days, held to the records.

use std::sync::atomic::Ordering;

use serde_json::{Value, json};
use server::api::openapi::document;
use store::KeyHash;

use super::analytics::{START_MS, busy, nanos, records};
use crate::schema::problems_with;
use crate::stage::Stage;

const DAY_MS: i64 = 86_400_000;

async fn activity(stage: &Stage, query: &str) -> Vec<Value> {
    let path = format!("/api/v1/activity{query}");
    let seen = stage.get(&path, &stage.management_key).await;
    assert_eq!(seen.status, 200, "{query}: {}", seen.text());
    let document = document().unwrap();
    let answers = &document["paths"]["/activity"]["get"]["responses"];
    let schema = &answers["200"]["content"]["application/json"]["schema"];
    let problems = problems_with(&document, schema, &seen.json());
    assert!(problems.is_empty(), "{problems:#?}");
    seen.json()["data"].as_array().unwrap().clone()
}

#[tokio::test]
async fn completed_days_are_told_as_the_records_have_them() {
    let (stage, clock, other) = busy().await;
    let all = records(&stage, "").await;
    let days = |items: &[Value]| -> Vec<String> {
        let date = |item: &Value| item["date"].as_str().unwrap().to_owned();
        items.iter().map(date).collect()
    };
    // The last of the calls was today, which is not over.
    assert_eq!(
        days(&activity(&stage, "").await),
        ["2026-03-05", "2026-03-04"]
    );
    clock.0.store(START_MS + 6 * DAY_MS, Ordering::Relaxed);
    let items = activity(&stage, "").await;
    assert_eq!(days(&items), ["2026-03-09", "2026-03-05", "2026-03-04"]);
    for item in &items {
        let served: Vec<&Value> = all
            .iter()
            .filter(|record| record["status"] == 200)
            .filter(|record| record["created_at"].as_str() > item["date"].as_str())
            .filter(|record| record["created_at"].as_str().unwrap()[..10] == item["date"])
            .collect();
        let sum = |name: &str| {
            served
                .iter()
                .map(|one| one[name].as_i64().unwrap())
                .sum::<i64>()
        };
        let cost: i64 = served.iter().map(|one| nanos(&one["total_cost"])).sum();
        assert_eq!(item["requests"], served.len());
        assert_eq!(nanos(&item["usage"]), cost);
        assert_eq!(item["byok_usage_inference"], 0);
        assert_eq!(item["prompt_tokens"], sum("native_tokens_prompt"));
        assert_eq!(item["completion_tokens"], sum("native_tokens_completion"));
        assert_eq!(item["model"], "simulated/echo");
        assert_eq!(item["provider_name"], "Simulated One");
        assert_eq!(item["endpoint_id"], served[0]["endpoint"]);
        assert!(item.get("workspace_id").is_none(), "{item:#}");
    }
    let of_day = activity(&stage, "?date=2026-03-05").await;
    assert_eq!(of_day, items[1..2]);
    let of_key = format!("?api_key_hash={}", KeyHash::of(&other));
    assert_eq!(activity(&stage, &of_key).await[0]["requests"], 1);
    assert_eq!(activity(&stage, "?user_id=nobody").await, [json!(null); 0]);
    let split = activity(&stage, "?group_by=workspace&workspace_id=default").await;
    assert_eq!(split.len(), 3);
    assert_eq!(split[0]["workspace_id"], store::DEFAULT_WORKSPACE_ID);
    // A month later nothing is left of it here.
    clock.0.store(START_MS + 36 * DAY_MS, Ordering::Relaxed);
    assert_eq!(activity(&stage, "").await, [json!(null); 0]);
}

#[tokio::test]
async fn what_cannot_be_told_is_refused() {
    let (stage, _, _) = busy().await;
    for (query, status, kind) in [
        ("?date=2026-03-09", 400, "invalid_request"),
        ("?date=2026-02-06", 400, "invalid_request"),
        ("?date=2026-02-30", 400, "invalid_request"),
        ("?group_by=model", 400, "invalid_request"),
        ("?workspace_id=nowhere", 404, "not_found"),
    ] {
        let path = format!("/api/v1/activity{query}");
        let seen = stage.get(&path, &stage.management_key).await;
        seen.error(status, kind);
    }
    let seen = stage.get("/api/v1/activity", &stage.key).await;
    seen.error(403, "permission_denied");
    stage
        .get("/api/v1/activity", "")
        .await
        .error(401, "authentication");
}
