//! The response cache, at every door that has one: what is told again, to whom, for how long, and what is
//! never kept.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use http::Method;
use relay::Clock;
use serde_json::{Value, json};

use crate::stage::{Seen, Stage, hello};

const CHAT: &str = "/api/v1/chat/completions";
const CACHED: (&str, &str) = ("x-openrouter-cache", "true");

/// A provider for every dialect that is passed on as it is, and one for vectors.
fn providers(root: &str, base: &str) -> String {
    let provider = |slug: &str, url: &str, dialect: &str, more: &str| {
        format!(
            "[providers.{slug}]\nname = \"{slug}\"\nkind = \"simulated\"\nbase_url = \"{url}\"\n\
             dialects = [\"{dialect}\"]\nauth = \"none\"\n\n[[providers.{slug}.endpoints]]\n\
             model = \"simulated/{slug}\"\nupstream_model = \"{slug}\"\n\
             price = {{ input = \"1\", output = \"2\" }}\n{more}\n"
        )
    };
    let vectors = "output = [\"embeddings\"]\ncontext_length = 100";
    provider(
        "claude",
        base,
        "anthropic-messages",
        "context_length = 100000",
    ) + &provider(
        "responses",
        base,
        "openai-responses",
        "context_length = 100000",
    ) + &provider(
        "gemini",
        &format!("{root}/v1beta"),
        "gemini",
        "context_length = 100000",
    ) + &provider("vectors", base, "openai-chat", vectors)
}

async fn stage() -> Stage {
    let more =
        |simulator: &simulator::Simulator| providers(&simulator.root_url(), &simulator.base_url());
    Stage::open_facing(more, &[]).await
}

async fn ask(stage: &Stage, path: &str, body: &Value, headers: &[(&str, &str)]) -> Seen {
    let body = body.to_string().into();
    let to = (Method::POST, path);
    let seen = stage.send(to, &stage.key, body, headers).await;
    assert_eq!(seen.status, 200, "{path}: {}", seen.text());
    seen
}

fn status(seen: &Seen) -> &str {
    let (theirs, ours) = ("x-openrouter-cache-status", "x-waybill-cache-status");
    assert_eq!(seen.header(theirs), seen.header(ours));
    seen.header(theirs)
}

/// The JSON of an answer: one object, or those of its events.
fn objects(seen: &Seen) -> Vec<Value> {
    if seen.header("content-type") == "text/event-stream" {
        return seen.frames().0;
    }
    match seen.json() {
        Value::Array(events) => events,
        whole => vec![whole],
    }
}

/// Takes out what differs between an answer and the same told again.
fn without_stamps(value: &mut Value) {
    const STAMPS: [&str; 9] = [
        "id",
        "responseId",
        "created",
        "created_at",
        "completed_at",
        "usage",
        "usageMetadata",
        "cost",
        "openrouter_metadata",
    ];
    match value {
        Value::Object(members) => {
            let is_ours = |id: &Value| id.as_str().is_some_and(|id| id.starts_with("gen-"));
            members.retain(|name, value| match name.as_str() {
                // Items and calls keep the ids that a conversation goes on with.
                "id" => !is_ours(value),
                name => !STAMPS.contains(&name),
            });
            members.values_mut().for_each(without_stamps);
        }
        Value::Array(items) => items.iter_mut().for_each(without_stamps),
        _ => {}
    }
}

/// Every number that counts something, wherever it stands.
fn counts(value: &Value, within: bool, found: &mut Vec<f64>) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                let counts_here = ["usage", "usageMetadata", "cost"].contains(&name.as_str());
                counts(value, within || counts_here, found);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| counts(item, within, found)),
        Value::Number(number) if within => found.extend(number.as_f64()),
        _ => {}
    }
}

fn counted(seen: &Seen) -> Vec<f64> {
    let mut found = Vec::new();
    objects(seen)
        .iter()
        .for_each(|object| counts(object, false, &mut found));
    found
}

/// Path and body of the same question at every door that has a response cache.
fn doors() -> Vec<(String, Value)> {
    let mut doors = Vec::new();
    let messages = json!([{ "role": "user", "content": "Hello there" }]);
    for stream in [false, true] {
        for model in ["echo", "claude", "responses", "gemini"] {
            let model = format!("simulated/{model}");
            let chat = json!({"model": model, "stream": stream, "messages": messages});
            doors.push((CHAT.to_owned(), chat));
            let spoken =
                json!({"model": model, "stream": stream, "max_tokens": 900, "messages": messages});
            doors.push(("/api/v1/messages".to_owned(), spoken));
            let input = json!({"model": model, "stream": stream, "input": "Hello there"});
            doors.push(("/api/v1/responses".to_owned(), input));
            let contents =
                json!({"contents": [{"role": "user", "parts": [{"text": "Hello there"}]}]});
            let verbs: &[&str] = match stream {
                false => &["generateContent"],
                true => &["streamGenerateContent", "streamGenerateContent?alt=sse"],
            };
            for verb in verbs {
                doors.push((format!("/v1beta/models/{model}:{verb}"), contents.clone()));
            }
        }
    }
    let inputs = json!({"model": "simulated/vectors", "input": ["one", "two"]});
    doors.push(("/api/v1/embeddings".to_owned(), inputs));
    let content = json!({"content": {"parts": [{"text": "one"}]}});
    doors.push((
        "/v1beta/models/simulated/vectors:embedContent".to_owned(),
        content,
    ));
    doors
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_question_is_told_the_same_answer_at_every_door() {
    let stage = stage().await;
    let headers = [CACHED, ("x-openrouter-metadata", "enabled")];
    for (path, body) in doors() {
        let first = ask(&stage, &path, &body, &headers).await;
        assert_eq!(status(&first), "MISS", "{path} {body}");
        assert_eq!(first.header("x-openrouter-cache-ttl"), "300");
        assert_eq!(first.header("x-openrouter-cache-age"), "");
        assert_eq!(first.header("x-openrouter-cache-source-id"), "");
        let asked = stage.simulator.ledger().totals().requests;

        let again = ask(&stage, &path, &body, &headers).await;
        assert_eq!(status(&again), "HIT", "{path} {body}");
        assert_eq!(
            stage.simulator.ledger().totals().requests,
            asked,
            "{path} {body}"
        );
        let (source, id) = (
            first.header("x-generation-id"),
            again.header("x-generation-id"),
        );
        assert_eq!(again.header("x-openrouter-cache-source-id"), source);
        assert_eq!(again.header("x-waybill-cache-source-id"), source);
        assert_eq!(again.header("content-type"), first.header("content-type"));
        assert_ne!(source, id);
        let text = again.text();
        assert!(!text.contains(&format!("\"{source}\"")), "{path}: {text}");
        assert!(!text.contains("openrouter_metadata"), "{path}: {text}");
        let is_vectors = path.contains("embedContent");
        assert!(is_vectors || text.contains(id), "{path}: {text}");
        let same = |seen: &Seen| {
            let mut objects = objects(seen);
            objects.iter_mut().for_each(without_stamps);
            objects
        };
        assert_eq!(same(&again), same(&first), "{path} {body}");
        assert!(
            counted(&again).iter().all(|count| *count == 0.0),
            "{path}: {text}"
        );
        assert!(
            is_vectors || counted(&first).iter().any(|count| *count > 0.0),
            "{path}"
        );
        assert!(
            is_vectors || counted(&again).len() == counted(&first).len(),
            "{path}: {text}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hit_is_a_call_of_its_own_in_the_record_and_free() {
    let stage = stage().await;
    for stream in [false, true] {
        let mut body = hello("simulated/echo");
        body["stream"] = json!(stream);
        let first = ask(&stage, CHAT, &body, &[CACHED]).await;
        let again = ask(&stage, CHAT, &body, &[CACHED]).await;
        assert_eq!(status(&again), "HIT");
        let (was, is) = (stage.record(&first).await, stage.record(&again).await);
        assert_eq!(was["response_cache_source_id"], Value::Null);
        assert!(was["total_cost"].as_f64().unwrap() > 0.0);
        assert_eq!(
            is["response_cache_source_id"],
            first.header("x-generation-id")
        );
        assert_eq!(is["settlement"], "cache_hit");
        for name in ["usage", "total_cost", "tokens_prompt", "tokens_completion"] {
            assert_eq!(is[name], 0, "{name}: {is:#}");
        }
        for name in ["model", "finish_reason", "native_finish_reason", "streamed"] {
            assert_eq!(is[name], was[name], "{name}");
        }
        assert_eq!(is["provider_responses"], json!([]));
        // Its time is its own.
        let created = |seen: &Seen| objects(seen)[0]["created"].as_i64().unwrap();
        assert!(created(&again) >= created(&first));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_exactly_the_same_question_by_the_same_key_is_the_same() {
    let stage = stage().await;
    let text = r#"{"model":"simulated/echo","messages":[{"role":"user","content":"a  b"}],"temperature":1}"#;
    let send = async |path: &str, key: &str, body: &str, headers: &[(&str, &str)]| {
        let headers = [&[CACHED], headers].concat();
        let to = (Method::POST, path);
        let seen = stage.send(to, key, body.to_owned().into(), &headers).await;
        assert_eq!(seen.status, 200, "{}", seen.text());
        status(&seen).to_owned()
    };
    let key = &*stage.key;
    assert_eq!(send(CHAT, key, text, &[]).await, "MISS");
    assert_eq!(send(CHAT, key, text, &[]).await, "HIT");
    // Blanks between tokens, attribution and betas make no difference.
    let spread = text.replace(':', " : ").replace(',', ",\n\t");
    assert_eq!(send(CHAT, key, &spread, &[]).await, "HIT");
    let others = [
        ("http-referer", "https://app.example"),
        ("x-title", "App"),
        ("x-anthropic-beta", "some-2025-01-01"),
    ];
    assert_eq!(send(CHAT, key, text, &others).await, "HIT");
    // Blanks in a text, the order of members, and a default that is written out do.
    for body in [
        text.replace("a  b", "a b"),
        r#"{"messages":[{"role":"user","content":"a  b"}],"model":"simulated/echo","temperature":1}"#
            .to_owned(),
        text.replace(",\"temperature\":1", ",\"temperature\":1.0"),
        text.replace(",\"temperature\":1", ",\"temperature\":1,\"stream\":false"),
        text.replace(",\"temperature\":1", ""),
    ] {
        assert_eq!(send(CHAT, key, &body, &[]).await, "MISS", "{body}");
        assert_eq!(send(CHAT, key, &body, &[]).await, "HIT", "{body}");
    }
    // So does the door, and who asks.
    let messages = text.replace("\"temperature\":1", "\"max_tokens\":9");
    assert_eq!(send(CHAT, key, &messages, &[]).await, "MISS");
    assert_eq!(send("/api/v1/messages", key, &messages, &[]).await, "MISS");
    let made = json!({"name": "another"});
    let made = stage
        .post("/api/v1/keys", &stage.management_key, &made)
        .await;
    let another = made.json()["key"].as_str().unwrap().to_owned();
    assert_eq!(send(CHAT, &another, text, &[]).await, "MISS");
    // Who does not ask for it is neither told nor kept.
    let plain = ask(&stage, CHAT, &serde_json::from_str(text).unwrap(), &[]).await;
    let told = |name: &&http::HeaderName| name.as_str().contains("-cache-");
    assert_eq!(plain.headers.keys().find(told), None);
    let off = [
        ("x-openrouter-cache", "false"),
        ("x-openrouter-cache-clear", "true"),
    ];
    let plain = ask(&stage, CHAT, &serde_json::from_str(text).unwrap(), &off).await;
    assert_eq!(plain.headers.keys().find(told), None);
    assert_eq!(send(CHAT, key, text, &[]).await, "HIT");
}

/// 2026-03-04 00:30 UTC.
const START_MS: i64 = 1_772_584_200_000;

/// A clock that shows what it was last set to.
struct Set(AtomicI64);

impl Clock for Set {
    fn now_ms(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_told_for_as_long_as_its_call_said() {
    let clock = Arc::new(Set(AtomicI64::new(START_MS)));
    let stage = Stage::open_at(Arc::clone(&clock) as Arc<dyn Clock>).await;
    let at = |seconds: i64| clock.0.store(START_MS + seconds * 1000, Ordering::Relaxed);
    let body = hello("simulated/echo");
    let lives = ("x-waybill-cache-ttl", "60abc");
    let ours = ("x-waybill-cache", "true");
    let seen = ask(&stage, CHAT, &body, &[ours, lives]).await;
    assert_eq!(
        (status(&seen), seen.header("x-waybill-cache-ttl")),
        ("MISS", "60")
    );
    at(12);
    let seen = ask(&stage, CHAT, &body, &[CACHED]).await;
    let said = |seen: &Seen| {
        ["status", "age", "ttl"].map(|name| {
            seen.header(&format!("x-openrouter-cache-{name}"))
                .to_owned()
        })
    };
    assert_eq!(said(&seen), ["HIT", "12", "48"]);
    assert_eq!(seen.json()["created"], START_MS / 1000 + 12);
    // A hit does not lengthen it.
    at(60);
    let seen = ask(&stage, CHAT, &body, &[CACHED]).await;
    assert_eq!(said(&seen), ["MISS", "", "300"]);
    let first = seen.header("x-generation-id").to_owned();
    // Clearing forgets this one, and keeps the new answer.
    at(70);
    let clears = [CACHED, ("x-openrouter-cache-clear", "true")];
    let seen = ask(&stage, CHAT, &body, &clears).await;
    assert_eq!(status(&seen), "MISS");
    let seen = ask(&stage, CHAT, &body, &[CACHED]).await;
    assert_eq!(said(&seen), ["HIT", "0", "300"]);
    assert_ne!(seen.header("x-openrouter-cache-source-id"), first);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_whole_answers_are_kept() {
    let stage = stage().await;
    let only = json!({"order": ["sim-one"], "allow_fallbacks": false});
    for (number, (script, stream, is_kept)) in [
        ("status=500", false, false),
        ("status=429", true, false),
        ("malformed", false, false),
        ("error=2,chunks=9", true, false),
        ("reset=1500,chunks=30", true, false),
        ("finish=missing,no-done", true, false),
        ("finish=error", false, false),
        ("tools=1", false, true),
        ("finish=length", true, true),
        ("finish=content_filter", false, true),
    ]
    .into_iter()
    .enumerate()
    {
        let mut body = hello("simulated/echo");
        body["stream"] = json!(stream);
        body["provider"] = only.clone();
        body["user"] = json!(number.to_string());
        if script.starts_with("tools") {
            body["tools"] = json!([{"type": "function", "function": {"name": "look", "parameters":
                {"type": "object", "properties": {}}}}]);
        }
        let send = async |headers: &[(&str, &str)]| {
            let to = (Method::POST, CHAT);
            let body = body.to_string().into();
            stage
                .send(to, &stage.key, body, &[&[CACHED], headers].concat())
                .await
        };
        let first = send(&[("x-simulate", script)]).await;
        let again = send(&[]).await;
        let expected = if is_kept { "HIT" } else { "MISS" };
        assert_eq!(status(&again), expected, "{script}: {}", first.text());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hit_takes_no_money_and_counts_against_rate_limits() {
    let more = "[limits]\nrate = [{ per = \"key\", requests = 3, window = \"day\" }]\n";
    let stage = Stage::open_with(more, &[]).await;
    let made = json!({"name": "small", "limit": 0.01});
    let made = stage
        .post("/api/v1/keys", &stage.management_key, &made)
        .await;
    let key = made.json()["key"].as_str().unwrap().to_owned();
    let mut body = hello("simulated/echo");
    body["max_tokens"] = json!(50);
    let send = async || {
        let to = (Method::POST, CHAT);
        stage
            .send(to, &key, body.to_string().into(), &[CACHED])
            .await
    };
    let left = async || {
        let terms = stage.get("/api/v1/key", &key).await.json();
        terms["data"]["limit_remaining"].as_f64().unwrap()
    };
    assert_eq!(status(&send().await), "MISS");
    let before = left().await;
    assert!(before < 0.01);
    let hit = send().await;
    assert_eq!(status(&hit), "HIT");
    assert_eq!(hit.header("x-waybill-admission"), "");
    assert_eq!(hit.header("x-ratelimit-remaining"), "1");
    assert_eq!(left().await, before);
    assert_eq!(status(&send().await), "HIT");
    let refused = send().await;
    refused.error(429, "rate_limit_exceeded");
}

/// The house of the first lets nothing be kept; that of the others does.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_kept_where_the_house_forbids_it_or_has_no_room() {
    let policy = |url: &str| {
        format!(
            "[providers.quiet]\nname = \"Quiet\"\nkind = \"simulated\"\nbase_url = \"{url}\"\n\
             dialects = [\"openai-chat\"]\nauth = \"none\"\n\
             data_policy = {{ training = false, retention_days = 0 }}\n\n\
             [[providers.quiet.endpoints]]\nmodel = \"simulated/quiet\"\nupstream_model = \"quiet\"\n\
             context_length = 100000\nprice = {{ input = \"1\", output = \"1\" }}\n"
        )
    };
    for (house, expected) in [
        ("[routing]\nprovider = { zdr = true }\n", ["", ""]),
        ("[cache]\nbytes_max = 0\n", ["", ""]),
        ("[cache]\nbytes_max = 200\n", ["MISS", "MISS"]),
        ("", ["MISS", "HIT"]),
    ] {
        let stage = Stage::open_beside(|url| format!("{house}\n{}", policy(url)), &[]).await;
        // A request's own wish to go where nothing is kept does not switch it off.
        let mut body = hello("simulated/quiet");
        body["provider"] = json!({"zdr": true});
        for expected in expected {
            let seen = ask(&stage, CHAT, &body, &[CACHED]).await;
            assert_eq!(status(&seen), expected, "{house}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn doors_without_a_response_cache_take_no_notice() {
    let stage = stage().await;
    let body = json!({"model": "simulated/echo", "prompt": "Hello"});
    for _ in 0..2 {
        let seen = ask(&stage, "/api/v1/completions", &body, &[CACHED]).await;
        assert_eq!(status(&seen), "");
    }
}
