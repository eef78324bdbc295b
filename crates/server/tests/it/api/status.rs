//! The status: who may look at it, and what it says.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use http::Method;
use serde_json::{Value, json};
use server::api::openapi::document;
use server::status::FRESH_MS;

use crate::schema::assert_fits;
use crate::stage::{Seen, Set, Stage, hello};

/// 2026-03-04 00:30 UTC.
const START_MS: i64 = 1_772_584_200_000;

const PATH: &str = "/api/v1/status";

async fn publish(stage: &Stage, is_public: bool, key: &str) -> Seen {
    let path = "/api/v1/status/public";
    let body = json!({"public": is_public}).to_string().into();
    stage.send((Method::PUT, path), key, body, &[]).await
}

fn report(seen: &Seen) -> Value {
    assert_eq!(seen.status, 200, "{}", seen.text());
    let data = seen.json()["data"].take();
    assert_fits(&document().unwrap(), "Status", &data);
    data["report"].clone()
}

/// A call to one endpoint, and what its provider is told to do.
async fn call(stage: &Stage, script: &str) -> Seen {
    let mut body = hello("simulated/echo");
    body["provider"] = json!({"only": ["sim-one"]});
    stage.chat(&body, script).await
}

#[tokio::test]
async fn nobody_looks_without_a_key_until_the_house_says_so() {
    let stage = Stage::open().await;
    call(&stage, "").await;
    stage.get(PATH, "").await.error(401, "authentication");
    stage
        .get(PATH, &stage.key)
        .await
        .error(403, "permission_denied");
    let full = stage.get(PATH, &stage.management_key).await;
    assert!(report(&full)["house"]["counts"].is_object());
    assert_eq!(full.json()["data"]["is_public"], false);
    assert_eq!(full.json()["data"]["is_configured"], false);
    assert_eq!(full.header("cache-control"), "no-store");

    assert_eq!(publish(&stage, true, "").await.status, 401);
    assert_eq!(publish(&stage, true, &stage.key).await.status, 403);
    assert_eq!(stage.get(PATH, "").await.status, 401, "nothing has changed");
    let said = publish(&stage, true, &stage.management_key).await.json();
    assert_eq!(said, json!({"data": {"is_public": true}}));
    for key in ["", &stage.key] {
        let open = stage.get(PATH, key).await;
        assert_eq!(report(&open)["house"]["counts"], Value::Null);
        assert_eq!(open.header("cache-control"), "public, max-age=15");
    }
    let wrong = stage.get(PATH, "sk-wb-v1-unknown").await;
    wrong.error(401, "authentication");
    publish(&stage, false, &stage.management_key).await;
    stage.get(PATH, "").await.error(401, "authentication");
    stage.running.stop().await;
}

#[tokio::test]
async fn the_configuration_wins() {
    for (page, status) in [("public", 200), ("private", 401)] {
        let stage = Stage::open_with(&format!("[status]\npage = \"{page}\"\n"), &[]).await;
        for wish in [true, false] {
            let refused = publish(&stage, wish, &stage.management_key).await;
            refused.error(409, "invalid_request");
            assert_eq!(stage.get(PATH, "").await.status, status, "{page}");
        }
        let full = stage.get(PATH, &stage.management_key).await.json();
        assert_eq!(full["data"]["is_configured"], true);
        stage.running.stop().await;
    }
}

#[tokio::test]
async fn what_is_public_holds_nothing_of_callers() {
    let stage = Stage::open_with("[status]\npage = \"public\"\n", &[]).await;
    let headers = [
        ("x-title", "Secret App"),
        ("x-session-id", "secret-session"),
    ];
    // A model that nobody serves has whatever name a caller gives it.
    for model in ["simulated/echo", "secret-project/model"] {
        let body = hello(model).to_string().into();
        let path = "/api/v1/chat/completions";
        stage
            .send((Method::POST, path), &stage.key, body, &headers)
            .await;
    }
    stage.running.app.recorder.flush().await;
    let text = stage.get(PATH, "").await.text();
    assert!(text.contains("simulated/echo"), "{text}");
    let facts = &stage.running.app.keyring.load();
    let hash = store::KeyHash::of(&stage.key);
    let workspace = &facts.get(&hash).unwrap().key.workspace_id;
    let lower = text.to_lowercase();
    for word in [
        "secret",
        "calls_",
        "counts",
        "cost",
        "usd",
        workspace,
        hash.as_str(),
        &stage.key,
    ] {
        assert!(!lower.contains(&word.to_lowercase()), "{word}: {text}");
    }
    stage.running.stop().await;
}

#[tokio::test]
async fn calls_that_came_to_their_end_are_told_from_those_that_did_not() {
    let clock = Arc::new(Set(AtomicI64::new(START_MS)));
    let stage = Stage::open_at(clock.clone()).await;
    let management = stage.management_key.clone();
    for _ in 0..3 {
        assert_eq!(call(&stage, "").await.status, 200);
    }
    // A stream that breaks off was reachable, and did not come to its end.
    let mut body = hello("simulated/echo");
    body["stream"] = true.into();
    body["provider"] = json!({"only": ["sim-one"]});
    stage.chat(&body, "chunks=5,error=2").await;
    // What the caller did wrong says nothing of the house.
    assert_eq!(call(&stage, "status=400").await.status, 400);
    stage.running.app.recorder.flush().await;
    let told = report(&stage.get(PATH, &management).await);
    let house = &told["house"];
    assert_eq!(house["completion_1d"], 0.75, "{house:#}");
    assert_eq!(house["counts"]["calls_30d"], 4);
    assert_eq!(house["counts"]["failed_1d"], 1);
    assert_eq!(told["hours_from"], "2026-03-03T01:00:00Z");
    assert_eq!(told["days_from"], "2026-02-03");
    let hours = house["by_hour"].as_array().unwrap();
    assert_eq!((hours.len(), &hours[23]), (24, &json!(0.75)));
    let days = house["by_day"].as_array().unwrap();
    assert_eq!((days.len(), &days[29]), (30, &json!(0.75)));
    assert_eq!(told["models"][0]["id"], "simulated/echo");
    assert_eq!(told["providers"][0]["name"], "Simulated One");
    let endpoint = &told["endpoints"][0];
    assert_eq!(endpoint["endpoint"], "sim-one");
    assert_eq!(endpoint["attempts_served_1d"], 0.75, "{endpoint:#}");
    assert!(house["total_ms"]["p95"].is_u64(), "{house:#}");

    // It is made anew when it is old, and not before.
    for _ in 0..4 {
        call(&stage, "status=500").await;
    }
    stage.running.app.recorder.flush().await;
    assert_eq!(report(&stage.get(PATH, &management).await), told);
    clock.0.fetch_add(10 * FRESH_MS, Ordering::Relaxed);
    let later = report(&stage.get(PATH, &management).await);
    assert_eq!(later["house"]["counts"]["failed_1d"], 5, "{later:#}");
    assert_eq!(later["verdict"], "down");
    let incidents = later["incidents"].as_array().unwrap();
    let failing = incidents.iter().find(|one| one["kind"] == "failing");
    let failing = failing.unwrap_or_else(|| panic!("{incidents:#?}"));
    assert_eq!(failing["endpoint"], "sim-one");
    assert_eq!(failing["is_over"], false);
    assert_eq!(failing["from"], "2026-03-04T00:00:00Z");
    stage.running.stop().await;
}
