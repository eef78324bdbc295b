//! Headers of ours that a caller may send, what a key says in their place, and what the answer and the
//! record tell: `X-Waybill-Hedge`, `X-Waybill-Recover`, `X-Waybill-Attempts`.

use http::Method;
use serde_json::{Value, json};
use simulator::Script;

use crate::stage::{Seen, Stage};

/// Two providers of one model that go on with a text, the first one cheaper; and a limit where one is
/// wanted.
fn pair(more: &str) -> impl Fn(&str) -> String {
    let more = more.to_owned();
    move |url| {
        let provider = |slug: &str, price: &str| {
            format!(
                r#"
[providers.{slug}]
name = "{slug}"
kind = "simulated"
base_url = "{url}"
dialects = ["openai-chat"]
auth = "none"
quirks = ["goes-on"]

[[providers.{slug}.endpoints]]
model = "simulated/pair"
upstream_model = "{slug}"
context_length = 100000
price = {{ input = "{price}", output = "{price}" }}
"#
            )
        };
        more.clone() + &provider("first", "1") + &provider("second", "2")
    }
}

async fn stage(more: &str) -> Stage {
    Stage::open_beside(pair(more), &[]).await
}

fn script(stage: &Stage, slug: &str, script: &str) {
    stage.simulator.script(slug, Script::parse(script).unwrap());
}

fn body() -> Value {
    json!({ "model": "simulated/pair", "stream": true,
        "provider": { "order": ["first", "second"] },
        "messages": [{ "role": "user", "content": "Hello" }] })
}

async fn send(stage: &Stage, headers: &[(&str, &str)]) -> Seen {
    let body = body().to_string();
    let path = (Method::POST, "/v1/chat/completions");
    stage.send(path, &stage.key, body.into(), headers).await
}

/// The attempts of a call's record.
async fn attempts(stage: &Stage, seen: &Seen) -> Vec<Value> {
    let id = seen.header("x-generation-id");
    let path = format!("/v1/generation?id={id}");
    let record = stage.get(&path, &stage.key).await.json();
    record["data"]["provider_responses"]
        .as_array()
        .unwrap()
        .clone()
}

async fn set_key(stage: &Stage, terms: Value) -> Value {
    let keys = stage.get("/v1/keys", &stage.management_key).await.json();
    let hash = keys["data"][0]["hash"].as_str().unwrap();
    let path = format!("/v1/keys/{hash}");
    let body = terms.to_string();
    let key = &stage.management_key;
    let changed = stage
        .send((Method::PATCH, &path), key, body.into(), &[])
        .await;
    assert_eq!(changed.status, 200, "{}", changed.text());
    changed.json()["data"].clone()
}

#[tokio::test]
async fn a_second_endpoint_is_asked_beside_a_silent_one_when_the_request_its_key_or_the_house_says()
{
    let slow = "delay=600ms,chunks=3";
    // house, key, header; how many were asked
    for (house, key, header, asked) in [
        ("", None, None, "1"),
        ("", None, Some("50"), "2"),
        ("", Some("50"), None, "2"),
        ("", Some("50"), Some("false"), "1"),
        ("[routing]\nhedge = \"50\"\n", None, None, "2"),
        ("[routing]\nhedge = \"50\"\n", Some("false"), None, "1"),
        ("[routing]\nhedge = \"50\"\n", None, Some("false"), "1"),
    ] {
        let why = format!("{house} {key:?} {header:?}");
        let stage = stage(house).await;
        script(&stage, "first", slow);
        if let Some(word) = key {
            let shown = set_key(&stage, json!({ "hedge": word })).await;
            assert_eq!(shown["hedge"], word);
        }
        let headers: Vec<_> = header
            .map(|word| ("X-Waybill-Hedge", word))
            .into_iter()
            .collect();
        let seen = send(&stage, &headers).await;
        assert_eq!(seen.status, 200, "{why}: {}", seen.text());
        assert_eq!(seen.header("x-waybill-attempts"), asked, "{why}");
        let attempts = attempts(&stage, &seen).await;
        assert_eq!(attempts.len().to_string(), asked, "{why}");
        if asked == "2" {
            assert_eq!(seen.header("x-waybill-provider"), "second", "{why}");
            assert_eq!(attempts[0]["rule"], "race_lost_estimated", "{why}");
            assert!(attempts[0]["cost"].as_f64().unwrap() > 0.0, "{why}");
        }
    }
}

#[tokio::test]
async fn a_stream_that_breaks_is_gone_on_with_when_the_request_its_key_or_the_house_says() {
    let breaks = "chunks=40,tokens=200,reset=2500";
    for (house, key, header, goes_on) in [
        ("", None, None, false),
        ("", None, Some("true"), true),
        ("", Some(true), None, true),
        ("", Some(true), Some("false"), false),
        ("[routing]\nrecover = true\n", None, None, true),
        ("[routing]\nrecover = true\n", Some(false), None, false),
    ] {
        let why = format!("{house} {key:?} {header:?}");
        let stage = stage(house).await;
        script(&stage, "first", breaks);
        if let Some(wish) = key {
            let shown = set_key(&stage, json!({ "recover": wish })).await;
            assert_eq!(shown["recover"], wish);
        }
        let headers: Vec<_> = header
            .map(|word| ("X-Waybill-Recover", word))
            .into_iter()
            .collect();
        let seen = send(&stage, &headers).await;
        let (frames, is_done) = seen.frames();
        assert_eq!(is_done, goes_on, "{why}: {}", seen.text());
        // The head went out before the break.
        assert_eq!(seen.header("x-waybill-attempts"), "1", "{why}");
        let attempts = attempts(&stage, &seen).await;
        assert_eq!(attempts.len(), if goes_on { 2 } else { 1 }, "{why}");
        if goes_on {
            let text = |frame: &Value| {
                let said = frame["choices"][0]["delta"]["content"].as_str();
                said.unwrap_or_default().chars().count()
            };
            let chars = attempts[1]["recovered_at_chars"].as_u64().unwrap();
            let all: usize = frames.iter().map(text).sum();
            assert!(
                chars > 0 && (chars as usize) < all,
                "{why}: {chars} of {all}"
            );
            assert_eq!(attempts[0]["rule"], "cut_mid_stream_estimated", "{why}");
            let usage = &frames.last().unwrap()["usage"];
            let path = format!("/v1/generation?id={}", seen.header("x-generation-id"));
            let record = stage.get(&path, &stage.key).await.json();
            let told = &usage["completion_tokens"];
            assert_eq!(record["data"]["tokens_completion"], *told, "{why}");
            assert_eq!(record["data"]["total_cost"], usage["cost"], "{why}");
        }
        assert_eq!(
            stage.running.app.store.verify().await.unwrap(),
            None,
            "{why}"
        );
    }
}

#[tokio::test]
async fn words_that_are_none_are_refused() {
    let stage = stage("").await;
    for (name, word) in [("X-Waybill-Hedge", "soon"), ("X-Waybill-Recover", "1")] {
        let seen = send(&stage, &[(name, word)]).await;
        let message = seen.error(400, "invalid_request");
        assert!(message.contains(name), "{message}");
    }
    let keys = stage.get("/v1/keys", &stage.management_key).await.json();
    let hash = keys["data"][0]["hash"].as_str().unwrap();
    let path = format!("/v1/keys/{hash}");
    let body = json!({ "hedge": "soon" }).to_string();
    let key = &stage.management_key;
    let refused = stage
        .send((Method::PATCH, &path), key, body.into(), &[])
        .await;
    refused.error(400, "invalid_request");
    // Null takes back what a key has of its own.
    set_key(&stage, json!({ "hedge": "50", "recover": true })).await;
    let shown = set_key(&stage, json!({ "hedge": null, "recover": null })).await;
    assert_eq!(
        (&shown["hedge"], &shown["recover"]),
        (&Value::Null, &Value::Null)
    );
}

/// Who lost a race is not counted any more while the other goes on.
#[tokio::test]
async fn a_lost_race_gives_its_place_at_the_provider_back() {
    let limit = "[limits]\nrate = [{ per = \"provider\", concurrent = 1 }]\n";
    let stage = stage(limit).await;
    script(&stage, "first", "delay=2s");
    script(&stage, "second", "chunks=400,gap=20ms");
    let racing = send(&stage, &[("X-Waybill-Hedge", "50")]);
    let other = async {
        loop {
            let entries = stage.simulator.ledger().entries();
            let is_let_go = |entry: &simulator::Entry| entry.disconnected_at().is_some();
            if entries.iter().any(is_let_go) {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        script(&stage, "first", "chunks=3");
        let mut only = body();
        only["provider"] = json!({ "only": ["first"] });
        let path = (Method::POST, "/v1/chat/completions");
        let seen = stage
            .send(path, &stage.key, only.to_string().into(), &[])
            .await;
        assert_eq!(seen.status, 200, "{}", seen.text());
    };
    tokio::select! {
        () = other => {}
        seen = racing => panic!("it was to last: {}", seen.text()),
    }
}
