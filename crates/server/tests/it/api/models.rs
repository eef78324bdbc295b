//! `/models` and the paths beside it.

use bytes::Bytes;
use http::Method;
use serde_json::Value;
use server::api::openapi::document;

use crate::schema::assert_fits;
use crate::stage::{Seen, Stage};

fn ids(list: &Value) -> Vec<&str> {
    let models = list["data"].as_array().unwrap();
    models
        .iter()
        .map(|model| model["id"].as_str().unwrap())
        .collect()
}

#[track_caller]
fn is_error(answer: &Seen, status: u16) -> Value {
    assert_eq!(answer.status, status, "{}", answer.text());
    let body = answer.json();
    assert_fits(&document().unwrap(), "ErrorResponse", &body);
    assert_eq!(body["error"]["code"], status);
    body
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_holds_what_can_be_called_and_needs_no_key() {
    let stage = Stage::open().await;
    let document = document().unwrap();
    for path in [
        "/api/v1/models",
        "/v1/models",
        "/api/v1/models?max_price=5&offset=0",
    ] {
        let list = stage.get(path, "").await;
        assert_eq!(list.status, 200, "{path}");
        let list = list.json();
        assert_fits(&document, "ModelList", &list);
        let expected = if path.contains('?') {
            &["simulated/echo"][..]
        } else {
            &["simulated/echo", "simulated/unpriced"]
        };
        assert_eq!(ids(&list), expected, "{path}");
        assert_eq!(list["total_count"], expected.len());
    }
    let count = stage.get("/api/v1/models/count", "").await.json();
    assert_fits(&document, "ModelCount", &count);
    assert_eq!(count["data"]["count"], 2);

    let whole = stage
        .get("/api/v1/models?all=true&output_modalities=all", "")
        .await
        .json();
    assert_fits(&document, "ModelList", &whole);
    assert!(
        whole["total_count"].as_u64().unwrap() >= 400,
        "the built-in catalog"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_follow_each_other_to_the_end() {
    let stage = Stage::open().await;
    let mut path = "/api/v1/models?limit=1&q=simulated".to_owned();
    let mut seen = Vec::new();
    for _ in 0..5 {
        let page = stage.get(&path, "").await.json();
        assert_eq!(page["total_count"], 2);
        seen.extend(ids(&page).iter().map(|id| (*id).to_owned()));
        match page["links"]["next"].as_str() {
            Some(next) => next.clone_into(&mut path),
            None => break,
        }
    }
    assert_eq!(seen, ["simulated/echo", "simulated/unpriced"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_that_cannot_be_meant_is_refused_by_field() {
    let stage = Stage::open().await;
    let error = is_error(&stage.get("/api/v1/models?sort=cheap", "").await, 400);
    assert_eq!(error["error"]["metadata"]["field"], "sort");
    is_error(&stage.post("/api/v1/models", "", &Value::Null).await, 405);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_is_a_feed_when_asked_for_one() {
    let stage = Stage::open().await;
    let feed = stage.get("/api/v1/models?use_rss=true", "").await;
    assert_eq!(
        feed.header("content-type"),
        "application/rss+xml; charset=utf-8"
    );
    assert_eq!(feed.text().matches("<item>").count(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_of_a_caller_needs_a_key() {
    let stage = Stage::open().await;
    is_error(&stage.get("/api/v1/models/user", "").await, 401);
    let list = stage.get("/api/v1/models/user", &stage.key).await.json();
    assert_fits(&document().unwrap(), "ModelList", &list);
    assert_eq!(ids(&list), ["simulated/echo", "simulated/unpriced"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_model_is_found_by_its_name_and_near_misses_are_suggested() {
    let stage = Stage::open().await;
    let document = document().unwrap();
    let found = stage.get("/api/v1/model/simulated/echo", "").await.json();
    assert_fits(&document, "Model", &found["data"]);
    assert_eq!(found["data"]["pricing"]["prompt"], "0.000001");
    let shouted = stage
        .get("/api/v1/model/SIMULATED/echo:nitro", "")
        .await
        .json();
    assert_eq!(shouted["data"]["id"], "simulated/echo");
    let error = is_error(&stage.get("/api/v1/model/simulated/ech", "").await, 404);
    let message = error["error"]["message"].as_str().unwrap();
    assert!(message.contains("simulated/echo"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_endpoints_of_a_model_are_listed() {
    let stage = Stage::open().await;
    let document = document().unwrap();
    let found = stage
        .get("/v1/models/simulated/echo/endpoints", "")
        .await
        .json();
    assert_fits(&document, "ModelEndpoints", &found["data"]);
    let endpoints = found["data"]["endpoints"].as_array().unwrap();
    let tags: Vec<&Value> = endpoints.iter().map(|endpoint| &endpoint["tag"]).collect();
    assert_eq!(tags, ["sim-one", "sim-two"], "the cheaper one first");
    assert_eq!(endpoints[0]["context_length"], 100_000);
    assert_eq!(endpoints[0]["status"], 0);
    let locked = stage
        .get("/v1/models/simulated/locked/endpoints", "")
        .await
        .json();
    assert_ne!(
        locked["data"]["endpoints"][0]["status"], 0,
        "it cannot be asked"
    );
    is_error(
        &stage
            .get("/api/v1/models/simulated/none/endpoints", "")
            .await,
        404,
    );
}

const VAULT: &str = r#"
[providers.sim-vault]
name = "Simulated Vault"
kind = "simulated"
base_url = "http://127.0.0.1:9/v1"
dialects = ["openai-chat"]
auth = "none"
data_policy = { training = false, retention_days = 0 }

[[providers.sim-vault.endpoints]]
model = "simulated/vault"
upstream_model = "vault"
price = { input = "1", output = "1" }
"#;

#[tokio::test(flavor = "multi_thread")]
async fn endpoints_that_keep_nothing_are_listed_apart() {
    let stage = Stage::open_with(VAULT, &[]).await;
    let list = stage.get("/api/v1/endpoints/zdr", "").await.json();
    let names: Vec<&Value> = list["data"]
        .as_array()
        .unwrap()
        .iter()
        .inspect(|endpoint| assert_fits(&document().unwrap(), "Endpoint", endpoint))
        .map(|endpoint| &endpoint["provider_name"])
        .collect();
    assert_eq!(names, ["Simulated Vault"]);
    let models = stage.get("/api/v1/models?zdr=true", "").await.json();
    assert_eq!(ids(&models), ["simulated/vault"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn embedding_models_and_providers_are_listed_in_the_documented_shape() {
    let stage = Stage::open().await;
    let document = document().unwrap();
    let models = stage
        .get("/api/v1/embeddings/models?all=true", "")
        .await
        .json();
    assert_fits(&document, "ModelList", &models);
    assert!(!models["data"].as_array().unwrap().is_empty());
    let providers = stage.get("/api/v1/providers", "").await.json();
    let providers = providers["data"].as_array().unwrap();
    assert!(providers.len() >= 60, "{}", providers.len());
    providers
        .iter()
        .for_each(|provider| assert_fits(&document, "Provider", provider));
    let usable = providers
        .iter()
        .filter(|provider| provider["is_usable"] == true);
    assert_eq!(usable.count(), 2);
}

/// SDKs of three houses ask at one path, and each knows its own shape.
#[tokio::test(flavor = "multi_thread")]
async fn each_client_is_told_of_models_in_its_own_shape() {
    let stage = Stage::open().await;
    let anthropic = [("anthropic-version", "2023-06-01")];
    let google = [("x-goog-api-key", "any")];
    for path in ["simulated/echo", "simulated%2Fecho"] {
        let path = format!("/api/v1/models/{path}");
        let ask = async |headers: &[(&str, &str)]| {
            let answer = stage
                .send((Method::GET, &path), "", Bytes::new(), headers)
                .await;
            assert_eq!(answer.status, 200, "{}", answer.text());
            answer.json()
        };
        let plain = ask(&[]).await;
        assert_fits(&document().unwrap(), "Model", &plain);
        assert_eq!(
            (&plain["id"], &plain["object"]),
            (&"simulated/echo".into(), &"model".into())
        );
        let theirs = ask(&anthropic).await;
        assert_eq!(
            (&theirs["id"], &theirs["type"]),
            (&"simulated/echo".into(), &"model".into())
        );
        assert!(theirs["created_at"].as_str().unwrap().ends_with('Z'));
        assert_eq!(ask(&google).await["name"], "models/simulated/echo");
    }
    let beta = stage.get("/v1beta/models/simulated/echo", "").await.json();
    assert_eq!(beta["name"], "models/simulated/echo");

    let list = (Method::GET, "/v1/models?limit=1");
    let list = stage.send(list, "", Bytes::new(), &anthropic).await.json();
    assert_eq!(list["data"][0]["type"], "model");
    assert_eq!(list["first_id"], list["last_id"]);
    assert_eq!(list["has_more"], true);

    is_error(&stage.get("/api/v1/models/nobody/knows", "").await, 404);
    let unknown = (Method::GET, "/api/v1/models/nobody/knows");
    let unknown = stage.send(unknown, "", Bytes::new(), &anthropic).await;
    assert_eq!(unknown.status, 404);
    assert_eq!(unknown.json()["error"]["type"], "not_found_error");
}
