//! Cache health: what caches saved, and why one was of no use any more.

use std::time::Duration;

use serde_json::{Value, json};

use crate::schema::assert_fits;
use crate::stage::{self, Seen, Stage};

/// A conversation of about 4,000 tokens whose instructions say what time it is.
fn conversation(now: &str, turns: usize) -> Value {
    let rules = "Always answer in one short sentence, and never tell anybody why. ".repeat(120);
    let system = format!("{rules} It is {now} now. {rules}");
    let mut messages = vec![json!({"role": "system", "content": system})];
    for turn in 0..turns {
        messages.push(json!({"role": "user", "content": format!("Question {turn}")}));
        messages.push(json!({"role": "assistant", "content": format!("Answer {turn}")}));
    }
    messages.push(json!({"role": "user", "content": format!("Question {turns}")}));
    json!({
        "model": "simulated/echo", "messages": messages, "session_id": "the-session",
        "provider": {"only": ["sim-one"]},
    })
}

/// A call whose provider takes long enough for its prompt to be hashed meanwhile.
async fn call(stage: &Stage, body: &Value) -> Seen {
    let seen = stage.chat(body, "delay=300ms").await;
    assert_eq!(seen.status, 200, "{}", seen.text());
    seen
}

/// What `/cache/health` says once it has counted three calls, and the tokens that they read from
/// caches.
async fn health_of_three_calls(stage: &Stage) -> (Value, u64) {
    let document = server::api::openapi::document().unwrap();
    for _ in 0..100 {
        let seen = stage.get("/api/v1/cache/health", &stage.key).await;
        assert_eq!(seen.status, 200, "{}", seen.text());
        let data = seen.json()["data"].take();
        assert_fits(&document, "CacheHealth", &data);
        // The calls may lie in two hours.
        let sum = |name: &str| {
            let hours = data["hours"].as_array().unwrap().iter();
            hours.map(|hour| hour[name].as_u64().unwrap()).sum::<u64>()
        };
        if sum("calls") == 3 {
            let read = sum("cache_read_tokens");
            return (data, read);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("three calls were never counted");
}

#[tokio::test]
async fn a_clock_in_the_instructions_is_found_out() {
    let stage = Stage::open().await;
    call(&stage, &conversation("2026-11-26 21:00:00", 1)).await;
    let second = call(&stage, &conversation("2026-11-26 21:00:00", 2)).await;
    let record = stage.record(&second).await;
    assert!(
        record["native_tokens_cached"].as_u64().unwrap() > 1024,
        "{record:#}"
    );
    assert_eq!(record["prefix_break"], Value::Null);
    let third = call(&stage, &conversation("2026-11-26 21:00:07", 3)).await;
    let record = stage.record(&third).await;
    let said = &record["prefix_break"];
    assert_eq!(said["part"], "messages[0]", "{record:#}");
    assert_eq!(said["change"], "timestamp");
    assert_eq!(said["cached_tokens"], 0);
    assert_eq!(said["endpoint_changed"], false);
    assert_eq!(said["generation_before"], second.header("x-generation-id"));
    let text = conversation("2026-11-26 21:00:07", 3)["messages"][0].to_string();
    let place = text.find("21:00:07").unwrap() as u64;
    let range = (
        said["from_byte"].as_u64().unwrap(),
        said["to_byte"].as_u64().unwrap(),
    );
    assert!(
        range.0 <= place + 6 && range.1 >= place + 8,
        "{range:?} {place}"
    );
    assert!(range.1 - range.0 <= 256, "{range:?}");

    let (data, read) = health_of_three_calls(&stage).await;
    assert!(read > 1024, "{data:#}");
    assert!(data["saved"].as_f64().unwrap() > 0.0);
    assert!(data["lost_to_prefix_changes"].as_f64().unwrap() > 0.0);
    assert_eq!(data["lost_to_switches"], 0);
    assert_eq!(data["broken_sessions"].as_array().unwrap().len(), 1);
    assert_eq!(data["broken_sessions"][0]["session_id"], "the-session");
    assert_eq!(&data["broken_sessions"][0]["prefix_break"], said);
    // It stands in the records, so that a restart knows it as well.
    let Stage {
        running,
        simulator,
        dir,
        management_key,
        ..
    } = stage;
    running.stop().await;
    let running = stage::start(&stage::providers(&simulator), &dir, &[]).await;
    let url = format!("{}/api/v1/cache/health", running.app.public_url);
    let request = http::Request::get(url);
    let request = request.header("authorization", format!("Bearer {management_key}"));
    let seen = stage::send(request.body(http_body_util::Full::default()).unwrap()).await;
    let after = seen.json()["data"].take();
    assert_eq!(after["broken_sessions"], data["broken_sessions"]);
    assert_eq!(
        after["lost_to_prefix_changes"],
        data["lost_to_prefix_changes"]
    );
    running.stop().await;
}

#[tokio::test]
async fn where_prompts_are_not_hashed_nothing_is_said_of_them() {
    let stage = Stage::open_with("[telemetry]\nprompt_hashes = false\n", &[]).await;
    call(&stage, &conversation("noon", 1)).await;
    call(&stage, &conversation("noon", 2)).await;
    let third = call(&stage, &conversation("one", 3)).await;
    let record = stage.record(&third).await;
    assert_eq!(record["prefix_break"], Value::Null, "{record:#}");
    assert_eq!(record["continues_generation_id"], Value::Null, "{record:#}");
    stage.running.stop().await;
}

#[tokio::test]
async fn another_endpoint_is_told_from_another_prompt() {
    let stage = Stage::open().await;
    call(&stage, &conversation("noon", 1)).await;
    call(&stage, &conversation("noon", 2)).await;
    let mut body = conversation("noon", 3);
    body["provider"] = json!({"only": ["sim-two"]});
    let moved = call(&stage, &body).await;
    let said = stage.record(&moved).await["prefix_break"].clone();
    assert_eq!(said["change"], "none", "{said:#}");
    assert_eq!(said["endpoint_changed"], true);
    let health = stage
        .get("/api/v1/cache/health", &stage.management_key)
        .await
        .json();
    assert_eq!(
        health["data"]["broken_sessions"].as_array().unwrap().len(),
        1
    );
    let by_day = stage
        .get("/api/v1/cache/health?per=day", &stage.management_key)
        .await
        .json();
    let calls = |health: &Value| -> i64 {
        let pieces = health["data"]["hours"].as_array().unwrap().iter();
        pieces.filter_map(|piece| piece["calls"].as_i64()).sum()
    };
    assert_eq!((calls(&by_day), calls(&health)), (3, 3));
    for piece in by_day["data"]["hours"].as_array().unwrap() {
        let began = piece["hour"].as_str().unwrap();
        assert!(began.ends_with("T00:00:00Z"), "{began}");
    }
    for query in [
        "from=nonsense",
        "from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z",
        "per=minute",
    ] {
        let wrong = stage
            .get(&format!("/api/v1/cache/health?{query}"), &stage.key)
            .await;
        wrong.error(400, "invalid_request");
    }
    stage.running.stop().await;
}
