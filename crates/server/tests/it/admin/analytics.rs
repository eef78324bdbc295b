//! `/analytics`, held to the records of the calls themselves.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use http::Method;
use serde_json::{Value, json};
use server::api::openapi::document;
use store::KeyHash;

use crate::schema::problems_with;
use crate::stage::{Seen, Set, Stage, hello};

const QUERY: &str = "/api/v1/analytics/query";
const HOUR_MS: i64 = 3_600_000;

/// 2026-03-04 00:30 UTC, a Wednesday.
pub(crate) const START_MS: i64 = 1_772_584_200_000;

/// Calls of two keys on three days: whole and streamed, cached, cut short, of an app, and failed.
pub(crate) async fn busy() -> (Stage, Arc<Set>, String) {
    let clock = Arc::new(Set(AtomicI64::new(START_MS)));
    let stage = Stage::open_at(clock.clone()).await;
    let body = json!({ "name": "another" });
    let made = stage
        .post("/api/v1/keys", &stage.management_key, &body)
        .await;
    let other = made.json()["key"].as_str().unwrap().to_owned();
    for (hours, key, script, app) in [
        (0, &stage.key, "tokens=20", ""),
        (0, &stage.key, "tokens=30,cached=3", "Agent"),
        (1, &other, "tokens=10", "Agent"),
        (25, &other, "tokens=10,finish=length", ""),
        (26, &stage.key, "status=400", "Agent"),
        (26, &stage.key, "tokens=5", "Other"),
        (120, &stage.key, "tokens=7", "Agent"),
    ] {
        clock.0.store(START_MS + hours * HOUR_MS, Ordering::Relaxed);
        let mut body = hello("simulated/echo");
        body["stream"] = json!(hours == 26);
        let mut headers = vec![("x-simulate", script)];
        if !app.is_empty() {
            headers.push(("x-title", app));
        }
        let path = "/api/v1/chat/completions";
        stage
            .send((Method::POST, path), key, body.to_string().into(), &headers)
            .await;
    }
    (stage, clock, other)
}

async fn ask(stage: &Stage, question: &Value) -> Seen {
    stage.post(QUERY, &stage.management_key, question).await
}

async fn answer(stage: &Stage, question: &Value) -> Value {
    let seen = ask(stage, question).await;
    assert_eq!(seen.status, 200, "{question}: {}", seen.text());
    seen.json()["data"].take()
}

async fn rows(stage: &Stage, question: &Value) -> Vec<Value> {
    answer(stage, question).await["data"]
        .as_array()
        .unwrap()
        .clone()
}

/// All records.
pub(crate) async fn records(stage: &Stage, query: &str) -> Vec<Value> {
    let path = format!("/api/v1/generations?limit=1000{query}");
    let seen = stage.get(&path, &stage.management_key).await;
    assert_eq!(seen.status, 200, "{}", seen.text());
    seen.json()["data"].as_array().unwrap().clone()
}

/// USD as nano-USD.
pub(crate) fn nanos(usd: &Value) -> i64 {
    (usd.as_f64().unwrap_or(0.0) * 1e9).round() as i64
}

/// Calls, nano-USD, prompt tokens, completion tokens, cached tokens, attempts, overhead.
fn sums_of(records: &[Value], key: impl Fn(&Value) -> Value) -> BTreeMap<String, [i64; 7]> {
    let mut all = BTreeMap::<String, [i64; 7]>::new();
    for record in records {
        let count = |name: &str| record[name].as_i64().unwrap_or(0);
        let one = [
            1,
            nanos(&record["total_cost"]),
            count("native_tokens_prompt"),
            count("native_tokens_completion"),
            count("native_tokens_cached"),
            i64::try_from(record["provider_responses"].as_array().unwrap().len()).unwrap(),
            count("overhead_us"),
        ];
        let sums = all.entry(key(record).to_string()).or_default();
        sums.iter_mut()
            .zip(one)
            .for_each(|(sum, value)| *sum += value);
    }
    all
}

const COUNTED: [&str; 7] = [
    "request_count",
    "total_usage",
    "tokens_prompt",
    "tokens_completion",
    "cached_tokens",
    "attempt_count",
    "overhead_avg",
];

fn sums_in(rows: &[Value], key: impl Fn(&Value) -> Value) -> BTreeMap<String, [i64; 7]> {
    let sums = |row: &Value| {
        let calls = row["request_count"].as_i64().unwrap();
        COUNTED.map(|name| match name {
            "total_usage" => nanos(&row[name]),
            "overhead_avg" => (row[name].as_f64().unwrap() * 1000.0 * calls as f64).round() as i64,
            _ => row[name].as_i64().unwrap(),
        })
    };
    let one = |row: &Value| (key(row).to_string(), sums(row));
    rows.iter().map(one).collect()
}

#[tokio::test]
async fn answers_are_what_the_records_add_up_to() {
    let (stage, _, other) = busy().await;
    let all = records(&stage, "").await;
    assert_eq!(all.len(), 7);
    // Dimension, and the field of a record.
    for (dimension, field) in [
        ("model", "model"),
        ("app", "app_title"),
        ("provider", "provider"),
        ("endpoint", "endpoint"),
        ("status", "status"),
        ("error_type", "error_type"),
    ] {
        let question = json!({ "metrics": COUNTED, "dimensions": [dimension] });
        let found = rows(&stage, &question).await;
        assert_eq!(
            sums_in(&found, |row| row[dimension].clone()),
            sums_of(&all, |record| record[field].clone()),
            "{dimension}"
        );
        let of_two = json!({ "metrics": COUNTED, "dimensions": [dimension, "app"] });
        assert_eq!(
            sums_in(&rows(&stage, &of_two).await, |row| json!([
                row[dimension],
                row["app"]
            ])),
            sums_of(&all, |record| json!([record[field], record["app_title"]])),
            "{dimension} and app"
        );
    }
    // Granularity, and how much of the time makes a row.
    for (granularity, length) in [("minute", 16), ("hour", 13), ("day", 10), ("month", 7)] {
        let question = json!({ "metrics": COUNTED, "granularity": granularity });
        let found = rows(&stage, &question).await;
        let date = format!("date__{granularity}");
        let cut = |time: &Value| json!(time.as_str().unwrap()[..length]);
        assert_eq!(
            sums_in(&found, |row| cut(&row[&date])),
            sums_of(&all, |record| cut(&record["created_at"])),
            "{granularity}"
        );
        let times: Vec<&str> = found
            .iter()
            .map(|row| row[&date].as_str().unwrap())
            .collect();
        assert!(times.is_sorted(), "{times:?}");
        assert!(times[0].ends_with(":00.000Z"), "{times:?}");
    }
    let weeks = json!({ "metrics": COUNTED, "granularity": "week" });
    let weeks = rows(&stage, &weeks).await;
    assert_eq!(weeks[0]["date__week"], "2026-03-02T00:00:00.000Z");
    assert_eq!(weeks[1]["request_count"], 1, "{weeks:#?}");
    // Keys are told by name, and asked for by hash.
    let by_key = json!({ "metrics": COUNTED, "dimensions": ["api_key_id"] });
    let by_key = rows(&stage, &by_key).await;
    let names: Vec<&Value> = by_key.iter().map(|row| &row["api_key_id"]).collect();
    assert_eq!(names, ["first key", "another"]);
    let hash = KeyHash::of(&other);
    let filters = json!([{ "field": "api_key_id", "operator": "eq", "value": hash.as_str() }]);
    let of_other = json!({ "metrics": COUNTED, "filters": filters });
    let of_other = answer(&stage, &of_other).await;
    assert!(of_other.get("warnings").is_none(), "{of_other:#}");
    let listed = records(&stage, &format!("&api_key_hash={hash}")).await;
    assert_eq!(
        sums_in(of_other["data"].as_array().unwrap(), |_| json!(1)),
        sums_of(&listed, |_| json!(1))
    );
}

#[tokio::test]
async fn a_range_counts_what_is_in_it_to_the_minute() {
    let (stage, _, _) = busy().await;
    let all = records(&stage, "").await;
    for (start, end) in [
        ("2026-03-04T00:30:00Z", "2026-03-04T00:31:00Z"),
        ("2026-03-04T00:31:00Z", "2026-03-05T02:30:00Z"),
        ("2026-03-01T00:00:00Z", "2026-03-05T00:00:00Z"),
        ("2026-03-04T01:30:00Z", "2026-04-01T00:00:00Z"),
        ("2026-03-04T01:31:00Z", "2026-03-09T00:30:00Z"),
        ("2025-01-01T00:00:00Z", "2025-01-02T00:00:00Z"),
    ] {
        let within: Vec<Value> = all
            .iter()
            .filter(|record| (start..end).contains(&record["created_at"].as_str().unwrap()))
            .cloned()
            .collect();
        for granularity in [None, Some("hour"), Some("day")] {
            let question = json!({
                "metrics": ["request_count", "total_usage"], "granularity": granularity,
                "time_range": { "start": start, "end": end },
            });
            let found = rows(&stage, &question).await;
            let calls: i64 = found
                .iter()
                .map(|row| row["request_count"].as_i64().unwrap())
                .sum();
            let cost: i64 = found.iter().map(|row| nanos(&row["total_usage"])).sum();
            assert_eq!(usize::try_from(calls).unwrap(), within.len(), "{question}");
            assert_eq!(
                cost,
                within
                    .iter()
                    .map(|one| nanos(&one["total_cost"]))
                    .sum::<i64>()
            );
        }
    }
}

#[tokio::test]
async fn calls_are_filtered_as_asked() {
    let (stage, _, _) = busy().await;
    let calls = async |filter: Value| -> i64 {
        let question = json!({ "metrics": ["request_count"], "filters": [filter] });
        rows(&stage, &question).await[0]["request_count"]
            .as_i64()
            .unwrap()
    };
    for (field, operator, value, unset, expected) in [
        ("app", "eq", json!("Agent"), None, 4),
        ("app", "neq", json!("Agent"), None, 3),
        ("app", "in", json!(["Agent", "Other"]), None, 5),
        ("app", "in", json!(["Other"]), Some(true), 3),
        ("app", "not_in", json!(["Agent"]), None, 1),
        ("app", "not_in", json!(["Agent"]), Some(true), 3),
        ("status", "gte", json!(400), None, 1),
        ("status", "lt", json!("400"), None, 6),
        ("status", "eq", json!(200), None, 6),
        ("error_type", "in", json!([]), Some(true), 6),
        ("error_type", "eq", json!("invalid_request"), None, 1),
        ("model", "eq", json!("simulated/none"), None, 0),
        (
            "workspace",
            "eq",
            json!(store::DEFAULT_WORKSPACE_ID),
            None,
            7,
        ),
    ] {
        let mut filter = json!({ "field": field, "operator": operator, "value": value });
        if let Some(unset) = unset {
            filter["include_unset"] = json!(unset);
        }
        assert_eq!(calls(filter.clone()).await, expected, "{filter}");
    }
}

#[tokio::test]
async fn rows_are_ordered_and_cut_as_asked() {
    let (stage, _, _) = busy().await;
    let apps = async |more: Value| -> Vec<Value> {
        let mut question = json!({ "metrics": ["tokens_total"], "dimensions": ["app"] });
        let more = more.as_object().unwrap().clone();
        question.as_object_mut().unwrap().extend(more);
        let answer = answer(&stage, &question).await;
        let data = answer["data"].as_array().unwrap();
        assert_eq!(answer["metadata"]["row_count"], data.len());
        let is_cut = answer["metadata"]["truncated"].as_bool().unwrap();
        assert_eq!(is_cut, data.len() < 3, "{answer:#}");
        data.iter().map(|row| row["app"].clone()).collect()
    };
    let order = |field: &str, direction: &str| json!({ "field": field, "direction": direction });
    let by_count = order("request_count", "desc");
    assert_eq!(apps(json!({ "order_by": by_count })).await[0], "Agent");
    let by_name = json!({ "order_by": order("app", "desc") });
    assert_eq!(
        apps(by_name).await,
        [json!("Other"), json!("Agent"), json!(null)]
    );
    let least = json!({ "order_by": order("tokens_total", "asc"), "limit": 1 });
    assert_eq!(apps(least).await, ["Other"]);
    // Of a series, so many rows of each app.
    let question = json!({
        "metrics": ["request_count"], "dimensions": ["app"], "granularity": "hour",
        "order_by": order("date", "desc"), "group_limit": 1,
    });
    let cut = answer(&stage, &question).await;
    assert_eq!(cut["metadata"]["truncated"], true);
    let dates: Vec<&str> = cut["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["date__hour"].as_str().unwrap())
        .collect();
    assert_eq!(
        dates,
        [
            "2026-03-09T00:00:00.000Z",
            "2026-03-05T02:00:00.000Z",
            "2026-03-05T01:00:00.000Z"
        ]
    );
}

#[tokio::test]
async fn everything_in_meta_can_be_asked_for() {
    let (stage, _, _) = busy().await;
    let document = document().unwrap();
    let seen = stage
        .get("/api/v1/analytics/meta", &stage.management_key)
        .await;
    let meta = seen.json();
    let fits = |method: &str, path: &str, answer: &Value| {
        let answers = &document["paths"][path][method]["responses"];
        let schema = &answers["200"]["content"]["application/json"]["schema"];
        let problems = problems_with(&document, schema, answer);
        assert!(problems.is_empty(), "{path}: {problems:#?}\nin {answer:#}");
    };
    fits("get", "/analytics/meta", &meta);
    let names = |kind: &str| -> Vec<String> {
        let all = meta["data"][kind].as_array().unwrap().iter();
        all.map(|one| one["name"].as_str().unwrap().to_owned())
            .collect()
    };
    for documented in [
        "request_count",
        "total_usage",
        "usage_upstream",
        "usage_cache",
        "usage_data",
        "usage_web",
        "usage_file",
        "tokens_total",
        "tokens_prompt",
        "tokens_completion",
        "reasoning_tokens",
        "cache_hit_rate",
    ] {
        assert!(
            names("metrics").iter().any(|name| name == documented),
            "{documented}"
        );
    }
    for dimension in names("dimensions") {
        let question = json!({ "metrics": names("metrics"), "dimensions": [dimension] });
        let seen = ask(&stage, &question).await;
        assert_eq!(seen.status, 200, "{dimension}: {}", seen.text());
        fits("post", "/analytics/query", &seen.json());
        for row in seen.json()["data"]["data"].as_array().unwrap() {
            assert!(row.get(&dimension).is_some(), "{row:#}");
        }
    }
    for granularity in names("granularities") {
        let question = json!({ "metrics": ["request_count"], "granularity": granularity });
        assert_eq!(ask(&stage, &question).await.status, 200, "{granularity}");
    }
    let whole = &rows(&stage, &json!({ "metrics": names("metrics") })).await[0];
    let part = |name: &str| nanos(&whole[name]);
    let parts = ["usage_upstream", "usage_cache", "usage_web"].map(part);
    assert_eq!(parts.iter().sum::<i64>(), part("total_usage"), "{whole:#}");
    assert_eq!(part("cache_savings"), -part("usage_cache"));
    assert!(part("cache_savings") > 0, "{whole:#}");
    assert_eq!(whole["truncated_count"], 1);
    assert_eq!(whole["failed_count"], 1);
    assert!(whole["latency_p99"].as_f64().unwrap() >= whole["latency_p50"].as_f64().unwrap());
}

/// A field of a question, what is wrong in it, and a word that the answer has.
type Mistake = (&'static str, Value, &'static str);

fn mistakes() -> Vec<Mistake> {
    let mut all = vec![
        ("metrics", json!([]), "metrics"),
        ("metrics", json!(["request_counts"]), "request_counts"),
        ("dimensions", json!(["country"]), "country"),
        ("dimensions", json!(["model", "app", "user"]), "dimensions"),
        ("granularity", json!("year"), "year"),
        ("limit", json!(0), "limit"),
        ("group_limit", json!(-1), "group_limit"),
        (
            "time_range",
            json!({ "start": "2026-01-01T00:00:00Z" }),
            "end",
        ),
        (
            "time_range",
            json!({ "start": "2026-01-01T00:00:00Z", "end": "2026-01-01T00:00:00Z" }),
            "time_range",
        ),
        (
            "order_by",
            json!({ "field": "date", "direction": "asc" }),
            "date",
        ),
        (
            "order_by",
            json!({ "field": "tokens_total", "direction": "asc" }),
            "tokens_total",
        ),
        (
            "order_by",
            json!({ "field": "request_count", "direction": "up" }),
            "up",
        ),
        (
            "classifier_dimensions",
            json!({ "classifier_id": "x" }),
            "classifier",
        ),
        ("colour", json!("red"), "colour"),
    ];
    all.extend(mistakes_of_filters());
    all
}

fn mistakes_of_filters() -> Vec<Mistake> {
    vec![
        (
            "filters",
            json!([{ "field": "app", "operator": "is", "value": 1 }]),
            "operator",
        ),
        (
            "filters",
            json!([{ "field": "app", "operator": "in", "value": "x" }]),
            "value",
        ),
        (
            "filters",
            json!([{ "field": "app", "operator": "eq", "value": ["x"] }]),
            "value",
        ),
        (
            "filters",
            json!([{ "field": "app", "operator": "gt", "value": 1 }]),
            "order",
        ),
        (
            "filters",
            json!([{ "field": "status", "operator": "gt", "value": "x" }]),
            "number",
        ),
        (
            "filters",
            json!(vec![
                json!({ "field": "app", "operator": "eq", "value": 1 });
                21
            ]),
            "20",
        ),
        (
            "filters",
            json!([{ "field": "model", "operator": "in", "value": [], "include_unset": true }]),
            "include_unset",
        ),
    ]
}

#[tokio::test]
async fn mistakes_are_named_and_others_are_kept_out() {
    let (stage, _, _) = busy().await;
    let day = |days: u32| json!({ "start": "2026-01-01T00:00:00Z", "end": format!("2026-02-{days:02}T00:00:00Z") });
    for (field, value, said) in mistakes() {
        let mut question = json!({ "metrics": ["request_count"] });
        question[field] = value;
        let message = ask(&stage, &question).await.error(400, "invalid_request");
        assert!(message.contains(said), "{question}: {message}");
    }
    let long = json!({ "metrics": ["latency_p50"], "time_range": day(2) });
    let message = ask(&stage, &long).await.error(400, "invalid_request");
    assert!(message.contains("31 days"), "{message}");
    let long = json!({ "metrics": ["latency_p50"], "time_range": day(1) });
    assert_eq!(ask(&stage, &long).await.status, 200);
    let filters = json!([{ "field": "api_key_id", "operator": "eq", "value": "12" }]);
    let unknown = json!({ "metrics": ["request_count"], "filters": filters });
    let unknown = answer(&stage, &unknown).await;
    assert!(
        unknown["warnings"][0].as_str().unwrap().contains("\"12\""),
        "{unknown:#}"
    );
    assert_eq!(unknown["data"][0]["request_count"], 0);

    let question = json!({ "metrics": ["request_count"] });
    let seen = stage.post(QUERY, &stage.key, &question).await;
    seen.error(403, "permission_denied");
    stage
        .post(QUERY, "", &question)
        .await
        .error(401, "authentication");
    let seen = stage.get("/api/v1/analytics/meta", &stage.key).await;
    seen.error(403, "permission_denied");
}
