//! A clock that jumps: budgets, limits and records bear it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use http::Method;
use serde_json::{Value, json};

use crate::stage::{Set, Stage, hello};

const CALLS: &str = "/api/v1/chat/completions";
const HOUR_MS: i64 = 3_600_000;

/// 2026-03-04 00:30 UTC: an hour back is yesterday.
const START_MS: i64 = 1_772_584_200_000;

async fn limited(stage: &Stage, body: &Value) -> String {
    let made = stage
        .post("/api/v1/keys", &stage.management_key, body)
        .await;
    assert_eq!(made.status, 201, "{}", made.text());
    made.json()["key"].as_str().unwrap().to_owned()
}

fn call() -> Value {
    let mut body = hello("simulated/echo");
    body["max_tokens"] = json!(20);
    body
}

/// What a key has spent by its own account, USD.
async fn spent(stage: &Stage, key: &str) -> f64 {
    stage.running.app.recorder.flush().await;
    let seen = stage.get("/api/v1/key", key).await;
    assert_eq!(seen.status, 200, "{}", seen.text());
    seen.json()["data"]["usage"].as_f64().unwrap()
}

#[tokio::test]
async fn clock_steps_of_an_hour_break_neither_budgets_nor_limits() {
    let clock = Arc::new(Set(AtomicI64::new(START_MS)));
    let stage = Stage::open_at(clock.clone()).await;
    let rates = json!([{"requests": 1000, "window": "hour"}, {"concurrent": 5}]);
    let free = limited(
        &stage,
        &json!({"name": "wide", "limit": 1, "limit_reset": "daily", "rate_limits": rates}),
    )
    .await;
    // A day's limit that a few calls use up.
    let narrow = limited(
        &stage,
        &json!({"name": "narrow", "limit": 0.01, "limit_reset": "daily"}),
    )
    .await;
    let mut calls = 0;
    loop {
        let seen = stage.post(CALLS, &narrow, &call()).await;
        if seen.status == 402 {
            break;
        }
        assert_eq!(seen.status, 200, "{}", seen.text());
        calls += 1;
        assert!(calls < 500, "a limit that nothing reaches");
    }
    assert!(calls > 0);
    for (step, hours) in [1, 0, -1, 0, -1, 1, 23, 0].into_iter().enumerate() {
        clock.0.store(START_MS + hours * HOUR_MS, Ordering::Relaxed);
        let seen = stage.post(CALLS, &free, &call()).await;
        assert_eq!(seen.status, 200, "step {step}: {}", seen.text());
        let id = seen.json()["id"].as_str().unwrap().to_owned();
        let record = format!("/api/v1/generation?id={id}");
        assert_eq!(stage.get(&record, &free).await.status, 200, "step {step}");
        // Today's money stays spent, whatever the clock has shown meanwhile.
        if (0..24).contains(&hours) {
            let seen = stage.post(CALLS, &narrow, &call()).await;
            assert_eq!(seen.status, 402, "step {step}: {}", seen.text());
        }
    }
    assert!(spent(&stage, &narrow).await <= 0.01);
    assert!(spent(&stage, &free).await > 0.0);
    // A new day is a new window, and the day before it is not given out again.
    clock.0.store(START_MS + 24 * HOUR_MS, Ordering::Relaxed);
    assert_eq!(stage.post(CALLS, &narrow, &call()).await.status, 200);
    clock.0.store(START_MS, Ordering::Relaxed);
    assert_eq!(stage.post(CALLS, &narrow, &call()).await.status, 402);
    stage.running.app.recorder.flush().await;
    let difference = stage.running.app.store.verify().await.unwrap();
    assert_eq!(difference, None);
}

#[tokio::test]
async fn a_rate_limit_that_is_used_up_is_not_locked_by_a_clock_that_steps_back() {
    let clock = Arc::new(Set(AtomicI64::new(START_MS)));
    let stage = Stage::open_at(clock.clone()).await;
    let rates = json!([{"requests": 2, "window": "minute"}]);
    let key = limited(&stage, &json!({"name": "two", "rate_limits": rates})).await;
    for hours in [0, -1, 1] {
        clock.0.store(START_MS + hours * HOUR_MS, Ordering::Relaxed);
        let mut statuses = Vec::new();
        for _ in 0..3 {
            let seen = stage
                .send((Method::POST, CALLS), &key, call().to_string().into(), &[])
                .await;
            if seen.status == 429 {
                let wait: u64 = seen.header("retry-after").parse().unwrap();
                assert!(wait <= Duration::from_secs(3660).as_secs(), "{wait}");
            }
            statuses.push(seen.status);
        }
        assert!(
            statuses
                .iter()
                .all(|status| [200, 429].contains(&status.as_u16())),
            "{statuses:?}"
        );
    }
    // When the clock is right again, so are the limits, a minute later at the latest.
    clock.0.store(START_MS + 2 * HOUR_MS, Ordering::Relaxed);
    assert_eq!(stage.post(CALLS, &key, &call()).await.status, 200);
}
