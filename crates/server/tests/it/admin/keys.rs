//! The life of a key.

use std::time::Duration;

use bytes::Bytes;
use http::Method;
use ledger::Amount;
use serde_json::{Value, json};
use server::start;
use store::{DEFAULT_WORKSPACE_ID, KEY_TERMS, KeyHash, KeyPatch, NewKey, Store};
use tokio::time::{Instant, sleep};

use crate::stage::{Seen, Stage, hello};

async fn desk(stage: &Stage, method: Method, path: &str, body: Value) -> Seen {
    let body = if body.is_null() {
        Bytes::new()
    } else {
        body.to_string().into()
    };
    stage
        .send((method, path), &stage.management_key, body, &[])
        .await
}

#[tokio::test]
async fn a_key_is_made_shown_changed_and_deleted() {
    let stage = Stage::open().await;
    let asked = json!({
        "name": "for tests", "limit": 12.5, "limit_reset": "weekly",
        "include_byok_in_limit": true, "expires_at": "2099-12-31T23:59:59Z",
    });
    let made = desk(&stage, Method::POST, "/api/v1/keys", asked).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let made = made.json();
    let secret = made["key"].as_str().unwrap();
    assert!(server::keyring::is_our_form(secret), "{secret}");
    let hash = made["data"]["hash"].as_str().unwrap();
    assert_eq!(hash, KeyHash::of(secret).as_str());
    let path = format!("/api/v1/keys/{hash}");
    let shown = desk(&stage, Method::GET, &path, Value::Null).await.json();
    assert_eq!(shown["data"], made["data"]);
    assert!(
        !shown.to_string().contains(secret),
        "the secret is shown once"
    );
    for (name, value) in [
        ("name", json!("for tests")),
        ("disabled", json!(false)),
        ("limit", json!(12.5)),
        ("limit_remaining", json!(12.5)),
        ("limit_reset", json!("weekly")),
        ("include_byok_in_limit", json!(true)),
        ("expires_at", json!("2099-12-31T23:59:59Z")),
        ("usage", json!(0)),
        ("updated_at", json!(null)),
        ("creator_user_id", json!(null)),
    ] {
        assert_eq!(shown["data"][name], value, "{name}");
    }
    let change = json!({ "name": "renamed", "limit": null, "limit_reset": null });
    let changed = desk(&stage, Method::PATCH, &path, change).await.json();
    assert_eq!(changed["data"]["name"], "renamed");
    assert_eq!(changed["data"]["limit"], json!(null));
    assert_eq!(changed["data"]["limit_remaining"], json!(null));
    assert!(changed["data"]["updated_at"].is_string());
    let deleted = desk(&stage, Method::DELETE, &path, Value::Null).await;
    assert_eq!(deleted.json(), json!({ "deleted": true }));
    desk(&stage, Method::GET, &path, Value::Null)
        .await
        .error(404, "not_found");
    let call = stage
        .post("/v1/chat/completions", secret, &hello("simulated/echo"))
        .await;
    call.error(401, "authentication");
}

#[tokio::test]
async fn a_key_is_replaced_under_the_same_terms_with_time_for_both() {
    let stage = Stage::open().await;
    let body = json!({"name": "ci", "limit": 5, "limit_reset": "daily", "rate_limits": [{"concurrent": 3}]});
    let old = desk(&stage, Method::POST, "/api/v1/keys", body)
        .await
        .json();
    let path = format!("/api/v1/keys/{}", old["data"]["hash"].as_str().unwrap());
    let rotate = async |overlap: i64| {
        let body = json!({ "overlap_seconds": overlap });
        desk(&stage, Method::POST, &format!("{path}/rotate"), body).await
    };
    rotate(-1).await.error(400, "invalid_request");
    let new = rotate(3600).await;
    assert_eq!(new.status, 201, "{}", new.text());
    let new = new.json();
    for field in ["name", "limit", "limit_reset", "rate_limits", "expires_at"] {
        assert_eq!(new["data"][field], old["data"][field], "{field}");
    }
    let call = async |key: &Value| {
        let body = hello("simulated/echo");
        let key = key["key"].as_str().unwrap();
        stage.post("/v1/chat/completions", key, &body).await
    };
    assert_eq!(call(&old).await.status, 200);
    assert_eq!(call(&new).await.status, 200);
    let shown = desk(&stage, Method::GET, &path, Value::Null).await.json();
    assert!(shown["data"]["expires_at"].is_string(), "{shown:#}");

    let third = rotate(0).await.json();
    call(&old).await.error(401, "authentication");
    assert!(
        third["data"]["expires_at"].is_string(),
        "its end stays: {third:#}"
    );
}

#[tokio::test]
async fn lists_are_newest_first_and_leave_out_disabled_and_management_keys() {
    let stage = Stage::open().await;
    for name in ["a", "b", "c"] {
        desk(
            &stage,
            Method::POST,
            "/api/v1/keys",
            json!({ "name": name }),
        )
        .await;
        sleep(Duration::from_millis(2)).await; // so that their times differ
    }
    let names = |seen: Seen| -> Vec<String> {
        let json = seen.json();
        let data = json["data"].as_array().unwrap();
        data.iter()
            .map(|key| key["name"].as_str().unwrap().to_owned())
            .collect()
    };
    let all = desk(&stage, Method::GET, "/api/v1/keys", Value::Null).await;
    let hash = all.json()["data"][1]["hash"].as_str().unwrap().to_owned();
    assert_eq!(names(all), ["c", "b", "a", "first key"]);
    let off = json!({ "disabled": true });
    desk(&stage, Method::PATCH, &format!("/api/v1/keys/{hash}"), off).await;
    let list = |query: &'static str| desk(&stage, Method::GET, query, Value::Null);
    assert_eq!(names(list("/api/v1/keys").await), ["c", "a", "first key"]);
    assert_eq!(
        names(list("/api/v1/keys?include_disabled=true&offset=1").await),
        ["b", "a", "first key"]
    );
    assert_eq!(
        names(list("/v1/keys?workspace_id=11111111-1111-4111-8111-111111111111").await),
        [""; 0]
    );
    list("/api/v1/keys?offset=-1")
        .await
        .error(400, "invalid_request");
}

#[tokio::test]
async fn bodies_that_are_not_understood_are_refused() {
    let stage = Stage::open().await;
    for (body, named) in [
        (json!({}), "name"),
        (json!({ "name": "" }), "name"),
        (json!({ "name": "x", "colour": "red" }), "colour"),
        (json!({ "name": "x", "limit": -1 }), "limit"),
        (json!({ "name": "x", "limit": "10" }), "limit"),
        (json!({ "name": "x", "limit_reset": "hourly" }), "hourly"),
        (
            json!({ "name": "x", "expires_at": "2099-12-31T23:59:59+02:00" }),
            "UTC",
        ),
        (json!({ "name": "x", "expires_at": "soon" }), "soon"),
        (json!({ "name": "x", "workspace_id": "nowhere" }), "nowhere"),
    ] {
        let seen = desk(&stage, Method::POST, "/api/v1/keys", body.clone()).await;
        let message = seen.error(400, "invalid_request");
        assert!(message.contains(named), "{body}: {message}");
    }
    let hash = KeyHash::of(&stage.key);
    let path = format!("/api/v1/keys/{hash}");
    let seen = desk(&stage, Method::PATCH, &path, json!({ "expires_at": null })).await;
    assert!(seen.error(400, "invalid_request").contains("expires_at"));
    desk(&stage, Method::PATCH, "/api/v1/keys/0000", json!({}))
        .await
        .error(404, "not_found");
}

#[tokio::test]
async fn inference_keys_manage_nothing() {
    let stage = Stage::open().await;
    let hash = KeyHash::of(&stage.key);
    for (method, path) in [
        (Method::GET, "/api/v1/keys".to_owned()),
        (Method::POST, "/api/v1/keys".to_owned()),
        (Method::GET, format!("/api/v1/keys/{hash}")),
        (Method::PATCH, format!("/api/v1/keys/{hash}")),
        (Method::DELETE, format!("/api/v1/keys/{hash}")),
    ] {
        let seen = stage
            .send((method, &path), &stage.key, "{}".into(), &[])
            .await;
        let message = seen.error(403, "permission_denied");
        assert_eq!(message, "Only management keys can perform this operation");
    }
}

/// Another handle on the same database: what another replica or the command line would use.
async fn another_handle(stage: &Stage) -> Store {
    let loaded = server::config::read("", "", &server::config::Environment::default());
    let mut config = loaded.config;
    config.server.data_dir.clone_from(&stage.dir.0);
    let environment = server::config::Environment::default();
    start::open_store(&config, &environment).await.unwrap()
}

#[tokio::test]
async fn a_key_disabled_by_another_process_stops_working_within_a_second() {
    let stage = Stage::open().await;
    let body = hello("simulated/echo");
    let call = || stage.post("/v1/chat/completions", &stage.key, &body);
    assert_eq!(call().await.status, 200);
    let other = another_handle(&stage).await;
    let off = KeyPatch {
        disabled: Some(true),
        ..KeyPatch::default()
    };
    other
        .keys()
        .update(&KeyHash::of(&stage.key), &off, 1)
        .await
        .unwrap()
        .unwrap();
    let since = Instant::now();
    while call().await.status == 200 {
        assert!(
            since.elapsed() < Duration::from_secs(1),
            "the key still works"
        );
        sleep(Duration::from_millis(10)).await;
    }
    assert!(
        call()
            .await
            .error(401, "authentication")
            .contains("disabled")
    );
}

#[tokio::test]
async fn a_key_that_is_refused_is_not_made_and_one_that_is_deleted_leaves_no_terms() {
    let stage = Stage::open().await;
    let store = &stage.running.app.store;
    let count = async || store.keys().all().await.unwrap().len();
    let terms = async || {
        let kept = store.settings().beginning_with(KEY_TERMS).await.unwrap();
        kept.len()
    };
    let before = count().await;
    let asked = json!({ "name": "refused", "hedge": "perhaps" });
    let refused = desk(&stage, Method::POST, "/api/v1/keys", asked).await;
    assert_eq!(refused.status, 400, "{}", refused.text());
    assert_eq!(count().await, before);
    let asked = json!({ "name": "held", "recover": false });
    let made = desk(&stage, Method::POST, "/api/v1/keys", asked).await;
    let made = made.json();
    assert_eq!(terms().await, 1);
    let path = format!("/api/v1/keys/{}", made["data"]["hash"].as_str().unwrap());
    desk(&stage, Method::DELETE, &path, Value::Null).await;
    assert_eq!((count().await, terms().await), (before, 0));
}

#[tokio::test]
async fn a_key_and_its_budget_that_another_process_makes_and_deletes_come_and_go() {
    let stage = Stage::open().await;
    let other = another_handle(&stage).await;
    let body = hello("simulated/echo");
    let secret = format!("sk-wb-v1-{}", "5c".repeat(32));
    let new = NewKey::new(&secret, "elsewhere", DEFAULT_WORKSPACE_ID, 1);
    let new = new.with_limit(Some(Amount::ZERO), None);
    let hash = other.keys().create(&new).await.unwrap().hash;
    let becomes = async |status: u16| {
        let since = Instant::now();
        loop {
            let seen = stage.post("/v1/chat/completions", &secret, &body).await;
            if seen.status == status {
                return;
            }
            let waited = since.elapsed();
            assert!(waited < Duration::from_secs(10), "still {}", seen.status);
            sleep(Duration::from_millis(10)).await;
        }
    };
    becomes(402).await; // it is known, and so is its limit of nothing
    let free = KeyPatch {
        limit: Some(None),
        ..KeyPatch::default()
    };
    other.keys().update(&hash, &free, 2).await.unwrap().unwrap();
    becomes(200).await;
    assert!(other.keys().delete(&hash, 3).await.unwrap());
    becomes(401).await;
}

#[tokio::test]
async fn pages_of_keys_show_each_of_them_once_the_newest_first() {
    let stage = Stage::open().await;
    let store = &stage.running.app.store;
    for number in 0..150 {
        let new = NewKey::new(
            &format!("sk-{number}"),
            "many",
            DEFAULT_WORKSPACE_ID,
            number,
        );
        store.keys().create(&new).await.unwrap();
    }
    let mut hashes = Vec::new();
    let mut sizes = Vec::new();
    for offset in [0, 100, 200] {
        let path = format!("/api/v1/keys?offset={offset}");
        let page = stage.get(&path, &stage.management_key).await.json();
        let page = page["data"].as_array().unwrap().clone();
        sizes.push(page.len());
        let hash = |key: &serde_json::Value| key["hash"].as_str().unwrap().to_owned();
        hashes.extend(page.iter().map(hash));
    }
    // The first start made one for calls beside the management key, which is not shown.
    assert_eq!(sizes, [100, 51, 0]);
    let expected = (0..150).rev();
    let expected = expected.map(|number| KeyHash::of(&format!("sk-{number}")).to_string());
    assert_eq!(hashes.split_off(1), expected.collect::<Vec<_>>());
}
