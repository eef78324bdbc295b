//! What was measured of endpoints: back after a restart, and added up over replicas.

use serde_json::Value;
use server::jobs::keep_health;
use server::start::Running;

use crate::stage::{Scratch, Seen, hello, providers, send, start};

async fn get(running: &Running, path: &str) -> Seen {
    let request = http::Request::get(format!("{}{path}", running.app.public_url));
    send(request.body(http_body_util::Full::default()).unwrap()).await
}

async fn chat(running: &Running, key: &str, script: &str) -> Seen {
    let mut body = hello("simulated/echo");
    // Only a stream shows its first token.
    body["stream"] = true.into();
    body["provider"] = serde_json::json!({ "only": ["sim-one"] });
    let request = http::Request::post(format!(
        "{}/api/v1/chat/completions",
        running.app.public_url
    ))
    .header("authorization", format!("Bearer {key}"))
    .header("x-simulate", script);
    let body = http_body_util::Full::new(body.to_string().into());
    send(request.body(body).unwrap()).await
}

/// What is shown of the endpoint that was asked.
async fn shown(running: &Running) -> Value {
    let path = "/api/v1/models/simulated/echo/endpoints";
    let seen = get(running, path).await;
    assert_eq!(seen.status, 200, "{}", seen.text());
    let mut json = seen.json();
    let endpoints = json["data"]["endpoints"].as_array_mut().unwrap();
    let mut endpoints = endpoints.iter_mut();
    let one = endpoints.find(|endpoint| endpoint["tag"] == "sim-one");
    one.unwrap().take()
}

#[tokio::test]
async fn statistics_come_back_after_a_restart() {
    let simulator = simulator::Simulator::start("127.0.0.1:0").await.unwrap();
    let dir = Scratch::new();
    let text = providers(&simulator);
    let running = start(&text, &dir, &[]).await;
    let keys = running.first_keys.as_ref().unwrap();
    let key = keys.inference.expose().to_owned();
    for _ in 0..8 {
        assert_eq!(chat(&running, &key, "delay=20ms").await.status, 200);
    }
    assert_ne!(chat(&running, &key, "status=503").await.status, 200);
    let before = shown(&running).await;
    running.stop().await;
    let again = start(&text, &dir, &[]).await;
    let after = shown(&again).await;
    for field in [
        "uptime_last_5m",
        "uptime_last_30m",
        "uptime_last_1d",
        "latency_last_30m",
        "throughput_last_30m",
    ] {
        assert!(!after[field].is_null(), "{field}: {after:#}");
        assert_eq!(after[field], before[field], "{field}");
    }
    assert!(after["latency_last_30m"]["p50"].as_f64().unwrap() > 0.0);
    again.stop().await;
}

#[tokio::test]
async fn replicas_on_one_database_add_up_what_they_have_seen() {
    let simulator = simulator::Simulator::start("127.0.0.1:0").await.unwrap();
    let (place, left, right) = (Scratch::new(), Scratch::new(), Scratch::new());
    let database = place.0.join("waybill.db");
    let text = format!(
        "[storage]\nurl = \"sqlite:{}\"\n{}",
        database.display(),
        providers(&simulator)
    );
    let left = start(&text, &left, &[]).await;
    let key = left
        .first_keys
        .as_ref()
        .unwrap()
        .inference
        .expose()
        .to_owned();
    let right = start(&text, &right, &[]).await;
    for _ in 0..6 {
        assert_eq!(chat(&left, &key, "").await.status, 200);
    }
    assert_ne!(chat(&right, &key, "status=503").await.status, 200);
    assert_eq!(shown(&left).await["uptime_last_30m"], 100.0);
    assert_eq!(shown(&right).await["uptime_last_30m"], 0.0);
    keep_health::keep(&left.app, "left").await;
    keep_health::keep(&right.app, "right").await;
    // More than once: what is shared is replaced, never added to itself, and never written back.
    for _ in 0..2 {
        keep_health::share(&left.app, "left").await;
        keep_health::share(&right.app, "right").await;
        keep_health::keep(&left.app, "left").await;
    }
    for running in [&left, &right] {
        let uptime = shown(running).await["uptime_last_30m"].as_f64().unwrap();
        assert!((uptime - 600.0 / 7.0).abs() < 0.01, "{uptime}");
    }
    right.stop().await;
    left.stop().await;
}
