//! `GET /api/v1/openapi.json`, held to the routes and to real answers.

use std::collections::BTreeSet;

use bytes::Bytes;
use http::Method;
use serde_json::{Value, json};
use server::api::openapi::{described_routes, document};

use crate::schema::{assert_fits, problems_with};
use crate::stage::{Stage, hello};

#[tokio::test(flavor = "multi_thread")]
async fn every_route_is_described_and_every_description_is_a_route() {
    let stage = Stage::open().await;
    let mut routes = BTreeSet::new();
    for path in server::router::paths() {
        let concrete = path.replace(['{', '}'], "");
        // A method that no path has: the answer lists those that it has.
        let refused = stage
            .send((Method::TRACE, &concrete), "", Bytes::new(), &[])
            .await;
        assert_eq!(refused.status, 405, "{path}");
        for method in refused
            .header("allow")
            .split(',')
            .filter(|method| *method != "HEAD")
        {
            assert!(!method.is_empty(), "{path} allows nothing");
            routes.insert((method.to_owned(), path.clone()));
        }
    }
    let described: BTreeSet<_> = described_routes().unwrap().into_iter().collect();
    let missing: Vec<_> = routes.difference(&described).collect();
    let invented: Vec<_> = described.difference(&routes).collect();
    assert!(
        missing.is_empty() && invented.is_empty(),
        "missing {missing:?}, invented {invented:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_document_is_served_as_it_is() {
    let stage = Stage::open().await;
    let served = stage.get("/api/v1/openapi.json", "").await;
    assert_eq!(served.header("content-type"), "application/json");
    assert_eq!(served.json(), document().unwrap());
}

/// The schema of an answer in the document.
fn answer_schema(document: &Value, method: &str, path: &str, status: &str) -> Value {
    let answer = &document["paths"][path][method]["responses"][status];
    let schema = &answer["content"]["application/json"]["schema"];
    assert!(schema.is_object(), "{method} {path} {status}");
    schema.clone()
}

#[track_caller]
fn assert_answers(document: &Value, (method, path, status): (&str, &str, u16), answer: &Value) {
    let schema = answer_schema(document, method, path, &status.to_string());
    let problems = problems_with(document, &schema, answer);
    assert!(
        problems.is_empty(),
        "{method} {path}: {problems:#?}\nin {answer:#}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_to_calls_fit_their_schemas() {
    let stage = Stage::open().await;
    let document = document().unwrap();
    let mut request = json!({
        "model": "simulated/echo",
        "messages": [{"role": "user", "content": [{"type": "text", "text": "Hello"}]}],
        "provider": {"allow_fallbacks": false},
        "temperature": 0.5,
    });
    assert_fits(&document, "ChatRequest", &request);
    let whole = stage.chat(&request, "").await;
    assert_eq!(whole.status, 200, "{}", whole.text());
    assert_fits(&document, "ChatResult", &whole.json());
    let id = whole.header("x-generation-id").to_owned();
    assert_eq!(whole.json()["id"], id.as_str());

    let record = stage
        .get(&format!("/api/v1/generation?id={id}"), &stage.key)
        .await;
    assert_eq!(record.status, 200, "{}", record.text());
    assert_answers(&document, ("get", "/generation", 200), &record.json());

    let plan = stage.post("/api/v1/plan", &stage.key, &request).await;
    assert_eq!(plan.status, 200, "{}", plan.text());
    assert_answers(&document, ("post", "/plan", 200), &plan.json());

    request["stream"] = true.into();
    let stream = stage.chat(&request, "").await;
    let text = stream.text();
    let frames: Vec<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("data: "))
        .collect();
    let (last, chunks) = frames.split_last().expect("frames");
    assert_eq!(*last, "[DONE]");
    assert!(chunks.len() > 1, "{text}");
    for chunk in chunks {
        assert_fits(
            &document,
            "ChatStreamChunk",
            &serde_json::from_str(chunk).unwrap(),
        );
    }

    request["model"] = "simulated/unpriced".into();
    let unpriced = stage.chat(&request, "").await;
    let id = unpriced.header("x-generation-id");
    let record = stage
        .get(&format!("/api/v1/generation?id={id}"), &stage.key)
        .await
        .json();
    assert_answers(&document, ("get", "/generation", 200), &record);
    assert!(record["data"]["unpriced"].is_string(), "{record:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_fit_the_error_schema() {
    let stage = Stage::open().await;
    let document = document().unwrap();
    let call = "/api/v1/chat/completions";
    for (key, request, status) in [
        ("sk-wb-v1-unknown", hello("simulated/echo"), 401),
        (&stage.management_key, hello("simulated/echo"), 403),
        (
            &stage.key,
            json!({"model": "simulated/echo", "messages": 1}),
            400,
        ),
        (&stage.key, hello("simulated/ech"), 400),
        (&stage.key, hello("simulated/locked"), 404),
    ] {
        let refused = stage.post(call, key, &request).await;
        assert_eq!(refused.status, status, "{}", refused.text());
        assert_fits(&document, "ErrorResponse", &refused.json());
    }
    for path in ["/api/v1/nothing", "/api/v1/key"] {
        assert_fits(
            &document,
            "ErrorResponse",
            &stage.get(path, "").await.json(),
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_of_the_desks_fit_their_schemas() {
    let stage = Stage::open().await;
    let document = document().unwrap();
    let new = json!({"name": "second", "limit": 1.5, "limit_reset": "daily"});
    assert_fits(&document, "NewKey", &new);
    let made = stage
        .post("/api/v1/keys", &stage.management_key, &new)
        .await;
    assert_eq!(made.status, 201, "{}", made.text());
    assert_answers(&document, ("post", "/keys", 201), &made.json());
    let path = format!(
        "/api/v1/keys/{}",
        made.json()["data"]["hash"].as_str().unwrap()
    );

    let change = json!({"disabled": true, "limit": null});
    assert_fits(&document, "KeyChange", &change);
    for (method, path, key, body, described) in [
        (
            Method::GET,
            "/api/v1/key",
            &*stage.key,
            "",
            ("get", "/key", 200),
        ),
        (
            Method::GET,
            "/api/v1/keys",
            &stage.management_key,
            "",
            ("get", "/keys", 200),
        ),
        (
            Method::GET,
            &path,
            &stage.management_key,
            "",
            ("get", "/keys/{hash}", 200),
        ),
        (
            Method::PATCH,
            &path,
            &stage.management_key,
            &change.to_string(),
            ("patch", "/keys/{hash}", 200),
        ),
        (
            Method::DELETE,
            &path,
            &stage.management_key,
            "",
            ("delete", "/keys/{hash}", 200),
        ),
        (
            Method::GET,
            "/api/v1/credits",
            &stage.management_key,
            "",
            ("get", "/credits", 200),
        ),
        (Method::GET, "/healthz", "", "", ("get", "/healthz", 200)),
        (Method::GET, "/readyz", "", "", ("get", "/readyz", 200)),
    ] {
        let body = Bytes::copy_from_slice(body.as_bytes());
        let answer = stage.send((method, path), key, body, &[]).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        assert_answers(&document, described, &answer.json());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_about_money_fit_their_schemas() {
    let stage = Stage::open().await;
    let document = document().unwrap();
    let budgets = "/api/v1/workspaces/default/budgets";
    let monthly = "/api/v1/workspaces/default/budgets/monthly";
    let interval = "/workspaces/{id}/budgets/{interval}";
    let limit = json!({"limit_usd": 5, "include_byok_in_budgets": true});
    assert_fits(&document, "WorkspaceBudgetChange", &limit);
    let new = json!({"subject": "organization", "limit": 5, "window": "rolling:24h"});
    assert_fits(&document, "NewBudget", &new);
    let grant = json!({"amount": 5, "id": "one", "note": "hello"});
    assert_fits(&document, "NewCredit", &grant);
    let key = json!({"name": "limited", "rate_limits": [{"tokens": 5, "window": "day"}]});
    assert_fits(&document, "NewKey", &key);
    for (method, path, body, described) in [
        (Method::PUT, monthly, limit, ("put", interval, 200)),
        (Method::GET, monthly, json!(null), ("get", interval, 200)),
        (
            Method::GET,
            budgets,
            json!(null),
            ("get", "/workspaces/{id}/budgets", 200),
        ),
        (
            Method::DELETE,
            monthly,
            json!(null),
            ("delete", interval, 200),
        ),
        (
            Method::POST,
            "/api/v1/budgets",
            new,
            ("post", "/budgets", 201),
        ),
        (
            Method::GET,
            "/api/v1/budgets",
            json!(null),
            ("get", "/budgets", 200),
        ),
        (
            Method::POST,
            "/api/v1/credits/grants",
            grant,
            ("post", "/credits/grants", 201),
        ),
        (
            Method::GET,
            "/api/v1/ledger/statement",
            json!(null),
            ("get", "/ledger/statement", 200),
        ),
        (Method::POST, "/api/v1/keys", key, ("post", "/keys", 201)),
    ] {
        let body = Bytes::from(body.to_string());
        let answer = stage
            .send((method, path), &stage.management_key, body, &[])
            .await;
        assert_eq!(answer.status, described.2, "{path}: {}", answer.text());
        assert_answers(&document, described, &answer.json());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_about_credits_fit_their_schemas() {
    let stage = Stage::open().await;
    let document = document().unwrap();
    let fee = json!({"amount": 1, "id": "two", "generation_id": null});
    assert_fits(&document, "NewCallCredit", &fee);
    let two = json!({"amount": 2});
    let (post, get) = (Method::POST, Method::GET);
    for (method, path, body, status) in [
        (&post, "/credits/purchases", &two, 201),
        (&post, "/credits/refunds", &two, 201),
        (&post, "/credits/fees", &fee, 201),
        (&post, "/credits/fees", &fee, 200),
        (&get, "/ledger/entries", &json!(null), 200),
    ] {
        let full = format!("/api/v1{path}");
        let body = Bytes::from(body.to_string());
        let answer = stage
            .send((method.clone(), &full), &stage.management_key, body, &[])
            .await;
        assert_eq!(answer.status, status, "{path}: {}", answer.text());
        let method = method.as_str().to_ascii_lowercase();
        assert_answers(&document, (&method, path, status), &answer.json());
    }
}
