//! Each row of the settlement table and the test that drives a call into it; and those rows that take
//! a provider of their own.

use std::collections::BTreeSet;
use std::time::Duration;

use chat::Unit;
use ledger::UsageSource;
use ledger::settlement::TABLE;
use relay::{CacheHit, DrainBounds, Reply, Timers};
use serde_json::Value;
use simulator::{Raw, Script};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::house::{House, hello};
use crate::settling::{bills_on, charged, rule, stops};

/// Who shows what a row says.
#[derive(Clone, Copy)]
enum Shown {
    /// This test of `settling.rs` or of this file; it names the row.
    Here(&'static str),
    /// A test of another crate: file, name.
    There(&'static str, &'static str),
    /// No call comes here, and why; `ledger` tests what would be charged.
    Never(&'static str),
}

use Shown::{Here, Never, There};

const ENDINGS: Shown = Here("each_ending_is_charged_by_its_row");
const COUNTED: Shown = Here("what_a_provider_has_counted_by_then_is_charged");
const EARLY: Shown = Here("leaving_before_the_answer_begins_is_never_a_free_ride");
const DRAIN_CUT: Shown = Here("reading_on_before_the_first_token_has_bounds");
const ESTIMATED: Shown = Never("where nobody counted, the meter estimates");

/// The rows, in the order of the table.
const ROWS: [(&str, Shown); 45] = [
    ("complete", ENDINGS),
    ("complete_estimated", ENDINGS),
    ("complete_uncounted", ESTIMATED),
    ("length", ENDINGS),
    ("length_estimated", ENDINGS),
    ("length_uncounted", ESTIMATED),
    ("refused", ENDINGS),
    ("refused_estimated", ENDINGS),
    ("refused_unbilled", ESTIMATED),
    (
        "left_before_headers",
        Never("no count comes before the head"),
    ),
    ("left_before_headers_estimated", EARLY),
    ("left_before_headers_uncounted", ESTIMATED),
    ("left_before_headers_drained", EARLY),
    ("left_before_headers_drain_cut", DRAIN_CUT),
    ("left_before_headers_drain_uncounted", ESTIMATED),
    (
        "left_before_first_token",
        Here("a_count_without_tokens_is_charged_when_the_caller_leaves"),
    ),
    ("left_before_first_token_estimated", EARLY),
    ("left_before_first_token_uncounted", ESTIMATED),
    ("left_before_first_token_drained", EARLY),
    ("left_before_first_token_drain_cut", DRAIN_CUT),
    ("left_before_first_token_drain_uncounted", ESTIMATED),
    ("left_mid_stream", COUNTED),
    (
        "left_mid_stream_estimated",
        Here("leaving_a_provider_that_stops_its_bill_is_charged_by_what_was_streamed"),
    ),
    ("left_mid_stream_uncounted", ESTIMATED),
    (
        "left_mid_stream_drained",
        Here("leaving_a_provider_that_bills_on_is_charged_by_its_own_count"),
    ),
    (
        "left_mid_stream_drain_cut",
        Here("reading_on_has_bounds_in_number_bytes_and_time"),
    ),
    ("left_mid_stream_drain_uncounted", ESTIMATED),
    ("cut_mid_stream", COUNTED),
    ("cut_mid_stream_estimated", ENDINGS),
    ("cut_mid_stream_uncounted", ESTIMATED),
    (
        "error_before_tokens_side_fees",
        Here("side_fees_are_charged_where_tokens_are_free"),
    ),
    ("error_before_tokens", ENDINGS),
    ("error_after_tokens", COUNTED),
    ("error_after_tokens_estimated", ENDINGS),
    ("error_after_tokens_uncounted", ESTIMATED),
    ("incomplete", COUNTED),
    ("incomplete_estimated", ENDINGS),
    ("incomplete_uncounted", ESTIMATED),
    (
        "empty_side_fees",
        Here("side_fees_are_charged_where_tokens_are_free"),
    ),
    ("empty", Here("an_answer_that_ended_in_an_error_is_free")),
    (
        "failed_attempt",
        Here("attempts_that_may_be_billed_upstream_are_named_and_the_house_bears_them"),
    ),
    (
        "race_lost",
        Never("who lost was let go before it could count"),
    ),
    (
        "race_lost_estimated",
        Here("who_speaks_first_serves_and_the_other_is_charged_for_its_prompt"),
    ),
    ("race_lost_uncounted", ESTIMATED),
    (
        "cache_hit",
        Here("an_answer_that_is_told_again_is_recorded_and_free"),
    ),
];

/// Rows of calls that this process does not live to settle.
const ACROSS_A_CRASH: [(&str, Shown); 2] = [
    (
        "crash_journaled",
        There(
            "store/tests/it/money.rs",
            "a_call_in_the_journal_is_posted_where_it_was_held_after_a_crash",
        ),
    ),
    (
        "crash",
        There(
            "store/tests/it/kill_money.rs",
            "money_survives_kill_9_on_sqlite",
        ),
    ),
];

#[test]
fn every_row_of_the_table_has_a_test_that_is_there() {
    let rows: Vec<_> = ROWS.iter().chain(&ACROSS_A_CRASH).collect();
    let listed: Vec<&str> = rows.iter().map(|(row, _)| *row).collect();
    let table: Vec<&str> = TABLE.iter().map(|row| row.rule.name).collect();
    assert_eq!(listed, table);
    let here = [
        include_str!("settling.rs"),
        include_str!("rows.rs"),
        include_str!("hedging.rs"),
    ];
    let mut names = BTreeSet::new();
    for (row, shown) in rows {
        match shown {
            Here(test) => {
                let text = here
                    .iter()
                    .find(|text| text.contains(&format!("async fn {test}(")));
                let text = text.unwrap_or_else(|| panic!("{test} for {row}"));
                let names_it = text.matches(&format!("\"{row}\"")).count();
                // This file names each of them once in its list.
                let is_list = usize::from(std::ptr::eq(*text, here[1]));
                assert!(names_it > is_list, "{test} should name {row}");
                names.insert(*test);
            }
            There(file, test) => {
                let path = format!("{}/../{file}", env!("CARGO_MANIFEST_DIR"));
                let text = std::fs::read_to_string(&path).unwrap();
                assert!(text.contains(&format!("fn {test}(")), "{test} in {path}");
                assert!(
                    text.contains(&format!("`{row}`")),
                    "{path} should name {row}"
                );
            }
            Never(why) => assert!(!why.is_empty()),
        }
    }
    assert!(names.len() > 8);
}

#[tokio::test]
async fn an_answer_that_is_told_again_is_recorded_and_free() {
    let house = House::with_rows(&[("a", "1", "")], stops).await;
    let body = hello(false);
    house.send(&body).await.unwrap();
    let first = house.record().await;
    let hit = CacheHit {
        source_id: first.id.clone(),
        model: first.model.clone(),
        finish: first.finish.clone(),
    };
    // It falls under a budget in which nothing is left, and holds nothing in it.
    let call = house.governed(&body, &[0]);
    house.relay.settle_hit(call, hit).await;
    let records = house.records(2).await;
    let again = records.iter().find(|record| record.id != first.id).unwrap();
    assert_eq!(rule(again), "cache_hit", "{again:?}");
    assert_eq!(charged(again), 0);
    assert!(again.usage.is_empty() && again.attempts.is_empty());
    assert_eq!(
        again.settled.response_cache_source_id,
        Some(first.id.clone())
    );
    assert_eq!((&again.model, &again.finish), (&first.model, &first.finish));
    assert_eq!(house.asked().len(), 1, "no provider was asked again");
}

#[tokio::test]
async fn what_a_provider_has_counted_by_then_is_charged() {
    let leaves = "usage=every,chunks=1000,gap=5ms";
    for (script, expected) in [
        (leaves, "left_mid_stream"),
        ("usage=every,reset=1500,chunks=9", "cut_mid_stream"),
        ("usage=every,error=3,chunks=9", "error_after_tokens"),
        ("usage=every,finish=missing,no-done", "incomplete"),
    ] {
        let house = House::with_rows(&[("a", "1", script)], stops).await;
        let call = house.call(hello(true).to_string().into());
        let Reply::Stream { mut body, .. } = house.relay.relay(call).await.unwrap() else {
            panic!("a stream was asked for")
        };
        let mut pieces = 0;
        while body.next().await.is_some() {
            pieces += 1;
            if script == leaves && pieces == 3 {
                break;
            }
        }
        drop(body);
        let record = house.record().await;
        assert_eq!(rule(&record), expected, "{script}: {record:?}");
        assert_eq!(record.usage_source, UsageSource::Provider, "{script}");
        assert!(charged(&record) > 0, "{script}");
    }
}

#[tokio::test]
async fn reading_on_before_the_first_token_has_bounds() {
    let bounds = DrainBounds {
        time: Duration::from_millis(30),
        ..DrainBounds::default()
    };
    for (script, expected) in [
        ("delay=2s", "left_before_headers_drain_cut"),
        ("first-token=2s", "left_before_first_token_drain_cut"),
    ] {
        let house =
            House::build(&[("a", "1", script)], (Timers::default(), bounds), bills_on).await;
        let call = house.call(hello(true).to_string().into());
        let left = timeout(Duration::from_millis(200), house.relay.relay(call)).await;
        assert!(left.is_err(), "nothing has come yet");
        house.quiet().await;
        let record = house.record().await;
        assert_eq!(
            (rule(&record), record.usage_source),
            (expected, UsageSource::Estimated)
        );
        assert!(charged(&record) > 0, "{expected}");
        assert_eq!(house.relay.counts().drains_cut, 1, "{expected}");
    }
}

/// Prices of a request and of searches, in USD each.
fn fees(row: &mut Value) {
    let price = &mut row["endpoints"][0]["price"];
    price["request"] = "0.001".into();
    price["web_search"] = "0.01".into();
}

/// A stream that ends and counts before it has said anything.
const SILENT: &str = concat!(
    r#"data: {"id":"x","object":"chat.completion.chunk","choices":[{"index":0,"delta":{},"finish_reason":"FINISH"}]}"#,
    "\n\n",
    r#"data: {"id":"x","object":"chat.completion.chunk","choices":[],"usage":{"prompt_tokens":7,"completion_tokens":3,"total_tokens":10,"num_search_queries":2}}"#,
    "\n\n"
);

#[tokio::test]
async fn side_fees_are_charged_where_tokens_are_free() {
    let error = "data: {\"error\":{\"message\":\"gone\",\"code\":500}}\n\n";
    let said = r#"data: {"id":"x","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":"ha"},"finish_reason":null}],"usage":{"prompt_tokens":7,"completion_tokens":3,"num_search_queries":2}}"#;
    for (body, expected) in [
        (
            format!("{}{error}", SILENT.replace("FINISH", "stop")),
            "error_before_tokens_side_fees",
        ),
        (
            format!("{said}\n\n{}", SILENT.replace("FINISH", "error")),
            "empty_side_fees",
        ),
    ] {
        let house = House::with_rows(&[("a", "1", "")], fees).await;
        // The pieces come one by one, so that the stream has begun when it fails.
        let mut raw = Raw::new("text/event-stream", body.clone());
        raw.writes = vec![body.find("\n\n").unwrap() + 2];
        let mut script = Script::raw(raw);
        script.pace.write_gap = Duration::from_millis(60);
        house.simulator.script_once("*", script);
        let _ = house.send(&hello(true)).await;
        let record = house.record().await;
        assert_eq!(rule(&record), expected, "{record:?}");
        assert_eq!(charged(&record), 1_000_000 + 2 * 10_000_000, "{expected}");
        assert_eq!(record.usage.count(Unit::WebSearch), 2);
    }
}

/// A provider that sends a stream's beginning, and then nothing.
async fn falls_silent_after(beginning: String) -> (String, JoinSet<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut serving = JoinSet::new();
    serving.spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut asked = vec![0; 1 << 16];
        let _ = socket.read(&mut asked).await;
        let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n";
        socket.write_all(head.as_bytes()).await.unwrap();
        socket.write_all(beginning.as_bytes()).await.unwrap();
        // Until the other side leaves.
        while socket.read(&mut asked).await.is_ok_and(|length| length > 0) {}
    });
    (format!("http://{address}/v1"), serving)
}

#[tokio::test]
async fn a_count_without_tokens_is_charged_when_the_caller_leaves() {
    let (url, _serving) = falls_silent_after(SILENT.replace("FINISH", "stop")).await;
    let edit = |row: &mut Value| {
        stops(row);
        row["base_url"] = url.clone().into();
        row["endpoints"][0]["price"]["web_search"] = "0".into();
    };
    let house = House::with_rows(&[("a", "1", "")], edit).await;
    let call = house.call(hello(true).to_string().into());
    let Reply::Stream { mut body, .. } = house.relay.relay(call).await.unwrap() else {
        panic!("a stream was asked for")
    };
    body.next().await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    drop(body);
    let record = house.record().await;
    assert_eq!(rule(&record), "left_before_first_token");
    assert_eq!(record.usage_source, UsageSource::Provider);
    assert_eq!(charged(&record), 10 * 1000);
}
