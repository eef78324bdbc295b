//! `/datasets`, held to the records of the calls.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use http::Method;
use serde_json::{Value, json};
use server::api::openapi::document;

use crate::schema::problems_with;
use crate::stage::{Set, Stage, hello};

const DAY_MS: i64 = 86_400_000;

/// 2026-03-04 00:30 UTC, a Wednesday.
const START_MS: i64 = 1_772_584_200_000;

/// Sessions of two apps over days; the clock shows the morning after.
async fn busy() -> (Stage, Arc<Set>) {
    let clock = Arc::new(Set(AtomicI64::new(START_MS)));
    let stage = Stage::open_at(clock.clone()).await;
    for (day, app, session, tokens, calls) in [
        (0, "Hermes Agent", "h-1", 10, 1),
        (0, "Hermes Agent", "h-2", 30, 1),
        (1, "Hermes Agent", "h-3", 20, 3),
        (1, "Roo", "r-1", 90, 2),
        (5, "Roo", "r-2", 40, 10),
        (5, "", "nobody", 40, 1),
    ] {
        clock.0.store(START_MS + day * DAY_MS, Ordering::Relaxed);
        for _ in 0..calls {
            let mut body = hello("simulated/echo");
            body["session_id"] = json!(session);
            let script = format!("tokens={tokens}");
            let mut headers = vec![("x-simulate", script.as_str())];
            if !app.is_empty() {
                headers.push(("x-title", app));
            }
            let path = "/api/v1/chat/completions";
            let body = body.to_string().into();
            let seen = stage.send((Method::POST, path), &stage.key, body, &headers);
            assert_eq!(seen.await.status, 200);
        }
    }
    clock.0.store(START_MS + 6 * DAY_MS, Ordering::Relaxed);
    stage.running.app.recorder.flush().await;
    stage.running.app.store.merge_rollups().await.unwrap();
    (stage, clock)
}

async fn dataset(stage: &Stage, path: &str, query: &str) -> Value {
    let full = format!("/api/v1/datasets/{path}{query}");
    let seen = stage.get(&full, &stage.key).await;
    assert_eq!(seen.status, 200, "{query}: {}", seen.text());
    let document = document().unwrap();
    let answers = &document["paths"][format!("/datasets/{path}")]["get"]["responses"];
    let schema = &answers["200"]["content"]["application/json"]["schema"];
    let problems = problems_with(&document, schema, &seen.json());
    assert!(problems.is_empty(), "{path}: {problems:#?}");
    seen.json()
}

/// All records.
async fn records(stage: &Stage) -> Vec<Value> {
    let path = "/api/v1/generations?limit=1000";
    let seen = stage.get(path, &stage.management_key).await;
    seen.json()["data"].as_array().unwrap().clone()
}

fn tokens(record: &Value) -> i64 {
    let count = |name: &str| record[name].as_i64().unwrap_or(0);
    count("native_tokens_prompt") + count("native_tokens_completion")
}

#[tokio::test]
async fn models_are_ranked_by_the_tokens_of_their_records() {
    let (stage, clock) = busy().await;
    let all = records(&stage).await;
    let sums = |length: usize| {
        let mut sums = BTreeMap::<String, i64>::new();
        for record in &all {
            let date = record["created_at"].as_str().unwrap()[..length].to_owned();
            *sums.entry(date).or_default() += tokens(record);
        }
        sums
    };
    let ranked = dataset(&stage, "rankings-daily", "").await;
    assert_eq!(ranked["meta"]["end_date"], "2026-03-09");
    assert_eq!(ranked["meta"]["start_date"], "2026-02-08");
    let days: BTreeMap<String, i64> = ranked["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            assert_eq!(row["model_permaslug"], "simulated/echo");
            let count = row["total_tokens"].as_str().unwrap().parse().unwrap();
            (row["date"].as_str().unwrap().to_owned(), count)
        })
        .collect();
    assert_eq!(days, sums(10));
    let months = dataset(&stage, "rankings-daily", "?period=month").await;
    assert_eq!(months["data"][0]["date"], "2026-03-01");
    let total: i64 = days.values().sum();
    assert_eq!(months["data"][0]["total_tokens"], total.to_string());
    let weeks = dataset(&stage, "rankings-daily", "?period=week").await;
    assert_eq!(weeks["data"][0]["date"], "2026-03-02");
    assert_eq!(weeks["data"][1]["date"], "2026-03-09");
    for (query, rows) in [
        ("?modality=text", 3),
        ("?modality=image_output", 0),
        ("?modality=tool_calling", 0),
        ("?start_date=2026-03-05&end_date=2026-03-05", 1),
        ("?end_date=2025-06-01", 0),
    ] {
        let ranked = dataset(&stage, "rankings-daily", query).await;
        assert_eq!(ranked["data"].as_array().unwrap().len(), rows, "{query}");
    }
    // What is not over is not in it.
    clock.0.store(START_MS + 5 * DAY_MS, Ordering::Relaxed);
    let ranked = dataset(&stage, "rankings-daily", "").await;
    assert_eq!(ranked["data"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn apps_are_ranked_by_tokens_or_by_growth() {
    let (stage, _) = busy().await;
    let all = records(&stage).await;
    let of_app = |app: &str, day: &str| -> i64 {
        let fits = |record: &&Value| {
            record["app_title"] == app && record["created_at"].as_str().unwrap().starts_with(day)
        };
        all.iter().filter(fits).map(tokens).sum()
    };
    let ranked = dataset(&stage, "app-rankings", "").await;
    let rows = ranked["data"].as_array().unwrap();
    assert_eq!(rows.len(), 2, "{ranked:#}");
    for (row, (rank, app, calls)) in rows.iter().zip([(1, "Roo", 12), (2, "Hermes Agent", 5)]) {
        assert_eq!(row["rank"], rank);
        assert_eq!(row["app_name"], app);
        assert_eq!(row["total_requests"], calls);
        assert_eq!(row["total_tokens"], of_app(app, "").to_string());
    }
    assert_ne!(rows[0]["app_id"], rows[1]["app_id"]);
    let second = dataset(&stage, "app-rankings", "?offset=1&limit=1").await;
    assert_eq!(second["data"], json!([rows[1]]));
    let day = "?start_date=2026-03-05&end_date=2026-03-05&sort=trending";
    let trending = dataset(&stage, "app-rankings", day).await;
    let names: Vec<&Value> = trending["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| &row["app_name"])
        .collect();
    // Hermes had a third of its day before as the mean of three.
    let hermes = 3 * of_app("Hermes Agent", "2026-03-05") - of_app("Hermes Agent", "2026-03-04");
    assert!(0 < hermes && hermes < 3 * of_app("Roo", "2026-03-05"));
    assert_eq!(names, ["Roo", "Hermes Agent"]);
    let shrunk = "?start_date=2026-03-06&end_date=2026-03-06&sort=trending";
    let shrunk = dataset(&stage, "app-rankings", shrunk).await;
    assert_eq!(shrunk["data"], json!([]));
}

#[tokio::test]
async fn sessions_cost_what_their_records_say() {
    let (stage, _) = busy().await;
    let mut costs = BTreeMap::<String, f64>::new();
    for record in records(&stage).await {
        let session = record["session_id"].as_str().unwrap().to_owned();
        *costs.entry(session).or_default() += record["total_cost"].as_f64().unwrap();
    }
    let found = dataset(&stage, "session-cost", "").await;
    assert_eq!(found["meta"]["window_days"], 30);
    assert_eq!(found["meta"]["window_end_date"], "2026-03-09");
    let rows = found["data"].as_array().unwrap();
    let expected = [
        (
            "hermes-agent",
            "1-turn",
            (costs["h-1"] + costs["h-2"]) / 2.0,
        ),
        ("hermes-agent", "2-9-turns", costs["h-3"]),
        ("roo", "2-9-turns", costs["r-1"]),
        ("roo", "10-49-turns", costs["r-2"]),
    ];
    assert_eq!(rows.len(), expected.len(), "{found:#}");
    for (row, (slug, range, cost)) in rows.iter().zip(expected) {
        assert_eq!(row["app_slug"], slug);
        assert_eq!(row["turn_range"], range);
        assert_eq!(row["model_permaslug"], "simulated/echo");
        let median = row["median_session_cost_usd"].as_f64().unwrap();
        assert!((median - cost).abs() < 2e-9, "{row:#} {cost}");
    }
    for (query, count) in [
        ("?app_slug=roo", 2),
        ("?turn_range=2-9-turns", 2),
        ("?model=simulated/none", 0),
        ("?limit=3", 3),
        ("?offset=3", 1),
    ] {
        let found = dataset(&stage, "session-cost", query).await;
        assert_eq!(found["data"].as_array().unwrap().len(), count, "{query}");
    }
}

#[tokio::test]
async fn datasets_are_of_the_workspace_and_mistakes_are_named() {
    let (stage, _) = busy().await;
    for (query, named) in [
        ("rankings-daily?period=year", "period"),
        ("rankings-daily?modality=smell", "modality"),
        ("rankings-daily?context_bucket=1K", "context_bucket"),
        ("rankings-daily?category=programming", "category"),
        ("rankings-daily?end_date=2024-01-01", "end_date"),
        ("app-rankings?sort=new", "sort"),
        ("app-rankings?limit=101", "limit"),
        ("app-rankings?offset=-1", "offset"),
        ("app-rankings?subcategory=legal", "subcategory"),
        ("session-cost?turn_range=3-turns", "turn_range"),
        ("session-cost?limit=501", "limit"),
    ] {
        let path = format!("/api/v1/datasets/{query}");
        let message = stage
            .get(&path, &stage.key)
            .await
            .error(400, "invalid_request");
        assert!(message.contains(named), "{query}: {message}");
        stage.get(&path, "").await.error(401, "authentication");
    }
    // A workspace whose keys have called nothing sees nothing.
    let store = &stage.running.app.store;
    let new = store::NewWorkspace {
        id: "22222222-2222-4222-8222-222222222222".to_owned(),
        slug: "quiet".to_owned(),
        name: "Quiet".to_owned(),
        description: None,
        created_at_ms: START_MS,
    };
    store.workspaces().create(&new).await.unwrap();
    let body = json!({ "name": "quiet", "workspace_id": new.id });
    let made = stage
        .post("/api/v1/keys", &stage.management_key, &body)
        .await;
    let quiet = made.json()["key"].as_str().unwrap().to_owned();
    for path in ["rankings-daily", "app-rankings", "session-cost"] {
        let path = format!("/api/v1/datasets/{path}");
        let seen = stage.get(&path, &quiet).await.json();
        assert_eq!(seen["data"], json!([]), "{path}");
        let house = stage.get(&path, &stage.management_key).await.json();
        assert_ne!(house["data"], json!([]), "{path}");
    }
}
