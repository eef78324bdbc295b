//! `GET /generations`, `GET /sessions` and `GET /sessions/{id}`: filters, pages, exports, and nobody else's business.

use http::Method;
use serde_json::{Value, json};

use crate::schema::assert_fits;
use crate::stage::{Stage, hello};

pub(super) const LIST: &str = "/api/v1/generations";

/// Three calls in a session, one that fails, two of another key.
pub(super) async fn busy() -> (Stage, String) {
    let stage = Stage::open().await;
    let body = json!({ "name": "another" });
    let made = stage
        .post("/api/v1/keys", &stage.management_key, &body)
        .await;
    let other = made.json()["key"].as_str().unwrap().to_owned();
    for number in 0..3 {
        let mut body = hello("simulated/echo");
        body["session_id"] = json!("run-1");
        body["user"] = json!(format!("customer-{number}"));
        assert_eq!(stage.chat(&body, "").await.status, 200);
    }
    let failed = stage.chat(&hello("simulated/nothing"), "").await;
    assert!(failed.status.is_client_error(), "{}", failed.text());
    for _ in 0..2 {
        let path = "/api/v1/chat/completions";
        let seen = stage.post(path, &other, &hello("simulated/echo")).await;
        assert_eq!(seen.status, 200, "{}", seen.text());
    }
    (stage, other)
}

async fn list(stage: &Stage, query: &str, key: &str) -> Value {
    list_at(stage, LIST, query, key).await
}

async fn list_at(stage: &Stage, path: &str, query: &str, key: &str) -> Value {
    let seen = stage.get(&format!("{path}{query}"), key).await;
    assert_eq!(seen.status, 200, "{query}: {}", seen.text());
    seen.json()
}

fn length(list: &Value) -> usize {
    list["data"].as_array().unwrap().len()
}

#[tokio::test]
async fn a_list_is_true_at_once_and_filtered() {
    let (stage, other) = busy().await;
    let all = list(&stage, "", &stage.management_key).await;
    let times: Vec<jiff::Timestamp> = all["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["created_at"].as_str().unwrap().parse().unwrap())
        .collect();
    assert!(
        times.is_sorted_by(|newer, older| newer >= older),
        "{times:?}"
    );
    let served = length(&list(&stage, "?status=200", &stage.management_key).await);
    assert_eq!(served, 5);
    let newest = &all["data"][0];
    for (query, count) in [
        ("?model=simulated/echo&outcome=completed", 5),
        ("?model=simulated/none", 0),
        ("?session_id=run-1", 3),
        ("?search=run-1", 3),
        ("?search=customer-2", 1),
        ("?end_user=customer-2", 1),
        ("?end_user=customer-2&session_id=run-1", 1),
        ("?end_user=customer", 0),
        ("?origin=https://nobody.example", 0),
        ("?search=SIMULATED/ech", 5),
        ("?outcome=failed,cancelled&model=simulated/echo", 0),
        ("?error_type=timeout,invalid_request", 1),
        ("?min_cost=1000", 0),
        ("?sign=cut_short,broken_off&status=200", 0),
        ("?min_latency=100000000", 0),
        ("?end=2020-01-01T00:00:00Z", 0),
        ("?start=2020-01-01T00:00:00Z&status=200,201", 5),
    ] {
        let found = list(&stage, query, &stage.management_key).await;
        assert_eq!(length(&found), count, "{query}: {found:#}");
    }
    assert_eq!(newest["api_key_name"], "another");
    let hash = store::KeyHash::of(&other);
    assert_eq!(newest["api_key_hash"], hash.as_str());
    let by_id = format!("?search={}", newest["id"].as_str().unwrap());
    let found = list(&stage, &by_id, &stage.management_key).await;
    assert_eq!(found["data"][0], *newest);
    // A key for calls sees its own.
    assert_eq!(length(&list(&stage, "?status=200", &other).await), 2);
    assert_eq!(length(&list(&stage, "?status=200", &stage.key).await), 3);
    let foreign = format!("?api_key_hash={}", hash.as_str());
    assert_eq!(length(&list(&stage, &foreign, &stage.key).await), 0);
    assert_eq!(
        length(&list(&stage, &foreign, &stage.management_key).await),
        2
    );
}

#[tokio::test]
async fn pages_follow_each_other_and_mistakes_are_named() {
    let (stage, _) = busy().await;
    let key = &stage.management_key;
    let mut seen = Vec::new();
    let mut query = "?limit=2&status=200".to_owned();
    loop {
        let page = list(&stage, &query, key).await;
        let ids = page["data"].as_array().unwrap().iter();
        seen.extend(ids.map(|one| one["id"].as_str().unwrap().to_owned()));
        assert_eq!(
            page["searched_from"].is_null(),
            page["next_cursor"].is_null()
        );
        match page["next_cursor"].as_str() {
            Some(next) => query = format!("?limit=2&status=200&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(seen.len(), 5);
    seen.dedup();
    assert_eq!(seen.len(), 5);
    for (query, said) in [
        ("?limit=0", "limit"),
        ("?limit=1001", "limit"),
        ("?cursor=x", "cursor"),
        ("?start=yesterday", "start"),
        ("?end=2020-01-01T00:00:00%2B02:00", "end"),
        ("?min_cost=-1", "min_cost"),
        ("?format=xlsx", "format"),
        ("?sign=empty,odd", "sign"),
    ] {
        let seen = stage.get(&format!("{LIST}{query}"), key).await;
        assert!(seen.error(400, "invalid_request").contains(said), "{query}");
    }
    stage.get(LIST, "").await.error(401, "authentication");
}

#[tokio::test]
async fn an_export_has_everything_that_the_list_has() {
    let (stage, _) = busy().await;
    let key = &stage.management_key;
    let all = length(&list(&stage, "?limit=1000", key).await);
    let lines = stage.get(&format!("{LIST}?format=jsonl"), key).await;
    assert_eq!(lines.header("content-type"), "application/x-ndjson");
    let text = lines.text();
    let records: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(records.len(), all);
    let csv = stage
        .get(&format!("{LIST}?format=csv&session_id=run-1"), key)
        .await;
    assert_eq!(csv.header("content-type"), "text/csv; charset=utf-8");
    let text = csv.text();
    let (head, rows) = text.split_once("\r\n").unwrap();
    assert!(head.starts_with("id,created_at,workspace_id"), "{head}");
    assert_eq!(rows.lines().count(), 3);
    let width = head.split(',').count();
    assert!(rows.lines().all(|row| row.split(',').count() == width));
}

#[tokio::test]
async fn a_session_is_its_calls_in_order_and_their_sum() {
    let (stage, _) = busy().await;
    for key in [&stage.key, &stage.management_key] {
        let seen = stage.get("/api/v1/sessions/run-1", key).await;
        assert_eq!(seen.status, 200, "{}", seen.text());
        let session = seen.json()["data"].take();
        assert_eq!(
            (&session["calls"], &session["failed"]),
            (&json!(3), &json!(0))
        );
        let calls = session["generations"].as_array().unwrap();
        let users: Vec<&str> = calls
            .iter()
            .map(|call| call["external_user"].as_str().unwrap())
            .collect();
        assert_eq!(users, ["customer-0", "customer-1", "customer-2"]);
        let sum: f64 = calls
            .iter()
            .map(|call| call["total_cost"].as_f64().unwrap())
            .sum();
        let total = session["total_cost"].as_f64().unwrap();
        assert!((sum - total).abs() < 1e-9 && total > 0.0, "{session:#}");
        assert_eq!(session["previous_cursor"], json!(null));
    }
    let seen = stage.get("/api/v1/sessions/other", &stage.key).await;
    seen.error(404, "not_found");
    let elsewhere = "/api/v1/sessions/run-1?workspace_id=elsewhere";
    let seen = stage.get(elsewhere, &stage.management_key).await;
    seen.error(404, "not_found");
}

#[tokio::test]
async fn sessions_are_listed_by_cost_or_last_call_page_by_page() {
    let (stage, other) = busy().await;
    let mut body = hello("simulated/echo");
    body["session_id"] = json!("run-2");
    assert_eq!(stage.chat(&body, "").await.status, 200);
    let document = server::api::openapi::document().unwrap();
    let path = "/api/v1/sessions";
    for (sort, expected) in [("", ["run-2", "run-1"]), ("&sort=cost", ["run-1", "run-2"])] {
        for key in [&stage.key, &other, &stage.management_key] {
            let mut seen = Vec::new();
            let mut query = format!("?limit=1{sort}");
            loop {
                let page = list_at(&stage, path, &query, key).await;
                assert_fits(&document, "SessionList", &page);
                seen.extend(page["data"].as_array().unwrap().iter().cloned());
                match page["next_cursor"].as_str() {
                    Some(next) => query = format!("?limit=1{sort}&cursor={next}"),
                    None => break,
                }
            }
            let ids: Vec<&str> = seen.iter().map(|one| one["id"].as_str().unwrap()).collect();
            assert_eq!(ids, expected);
            let calls = seen.iter().map(|one| one["calls"].as_i64().unwrap());
            assert_eq!(calls.sum::<i64>(), 4);
        }
    }
    let key = &stage.management_key;
    for nothing in ["?workspace_id=elsewhere", "?end=2020-01-01T00:00:00Z"] {
        assert_eq!(
            length(&list_at(&stage, path, nothing, key).await),
            0,
            "{nothing}"
        );
    }
    for (query, said) in [
        ("?limit=501", "limit"),
        ("?sort=dear", "sort"),
        ("?cursor=x", "cursor"),
        ("?start=yesterday", "start"),
    ] {
        let seen = stage.get(&format!("{path}{query}"), key).await;
        assert!(seen.error(400, "invalid_request").contains(said), "{query}");
    }
    stage.get(path, "").await.error(401, "authentication");
}

/// The places of a session's tree, each as `id parent how depth calls`.
async fn places(stage: &Stage, session: &str) -> (Vec<String>, Value) {
    let seen = stage
        .get(&format!("/api/v1/sessions/{session}"), &stage.key)
        .await;
    let data = seen.json()["data"].take();
    let document = server::api::openapi::document().unwrap();
    assert_fits(&document, "Session", &data);
    let places = data["tree"].as_array().unwrap().iter().map(|place| {
        let text = |name: &str| place[name].as_str().unwrap_or("-").to_owned();
        format!(
            "{} < {} {} {} {}",
            text("id"),
            text("parent_id"),
            text("parent_is"),
            place["depth"],
            place["subtree_calls"]
        )
    });
    (places.collect(), data)
}

#[tokio::test]
async fn a_session_is_a_tree_of_what_callers_say_and_of_prompts_that_go_on() {
    let stage = Stage::open().await;
    let call = async |turns: &[&str], trace: Value, headers: &[(&str, &str)]| {
        let turns = turns.iter().enumerate().map(|(number, text)| {
            let role = if number % 2 == 0 { "user" } else { "assistant" };
            json!({"role": role, "content": text})
        });
        let mut body = json!({"model": "simulated/echo", "session_id": "run-2"});
        body["messages"] = turns.collect();
        if !trace.is_null() {
            body["trace"] = trace;
        }
        // So long that the prompt is hashed meanwhile.
        let headers = [&[("x-simulate", "delay=300ms")], headers].concat();
        let request = (Method::POST, "/api/v1/chat/completions");
        let seen = stage
            .send(request, &stage.key, body.to_string().into(), &headers)
            .await;
        assert_eq!(seen.status, 200, "{}", seen.text());
        seen.header("x-generation-id").to_owned()
    };
    let plan = call(&["plan"], Value::Null, &[]).await;
    let next = call(&["plan", "look", "seen"], Value::Null, &[]).await;
    let inner = json!({"parent_span_id": plan, "generation_name": "inner"});
    let sub = call(&["other work"], inner, &[]).await;
    let more = call(&["other work", "done", "more"], Value::Null, &[]).await;
    let (trace, span) = ("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7");
    let parent = format!("00-{trace}-{span}-01");
    let traced = call(&["elsewhere"], Value::Null, &[("traceparent", &parent)]).await;
    let (places, session) = places(&stage, "run-2").await;
    assert_eq!(
        places,
        [
            format!("{plan} < - - 0 4"),
            format!("{next} < {plan} inferred 1 1"),
            format!("{sub} < {plan} said 1 2"),
            format!("{more} < {sub} inferred 1 1"),
            format!("{trace} < - - 0 1"),
            format!("{span} < {trace} said 1 1"),
            format!("{traced} < {span} said 2 1"),
        ],
        "{:#}",
        session["tree"]
    );
    let nanos = |usd: &Value| (usd.as_f64().unwrap() * 1e9).round();
    let own = |index: usize| nanos(&session["tree"][index]["total_cost"]);
    let whole = nanos(&session["tree"][0]["subtree_cost"]);
    assert_eq!(whole, own(0) + own(1) + own(2) + own(3));
    assert_eq!(nanos(&session["total_cost"]), whole + own(6));
    assert_eq!(session["tree"][2]["name"], "inner");
    let record = &session["generations"][3];
    assert_eq!(record["continues_generation_id"], sub.as_str());
    assert_eq!(session["generations"][4]["trace"]["trace_id"], trace);
    stage.running.stop().await;
}
