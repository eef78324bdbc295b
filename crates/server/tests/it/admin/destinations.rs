//! `/observability/destinations`: field for field, secrets masked, addresses guarded, calls told.

use std::time::Duration;

use bytes::Bytes;
use http::Method;
use serde_json::{Value, json};

use super::receiver::Receiver;
use crate::stage::{Stage, hello};

const PATH: &str = "/api/v1/observability/destinations";
const SECRET: &str = "sk-lf-0123456789abcdef-secret";

pub(super) async fn open() -> Stage {
    Stage::open_with("[egress]\nallow = \"127.0.0.0/8\"\n", &[]).await
}

impl Stage {
    pub(super) async fn desk(
        &self,
        method: Method,
        path: &str,
        body: &Value,
    ) -> crate::stage::Seen {
        let body = match body {
            Value::Null => Bytes::new(),
            body => body.to_string().into(),
        };
        self.send(
            (method, &format!("{PATH}{path}")),
            &self.management_key,
            body,
            &[],
        )
        .await
    }

    pub(super) async fn destination(&self, body: Value) -> String {
        let made = self.desk(Method::POST, "", &body).await;
        assert_eq!(made.status, 201, "{}", made.text());
        made.json()["data"]["id"].as_str().unwrap().to_owned()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_destination_is_made_shown_changed_and_deleted_and_its_secrets_are_never_shown() {
    let stage = open().await;
    let made = stage
        .desk(
            Method::POST,
            "",
            &json!({
                "type": "langfuse", "name": "Production",
                "config": {"publicKey": "pk-lf-0123456789abcdef", "secretKey": SECRET, "headers": {"x-more": SECRET}},
                "sampling_rate": 0.5,
                "filter_rules": {"groups": [{"rules": [{"field": "total_tokens", "operator": "gt", "value": 5}]}]},
            }),
        )
        .await;
    assert_eq!(made.status, 201, "{}", made.text());
    let data = made.json()["data"].clone();
    let id = data["id"].as_str().unwrap().to_owned();
    assert_eq!(data["config"]["publicKey"], "pk-l...cdef");
    assert_eq!(data["config"]["secretKey"], "sk-l...cret");
    assert_eq!(data["config"]["headers"]["x-more"], "sk-l...cret");
    assert_eq!(data["config"]["baseUrl"], "https://us.cloud.langfuse.com");
    assert_eq!(data["sampling_rate"], 0.5);
    assert_eq!(data["filter_rules"]["enabled"], true);
    assert_eq!(data["privacy_mode"], false);
    assert!(!made.text().contains(SECRET));

    // What was read can be written again: masked values stay what they were.
    let config = data["config"].clone();
    let path = format!("/{id}");
    let change = json!({"config": config, "enabled": false, "filter_rules": null});
    let changed = stage.desk(Method::PATCH, &path, &change).await;
    assert_eq!(changed.status, 200, "{}", changed.text());
    assert_eq!(changed.json()["data"]["enabled"], false);
    assert_eq!(changed.json()["data"]["filter_rules"], Value::Null);
    assert_eq!(changed.json()["data"]["config"]["secretKey"], "sk-l...cret");
    let stored = stage.running.app.store.settings();
    let kept = stored.beginning_with("observability/").await.unwrap();
    assert_eq!(kept.len(), 1);
    assert!(!kept[0].1.contains(SECRET), "{}", kept[0].1);

    let list = stage.desk(Method::GET, "", &Value::Null).await.json();
    assert_eq!(
        (&list["total_count"], &list["data"][0]["id"]),
        (&json!(1), &json!(id))
    );
    let gone = stage.desk(Method::DELETE, &path, &Value::Null).await;
    assert_eq!(gone.json(), json!({"deleted": true}));
    assert_eq!(
        stage.desk(Method::GET, &path, &Value::Null).await.status,
        404
    );
    assert_eq!(stage.get(PATH, &stage.key).await.status, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_type_of_destination_is_told_with_its_settings() {
    let stage = Stage::open().await;
    let path = "/api/v1/observability/destination-types";
    let list = stage.get(path, &stage.management_key).await.json();
    let types = list["data"].as_array().unwrap();
    let known = stage.running.app.broadcast.kinds.names();
    let told: Vec<_> = types
        .iter()
        .map(|one| one["type"].as_str().unwrap())
        .collect();
    assert_eq!(told, known.collect::<Vec<_>>());
    let of = |name: &str| types.iter().find(|one| one["type"] == name).unwrap();
    assert_eq!(
        of("langfuse")["settings"],
        json!([
            {"name": "publicKey", "required": true, "secret": true, "default": null, "words": []},
            {"name": "secretKey", "required": true, "secret": true, "default": null, "words": []},
            {"name": "baseUrl", "required": false, "secret": false, "default": "https://us.cloud.langfuse.com", "words": []},
        ])
    );
    assert_eq!(
        of("webhook")["settings"][1]["words"],
        json!(["POST", "PUT"])
    );
    assert_eq!(stage.get(path, &stage.key).await.status, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_a_destination_is_refused_in_words() {
    let stage = Stage::open().await;
    let webhook = |config: Value| json!({"type": "webhook", "name": "n", "config": config});
    for (body, field) in [
        (
            json!({"type": "carrier-pigeon", "name": "n", "config": {}}),
            "type",
        ),
        (json!({"type": "webhook", "name": "n"}), "config"),
        (
            json!({"type": "webhook", "config": {"url": "https://example.com"}}),
            "name",
        ),
        (webhook(json!({})), "config.url"),
        (
            webhook(json!({"url": "https://example.com", "uri": "x"})),
            "config.uri",
        ),
        (
            webhook(json!({"url": "https://example.com", "method": "GET"})),
            "config.method",
        ),
        (
            webhook(json!({"url": "https://example.com", "headers": {"host": "x"}})),
            "config.headers",
        ),
        (webhook(json!({"url": "http://127.0.0.1:9/"})), "config"),
        (
            webhook(json!({"url": "http://169.254.169.254/latest"})),
            "config",
        ),
        (webhook(json!({"url": "http://[::1]/"})), "config"),
        (webhook(json!({"url": "file:///etc/passwd"})), "config"),
        (
            webhook(json!({"url": "https://user:secret@example.com/"})),
            "config",
        ),
        (
            json!({"type": "clickhouse", "name": "n", "config": {"host": "https://example.com", "username": "u", "password": "p", "database": "a; DROP"}}),
            "config.database",
        ),
    ] {
        let refused = stage.desk(Method::POST, "", &body).await;
        let json = refused.json();
        assert_eq!(refused.status, 400, "{body}: {json}");
        assert_eq!(json["error"]["metadata"]["field"], field, "{body}: {json}");
    }
    let fine = webhook(json!({"url": "https://example.com/hook"}));
    for number in 0..6 {
        let made = stage.desk(Method::POST, "", &fine).await;
        assert_eq!(
            made.status,
            if number < 5 { 201 } else { 409 },
            "{}",
            made.text()
        );
    }
    let with_rules = |rules: Value| json!({"filter_rules": {"groups": [{"rules": [rules]}]}});
    let list = stage.desk(Method::GET, "", &Value::Null).await.json();
    let path = format!("/{}", list["data"][0]["id"].as_str().unwrap());
    for change in [
        with_rules(json!({"field": "colour", "operator": "equals", "value": "red"})),
        with_rules(json!({"field": "model", "operator": "regex", "value": "("})),
        with_rules(json!({"field": "total_cost", "operator": "gt", "value": "much"})),
        json!({"sampling_rate": 0}),
        json!({"sampling_rate": 1.5}),
        json!({"api_key_hashes": []}),
    ] {
        let refused = stage.desk(Method::PATCH, &path, &change).await;
        assert_eq!(refused.status, 400, "{change}: {}", refused.text());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_are_told_after_failures_and_what_was_never_taken_can_be_sent_again() {
    let stage = open().await;
    let mut fickle = Receiver::answering(&[503, 200]).await;
    let mut broken = Receiver::answering(&[404, 404, 200]).await;
    stage
        .destination(json!({"type": "webhook", "name": "fickle", "privacy_mode": true, "config": {"url": fickle.url, "headers": {"x-token": SECRET}}}))
        .await;
    let dead = stage
        .destination(json!({"type": "otel-collector", "name": "broken", "broadcast_generation_cost": true, "config": {"endpoint": broken.url}}))
        .await;

    let answer = stage.chat(&hello("simulated/echo"), "").await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let id = answer.header("x-generation-id").to_owned();
    let (first, again) = (fickle.next().await, fickle.next().await);
    for request in [&first, &again] {
        assert!(request.starts_with("POST / HTTP/1.1"), "{request}");
        assert!(request.contains(&format!("x-token: {SECRET}")), "{request}");
        assert!(request.contains(id.trim_start_matches("gen-")), "{request}");
        assert!(
            !request.contains("cost_nanodollars") && !request.contains("key.hash"),
            "{request}"
        );
        assert!(!request.contains("Hello there"), "{request}");
    }
    let request = broken.next().await;
    assert!(request.starts_with("POST /v1/traces HTTP/1.1"), "{request}");
    assert!(request.contains("waybill.cost_nanodollars"), "{request}");

    let deliveries = format!("/{dead}/deliveries");
    let state = loop {
        let state = stage
            .desk(Method::GET, &deliveries, &Value::Null)
            .await
            .json();
        if state["data"]["failed"] == 1 {
            break state["data"].clone();
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert_eq!(state["dead_letters"][0]["generation_id"], id.as_str());
    assert_eq!(state["dead_letters"][0]["reason"], "it answered 404");
    assert_eq!(state["dead_letters"][0]["attempts"], 1);
    let test = format!("/{dead}/test");
    let tested = stage.desk(Method::POST, &test, &Value::Null).await.json();
    assert_eq!(
        tested["data"],
        json!({"ok": false, "error": "it answered 404"})
    );
    assert!(broken.next().await.contains("x-test-connection: true"));
    let retry = format!("/{dead}/deliveries/retry");
    let revived = stage.desk(Method::POST, &retry, &Value::Null).await.json();
    assert_eq!(revived["data"]["revived"], 1);
    assert!(broken.next().await.contains(id.trim_start_matches("gen-")));
    let metrics = stage.get("/metrics", "").await.text();
    assert!(
        metrics.contains("waybill_broadcast_failed_total 1"),
        "{metrics}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_rules_and_sessions_decide_of_which_calls_a_destination_is_told() {
    let stage = open().await;
    let mut receiver = Receiver::answering(&[200]).await;
    let rules = json!({"groups": [{"logic": "or", "rules": [
        {"field": "session_id", "operator": "starts_with", "value": "wanted"},
        {"field": "user_id", "operator": "exists"},
    ]}]});
    let id = stage
        .destination(json!({"type": "webhook", "name": "n", "config": {"url": receiver.url, "method": "PUT"}, "filter_rules": rules}))
        .await;
    let mut unwanted = hello("simulated/echo");
    unwanted["session_id"] = "other".into();
    let mut wanted = hello("simulated/echo");
    wanted["session_id"] = "wanted-1".into();
    assert_eq!(stage.chat(&unwanted, "").await.status, 200);
    let told = stage.chat(&wanted, "").await;
    let request = receiver.next().await;
    assert!(request.starts_with("PUT / "), "{request}");
    assert!(
        request.contains(told.header("x-generation-id")),
        "{request}"
    );
    assert!(!request.contains("\"other\""), "{request}");

    let path = format!("/{id}");
    let change = json!({"api_key_hashes": ["0".repeat(64)], "filter_rules": null});
    assert_eq!(stage.desk(Method::PATCH, &path, &change).await.status, 200);
    assert_eq!(stage.chat(&wanted, "").await.status, 200);
    let change = json!({"api_key_hashes": null});
    assert_eq!(stage.desk(Method::PATCH, &path, &change).await.status, 200);
    let last = stage.chat(&wanted, "").await;
    let request = receiver.next().await;
    assert!(
        request.contains(last.header("x-generation-id")),
        "{request}"
    );
}
