//! A stream that breaks and is gone on with elsewhere: nothing is lost, nothing is said twice, both are
//! paid, and where it cannot be done the caller hears of the break.

use std::sync::Arc;

use catalog::Preferences;
use chat::{Dialect, Unit};
use ledger::{Generation, Outcome, UsageSource};
use relay::{Call, Reply, Timers};
use serde_json::{Value, json};
use wire::Beside;

use crate::breaking::{Act, Breaking, TEXT, counts};
use crate::house::{House, hello};
use crate::reading::Seen;

/// Nano-USD: plenty for any call of these tests.
const PLENTY: i64 = 1_000_000_000;

struct Scene {
    house: House,
    upstream: Arc<Breaking>,
}

impl Scene {
    async fn open(acts: &[(&'static str, Act)]) -> Self {
        Self::with(acts, |_| {}).await
    }

    /// Providers of one model, in this order, that can all go on with an answer.
    async fn with(acts: &[(&'static str, Act)], edit: impl Fn(&mut Value)) -> Self {
        let upstream = Breaking::new(acts);
        let priced = acts.iter().zip(["1", "2", "3"]);
        let providers: Vec<_> = priced
            .map(|((slug, _), price)| (*slug, price, ""))
            .collect();
        let able = |row: &mut Value| {
            row["quirks"] = json!(["goes-on"]);
            let act = acts.iter().find(|(slug, _)| row["slug"] == *slug);
            if act.is_some_and(|(_, act)| act.messages) {
                row["dialects"] = json!(["anthropic-messages"]);
            }
            edit(row);
        };
        let timers = Timers::default();
        let house = House::with_upstream(&providers, timers, upstream.clone(), able).await;
        Self { house, upstream }
    }

    fn call(&self, body: &Value) -> Call {
        let mut call = self.house.governed(body, &[PLENTY]);
        call.recovers = true;
        call
    }

    async fn send(&self, call: Call) -> Seen {
        let answer = self.house.send_call(call).await.unwrap();
        Seen::stream(&answer.body)
    }

    fn asked(&self) -> Vec<String> {
        let asked = self.upstream.asked();
        asked.into_iter().map(|(name, _)| name).collect()
    }
}

fn body() -> Value {
    hello(true)
}

fn total(record: &Generation) -> i64 {
    record.charge.as_ref().unwrap().total.nanos()
}

/// Calls that one house carries before its budget of further attempts is used up.
const CALLS_OF_A_HOUSE: usize = 25;

#[tokio::test]
async fn wherever_a_stream_breaks_its_text_is_whole_and_both_are_paid() {
    let length = Breaking::length(Act::NONE);
    assert!(length > 1_500, "{length}");
    let (mut seams, mut last_chars) = (0, 0);
    let offsets: Vec<usize> = (0..length).collect();
    for offsets in offsets.chunks(CALLS_OF_A_HOUSE) {
        let scene = Scene::open(&[("a", Act::NONE), ("b", Act::NONE)]).await;
        let mut paid = 0;
        for (number, after) in offsets.iter().copied().enumerate() {
            let resets = after % 2 == 0;
            let act = Act {
                resets,
                ..Act::after(after)
            };
            scene.upstream.act("a", act);
            let mut call = scene.call(&body());
            call.preferences = Preferences::read(&json!({ "order": ["a", "b"] })).unwrap();
            let seen = scene.send(call).await;
            let record = scene.house.records(number + 1).await.remove(number);
            assert_eq!(seen.choice().content, TEXT, "{after}");
            paid += total(&record);
            assert_eq!(scene.house.books.tallies(), [(paid, 0, 0)], "{after}");
            let is_near_the_end = after + 200 > length;
            if record.outcome != Outcome::Completed {
                // The answer was whole, but its connection was not.
                assert!(is_near_the_end, "{after}: {seen:?}");
                continue;
            }
            let finish = seen.choice().finish;
            assert!(seen.done && finish.as_deref() == Some("stop"), "{after}");
            let [first, second] = &record.attempts[..] else {
                assert!(is_near_the_end, "{after}: {record:?}");
                continue;
            };
            let names = (first.endpoint.as_str(), second.endpoint.as_str());
            assert_eq!(names, ("a", "b"));
            let Some(chars) = second.recovered_at_chars else {
                assert!(first.share.is_none(), "{after}: nothing had been said");
                continue;
            };
            seams += 1;
            // A frame whose last line is missing counts where the stream was closed, not where it was
            // reset.
            assert!(chars + 5 >= last_chars, "{after}");
            last_chars = chars;
            check_money(&record, usize::try_from(chars).unwrap());
            let cost = seen.usage.unwrap()["cost"].clone();
            assert_eq!(cost, total(&record) as f64 / 1e9);
        }
    }
    assert!(seams > 1_200, "{seams}");
    assert_eq!(last_chars, TEXT.chars().count() as u64);
}

/// What two attempts have counted is added up, and each is charged at its own prices.
fn check_money(record: &Generation, chars: usize) {
    let share = record.attempts[0].share.as_ref().unwrap();
    let given = share.usage.as_ref().unwrap();
    assert_eq!(share.usage_source, UsageSource::Estimated);
    assert!(["cut_mid_stream_estimated", "incomplete_estimated"].contains(&share.rule.as_ref()));
    let said: String = TEXT.chars().take(chars).collect();
    let bytes = u64::try_from(said.len()).unwrap();
    assert_eq!(given.count(Unit::Output), bytes.div_ceil(4));
    let begun = said.trim_end().chars().count();
    let all = TEXT.chars().count();
    let (prompt, completion) = counts(begun, all - begun);
    assert_eq!(
        record.usage.count(Unit::Input),
        prompt + given.count(Unit::Input)
    );
    assert_eq!(
        record.usage.count(Unit::Output),
        completion + given.count(Unit::Output)
    );
    assert_eq!(record.usage_source, UsageSource::Estimated);
    let own = i64::try_from(prompt * 2_000 + completion * 1_000).unwrap();
    assert_eq!(
        total(record),
        own + share.charge.as_ref().unwrap().total.nanos()
    );
    assert_eq!(record.settled.rule.as_deref(), Some("complete"));
    assert_eq!(record.endpoint.as_deref(), Some("b"));
}

#[tokio::test]
async fn every_dialect_of_callers_and_providers_reads_one_answer() {
    let plain = Act::NONE;
    let messages = Act {
        messages: true,
        ..plain
    };
    for (a, b) in [(plain, messages), (messages, plain), (messages, messages)] {
        for dialect in [
            Dialect::OpenaiChat,
            Dialect::AnthropicMessages,
            Dialect::OpenaiResponses,
            Dialect::Gemini,
        ] {
            for after in (300..1_300).step_by(201) {
                let scene = Scene::open(&[
                    (
                        "a",
                        Act {
                            after: Some(after),
                            ..a
                        },
                    ),
                    ("b", b),
                ])
                .await;
                let call = spoken(&scene, dialect);
                let answer = scene.house.send_call(call).await.unwrap();
                let record = scene.house.record().await;
                let why = format!("{dialect:?} {after} {a:?} {b:?}");
                assert_eq!(record.outcome, Outcome::Completed, "{why}: {record:?}");
                let text = text(dialect, &answer.body);
                assert_eq!(text, TEXT, "{why}");
                assert_eq!(record.attempts.len(), 2, "{why}");
            }
        }
    }
}

fn spoken(scene: &Scene, dialect: Dialect) -> Call {
    let user = json!([{ "role": "user", "content": "Hello" }]);
    let body = match dialect {
        Dialect::OpenaiResponses => json!({ "model": "test/echo", "input": user, "stream": true }),
        Dialect::Gemini => {
            json!({ "contents": [{ "role": "user", "parts": [{ "text": "Hello" }] }] })
        }
        _ => json!({ "model": "test/echo", "max_tokens": 500, "messages": user, "stream": true }),
    };
    let body = bytes::Bytes::from(body.to_string());
    let beside = match dialect {
        Dialect::Gemini => Beside {
            model: Some("test/echo".to_owned()),
            stream: true,
            ..Beside::default()
        },
        _ => Beside::default(),
    };
    let mut call = scene.call(&hello(true));
    call.door = wire::door(dialect).unwrap();
    call.request = call.door.read_request(&body, beside).unwrap();
    call.body = body;
    call
}

/// The text of a stream, and that its events are numbered without a gap and opened once.
fn text(dialect: Dialect, body: &[u8]) -> String {
    let body = std::str::from_utf8(body).unwrap();
    let frames = body.lines().filter_map(|line| line.strip_prefix("data: "));
    let frames = frames.filter_map(|frame| serde_json::from_str::<Value>(frame).ok());
    let frames: Vec<Value> = frames.collect();
    let of_type = |wanted: &str| {
        frames
            .iter()
            .filter(|frame| frame["type"] == wanted)
            .count()
    };
    match dialect {
        Dialect::AnthropicMessages => {
            let once = [
                "message_start",
                "content_block_start",
                "content_block_stop",
                "message_stop",
            ];
            once.iter()
                .for_each(|once| assert_eq!(of_type(once), 1, "{once}"));
        }
        Dialect::OpenaiResponses => {
            let once = [
                "response.created",
                "response.output_item.added",
                "response.completed",
            ];
            once.iter()
                .for_each(|once| assert_eq!(of_type(once), 1, "{once}"));
            for (number, frame) in frames.iter().enumerate() {
                assert_eq!(frame["sequence_number"], number);
            }
            let whole = &frames.last().unwrap()["response"]["output"][0]["content"][0]["text"];
            assert_eq!(whole, TEXT);
        }
        _ => {}
    }
    let said = frames.iter().filter_map(|frame| match dialect {
        Dialect::AnthropicMessages => frame["delta"]["text"].as_str(),
        Dialect::OpenaiResponses if frame["type"] == "response.output_text.delta" => {
            frame["delta"].as_str()
        }
        Dialect::OpenaiResponses => None,
        Dialect::Gemini => frame["candidates"][0]["content"]["parts"][0]["text"].as_str(),
        _ => frame["choices"][0]["delta"]["content"].as_str(),
    });
    said.collect()
}

#[tokio::test]
async fn a_provider_that_repeats_is_heard_from_where_it_goes_on() {
    for after in (0..1_300).step_by(29) {
        let acts = [
            ("a", Act::after(after)),
            (
                "b",
                Act {
                    repeats: true,
                    ..Act::NONE
                },
            ),
        ];
        let repeated = |row: &mut Value| row["quirks"] = json!(["goes-on-prefix-repeated"]);
        let scene = Scene::with(&acts, repeated).await;
        let seen = scene.send(scene.call(&body())).await;
        assert_eq!(seen.choice().content, TEXT, "{after}");
        let (_, asked) = scene.upstream.asked().remove(1);
        let last = asked["messages"]
            .as_array()
            .unwrap()
            .last()
            .unwrap()
            .clone();
        assert_eq!(last["prefix"] == true, last["role"] == "assistant");
    }
}

#[tokio::test]
async fn one_break_after_another_is_gone_on_with_while_there_is_somebody() {
    for (first, second) in [(700, 600), (1_200, 300), (500, 900), (900, 1)] {
        let acts = [
            ("a", Act::after(first)),
            ("b", Act::after(second)),
            ("c", Act::NONE),
        ];
        let scene = Scene::open(&acts).await;
        let seen = scene.send(scene.call(&body())).await;
        assert_eq!(seen.choice().content, TEXT);
        assert!(seen.done);
        let record = scene.house.record().await;
        assert_eq!(scene.asked(), ["a", "b", "c"]);
        let shares = record
            .attempts
            .iter()
            .map(|attempt| attempt.share.is_some());
        let shares: Vec<bool> = shares.collect();
        // Who broke before it had said anything is not charged.
        let expected = [true, second > 1, false];
        assert_eq!(shares, expected, "{first} {second}");
        assert_eq!(scene.house.books.tallies(), [(total(&record), 0, 0)]);
        let chars: Vec<_> = record
            .attempts
            .iter()
            .map(|attempt| attempt.recovered_at_chars)
            .collect();
        assert!(chars[0].is_none() && chars[2] >= chars[1], "{chars:?}");
    }
}

/// Checks that a break of `a` is told, with what came of it charged, and who was asked.
async fn check_break(
    scene: &Scene,
    body: &Value,
    (why, asked): (&str, &[&str]),
) -> Arc<Generation> {
    let seen = scene.send(scene.call(body)).await;
    assert!(seen.error.is_some(), "{why}: {seen:?}");
    assert!(TEXT.starts_with(&seen.choice().content), "{why}");
    let record = scene.house.record().await;
    assert_eq!(scene.asked(), asked, "{why}");
    assert!(matches!(record.outcome, Outcome::Failed { .. }), "{why}");
    assert!(record.usage.count(Unit::Output) > 0, "{why}");
    assert!(total(&record) > 0, "{why}");
    let tallies = scene.house.books.tallies();
    assert_eq!(tallies, [(total(&record), 0, 0)], "{why}");
    record
}

fn with(field: &str, value: Value) -> Value {
    let mut body = body();
    body[field] = value;
    body
}

const BROKEN: Act = Act::after(1_000);

#[tokio::test]
async fn what_cannot_be_gone_on_with_is_broken_and_nobody_else_is_asked() {
    for (why, body) in [
        (
            "a form of answer",
            with("response_format", json!({ "type": "json_object" })),
        ),
        (
            "thoughts are asked for",
            with("reasoning", json!({ "effort": "low" })),
        ),
        ("two choices", with("n", json!(2))),
    ] {
        let scene = Scene::open(&[("a", BROKEN), ("b", Act::NONE)]).await;
        check_break(&scene, &body, (why, &["a"])).await;
    }
    let calls = Act {
        calls: Some(12),
        ..Act::NONE
    };
    let scene = Scene::open(&[("a", calls), ("b", Act::NONE)]).await;
    check_break(&scene, &body(), ("a tool call is open", &["a"])).await;
    let unable = |row: &mut Value| row["quirks"] = json!([]);
    let scene = Scene::with(&[("a", BROKEN), ("b", Act::NONE)], unable).await;
    check_break(&scene, &body(), ("nobody is known to", &["a"])).await;
    let other = |row: &mut Value| {
        if row["slug"] == "b" {
            row["endpoints"][0]["model"] = json!("test/other");
        }
    };
    let scene = Scene::with(&[("a", BROKEN), ("b", Act::NONE)], other).await;
    let body = with("models", json!(["test/other"]));
    check_break(&scene, &body, ("another model", &["a"])).await;
}

#[tokio::test]
async fn where_nobody_does_go_on_the_caller_hears_of_the_break_and_pays_for_what_came() {
    let refuses = Act {
        refuses: Some(400),
        ..Act::NONE
    };
    let scene = Scene::open(&[("a", BROKEN), ("b", refuses)]).await;
    let record = check_break(&scene, &body(), ("it refuses", &["a", "b"])).await;
    // Who gave the answer stands last, and is charged as if nobody else had been asked.
    let names = record.attempts.iter();
    let names: Vec<_> = names.map(|attempt| attempt.endpoint.as_str()).collect();
    assert_eq!(names, ["b", "a"]);
    let mut attempts = record.attempts.iter();
    assert!(attempts.all(|attempt| attempt.share.is_none()));
    assert_eq!(record.endpoint.as_deref(), Some("a"));
    let thinks = Act {
        thinks: true,
        ..Act::NONE
    };
    let scene = Scene::open(&[("a", BROKEN), ("b", thinks)]).await;
    check_break(&scene, &body(), ("it thinks anew", &["a", "b"])).await;
}

#[tokio::test]
async fn without_the_callers_wish_the_bytes_travel_and_a_break_is_a_break() {
    let scene = Scene::open(&[("a", Act::after(1_000)), ("b", Act::NONE)]).await;
    let mut call = scene.call(&body());
    call.recovers = false;
    let seen = scene.send(call).await;
    assert!(seen.error.is_some());
    assert_eq!(scene.asked(), ["a"]);
}

#[tokio::test]
async fn going_on_is_held_before_it_is_asked_and_told_what_is_left() {
    let mut limited = body();
    limited["max_tokens"] = json!(60);
    let acts = [("a", Act::after(1_000)), ("b", Act::NONE)];
    let bytes = i64::try_from(limited.to_string().len()).unwrap();
    // What one answer may cost at the dearer endpoint, and what two may.
    for (limit, goes_on) in [
        (bytes * 2_000 + 60_000, false),
        (bytes * 4_000 + 300_000, true),
    ] {
        let scene = Scene::open(&acts).await;
        let mut call = scene.house.governed(&limited, &[limit]);
        call.recovers = true;
        let seen = scene.send(call).await;
        assert_eq!(seen.error.is_none(), goes_on, "{limit}: {seen:?}");
        let record = scene.house.record().await;
        assert_eq!(scene.house.books.tallies(), [(total(&record), 0, 0)]);
        if goes_on {
            let (_, asked) = scene.upstream.asked().remove(1);
            let share = record.attempts[0].share.as_ref().unwrap();
            let given = share.usage.as_ref().unwrap().count(Unit::Output);
            assert_eq!(asked["max_tokens"], 60 - given);
        }
    }
}

#[tokio::test]
async fn going_on_comes_out_of_the_retry_budget() {
    let scene = Scene::open(&[("a", Act::after(1_000)), ("b", Act::NONE)]).await;
    const CALLS: usize = 60;
    let mut whole = 0;
    for _ in 0..CALLS {
        let mut call = scene.call(&body());
        call.preferences = Preferences::read(&json!({ "order": ["a", "b"] })).unwrap();
        let seen = scene.send(call).await;
        whole += usize::from(seen.done && seen.error.is_none());
    }
    // Thirty saved, and one for every ten calls.
    assert_eq!(whole, 30 + CALLS / 10 - 1);
}

#[tokio::test]
async fn a_caller_that_leaves_while_somebody_is_to_go_on_pays_for_both() {
    let silent = Act {
        silent: true,
        ..Act::NONE
    };
    let scene = Scene::open(&[("a", Act::after(1_000)), ("b", silent)]).await;
    let reply = scene.house.relay.relay(scene.call(&body())).await.unwrap();
    let Reply::Stream {
        body: mut pieces, ..
    } = reply
    else {
        panic!("a stream was asked for")
    };
    assert!(pieces.next().await.is_some());
    while scene.asked().len() < 2 {
        tokio::task::yield_now().await;
    }
    drop(pieces);
    let record = scene.house.record().await;
    assert_eq!(record.outcome, Outcome::Cancelled);
    let rule = record.settled.rule.as_deref();
    assert_eq!(rule, Some("left_before_headers_estimated"));
    let shares = record
        .attempts
        .iter()
        .map(|attempt| attempt.share.is_some());
    assert_eq!(shares.collect::<Vec<_>>(), [true, false]);
    assert_eq!(scene.house.books.tallies(), [(total(&record), 0, 0)]);
}
