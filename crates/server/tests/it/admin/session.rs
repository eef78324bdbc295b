//! `/console/session` and what belongs to it.

use bytes::Bytes;
use http::Method;
use serde_json::{Value, json};
use server::api::openapi::document;
use server::session::link;

use crate::schema::problems_with;
use crate::stage::{Seen, Stage, hello};

const SESSION: &str = "/api/v1/console/session";
const MARK: (&str, &str) = ("x-waybill-console", "1");

impl Stage {
    async fn by_browser(&self, method: Method, path: &str, cookie: &str, body: &Value) -> Seen {
        let body = match body {
            Value::Null => Bytes::new(),
            body => body.to_string().into(),
        };
        let headers = [("cookie", cookie), MARK];
        self.send((method, path), "", body, &headers).await
    }

    /// Signs in; the cookie.
    async fn sign_in(&self, body: &Value) -> String {
        let seen = self.by_browser(Method::POST, SESSION, "", body).await;
        assert_eq!(seen.status, 200, "{}", seen.text());
        cookie_of(&seen)
    }
}

fn cookie_of(seen: &Seen) -> String {
    let set = seen.header("set-cookie");
    assert!(set.contains("HttpOnly; SameSite=Strict"), "{set}");
    set.split(';').next().unwrap().to_owned()
}

fn fits(method: &str, path: &str, answer: &Value) {
    let document = document().unwrap();
    let schema = document["paths"][path][method]["responses"]["200"]["content"]["application/json"]
        ["schema"]
        .clone();
    let problems = problems_with(&document, &schema, answer);
    assert!(problems.is_empty(), "{problems:#?}\nin {answer:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_administers_until_it_is_ended() {
    let stage = Stage::open().await;
    let before = stage
        .by_browser(Method::GET, SESSION, "", &json!(null))
        .await;
    assert_eq!(before.json()["data"]["signed_in"], false);
    fits("get", "/console/session", &before.json());

    let cookie = stage.sign_in(&json!({"key": stage.management_key})).await;
    let now = stage
        .by_browser(Method::GET, SESSION, &cookie, &json!(null))
        .await;
    assert_eq!(now.json()["data"]["signed_in"], true);
    assert_eq!(now.json()["data"]["session"]["proof"], "key");
    fits("get", "/console/session", &now.json());
    let keys = stage
        .by_browser(Method::GET, "/api/v1/keys", &cookie, &json!(null))
        .await;
    assert_eq!(keys.status, 200, "{}", keys.text());

    // Without the header of the console the cookie is nobody's.
    let forged = stage
        .send(
            (Method::GET, "/api/v1/keys"),
            "",
            Bytes::new(),
            &[("cookie", &cookie)],
        )
        .await;
    forged.error(401, "authentication");

    let gone = stage
        .by_browser(Method::DELETE, SESSION, &cookie, &json!(null))
        .await;
    assert_eq!(gone.json()["deleted"], true);
    assert!(gone.header("set-cookie").contains("Max-Age=0"));
    let after = stage
        .by_browser(Method::GET, "/api/v1/keys", &cookie, &json!(null))
        .await;
    assert!(after.error(401, "authentication").contains("sign in again"));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_sign_in_is_told_why() {
    let stage = Stage::open().await;
    for (body, words) in [
        (json!({"key": stage.key}), "inference key"),
        (json!({"key": "sk-wb-v1-other"}), "unknown"),
        (json!({"link": "00"}), "used before"),
        (json!({"password": "whatever it is"}), "No password"),
    ] {
        let seen = stage.by_browser(Method::POST, SESSION, "", &body).await;
        assert!(seen.error(401, "authentication").contains(words), "{body}");
        assert_eq!(seen.header("set-cookie"), "");
    }
    for body in [
        json!({}),
        json!({"key": "a", "link": "b"}),
        json!({"other": 1}),
    ] {
        let seen = stage.by_browser(Method::POST, SESSION, "", &body).await;
        seen.error(400, "invalid_request");
    }
    let body = json!({"key": stage.management_key});
    let forged = stage.post(SESSION, "", &body).await;
    forged.error(403, "permission_denied");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_calls_models_as_the_key_that_it_names() {
    let stage = Stage::open().await;
    let cookie = stage.sign_in(&json!({"key": stage.management_key})).await;
    let body = hello("simulated/echo").to_string();
    let call = async |as_key: &str| {
        let headers = [
            ("cookie", cookie.as_str()),
            MARK,
            ("x-waybill-as-key", as_key),
        ];
        let path = "/api/v1/chat/completions";
        let body = Bytes::from(body.clone());
        stage
            .send(
                (Method::POST, path),
                "",
                body,
                &headers[..if as_key.is_empty() { 2 } else { 3 }],
            )
            .await
    };
    let hash = store::KeyHash::of(&stage.key);
    let answered = call(hash.as_str()).await;
    assert_eq!(answered.status, 200, "{}", answered.text());
    call("").await.error(403, "permission_denied");
    call("nobody").await.error(400, "invalid_request");
    let management = store::KeyHash::of(&stage.management_key);
    call(management.as_str())
        .await
        .error(400, "invalid_request");

    let disable = json!({"disabled": true});
    let path = format!("/api/v1/keys/{hash}");
    let disabled = stage
        .by_browser(Method::PATCH, &path, &cookie, &disable)
        .await;
    assert_eq!(disabled.status, 200, "{}", disabled.text());
    call(hash.as_str()).await.error(401, "authentication");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_lets_in_once() {
    let stage = Stage::open().await;
    let app = &stage.running.app;
    let made = link::make(&app.store, "http://here/", app.clock.now_ms())
        .await
        .unwrap();
    let token = made.strip_prefix("http://here/sign-in#link=").unwrap();
    let cookie = stage.sign_in(&json!({"link": token})).await;
    let seen = stage
        .by_browser(Method::GET, SESSION, &cookie, &json!(null))
        .await;
    assert_eq!(seen.json()["data"]["session"]["proof"], "link");
    let again = json!({"link": token});
    let again = stage.by_browser(Method::POST, SESSION, "", &again).await;
    again.error(401, "authentication");

    let old = link::make(
        &app.store,
        "http://here",
        app.clock.now_ms() - link::LIFE_MS,
    )
    .await;
    let old = old.unwrap();
    let token = old.strip_prefix("http://here/sign-in#link=").unwrap();
    let late = json!({"link": token});
    let late = stage.by_browser(Method::POST, SESSION, "", &late).await;
    late.error(401, "authentication");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_lets_in_ends_other_sessions_and_is_not_guessed() {
    let stage = Stage::open().await;
    let password = "/api/v1/console/password";
    let first = stage.sign_in(&json!({"key": stage.management_key})).await;
    let other = stage.sign_in(&json!({"key": stage.management_key})).await;
    let put = async |cookie: &str, body: Value| {
        stage.by_browser(Method::PUT, password, cookie, &body).await
    };
    put(&first, json!({"password": "short"}))
        .await
        .error(400, "invalid_request");
    let set = put(&first, json!({"password": "correct horse"})).await;
    assert_eq!(set.status, 200, "{}", set.text());
    fits("put", "/console/password", &set.json());

    let list = "/api/v1/console/sessions";
    let ended = stage
        .by_browser(Method::GET, list, &other, &json!(null))
        .await;
    ended.error(401, "authentication");
    let open = stage
        .by_browser(Method::GET, list, &first, &json!(null))
        .await;
    fits("get", "/console/sessions", &open.json());
    assert_eq!(open.json()["data"].as_array().unwrap().len(), 1);

    let by_password = stage.sign_in(&json!({"password": "correct horse"})).await;
    let unproved = put(&by_password, json!({"password": "another horse"})).await;
    unproved.error(400, "invalid_request");
    let wrong = json!({"password": "another horse", "current": "wrong horse"});
    put(&by_password, wrong).await.error(401, "authentication");

    let app = &stage.running.app;
    while app.guesses.count(app.clock.now_ms()).is_ok() {}
    let guess = json!({"password": "correct horse"});
    let shut = stage.by_browser(Method::POST, SESSION, "", &guess).await;
    shut.error(429, "rate_limit_exceeded");
    assert!(shut.header("retry-after").parse::<u32>().unwrap() > 200);
    stage.sign_in(&json!({"key": stage.management_key})).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_ends_with_the_key_that_opened_it_and_by_its_name() {
    let stage = Stage::open().await;
    let app = &stage.running.app;
    let first = stage.sign_in(&json!({"key": stage.management_key})).await;
    let list = "/api/v1/console/sessions";
    let made = link::make(&app.store, "http://here", app.clock.now_ms())
        .await
        .unwrap();
    let token = made.strip_prefix("http://here/sign-in#link=").unwrap();
    let by_link = stage.sign_in(&json!({"link": token})).await;
    let open = stage
        .by_browser(Method::GET, list, &first, &json!(null))
        .await
        .json();
    let open = open["data"].as_array().unwrap();
    let theirs = open
        .iter()
        .find(|open| open["is_current"] == false)
        .unwrap();
    assert_eq!(theirs["proof"], "link");
    let path = format!("{list}/{}", theirs["id"].as_str().unwrap());
    let ended = stage
        .by_browser(Method::DELETE, &path, &first, &json!(null))
        .await;
    assert_eq!(ended.json()["deleted"], true);
    let again = stage
        .by_browser(Method::DELETE, &path, &first, &json!(null))
        .await;
    again.error(404, "not_found");
    let seen = stage
        .by_browser(Method::GET, list, &by_link, &json!(null))
        .await;
    seen.error(401, "authentication");

    let hash = store::KeyHash::of(&stage.management_key);
    app.store
        .keys()
        .delete(&hash, app.clock.now_ms())
        .await
        .unwrap();
    app.refresh_keys().await;
    let seen = stage
        .by_browser(Method::GET, list, &first, &json!(null))
        .await;
    seen.error(401, "authentication");
}
