//! Content of calls: kept for those who want it, read by those who may, gone when it is deleted.

use std::path::Path;

use bytes::Bytes;
use http::Method;
use serde_json::{Value, json};
use store::{DEFAULT_WORKSPACE_ID, KeyHash};

use crate::schema::assert_fits;
use crate::stage::{self, Seen, Stage, hello};

const EMAIL: &str = "canary@mail.example";
const KEY: &str = "sk-canary-0123456789abcdef0123";

async fn desk(stage: &Stage, method: Method, path: &str, body: &Value) -> Seen {
    let body = Bytes::from(body.to_string());
    stage
        .send((method, path), &stage.management_key, body, &[])
        .await
}

async fn set(stage: &Stage, change: Value) -> Value {
    let path = format!("/api/v1/workspaces/{DEFAULT_WORKSPACE_ID}");
    let changed = desk(stage, Method::PATCH, &path, &change).await;
    assert_eq!(changed.status, 200, "{}", changed.text());
    changed.json()["data"].take()
}

fn on() -> Value {
    json!({"is_observability_io_logging_enabled": true})
}

async fn content(stage: &Stage, seen: &Seen, key: &str) -> Seen {
    let id = seen.header("x-generation-id");
    stage
        .get(&format!("/api/v1/generation/content?id={id}"), key)
        .await
}

/// What a management key reads of a call.
async fn kept(stage: &Stage, seen: &Seen) -> Value {
    let read = content(stage, seen, &stage.management_key).await;
    assert_eq!(read.status, 200, "{}", read.text());
    let data = read.json()["data"].take();
    let document = server::api::openapi::document().unwrap();
    assert_fits(&document, "GenerationContent", &data);
    data
}

/// Everything that lies below a folder, as one text.
fn everything_below(folder: &Path) -> String {
    let mut all = String::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.path().is_dir() {
            all += &everything_below(&entry.path());
        } else {
            all += &String::from_utf8_lossy(&std::fs::read(entry.path()).unwrap());
        }
    }
    all
}

#[tokio::test]
async fn nothing_is_kept_unless_somebody_wants_it() {
    let stage = Stage::open().await;
    let seen = stage.chat(&hello("simulated/echo"), "").await;
    assert_eq!(seen.status, 200);
    assert_eq!(stage.record(&seen).await["content"], "off");
    let read = content(&stage, &seen, &stage.management_key).await;
    assert!(read.error(404, "not_found").contains("not kept"));
    assert!(!stage.dir.0.join("content").exists());
    stage.running.stop().await;
}

#[tokio::test]
async fn request_and_answer_are_kept_in_every_dialect_streamed_or_whole() {
    let stage = Stage::open().await;
    let shown = set(&stage, on()).await;
    assert_eq!(shown["io_logging_sampling_rate"], 1.0);
    assert_eq!(shown["io_logging_retention_days"], 30);
    let messages = json!([{"role": "user", "content": "Hello there"}]);
    let paths = [
        ("chat/completions", json!({"messages": messages})),
        ("messages", json!({"messages": messages, "max_tokens": 50})),
        ("responses", json!({"input": "Hello there"})),
        ("completions", json!({"prompt": "Hello there"})),
    ];
    for (path, body) in paths {
        for stream in [false, true] {
            let mut body = body.clone();
            body["model"] = "simulated/echo".into();
            body["stream"] = stream.into();
            let headers = [("x-simulate", "text=Good%20day")];
            let request = (Method::POST, &*format!("/api/v1/{path}"));
            let bytes = Bytes::from(body.to_string());
            let seen = stage.send(request, &stage.key, bytes, &headers).await;
            assert_eq!(seen.status, 200, "{path}: {}", seen.text());
            let data = kept(&stage, &seen).await;
            let asked = &data["input"];
            if path == "completions" {
                assert_eq!(asked, &json!({"prompt": "Hello there"}));
            } else {
                assert_eq!(asked, &json!({"messages": messages}), "{path}");
            }
            assert_eq!(
                data["output"]["completion"], "Good day",
                "{path} {stream}: {data:#}"
            );
            assert_eq!(data["error"], Value::Null);
            assert_eq!(data["raw"]["request"], body);
            assert_eq!(data["raw"]["is_folded"], stream);
            assert_eq!(data["raw"]["is_whole"], true, "{path} {stream}: {data:#}");
            if !stream {
                assert_eq!(data["raw"]["answer"], seen.json(), "what the caller got");
            }
            assert_eq!(stage.record(&seen).await["content"], "kept");
        }
    }
    stage.running.stop().await;
}

#[tokio::test]
async fn a_failure_is_kept_with_what_the_provider_said() {
    let stage = Stage::open().await;
    set(&stage, on()).await;
    let seen = stage.chat(&hello("simulated/echo"), "status=400").await;
    assert_eq!(seen.status, 400, "{}", seen.text());
    let data = kept(&stage, &seen).await;
    assert_eq!(data["error"]["status"], 400);
    assert!(data["error"]["provider_name"].is_string(), "{data:#}");
    assert_eq!(data["raw"]["answer"], Value::Null);
    assert_eq!(data["output"]["completion"], Value::Null);
    stage.running.stop().await;
}

#[tokio::test]
async fn what_is_kept_is_sealed_redacted_and_survives_a_restart() {
    let stage = Stage::open().await;
    let redact = json!({
        "is_observability_io_logging_enabled": true,
        "io_logging_redact": ["email", "api_key"],
        "io_logging_redact_custom": [{"name": "order", "pattern": "ORD-[0-9]{4}"}],
    });
    set(&stage, redact).await;
    let text = format!("I am {EMAIL}, my key is {KEY}, order ORD-1234, nothing else");
    let body = json!({
        "model": "simulated/echo", "stream": true,
        "messages": [{"role": "user", "content": text}],
    });
    let script = format!("text={}", text.replace(' ', "%20").replace(',', "%2C"));
    let seen = stage.chat(&body, &script).await;
    assert!(
        !seen.text().contains(EMAIL),
        "it comes in pieces, none of which has it whole"
    );
    let expected = "I am [email], my key is [api_key], order [order], nothing else";
    let data = kept(&stage, &seen).await;
    assert_eq!(data["input"]["messages"][0]["content"], expected);
    assert_eq!(data["output"]["completion"], expected);
    let Stage {
        running,
        simulator,
        dir,
        management_key,
        ..
    } = stage;
    running.stop().await;
    let on_disk = everything_below(&dir.0);
    for canary in [EMAIL, KEY, "nothing else", "ORD-1234"] {
        assert!(!on_disk.contains(canary), "{canary} lies in the open");
    }
    assert!(dir.0.join("content").join(DEFAULT_WORKSPACE_ID).is_dir());

    let running = stage::start(&stage::providers(&simulator), &dir, &[]).await;
    let id = seen.header("x-generation-id");
    let url = format!(
        "{}/api/v1/generation/content?id={id}",
        running.app.public_url
    );
    let request =
        http::Request::get(url).header("authorization", format!("Bearer {management_key}"));
    let read = stage::send(request.body(http_body_util::Full::default()).unwrap()).await;
    assert_eq!(read.json()["data"]["output"]["completion"], expected);
    running.stop().await;
}

#[tokio::test]
async fn rules_of_zero_retention_and_the_switch_of_a_key_win() {
    let stage = Stage::open().await;
    let chat = async |provider: Value| {
        let mut body = hello("simulated/echo");
        if !provider.is_null() {
            body["provider"] = provider;
        }
        let seen = stage.chat(&body, "").await;
        let id = seen.header("x-generation-id").to_owned();
        assert!(!id.is_empty(), "{}", seen.text());
        stage.record(&seen).await["content"].clone()
    };
    let key = format!("/api/v1/keys/{}", KeyHash::of(&stage.key));
    let switch = async |to: Value| {
        let seen = desk(&stage, Method::PATCH, &key, &json!({"io_logging": to})).await;
        assert_eq!(seen.json()["data"]["io_logging"], to, "{}", seen.text());
    };
    switch(true.into()).await;
    assert_eq!(chat(Value::Null).await, "kept", "the key alone wants it");
    set(&stage, on()).await;
    switch(false.into()).await;
    assert_eq!(chat(Value::Null).await, "off", "the key does not");
    switch(Value::Null).await;
    assert_eq!(chat(Value::Null).await, "kept");
    assert_eq!(chat(json!({"zdr": true})).await, "off");
    assert_eq!(chat(json!({"data_collection": "deny"})).await, "off");
    set(
        &stage,
        json!({"is_observability_io_logging_enabled": false}),
    )
    .await;
    assert_eq!(chat(Value::Null).await, "off");
    stage.running.stop().await;
}

#[tokio::test]
async fn a_key_reads_its_own_calls_if_its_workspace_allows_that() {
    let stage = Stage::open().await;
    set(&stage, on()).await;
    let seen = stage.chat(&hello("simulated/echo"), "").await;
    let refused = content(&stage, &seen, &stage.key).await;
    assert!(
        refused
            .error(403, "permission_denied")
            .contains("io_logging_key_access")
    );
    set(&stage, json!({"io_logging_key_access": true})).await;
    let read = content(&stage, &seen, &stage.key).await;
    assert_eq!(read.status, 200, "{}", read.text());
    let made = desk(
        &stage,
        Method::POST,
        "/api/v1/keys",
        &json!({"name": "another"}),
    )
    .await;
    let another = made.json()["key"].as_str().unwrap().to_owned();
    let refused = content(&stage, &seen, &another).await;
    refused.error(403, "permission_denied");
    content(&stage, &seen, "")
        .await
        .error(401, "authentication");
    stage.running.stop().await;
}

#[tokio::test]
async fn what_is_deleted_is_gone_at_once_and_for_good() {
    let stage = Stage::open().await;
    set(&stage, on()).await;
    let erase = async |query: &str| {
        let path = format!("/api/v1/generation/content?{query}");
        let seen = desk(&stage, Method::DELETE, &path, &Value::Null).await;
        assert_eq!(seen.status, 200, "{}", seen.text());
        seen.json()["data"]["deleted"].clone()
    };
    let mut calls = Vec::new();
    for _ in 0..3 {
        let seen = stage.chat(&hello("simulated/echo"), "").await;
        kept(&stage, &seen).await;
        calls.push(seen);
    }
    let id = calls[0].header("x-generation-id");
    assert_eq!(
        erase(&format!("id={id}")).await,
        1,
        "while it waits to be written"
    );
    assert_eq!(erase(&format!("id={id}")).await, 0);
    let read = content(&stage, &calls[0], &stage.management_key).await;
    assert!(read.error(404, "not_found").contains("deleted"));
    let record = stage.record(&calls[0]).await;
    assert_eq!(record["content"], "gone");
    kept(&stage, &calls[1]).await;
    let hash = KeyHash::of(&stage.key);
    let rest = format!("workspace_id=default&key_hash={hash}&from=2020-01-01T00:00:00Z");
    assert_eq!(erase("workspace_id=default&key_hash=nobody").await, 0);
    assert_eq!(erase(&rest).await, 2);
    content(&stage, &calls[2], &stage.management_key)
        .await
        .error(404, "not_found");

    let path = format!("/api/v1/generation/content?id={id}");
    let none = Bytes::new();
    let refused = stage
        .send((Method::DELETE, &path), &stage.key, none, &[])
        .await;
    refused.error(403, "permission_denied");
    for query in ["", "id=x&workspace_id=default"] {
        let path = format!("/api/v1/generation/content?{query}");
        desk(&stage, Method::DELETE, &path, &Value::Null)
            .await
            .error(400, "invalid_request");
    }
    stage.running.stop().await;
}

#[tokio::test]
async fn what_is_too_large_is_dropped_and_its_record_says_so() {
    let stage = Stage::open_with("[content]\nbytes_per_call_max = 1024", &[]).await;
    set(&stage, on()).await;
    for (stream, prompt, answer) in [(false, 2000, 1), (false, 1, 2000), (true, 1, 3000)] {
        let mut body = hello("simulated/echo");
        body["messages"][0]["content"] = "x".repeat(prompt).into();
        body["stream"] = stream.into();
        let seen = stage
            .chat(&body, &format!("text={}", "y".repeat(answer)))
            .await;
        assert_eq!(seen.status, 200, "{}", seen.text());
        let said = stage.record(&seen).await["content"].clone();
        // A whole answer is weighed when it goes down, after its record was made.
        if stream || prompt > 1024 {
            assert_eq!(said, "dropped", "{stream} {prompt}");
        }
        content(&stage, &seen, &stage.management_key)
            .await
            .error(404, "not_found");
    }
    let metrics = stage.get("/metrics", "").await.text();
    assert!(
        metrics.contains("waybill_content_total{outcome=\"dropped\"} 3"),
        "{metrics}"
    );
    assert!(
        metrics.contains("waybill_content_in_flight_bytes 0"),
        "{metrics}"
    );
    stage.running.stop().await;
}

#[tokio::test]
async fn providers_own_apis_are_kept_when_that_is_switched_on() {
    let stage = Stage::open().await;
    set(&stage, on()).await;
    let call = async |stream: bool| {
        let mut body = hello("echo");
        body["stream"] = stream.into();
        let path = "/native/sim-one/v1/chat/completions";
        let headers = [("x-simulate", "text=Good%20day")];
        let bytes = Bytes::from(body.to_string());
        stage
            .send((Method::POST, path), &stage.key, bytes, &headers)
            .await
    };
    let seen = call(false).await;
    assert_eq!(stage.record(&seen).await["content"], "off");
    set(&stage, json!({"io_logging_native": true})).await;
    for stream in [false, true] {
        let seen = call(stream).await;
        let data = kept(&stage, &seen).await;
        assert_eq!(data["output"]["completion"], "Good day", "{data:#}");
        assert_eq!(data["raw"]["is_folded"], stream);
        assert_eq!(stage.record(&seen).await["content"], "kept");
    }
    stage.running.stop().await;
}

#[tokio::test]
async fn settings_that_cannot_be_are_refused_by_name() {
    let stage = Stage::open().await;
    let path = format!("/api/v1/workspaces/{DEFAULT_WORKSPACE_ID}");
    for (field, value) in [
        ("io_logging_sampling_rate", json!(0)),
        ("io_logging_sampling_rate", json!(1.5)),
        ("io_logging_retention_days", json!(0)),
        ("io_logging_redact", json!(["phone"])),
        (
            "io_logging_redact_custom",
            json!([{"name": "x", "pattern": "("}]),
        ),
        ("io_logging_api_key_ids", json!([1])),
    ] {
        let seen = desk(&stage, Method::PATCH, &path, &json!({field: value})).await;
        let message = seen.error(400, "invalid_request");
        assert!(message.starts_with(field), "{message}");
    }
    let shown = set(
        &stage,
        json!({"io_logging_sampling_rate": 0.25, "unpriced": "deny"}),
    )
    .await;
    assert_eq!(
        (&shown["io_logging_sampling_rate"], &shown["unpriced"]),
        (&json!(0.25), &json!("deny"))
    );
    let shown = set(&stage, json!({"unpriced": null})).await;
    assert_eq!(
        shown["io_logging_sampling_rate"], 0.25,
        "one change leaves the other alone"
    );
    stage.running.stop().await;
}

#[tokio::test]
async fn feedback_stands_in_the_record_and_is_counted() {
    let stage = Stage::open().await;
    let seen = stage.chat(&hello("simulated/echo"), "").await;
    let path = "/api/v1/generation/feedback";
    let given = json!({
        "generation_id": seen.header("x-generation-id"),
        "category": "incorrect_response", "comment": "It repeats itself.",
    });
    let said = desk(&stage, Method::POST, path, &given).await;
    assert_eq!(said.json(), json!({"data": {"success": true}}));
    let record = stage.record(&seen).await;
    assert_eq!(record["feedback"][0]["category"], "incorrect_response");
    assert_eq!(record["feedback"][0]["comment"], "It repeats itself.");
    let counts = stage.get(path, &stage.management_key).await.json();
    let one = json!({"model": "simulated/echo", "category": "incorrect_response", "count": 1});
    assert_eq!(counts["data"], json!([one]));
    for (field, value, status) in [
        ("category", json!("nonsense"), 400),
        ("comment", json!("x".repeat(1001)), 400),
        ("generation_id", json!("gen-none"), 404),
    ] {
        let mut wrong = given.clone();
        wrong[field] = value;
        assert_eq!(
            desk(&stage, Method::POST, path, &wrong).await.status,
            status,
            "{field}"
        );
    }
    stage
        .post(path, &stage.key, &given)
        .await
        .error(403, "permission_denied");
    stage.running.stop().await;
}
