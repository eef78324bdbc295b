//! `/byok`: field for field, sealed, applied at once; whose calls present which, and who pays.

use bytes::Bytes;
use http::Method;
use ledger::Amount;
use serde_json::{Value, json};
use server::api::openapi::document;
use simulator::Simulator;
use store::{NewWorkspace, Store};

use crate::schema::assert_fits;
use crate::stage::{Scratch, Seen, Stage, hello, start};

const PATH: &str = "/api/v1/byok";
const CALLS: &str = "/api/v1/chat/completions";
const SECRET: &str = "sk-right-0123456789AbCd";
const WRONG: &str = "sk-wrong-0123456789XyZz";

/// A provider that takes one key alone, in a configuration; `more` is said of it.
fn choosy(simulator: &Simulator, more: &str) -> String {
    format!(
        r#"
[providers.choosy]
name = "Choosy"
kind = "simulated"
base_url = "{}"
dialects = ["openai-chat"]
auth = "bearer"
{more}

[[providers.choosy.endpoints]]
model = "test/choosy"
upstream_model = "choosy"
context_length = 100000
price = {{ input = "1.00", output = "2.00" }}
"#,
        simulator.base_url()
    )
}

async fn gatekeeper() -> Simulator {
    let simulator = Simulator::start("127.0.0.1:0").await.unwrap();
    simulator.with_key(SECRET)
}

async fn opened(more: &str) -> (Stage, Simulator) {
    let simulator = gatekeeper().await;
    let stage = Stage::open_with(&choosy(&simulator, more), &[]).await;
    (stage, simulator)
}

async fn desk(stage: &Stage, method: Method, path: &str, body: &Value) -> Seen {
    let body = Bytes::from(body.to_string());
    stage
        .send((method, path), &stage.management_key, body, &[])
        .await
}

async fn store(stage: &Stage, body: &Value) -> Value {
    let made = desk(stage, Method::POST, PATH, body).await;
    assert_eq!(made.status, 201, "{}", made.text());
    made.json()["data"].take()
}

async fn make_key(stage: &Stage, body: &Value) -> (String, String) {
    let made = desk(stage, Method::POST, "/api/v1/keys", body).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let made = made.json();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    (text(&made["key"]), text(&made["data"]["hash"]))
}

async fn make_workspace(store: &Store, slug: &str) -> String {
    let id = format!("00000000-0000-4000-8000-0000000000{slug}");
    let workspace = NewWorkspace {
        id: id.clone(),
        slug: slug.to_owned(),
        name: slug.to_owned(),
        description: None,
        created_at_ms: 1,
    };
    store.workspaces().create(&workspace).await.unwrap();
    id
}

/// Two of them, the older one first, at pages and by provider, and never a secret.
async fn are_listed(stage: &Stage, first: &Value) {
    let listed = stage
        .get(&format!("{PATH}?limit=1"), &stage.management_key)
        .await;
    assert_eq!(listed.json()["data"], json!([first]));
    assert_eq!(listed.json()["total_count"], 2);
    for (query, count) in [
        ("offset=1", 1),
        ("provider=choosy", 2),
        ("provider=sim-one", 0),
    ] {
        let listed = stage
            .get(&format!("{PATH}?{query}"), &stage.management_key)
            .await;
        assert_eq!(
            listed.json()["data"].as_array().unwrap().len(),
            count,
            "{query}"
        );
        assert!(!listed.text().contains("0123456789"), "{}", listed.text());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_credential_is_made_shown_masked_changed_and_deleted() {
    let (stage, _simulator) = opened("").await;
    let document = document().unwrap();
    let asked = json!({"provider": "choosy", "key": SECRET, "name": "Ours"});
    let made = store(&stage, &asked).await;
    assert_fits(&document, "ByokKey", &made);
    assert_eq!(made["label"], "sk-...AbCd");
    assert_eq!(made["workspace_id"], store::DEFAULT_WORKSPACE_ID);
    assert_eq!(
        (&made["sort_order"], &made["disabled"]),
        (&json!(0), &json!(false))
    );
    let id = made["id"].as_str().unwrap();
    let one = format!("{PATH}/{id}");
    let of_house =
        json!({"provider": "choosy", "key": WRONG, "workspace_id": null, "disabled": true});
    let second = store(&stage, &of_house).await;
    assert_eq!(
        (&second["sort_order"], &second["workspace_id"]),
        (&json!(1), &json!(null))
    );

    are_listed(&stage, &made).await;
    let patch =
        json!({"key": WRONG, "name": null, "is_fallback": true, "allowed_models": ["test/choosy"]});
    let changed = desk(&stage, Method::PATCH, &one, &patch).await;
    let changed = changed.json()["data"].take();
    assert_fits(&document, "ByokKey", &changed);
    assert_eq!(
        (&changed["label"], &changed["name"], &changed["is_fallback"]),
        (&json!("sk-...XyZz"), &json!(null), &json!(true))
    );
    let cleared = desk(
        &stage,
        Method::PATCH,
        &one,
        &json!({"allowed_models": null}),
    )
    .await;
    assert_eq!(cleared.json()["data"]["allowed_models"], json!(null));
    let kept = stage
        .running
        .app
        .store
        .settings()
        .beginning_with("byok/")
        .await;
    let kept = format!("{:?}", kept.unwrap());
    assert!(
        kept.contains("v1.") && !kept.contains("0123456789"),
        "{kept}"
    );

    let deleted = desk(&stage, Method::DELETE, &one, &Value::Null).await;
    assert_eq!(deleted.json(), json!({"deleted": true}));
    stage
        .get(&one, &stage.management_key)
        .await
        .error(404, "not_found");
    let kept = stage
        .running
        .app
        .store
        .settings()
        .get(&format!("byok/{id}"))
        .await;
    let kept = kept.unwrap().unwrap().value;
    assert!(kept.contains("\"sealed\":\"\""), "{kept}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_credential_is_said() {
    let (stage, _simulator) = opened("").await;
    for (more, said) in [
        (
            json!({"provider": "nobody"}),
            "there is no provider \"nobody\"",
        ),
        (json!({"key": " "}), "is empty"),
        (
            json!({"key": "two\nlines-of-a-key"}),
            "characters that a header cannot carry",
        ),
        (
            json!({"workspace_id": "nowhere"}),
            "there is no such workspace",
        ),
        (
            json!({"allowed_models": ["no/model"]}),
            "there is no model \"no/model\"",
        ),
        (json!({"allowed_api_key_hashes": []}), "at least one hash"),
        (
            json!({"allowed_api_key_hashes": ["0".repeat(64)]}),
            "no key with the hash",
        ),
        (json!({"name": "x".repeat(256)}), "at most 255 characters"),
        (
            json!({"allowed_user_ids": vec!["u"; 101]}),
            "at most 100 entries",
        ),
        (json!({"colour": "red"}), "unknown field"),
    ] {
        let mut body = json!({"provider": "choosy", "key": SECRET});
        for (name, value) in more.as_object().unwrap() {
            body[name] = value.clone();
        }
        let refused = desk(&stage, Method::POST, PATH, &body).await;
        let message = refused.error(400, "invalid_request");
        assert!(message.contains(said), "{message}");
        assert!(!message.contains("0123456789"), "{message}");
    }
    let refused = stage.get(PATH, &stage.key).await;
    assert_eq!(refused.status, 403, "{}", refused.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workspaces_own_credential_switches_a_provider_on_and_costs_nothing_here() {
    let (stage, _simulator) = opened("").await;
    let refused = stage.chat(&hello("test/choosy"), "").await;
    assert_ne!(refused.status, 200, "{}", refused.text());
    let (limited, hash) = make_key(&stage, &json!({"name": "limited", "limit": 0})).await;
    let counting = json!({"name": "counting", "limit": 0, "include_byok_in_limit": true});
    let (counting, _) = make_key(&stage, &counting).await;
    store(&stage, &json!({"provider": "choosy", "key": SECRET})).await;

    let answer = stage.post(CALLS, &limited, &hello("test/choosy")).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let usage = answer.json()["usage"].take();
    assert_eq!(
        (&usage["is_byok"], &usage["cost"]),
        (&json!(true), &json!(0))
    );
    let upstream = usage["cost_details"]["upstream_inference_cost"]
        .as_f64()
        .unwrap();
    assert!(upstream > 0.0, "{usage}");
    let id = answer.header("x-generation-id");
    let record = stage
        .get(&format!("/api/v1/generation?id={id}"), &limited)
        .await;
    let record = record.json()["data"].take();
    assert_eq!(
        (&record["is_byok"], &record["total_cost"]),
        (&json!(true), &json!(0))
    );
    assert_eq!(record["upstream_inference_cost"].as_f64(), Some(upstream));
    assert_eq!(record["provider_responses"][0]["is_byok"], true);
    // A budget that counts such calls is a budget.
    let refused = stage.post(CALLS, &counting, &hello("test/choosy")).await;
    refused.error(402, "payment_required");

    let app = &stage.running.app;
    app.recorder
        .drain(std::time::Duration::from_secs(5))
        .await
        .unwrap();
    let (hash, keys) = (store::KeyHash::from_text(hash), app.store.keys());
    let spent = keys.spending(&hash, app.clock.now_ms()).await.unwrap();
    let spent = spent.total;
    assert_eq!((spent.usage, spent.requests), (Amount::ZERO, 1));
    assert!(spent.byok_usage > Amount::ZERO);
    assert_eq!(
        app.store.credits(None).await.unwrap().total_usage,
        Amount::ZERO
    );
    assert_eq!(app.store.verify().await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_budget_that_counts_such_calls_is_charged_their_list_price() {
    let (stage, _simulator) = opened("").await;
    store(&stage, &json!({"provider": "choosy", "key": SECRET})).await;
    let counting = json!({"name": "counting", "limit": 1, "include_byok_in_limit": true});
    let (key, hash) = make_key(&stage, &counting).await;
    let mut body = hello("test/choosy");
    body["max_tokens"] = 100.into();
    let answer = stage.post(CALLS, &key, &body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let app = &stage.running.app;
    app.recorder
        .drain(std::time::Duration::from_secs(5))
        .await
        .unwrap();
    let shown = stage
        .get(&format!("/api/v1/keys/{hash}"), &stage.management_key)
        .await;
    let shown = shown.json()["data"].take();
    assert_eq!(shown["usage"], json!(0), "{shown}");
    let counted = shown["byok_usage"].as_f64().unwrap();
    let left = shown["limit_remaining"].as_f64().unwrap();
    assert!(
        counted > 0.0 && (1.0 - left - counted).abs() < 1e-9,
        "{shown}"
    );
    assert_eq!(app.store.verify().await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_credential_is_only_for_those_it_names() {
    let (stage, _simulator) = opened("").await;
    let other = make_workspace(&stage.running.app.store, "77").await;
    let (theirs, _) = make_key(&stage, &json!({"name": "theirs", "workspace_id": other})).await;
    let (chosen, hash) = make_key(&stage, &json!({"name": "chosen"})).await;
    let own = json!({"provider": "choosy", "key": SECRET, "workspace_id": other});
    let own = store(&stage, &own).await["id"].as_str().unwrap().to_owned();
    let status = async |key: &str| {
        let answer = stage.post(CALLS, key, &hello("test/choosy")).await;
        (answer.status.as_u16() == 200).then(|| answer.json()["usage"]["is_byok"] == true)
    };
    assert_eq!(
        (status(&theirs).await, status(&chosen).await),
        (Some(true), None)
    );
    desk(
        &stage,
        Method::DELETE,
        &format!("{PATH}/{own}"),
        &Value::Null,
    )
    .await;
    assert_eq!((status(&theirs).await, status(&chosen).await), (None, None));
    let of_house = json!({
        "provider": "choosy", "key": SECRET, "workspace_id": null,
        "allowed_api_key_hashes": [hash], "allowed_models": ["test/choosy"],
    });
    let of_house = store(&stage, &of_house).await["id"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(
        (status(&theirs).await, status(&chosen).await),
        (None, Some(false))
    );
    let path = format!("{PATH}/{of_house}");
    let elsewhere = json!({"allowed_models": ["simulated/echo"]});
    desk(&stage, Method::PATCH, &path, &elsewhere).await;
    assert_eq!(status(&chosen).await, None);
    let everybody = json!({"allowed_models": null, "allowed_api_key_hashes": null});
    desk(&stage, Method::PATCH, &path, &everybody).await;
    assert_eq!(
        (status(&theirs).await, status(&chosen).await),
        (Some(false), Some(false))
    );
    desk(&stage, Method::PATCH, &path, &json!({"disabled": true})).await;
    assert_eq!((status(&theirs).await, status(&chosen).await), (None, None));
}

/// Who was asked, by whose credential, for one call.
async fn attempts(stage: &Stage) -> Vec<(u64, bool)> {
    let answer = stage.chat(&hello("test/choosy"), "").await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let record = stage.record(&answer).await;
    let all = record["provider_responses"].as_array().unwrap().iter();
    let mut all: Vec<(u64, bool)> = all
        .map(|one| (one["status"].as_u64().unwrap(), one["is_byok"] == true))
        .collect();
    all.sort_unstable_by_key(|(status, _)| std::cmp::Reverse(*status));
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn own_credentials_come_first_then_the_houses_then_fallbacks() {
    let (stage, _simulator) = opened(&format!("credential = \"{SECRET}\"")).await;
    assert_eq!(attempts(&stage).await, [(200, false)]);
    let own = store(&stage, &json!({"provider": "choosy", "key": SECRET})).await;
    assert_eq!(attempts(&stage).await, [(200, true)]);
    let path = format!("{PATH}/{}", own["id"].as_str().unwrap());
    // A fallback is not asked while the house's answers.
    desk(&stage, Method::PATCH, &path, &json!({"is_fallback": true})).await;
    assert_eq!(attempts(&stage).await, [(200, false)]);
    // One that is refused is followed by the house's, and left alone for a while.
    let wrong = json!({"is_fallback": false, "key": WRONG});
    desk(&stage, Method::PATCH, &path, &wrong).await;
    assert_eq!(attempts(&stage).await, [(401, true), (200, false)]);
    assert_eq!(attempts(&stage).await, [(200, false)]);
    assert_eq!(stage.running.app.store.verify().await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fallback_answers_where_the_houses_is_refused() {
    let (stage, _simulator) = opened(&format!("credential = \"{WRONG}\"")).await;
    let fallback = json!({"provider": "choosy", "key": SECRET, "is_fallback": true});
    store(&stage, &fallback).await;
    assert_eq!(attempts(&stage).await, [(401, false), (200, true)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_credential_is_checked_live_in_plain_words() {
    let (stage, _simulator) = opened("").await;
    let made = store(&stage, &json!({"provider": "choosy", "key": WRONG})).await;
    let path = format!("{PATH}/{}", made["id"].as_str().unwrap());
    let check = async || {
        let said = desk(&stage, Method::POST, &format!("{path}/check"), &Value::Null).await;
        assert_eq!(said.status, 200, "{}", said.text());
        let said = said.json()["data"].take();
        assert_fits(&document().unwrap(), "CredentialCheck", &said);
        (
            said["ok"] == true,
            said["message"].as_str().unwrap().to_owned(),
        )
    };
    let (is_well, message) = check().await;
    assert!(
        !is_well && message.starts_with("refuses the credential: "),
        "{message}"
    );
    assert!(!message.contains(WRONG), "{message}");
    desk(&stage, Method::PATCH, &path, &json!({"key": SECRET})).await;
    assert_eq!(check().await, (true, "answers".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stored_credential_outlives_the_process() {
    let simulator = gatekeeper().await;
    let dir = Scratch::new();
    let text = format!(
        "[discovery]\nlocal_engines = false\n{}",
        choosy(&simulator, "")
    );
    let running = start(&text, &dir, &[]).await;
    let keys = running.first_keys.as_ref().unwrap();
    let (key, management) = (
        keys.inference.expose().to_owned(),
        keys.management.as_ref().unwrap().expose().to_owned(),
    );
    let post = async |url: &str, path: &str, key: &str, body: Value| {
        let request = http::Request::post(format!("{url}{path}"))
            .header("authorization", format!("Bearer {key}"))
            .body(http_body_util::Full::new(Bytes::from(body.to_string())));
        crate::stage::send(request.unwrap()).await
    };
    let url = running.app.public_url.clone();
    let body = json!({"provider": "choosy", "key": SECRET, "workspace_id": null});
    let made = post(&url, PATH, &management, body).await;
    assert_eq!(made.status, 201, "{}", made.text());
    running.stop().await;
    let running = start(&text, &dir, &[]).await;
    let url = running.app.public_url.clone();
    let answer = post(&url, CALLS, &key, hello("test/choosy")).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    running.stop().await;
}
