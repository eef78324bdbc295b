//! The settlement table, row by row, against a simulated provider; and callers that leave one that
//! bills on.

use std::time::Duration;

use chat::{ServiceTier, Unit};
use ledger::settlement::TABLE;
use ledger::{Generation, Outcome, UsageSource};
use relay::{DrainBounds, Reply, Timers};
use serde_json::Value;
use simulator::{Raw, Script};
use tokio::time::timeout;

use crate::house::{House, hello};

pub(crate) fn rule(record: &Generation) -> &str {
    let name = record.settled.rule.as_deref().unwrap();
    assert!(TABLE.iter().any(|row| row.rule.name == name), "{name}");
    name
}

pub(crate) fn charged(record: &Generation) -> i64 {
    record.charge.as_ref().unwrap().total.nanos()
}

pub(crate) fn bills_on(row: &mut Value) {
    row["abort_stops_billing"] = false.into();
}

pub(crate) fn stops(row: &mut Value) {
    row["abort_stops_billing"] = true.into();
}

/// Reads two pieces of a stream and leaves.
async fn leave_mid_stream(house: &House) {
    let call = house.call(hello(true).to_string().into());
    let Reply::Stream { mut body, .. } = house.relay.relay(call).await.unwrap() else {
        panic!("a stream was asked for")
    };
    body.next().await.unwrap();
    body.next().await.unwrap();
}

async fn provider_was_cut_off(house: &House) -> bool {
    let entries = house.simulator.ledger().entries();
    entries
        .iter()
        .any(|entry| entry.disconnected_at().is_some())
}

#[tokio::test]
async fn each_ending_is_charged_by_its_row() {
    // script, whether streamed, rule, whether it costs anything
    let rows = [
        ("", false, "complete", true),
        ("", true, "complete", true),
        ("usage=missing", false, "complete_estimated", true),
        ("usage=missing", true, "complete_estimated", true),
        ("tokens=100", false, "length", true),
        ("tokens=100", true, "length", true),
        ("tokens=100,usage=missing", true, "length_estimated", true),
        ("finish=content_filter", false, "refused", true),
        ("finish=content_filter", true, "refused", true),
        (
            "finish=content_filter,usage=missing",
            true,
            "refused_estimated",
            true,
        ),
        ("status=503", false, "error_before_tokens", false),
        ("status=503", true, "error_before_tokens", false),
        ("empty,finish=missing", false, "error_before_tokens", false),
        (
            "error=3,chunks=9",
            true,
            "error_after_tokens_estimated",
            true,
        ),
        ("reset=900,chunks=9", true, "cut_mid_stream_estimated", true),
        ("cut=900,chunks=9", true, "cut_mid_stream_estimated", true),
        (
            "finish=missing,no-done,usage=missing",
            true,
            "incomplete_estimated",
            true,
        ),
    ];
    for (script, stream, expected, costs) in rows {
        let house = House::open(&[("a", "1", script)]).await;
        let mut body = hello(stream);
        body["max_tokens"] = 40.into();
        // What the caller is told is tested elsewhere.
        let _ = house.send(&body).await;
        let record = house.record().await;
        assert_eq!(rule(&record), expected, "{script}, {stream}: {record:?}");
        assert_eq!(charged(&record) > 0, costs, "{script}, {stream}");
    }
}

#[tokio::test]
async fn an_answer_that_ended_in_an_error_is_free() {
    for (stream, expected) in [(false, "error_before_tokens"), (true, "empty")] {
        let house = House::open(&[("a", "1", "finish=error,chunks=9")]).await;
        // What the caller is told is tested elsewhere.
        let _ = house.send(&hello(stream)).await;
        let record = house.record().await;
        assert_eq!((rule(&record), charged(&record)), (expected, 0));
        assert_eq!(record.finish.as_ref().is_some(), stream);
    }
}

#[tokio::test]
async fn a_cost_that_the_provider_reports_is_compared_with_ours() {
    // 5 tokens in and 1 out are 6,000 nano-USD by our prices.
    for (reported, gap) in [
        ("0.000006", None),
        ("0.00000603", None),
        ("0.000005", Some(1_000)),
    ] {
        let house = House::open(&[("a", "1", "")]).await;
        let body = format!(
            r#"{{"id":"x","object":"chat.completion","created":1,"model":"m","choices":[{{"index":0,"message":{{"role":"assistant","content":"ha"}},"finish_reason":"stop"}}],"usage":{{"prompt_tokens":5,"completion_tokens":1,"total_tokens":6,"cost":{reported}}}}}"#
        );
        let raw = Raw::new("application/json", body);
        house.simulator.script_once("*", Script::raw(raw));
        house.send(&hello(false)).await.unwrap();
        let record = house.record().await;
        assert_eq!(record.settled.cost_gap.map(ledger::Amount::nanos), gap);
        assert_eq!(house.relay.counts().cost_gaps, u64::from(gap.is_some()));
    }
}

#[tokio::test]
async fn a_call_is_priced_by_the_tier_that_served_and_by_its_caches() {
    // tier in the answer → nano-USD: 10 plain, 20 read, 30 written, 2 out
    let plain = 10 * 1000 + 20 * 10 + 30 * 1250 + 2 * 1000;
    for (said, tier, expected) in [
        ("default", None, plain),
        ("unheard-of", None, plain),
        ("flex", Some(ServiceTier::Flex), plain - 10 * 500),
    ] {
        for stream in [false, true] {
            let house = House::with_rows(&[("a", "1", "")], |row| {
                let price = &mut row["endpoints"][0]["price"];
                price["cache_write"] = "1.25".into();
                price["tiers"] = serde_json::json!([
                    { "service_tier": "flex", "input": "0.5" },
                    { "service_tier": "priority", "input": "9" },
                ]);
            })
            .await;
            house
                .simulator
                .script_once("*", Script::raw(cached(stream, said)));
            let answered = house.send(&hello(stream)).await.unwrap();
            let record = house.record().await;
            assert_eq!(record.usage.service_tier, tier, "{stream}");
            assert_eq!(charged(&record), expected, "{said} {stream}");
            let bill = record.charge.as_ref().unwrap();
            let saved = bill.cache_discount(record.price_sheet.as_ref().unwrap());
            let input = if tier.is_some() { 500 } else { 1000 };
            let each = 20 * (input - 10) + 30 * (input - 1250);
            assert_eq!(saved.map(ledger::Amount::nanos), Some(each), "{said}");
            let text = String::from_utf8(answered.body.to_vec()).unwrap();
            let parts = r#""components":{"input":"#;
            assert!(text.contains(parts), "{text}");
            assert!(text.contains(r#""cache_write":0.0000375"#), "{text}");
        }
    }
}

/// An answer with cached tokens, by a tier.
fn cached(stream: bool, tier: &str) -> Raw {
    let usage = r#"{"prompt_tokens":60,"completion_tokens":2,"total_tokens":62,"prompt_tokens_details":{"cached_tokens":20,"cache_write_tokens":30}}"#;
    let head = format!(r#""id":"x","created":1,"model":"m","service_tier":"{tier}""#);
    if !stream {
        let choice =
            r#"{"index":0,"message":{"role":"assistant","content":"ha"},"finish_reason":"stop"}"#;
        let body = format!(
            r#"{{{head},"object":"chat.completion","choices":[{choice}],"usage":{usage}}}"#
        );
        return Raw::new("application/json", body);
    }
    let choice =
        r#"{"index":0,"delta":{"role":"assistant","content":"ha"},"finish_reason":"stop"}"#;
    // The tier is in the first chunk alone, as some providers have it.
    let body = format!(
        "data: {{{head},\"object\":\"chat.completion.chunk\",\"choices\":[{choice}]}}\n\n\
         data: {{\"id\":\"x\",\"object\":\"chat.completion.chunk\",\"choices\":[],\"usage\":{usage}}}\n\n\
         data: [DONE]\n\n"
    );
    Raw::new("text/event-stream", body)
}

#[tokio::test]
async fn attempts_that_may_be_billed_upstream_are_named_and_the_house_bears_them() {
    let providers = [("a", "1", "delay=30s"), ("b", "1", "")];
    let house = House::with_timers(&providers, crate::house::hasty()).await;
    house.send(&hello(true)).await.unwrap();
    let record = house.record().await;
    // The row "failed_attempt" of the table: what a bears does not reach the caller.
    let may: Vec<_> = record
        .attempts
        .iter()
        .map(|attempt| attempt.may_be_billed)
        .collect();
    assert_eq!((may[0], rule(&record)), (true, "complete"));
    let served = house.simulator.ledger().entries().remove(1);
    let tokens = served.prompt_tokens + served.completion_tokens;
    assert_eq!(charged(&record), i64::try_from(tokens).unwrap() * 1_000);
}

#[tokio::test]
async fn leaving_a_provider_that_stops_its_bill_is_charged_by_what_was_streamed() {
    for edit in [stops, |_: &mut Value| {}] {
        let house = House::with_rows(&[("a", "1", "chunks=1000,gap=5ms")], edit).await;
        leave_mid_stream(&house).await;
        let record = house.record().await;
        assert_eq!(rule(&record), "left_mid_stream_estimated");
        assert_eq!(record.usage_source, UsageSource::Estimated);
        assert!(charged(&record) > 0);
    }
}

#[tokio::test]
async fn leaving_a_provider_that_bills_on_is_charged_by_its_own_count() {
    let script = "tokens=400,chunks=40,gap=5ms";
    let house = House::with_rows(&[("a", "1", script)], bills_on).await;
    leave_mid_stream(&house).await;
    house.quiet().await;
    let record = house.record().await;
    assert_eq!(rule(&record), "left_mid_stream_drained");
    assert_eq!(record.outcome, Outcome::Cancelled);
    assert_eq!(record.usage_source, UsageSource::Drained);
    assert_eq!(record.usage.count(Unit::Output), 400);
    assert!(!provider_was_cut_off(&house).await);
    assert_eq!(house.relay.counts().drained, 1);
}

#[tokio::test]
async fn leaving_before_the_answer_begins_is_never_a_free_ride() {
    let rows: [(_, fn(&mut Value), _, _); 4] = [
        (
            "delay=300ms",
            stops,
            "left_before_headers_estimated",
            UsageSource::Estimated,
        ),
        (
            "delay=300ms",
            bills_on,
            "left_before_headers_drained",
            UsageSource::Drained,
        ),
        (
            "first-token=300ms",
            stops,
            "left_before_first_token_estimated",
            UsageSource::Estimated,
        ),
        (
            "first-token=300ms",
            bills_on,
            "left_before_first_token_drained",
            UsageSource::Drained,
        ),
    ];
    for (script, edit, expected, source) in rows {
        for stream in [false, true] {
            let house = House::with_rows(&[("a", "1", script)], edit).await;
            let call = house.call(hello(stream).to_string().into());
            let left = timeout(Duration::from_millis(150), house.relay.relay(call)).await;
            assert!(left.is_err(), "nothing has come yet");
            house.quiet().await;
            let record = house.record().await;
            assert_eq!((rule(&record), record.usage_source), (expected, source));
            assert!(charged(&record) > 0, "{expected}");
            assert_eq!(record.status, 499);
        }
    }
}

#[tokio::test]
async fn a_provider_that_fails_after_its_caller_left_costs_nothing() {
    let providers = [("a", "1", "delay=100ms,status=503"), ("b", "1", "")];
    let house = House::with_rows(&providers, bills_on).await;
    let call = house.call(hello(false).to_string().into());
    let left = timeout(Duration::from_millis(30), house.relay.relay(call)).await;
    assert!(left.is_err(), "nothing has come yet");
    house.quiet().await;
    let record = house.record().await;
    assert_eq!(
        (rule(&record), charged(&record)),
        ("error_before_tokens", 0)
    );
    assert_eq!(
        house.asked(),
        ["a"],
        "nobody is asked for a caller that left"
    );
}

#[tokio::test]
async fn reading_on_has_bounds_in_number_bytes_and_time() {
    let default = DrainBounds::default();
    for bounds in [
        DrainBounds {
            answers: 0,
            ..default
        },
        DrainBounds {
            bytes: 2_000,
            ..default
        },
        DrainBounds {
            time: Duration::from_millis(50),
            ..default
        },
    ] {
        let providers = [("a", "1", "chunks=1000,gap=5ms")];
        let house = House::build(&providers, (Timers::default(), bounds), bills_on).await;
        leave_mid_stream(&house).await;
        let record = house.record().await;
        assert_eq!(rule(&record), "left_mid_stream_drain_cut", "{bounds:?}");
        assert_eq!(record.usage_source, UsageSource::Estimated);
        assert!(charged(&record) > 0);
        let counts = house.relay.counts();
        assert_eq!((counts.drained, counts.drains_cut), (0, 1), "{bounds:?}");
    }
}

#[tokio::test]
async fn no_more_answers_are_read_on_at_a_time_than_there_is_room_for() {
    let bounds = DrainBounds {
        answers: 2,
        ..DrainBounds::default()
    };
    let providers = [("a", "1", "chunks=100,gap=5ms")];
    let house = House::build(&providers, (Timers::default(), bounds), bills_on).await;
    for _ in 0..5 {
        leave_mid_stream(&house).await;
    }
    house.quiet().await;
    let records = house.records(5).await;
    let drained = records
        .iter()
        .filter(|record| rule(record).ends_with("_drained"));
    let counts = house.relay.counts();
    assert_eq!(u64::try_from(drained.count()).unwrap(), counts.drained);
    assert!(counts.drained >= 2 && counts.drains_cut >= 1, "{counts:?}");
}
