//! Rate limits and the velocity guard, from outside.

use std::time::Duration;

use bytes::Bytes;
use http::Method;
use http_body_util::Full;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::stage::{Scratch, Seen, Stage, hello, providers, send, start};

async fn call(stage: &Stage, key: &str) -> Seen {
    let path = "/api/v1/chat/completions";
    stage.post(path, key, &hello("simulated/echo")).await
}

/// Makes a key; its secret and its path.
async fn make_key(stage: &Stage, body: &Value) -> (String, String) {
    let made = stage
        .post("/api/v1/keys", &stage.management_key, body)
        .await;
    assert_eq!(made.status, 201, "{}", made.text());
    let json = made.json();
    let hash = json["data"]["hash"].as_str().unwrap();
    (
        json["key"].as_str().unwrap().to_owned(),
        format!("/api/v1/keys/{hash}"),
    )
}

async fn patch(stage: &Stage, path: &str, body: &Value) -> Seen {
    let body = Bytes::from(body.to_string());
    stage
        .send((Method::PATCH, path), &stage.management_key, body, &[])
        .await
}

#[tokio::test]
async fn a_limit_shows_on_every_answer_and_names_itself_when_it_is_met() {
    let more = "[limits]\nrate = [{ per = \"key\", requests = 2, window = \"day\" }]\n";
    let stage = Stage::open_with(more, &[]).await;
    for left in ["1", "0"] {
        let seen = call(&stage, &stage.key).await;
        assert_eq!(seen.status, 200, "{}", seen.text());
        assert_eq!(seen.header("x-ratelimit-limit"), "2");
        assert_eq!(seen.header("x-ratelimit-remaining"), left);
        assert_eq!(seen.header("x-ratelimit-remaining-requests"), left);
        let reset: i64 = seen.header("x-ratelimit-reset").parse().unwrap();
        assert_eq!(reset % 86_400_000, 0);
    }
    let refused = call(&stage, &stage.key).await;
    let message = refused.error(429, "rate_limit_exceeded");
    assert!(message.contains("key-requests-per-day"), "{message}");
    assert_eq!(refused.header("x-ratelimit-remaining"), "0");
    let wait: u64 = refused.header("retry-after").parse().unwrap();
    assert!((1..=86_400).contains(&wait), "{wait}");
    let (other, _) = make_key(&stage, &json!({"name": "other"})).await;
    assert_eq!(call(&stage, &other).await.status, 200);
    let metrics = stage.get("/metrics", "").await.text();
    assert!(
        metrics.contains("waybill_rate_limited_calls_total 1\n"),
        "{metrics}"
    );
}

#[tokio::test]
async fn at_the_door_of_messages_limits_show_under_anthropics_names() {
    let more = "[limits]\nrate = [{ per = \"key\", requests = 1, window = \"day\" }]\n";
    let stage = Stage::open_with(more, &[]).await;
    let mut body = hello("simulated/echo");
    body["max_tokens"] = 50.into();
    let message = async || stage.post("/api/v1/messages", &stage.key, &body).await;
    let served = message().await;
    assert_eq!(served.status, 200, "{}", served.text());
    let limit = "anthropic-ratelimit-requests-limit";
    assert_eq!(served.header(limit), "1");
    assert_eq!(served.header("anthropic-ratelimit-requests-remaining"), "0");
    assert!(
        served
            .header("anthropic-ratelimit-requests-reset")
            .ends_with('Z')
    );
    let refused = message().await;
    assert_eq!(refused.status, 429, "{}", refused.text());
    assert_eq!(refused.json()["error"]["type"], "rate_limit_error");
    assert_eq!(refused.header(limit), "1");
    assert!(!refused.header("retry-after").is_empty());
}

#[tokio::test]
async fn an_answer_without_limits_has_no_limit_headers() {
    let stage = Stage::open().await;
    let seen = call(&stage, &stage.key).await;
    assert_eq!(seen.status, 200);
    assert_eq!(seen.header("x-ratelimit-limit"), "");
}

#[tokio::test]
async fn tokens_are_counted_when_a_call_has_ended() {
    let more = "[limits]\nrate = [{ per = \"workspace\", tokens = 400, window = \"day\" }]\n";
    let stage = Stage::open_with(more, &[]).await;
    let first = stage.chat(&hello("simulated/echo"), "tokens=500").await;
    assert_eq!(first.status, 200, "{}", first.text());
    let refused = call(&stage, &stage.key).await;
    let message = refused.error(429, "rate_limit_exceeded");
    assert!(message.contains("workspace-tokens-per-day"), "{message}");
    assert_eq!(refused.header("x-ratelimit-remaining-tokens"), "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_at_once_make_room_when_they_end_or_their_caller_leaves() {
    let more = "[limits]\nrate = [{ per = \"key\", concurrent = 1 }]\n";
    let stage = Stage::open_with(more, &[]).await;
    let body = hello("simulated/echo");
    let slow = stage.chat(&body, "delay=30s");
    // Gives up long before the provider answers.
    let first = tokio::time::timeout(Duration::from_millis(300), async {
        let second = async {
            sleep(Duration::from_millis(150)).await;
            call(&stage, &stage.key).await
        };
        let ((), second) = tokio::join!(
            async { drop(tokio::time::timeout(Duration::from_millis(250), slow).await) },
            second
        );
        second
    })
    .await
    .unwrap();
    let message = first.error(429, "rate_limit_exceeded");
    assert!(message.contains("key-concurrent"), "{message}");
    assert_eq!(first.header("retry-after"), "1");
    let since = Instant::now();
    while call(&stage, &stage.key).await.status != 200 {
        assert!(
            since.elapsed() < Duration::from_secs(10),
            "no room was made"
        );
        sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(call(&stage, &stage.key).await.status, 200);
}

#[tokio::test]
async fn a_key_has_limits_of_its_own_by_the_api() {
    let stage = Stage::open().await;
    let own = json!([{"requests": 1, "window": "day"}]);
    let (key, path) = make_key(&stage, &json!({"name": "own", "rate_limits": own})).await;
    assert_eq!(call(&stage, &key).await.status, 200);
    assert_eq!(call(&stage, &key).await.status, 429);
    assert_eq!(call(&stage, &stage.key).await.status, 200);
    let view = stage.get("/api/v1/key", &key).await.json();
    assert_eq!(view["data"]["rate_limits"], own);
    let wrong = patch(&stage, &path, &json!({"rate_limits": [{"requests": 1}]})).await;
    let message = wrong.error(400, "invalid_request");
    assert!(message.contains("rate_limits[0]"), "{message}");
    let free = patch(&stage, &path, &json!({"rate_limits": null})).await;
    assert_eq!(free.json()["data"]["rate_limits"], json!([]));
    assert_eq!(call(&stage, &key).await.status, 200);
}

#[tokio::test]
async fn free_variants_have_limits_of_their_own() {
    let more = "[limits]\nfree_requests_per_day = 1\n";
    let stage = Stage::open_with(more, &[]).await;
    let row = format!(
        "[providers.sim-free]\nname = \"Simulated Free\"\nkind = \"simulated\"\nbase_url = \"{}\"\n\
         dialects = [\"openai-chat\"]\nauth = \"none\"\n\
         [[providers.sim-free.endpoints]]\nmodel = \"simulated/echo\"\nvariant = \"free\"\n\
         upstream_model = \"echo-free\"\nprice = {{ input = \"0\", output = \"0\" }}\n",
        stage.simulator.base_url()
    );
    drop(stage);
    let stage = Stage::open_with(&format!("{more}\n{row}"), &[]).await;
    let free = || async {
        let path = "/api/v1/chat/completions";
        stage
            .post(path, &stage.key, &hello("simulated/echo:free"))
            .await
    };
    let first = free().await;
    assert_ne!(first.status, 429, "{}", first.text());
    let message = free().await.error(429, "rate_limit_exceeded");
    assert!(message.contains("free-models-per-day"), "{message}");
    assert_eq!(call(&stage, &stage.key).await.status, 200);
    let view = stage.get("/api/v1/key", &stage.key).await.json();
    let standing = json!({"limit": 1, "remaining": 0, "used": 1});
    assert_eq!(view["data"]["free_model_daily_requests"], standing);
}

#[tokio::test]
async fn a_key_that_spends_too_fast_is_frozen_until_somebody_lets_it_go_on() {
    let more = "[limits]\nvelocity_usd_per_hour = \"0.000001\"\n";
    let stage = Stage::open_with(more, &[]).await;
    let (key, path) = make_key(&stage, &json!({"name": "fast"})).await;
    assert_eq!(call(&stage, &key).await.status, 200);
    // Refused by this process at once, and by the key's own state a moment later.
    let at_once = call(&stage, &key).await;
    assert!(
        [401, 403].contains(&at_once.status.as_u16()),
        "{}",
        at_once.text()
    );
    let since = Instant::now();
    let view = loop {
        let view = stage.get(&path, &stage.management_key).await.json();
        if view["data"]["disabled"] == true {
            break view;
        }
        assert!(
            since.elapsed() < Duration::from_secs(10),
            "it was not frozen"
        );
        sleep(Duration::from_millis(10)).await;
    };
    let reason = view["data"]["disabled_reason"].as_str().unwrap();
    assert!(reason.contains("0.000001 USD within an hour"), "{reason}");
    let thawed = patch(&stage, &path, &json!({"disabled": false}))
        .await
        .json();
    assert_eq!(thawed["data"]["disabled_reason"], Value::Null);
    assert_eq!(call(&stage, &key).await.status, 200);
}

/// The smallest call at a server.
async fn call_at(url: &str, key: &str) -> Seen {
    let request = http::Request::builder()
        .method(Method::POST)
        .uri(format!("{url}/api/v1/chat/completions"))
        .header("authorization", format!("Bearer {key}"))
        .body(Full::new(Bytes::from(hello("simulated/echo").to_string())));
    send(request.unwrap()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_frozen_at_one_replica_is_refused_at_the_others() {
    let place = Scratch::new();
    let url = format!("sqlite:{}", place.0.join("shared.db").display());
    let more =
        format!("[storage]\nurl = \"{url}\"\n[limits]\nvelocity_usd_per_hour = \"0.000001\"\n");
    let stage = Stage::open_with(&more, &[]).await;
    let (key, path) = make_key(&stage, &json!({"name": "fast"})).await;
    let dir = Scratch::new();
    let text = format!("{more}{}", providers(&stage.simulator));
    let other = start(&text, &dir, &[]).await;
    let there = async |key: &str| call_at(&other.app.public_url, key).await;
    assert_eq!(call(&stage, &key).await.status, 200);
    let since = Instant::now();
    loop {
        let seen = there(&key).await;
        if seen.status == 401 {
            let message = seen.error(401, "authentication");
            assert!(message.contains("within an hour"), "{message}");
            break;
        }
        assert!(
            [200, 403].contains(&seen.status.as_u16()),
            "{}",
            seen.text()
        );
        assert!(
            since.elapsed() < Duration::from_secs(10),
            "it was not frozen there"
        );
        sleep(Duration::from_millis(20)).await;
    }
    // Let go on at one, it goes on at both.
    patch(&stage, &path, &json!({"disabled": false})).await;
    let since = Instant::now();
    while there(&key).await.status != 200 {
        assert!(
            since.elapsed() < Duration::from_secs(10),
            "it is frozen there"
        );
        sleep(Duration::from_millis(20)).await;
    }
    other.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_key_spends_at_several_replicas_counts_together() {
    let Some(valkey) = crate::replicas::variable("TEST_VALKEY_URL") else {
        eprintln!("no Valkey: TEST_VALKEY_URL is not set");
        return;
    };
    let plain = Stage::open().await;
    let cost = call(&plain, &plain.key).await.json()["usage"]["cost"].to_string();
    let cost = ledger::Amount::from_usd(&cost).unwrap();
    // Two calls are too much, one is not.
    let limit = ledger::Amount::from_nanos(cost.nanos() * 3 / 2);
    let place = Scratch::new();
    let url = format!("sqlite:{}", place.0.join("shared.db").display());
    let more = format!(
        "[storage]\nurl = \"{url}\"\n[cluster]\nvalkey = \"{valkey}\"\n\
         [limits]\nvelocity_usd_per_hour = \"{limit}\"\n"
    );
    let stage = Stage::open_with(&more, &[]).await;
    let (key, _) = make_key(&stage, &json!({"name": "everywhere"})).await;
    let dir = Scratch::new();
    let other = start(&format!("{more}{}", providers(&stage.simulator)), &dir, &[]).await;
    assert_eq!(call(&stage, &key).await.status, 200);
    let since = Instant::now();
    let mut there = call_at(&other.app.public_url, &key).await;
    while there.status == 401 && since.elapsed() < Duration::from_secs(10) {
        // The other has not heard of the new key yet.
        sleep(Duration::from_millis(20)).await;
        there = call_at(&other.app.public_url, &key).await;
    }
    assert_eq!(there.status, 200, "{}", there.text());
    // Nobody calls any more, and each alone has seen too little.
    let since = Instant::now();
    loop {
        let path = "/api/v1/keys?include_disabled=true";
        let keys = stage.get(path, &stage.management_key).await.json();
        let list = keys["data"].as_array().unwrap();
        let named = list.iter().find(|row| row["name"] == "everywhere").unwrap();
        if named["disabled"] == true {
            break;
        }
        assert!(since.elapsed() < Duration::from_secs(10), "{named:#}");
        sleep(Duration::from_millis(50)).await;
    }
    other.stop().await;
}

/// Which provider served each of so many calls that may go to either; an error's status otherwise.
async fn served_by(stage: &Stage, calls: usize) -> Vec<String> {
    let mut served = Vec::new();
    for _ in 0..calls {
        let mut body = hello("simulated/echo");
        body["provider"] = json!({"order": ["sim-one", "sim-two"]});
        let path = "/api/v1/chat/completions";
        let seen = stage.post(path, &stage.key, &body).await;
        served.push(match seen.status.as_u16() {
            200 => seen.json()["provider"].as_str().unwrap().to_owned(),
            429 => seen.error(429, "rate_limit_exceeded"),
            other => panic!("{other}: {}", seen.text()),
        });
    }
    served
}

#[tokio::test]
async fn calls_over_a_providers_limit_go_to_the_next_endpoint_and_429_only_when_none_is_left() {
    let more = "[limits]\nrate = [\n\
        { per = \"provider\", only = \"sim-one\", requests = 2, window = \"day\" },\n\
        { per = \"endpoint\", only = \"simulated/echo@sim-two\", requests = 1, window = \"day\" },\n]\n";
    let stage = Stage::open_with(more, &[]).await;
    let served = served_by(&stage, 4).await;
    assert_eq!(
        served[..3],
        ["Simulated One", "Simulated One", "Simulated Two"]
    );
    assert!(
        served[3].contains("endpoint-requests-per-day"),
        "{served:?}"
    );
    let refused = call(&stage, &stage.key).await;
    refused.error(429, "rate_limit_exceeded");
    let wait: u64 = refused.header("retry-after").parse().unwrap();
    assert!((1..=86_400).contains(&wait), "{wait}");
    let json = refused.json();
    let why = &json["error"]["availability"];
    assert_eq!(why["code"], "capacity_exhausted", "{json:#}");
    // Another model of the same provider is over its limit too.
    let path = "/api/v1/chat/completions";
    let other = stage
        .post(path, &stage.key, &hello("simulated/unpriced"))
        .await;
    other.error(429, "rate_limit_exceeded");
    let metrics = stage.get("/metrics", "").await.text();
    assert!(
        metrics.contains("waybill_endpoints_passed_over_total 6\n"),
        "{metrics}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoints_calls_at_once_are_bounded_and_failed_attempts_make_room() {
    let more = "[limits]\nrate = [{ per = \"endpoint\", concurrent = 1 }]\n";
    let stage = Stage::open_with(more, &[]).await;
    let body = hello("simulated/echo");
    let (slow, quick) = tokio::join!(stage.chat(&body, "delay=1500ms"), async {
        sleep(Duration::from_millis(500)).await;
        call(&stage, &stage.key).await
    });
    assert_eq!(slow.json()["provider"], "Simulated One");
    assert_eq!(
        quick.json()["provider"],
        "Simulated Two",
        "{}",
        quick.text()
    );
    // A failed attempt is not live any more, though its call goes on at the next endpoint.
    let failed = stage.chat(&body, "status=500").await;
    assert!(failed.status.is_server_error(), "{}", failed.text());
    for _ in 0..3 {
        assert_eq!(
            call(&stage, &stage.key).await.json()["provider"],
            "Simulated One"
        );
    }
}
