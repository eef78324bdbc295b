//! What destinations are told of calls: content to those who ask for it, and nothing is lost with a
//! server that stops.

use std::time::Duration;

use http::{Method, Request};
use http_body_util::Full;
use serde_json::{Value, json};
use store::DEFAULT_WORKSPACE_ID;

use super::destinations::open;
use super::receiver::Receiver;
use crate::stage::{self, Stage, hello};

const PATH: &str = "/api/v1/observability/destinations";
const CARD: &str = "4111 1111 1111 1111";

/// What a receiver was told of the call itself: the attributes of its first span.
fn attributes(request: &str) -> Value {
    let (_, body) = request.split_once("\r\n\r\n").unwrap();
    let body: Value = serde_json::from_str(body).unwrap();
    let span = &body["resourceSpans"][0]["scopeSpans"][0]["spans"][0];
    let attributes = span["attributes"].as_array().unwrap().iter();
    let pairs = attributes.map(|one| {
        let value = one["value"].as_object().unwrap().values().next().unwrap();
        (one["key"].as_str().unwrap().to_owned(), value.clone())
    });
    Value::Object(pairs.collect())
}

fn content(request: &str, name: &str) -> Value {
    let text = attributes(request)[name].clone();
    serde_json::from_str(text.as_str().unwrap_or("null")).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn content_is_told_to_whoever_asks_for_it_redacted_and_to_nobody_else() {
    let stage = open().await;
    let (mut open_one, mut private) = (
        Receiver::answering(&[200]).await,
        Receiver::answering(&[200]).await,
    );
    let made = |url: &str, is_private: bool| json!({"type": "webhook", "name": "n", "config": {"url": url}, "privacy_mode": is_private});
    stage.destination(made(&open_one.url, false)).await;
    stage.destination(made(&private.url, true)).await;
    let mut body = hello("simulated/echo");
    body["messages"][0]["content"] = format!("pay with {CARD} please").into();
    for stream in [false, true] {
        body["stream"] = stream.into();
        let answer = stage.chat(&body, "text=Good%20day").await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let (told, kept_from) = (open_one.next().await, private.next().await);
        assert_eq!(
            content(&told, "gen_ai.input.messages"),
            json!([{"role": "user", "parts": [{"type": "text", "content": "pay with [card] please"}]}])
        );
        let output = content(&told, "gen_ai.output.messages");
        assert_eq!(output[0]["parts"][0]["content"], "Good day", "{output}");
        assert_eq!(output[0]["finish_reason"], "stop");
        for canary in ["please", "Good day", CARD, "gen_ai.input"] {
            assert!(!kept_from.contains(canary), "{canary}: {kept_from}");
        }
        assert!(kept_from.contains(answer.header("x-generation-id")));
        assert_eq!(
            stage.record(&answer).await["content"],
            "off",
            "told, not kept"
        );
    }
    // A failure has a question and no answer.
    let failed = stage.chat(&hello("simulated/echo"), "status=400").await;
    assert_eq!(failed.status, 400);
    let told = open_one.next().await;
    let input = content(&told, "gen_ai.input.messages");
    assert_eq!(input[0]["parts"][0]["content"], "Hello there");
    assert_eq!(content(&told, "gen_ai.output.messages"), json!([]));
    // Zero retention wins.
    for rule in [json!({"zdr": true}), json!({"data_collection": "deny"})] {
        let mut body = hello("simulated/echo");
        body["provider"] = rule;
        stage.chat(&body, "").await;
        let told = open_one.next().await;
        assert!(!told.contains("Hello there"), "{told}");
        assert!(!told.contains("gen_ai.input.messages"), "{told}");
    }
    stage.running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_about_words_decide_even_where_words_are_not_told() {
    let stage = open().await;
    let mut receiver = Receiver::answering(&[200]).await;
    let rules = json!({"groups": [{"rules": [
        {"field": "input", "operator": "contains", "value": "wanted"},
        {"field": "output", "operator": "regex", "value": "^Good"},
    ]}]});
    let made = json!({
        "type": "webhook", "name": "n", "config": {"url": receiver.url},
        "privacy_mode": true, "filter_rules": rules,
    });
    stage.destination(made).await;
    let mut wanted = hello("simulated/echo");
    wanted["messages"][0]["content"] = "this is wanted".into();
    for (body, script) in [
        (hello("simulated/echo"), "text=Good%20day"),
        (wanted.clone(), "text=Bad%20day"),
    ] {
        assert_eq!(stage.chat(&body, script).await.status, 200);
    }
    let last = stage.chat(&wanted, "text=Good%20day").await;
    let told = receiver.next().await;
    assert!(told.contains(last.header("x-generation-id")), "{told}");
    assert!(!told.contains("this is wanted"), "{told}");
    stage.running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_destination_of_an_earlier_version_hears_no_content_and_a_silent_workspace_tells_nobody()
{
    let stage = open().await;
    let mut receiver = Receiver::answering(&[200]).await;
    let made = json!({"type": "webhook", "name": "n", "config": {"url": receiver.url}});
    let id = stage.destination(made).await;
    let app = &stage.running.app;
    let name = format!("observability/destination/{id}");
    let kept = app.store.settings().get(&name).await.unwrap().unwrap();
    let mut row: Value = serde_json::from_str(&kept.value).unwrap();
    row.as_object_mut().unwrap().remove("with_content").unwrap();
    let row = row.to_string();
    app.store.settings().set(&name, &row, 1).await.unwrap();
    app.read_destinations().await.unwrap();
    let path = format!("/{id}");
    let shown = stage.desk(Method::GET, &path, &Value::Null).await.json();
    assert_eq!(shown["data"]["privacy_mode"], true);
    stage.chat(&hello("simulated/echo"), "").await;
    assert!(!receiver.next().await.contains("Hello there"));
    let asks = json!({"privacy_mode": false});
    assert_eq!(stage.desk(Method::PATCH, &path, &asks).await.status, 200);
    stage.chat(&hello("simulated/echo"), "").await;
    assert!(receiver.next().await.contains("Hello there"));

    let workspace = format!("/api/v1/workspaces/{DEFAULT_WORKSPACE_ID}");
    let switch = async |is_told: bool| {
        let change = json!({"is_observability_broadcast_enabled": is_told}).to_string();
        let request = (Method::PATCH, workspace.as_str());
        let seen = stage
            .send(request, &stage.management_key, change.into(), &[])
            .await;
        let shown = &seen.json()["data"]["is_observability_broadcast_enabled"];
        assert_eq!(shown, is_told, "{}", seen.text());
    };
    switch(false).await;
    stage.chat(&hello("simulated/echo"), "").await;
    switch(true).await;
    let last = stage.chat(&hello("simulated/echo"), "").await;
    let told = receiver.next().await;
    assert!(told.contains(last.header("x-generation-id")), "{told}");
    stage.running.stop().await;
}

/// What became of the calls of a destination, once it is so.
async fn deliveries(base: &str, key: &str, id: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    loop {
        let request = Request::get(format!("{base}{PATH}/{id}/deliveries"));
        let request = request.header("authorization", format!("Bearer {key}"));
        let seen = stage::send(request.body(Full::default()).unwrap()).await;
        let data = seen.json()["data"].clone();
        if is_so(&data) {
            return data;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// That one call waits in a destination's folder, in the state that its name says, and cannot be read.
fn assert_lies_sealed(folder: &std::path::Path, state: &str, id: &str) {
    let files: Vec<_> = std::fs::read_dir(folder).unwrap().collect();
    let [file] = &files[..] else {
        panic!("{files:?}");
    };
    let path = file.as_ref().unwrap().path();
    assert_eq!(path.extension().unwrap(), state);
    let bytes = String::from_utf8_lossy(&std::fs::read(path).unwrap()).into_owned();
    let is_open = bytes.contains("Hello there") || bytes.contains(id);
    assert!(!is_open, "it lies in the open");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_and_what_was_given_up_survive_a_restart_sealed() {
    let stage = open().await;
    let mut away = Receiver::answering(&[503]).await;
    let mut broken = Receiver::answering(&[404]).await;
    let made = |url: &str| json!({"type": "webhook", "name": "n", "config": {"url": url}});
    let waits = stage.destination(made(&away.url)).await;
    let dead = stage.destination(made(&broken.url)).await;
    let answer = stage.chat(&hello("simulated/echo"), "").await;
    let id = answer.header("x-generation-id").to_owned();
    away.next().await;
    broken.next().await;
    let Stage {
        running,
        simulator,
        dir,
        management_key,
        url,
        ..
    } = stage;
    let parked = deliveries(&url, &management_key, &waits, |data| {
        data["parked_bytes"].as_u64() > Some(0)
    });
    assert_eq!(parked.await["last_error"], "it answered 503");
    deliveries(&url, &management_key, &dead, |data| data["failed"] == 1).await;
    running.stop().await;
    let spool = dir.0.join("broadcast");
    assert_lies_sealed(&spool.join(&waits), "waiting", &id);
    assert_lies_sealed(&spool.join(&dead), "dead", &id);

    away.answer_with(200);
    broken.answer_with(200);
    let text = format!(
        "[egress]\nallow = \"127.0.0.0/8\"\n{}",
        stage::providers(&simulator)
    );
    let running = stage::start(&text, &dir, &[]).await;
    let url = &running.app.public_url;
    loop {
        let told = away.next().await;
        if told.contains(&id) {
            assert!(told.contains("Hello there"), "{told}");
            break;
        }
    }
    let done = |data: &Value| data["delivered"] == 1;
    let state = deliveries(url, &management_key, &waits, done).await;
    assert_eq!(
        (&state["waiting"], &state["parked_bytes"]),
        (&json!(0), &json!(0))
    );
    let letters = deliveries(url, &management_key, &dead, |_| true).await;
    assert_eq!(letters["dead_letters"][0]["generation_id"], id.as_str());
    assert_eq!(letters["dead_letters"][0]["reason"], "it answered 404");
    let retry = Request::post(format!("{url}{PATH}/{dead}/deliveries/retry"));
    let retry = retry.header("authorization", format!("Bearer {management_key}"));
    let revived = stage::send(retry.body(Full::default()).unwrap()).await;
    assert_eq!(revived.json()["data"]["revived"], 1);
    assert!(broken.next().await.contains("Hello there"));
    deliveries(url, &management_key, &dead, done).await;
    running.stop().await;
    for destination in [&waits, &dead] {
        let left = std::fs::read_dir(spool.join(destination)).unwrap().count();
        assert_eq!(left, 0, "nothing is left of what was delivered");
    }
}
