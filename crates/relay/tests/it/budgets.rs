//! Budgets that hold: full, estimated and clamped calls, refusals, and nothing left held afterwards.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use chat::{Kind, Unit};
use ledger::Outcome;
use relay::{AdmissionPolicy, AdmittedBy, Reply, Timers};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::house::{House, UNREACHABLE, hello};
use crate::reading::Seen;

/// Nano-USD of one token of the house's models, prompt and answer alike.
const TOKEN: i64 = 1_000;

const PLENTY: i64 = 1_000_000_000;

fn asking(stream: bool, max_tokens: u64) -> Value {
    let mut body = hello(stream);
    body["max_tokens"] = max_tokens.into();
    body
}

/// What a budget must hold for this body and so many tokens of answer.
fn worth(body: &Value, tokens: i64) -> i64 {
    (i64::try_from(body.to_string().len()).unwrap() + tokens) * TOKEN
}

/// What the provider was asked.
fn sent(house: &House) -> Value {
    let entry = house.simulator.ledger().last().unwrap();
    serde_json::from_slice(&entry.body).unwrap()
}

fn charged(record: &ledger::Generation) -> i64 {
    record.charge.as_ref().unwrap().total.nanos()
}

/// Nothing is held any more; what was posted to the first budget, and the overage in it.
fn closed(house: &House) -> (i64, i64) {
    let tallies = house.books.tallies();
    assert!(
        tallies.iter().all(|(_, reserved, _)| *reserved == 0),
        "{tallies:?}"
    );
    let (posted, _, overage) = tallies[0];
    (posted, overage)
}

#[tokio::test]
async fn a_call_that_can_be_paid_in_full_is_held_and_settled_to_its_cost() {
    for stream in [false, true] {
        let house = House::open(&[("a", "1", "tokens=20")]).await;
        let body = asking(stream, 50);
        let call = house.governed(&body, &[worth(&body, 50)]);
        let answer = house.send_call(call).await.unwrap();
        assert_eq!(answer.head.admission, Some(AdmittedBy::Full));
        assert_eq!(sent(&house)["max_tokens"], 50);
        let record = house.record().await;
        assert!(charged(&record) > 0);
        assert_eq!(closed(&house), (charged(&record), 0));
        assert_eq!(house.books.asks(), 1);
    }
}

#[tokio::test]
async fn a_call_without_budgets_asks_for_no_money() {
    let house = House::open(&[("a", "1", "")]).await;
    let answer = house.send(&hello(true)).await.unwrap();
    assert_eq!(answer.head.admission, None);
    assert_eq!(house.books.asks(), 0);
}

#[tokio::test]
async fn a_stream_is_clamped_to_what_the_money_reaches_for() {
    for (max_tokens, choices) in [(Some(5_000), 1), (None, 1), (Some(5_000), 2)] {
        let house = House::open(&[("a", "1", "tokens=3000"), ("b", "0.5", "tokens=3000")]).await;
        let mut body = hello(true);
        if let Some(max_tokens) = max_tokens {
            body["max_tokens"] = max_tokens.into();
        }
        body["n"] = choices.into();
        let call = house.governed(&body, &[worth(&body, 100 * choices)]);
        let answer = house.send_call(call).await.unwrap();
        assert_eq!(answer.head.admission, Some(AdmittedBy::Clamped(100)));
        assert_eq!(sent(&house)["max_tokens"], 100);
        let seen = Seen::stream(&answer.body);
        assert!(seen.done, "{seen:?}");
        assert_eq!(seen.choice().finish.as_deref(), Some("length"));
        let record = house.record().await;
        assert_eq!(record.settled.rule.as_deref(), Some("length"));
        assert_eq!(closed(&house), (charged(&record), 0));
        assert_eq!(house.relay.counts().clamped, 1);
    }
}

#[tokio::test]
async fn a_whole_answer_is_refused_with_the_numbers_that_clients_read() {
    let house = House::open(&[("a", "1", "")]).await;
    let body = asking(false, 5_000);
    let call = house.governed(&body, &[worth(&body, 100)]);
    let error = house.send_call(call).await.err().unwrap();
    assert_eq!(error.kind, Kind::PaymentRequired);
    let text = "This request requires more credits, or fewer max_tokens. \
                You requested up to 5000 tokens, but can only afford 100.";
    assert!(error.message.starts_with(text), "{}", error.message);
    assert!(house.asked().is_empty());
    let record = house.record().await;
    assert_eq!((record.status, &record.settled.rule), (402, &None));
    assert_eq!(closed(&house), (0, 0));

    // The same call goes through where it may be clamped.
    let mut call = house.governed(&body, &[worth(&body, 100)]);
    call.admission = Some(AdmissionPolicy::Clamp);
    let answer = house.send_call(call).await.unwrap();
    assert_eq!(answer.head.admission, Some(AdmittedBy::Clamped(100)));
}

#[tokio::test]
async fn too_little_for_a_useful_answer_is_refused_and_nothing_at_all_says_so() {
    let body = asking(true, 5_000);
    for (limit, text) in [
        (worth(&body, 15), "can only afford 15"),
        (TOKEN, "can only afford 0"),
        (0, "Insufficient credits"),
    ] {
        let house = House::open(&[("a", "1", "")]).await;
        let error = house.send_call(house.governed(&body, &[limit])).await;
        let error = error.err().unwrap();
        assert_eq!(error.kind.status(), 402);
        assert!(error.message.contains(text), "{}", error.message);
        assert!(house.asked().is_empty());
        assert_eq!(closed(&house), (0, 0));
    }
}

#[tokio::test]
async fn an_open_stream_is_estimated_and_topped_up_ahead_of_what_it_says() {
    let house = House::open(&[("a", "1", "tokens=5000,chunks=500")]).await;
    let call = house.governed(&hello(true), &[PLENTY]);
    let answer = house.send_call(call).await.unwrap();
    assert_eq!(answer.head.admission, Some(AdmittedBy::Estimate));
    assert_eq!(sent(&house).get("max_tokens"), None);
    let seen = Seen::stream(&answer.body);
    assert!(seen.done && seen.error.is_none(), "{seen:?}");
    let record = house.record().await;
    assert_eq!(record.usage.count(Unit::Output), 5_000);
    // Held before it was spent: no overage.
    assert_eq!(closed(&house), (charged(&record), 0));
    let asks = house.books.asks();
    assert!((2..40).contains(&asks), "{asks} asks");
}

#[tokio::test]
async fn a_stream_that_is_opened_early_says_on_which_ground() {
    let timers = Timers {
        hold: Duration::from_millis(30),
        ..Timers::default()
    };
    let house = House::with_timers(&[("a", "1", "delay=200ms")], timers).await;
    let call = house.governed(&hello(true), &[PLENTY]);
    let answer = house.send_call(call).await.unwrap();
    assert_eq!(answer.head.provider_name, None, "nobody had spoken");
    assert_eq!(answer.head.admission, Some(AdmittedBy::Estimate));
}

#[tokio::test]
async fn estimates_are_learned_from_the_answers_that_a_key_had() {
    let house = House::open(&[("a", "1", "tokens=100")]).await;
    for _ in 0..8 {
        let call = house.governed(&hello(true), &[PLENTY]);
        house.send_call(call).await.unwrap();
    }
    let asks = house.books.asks();
    // What would not do for the first guess of 1,024 tokens does for what was learned.
    let spent = closed(&house).0;
    let limit = spent + worth(&hello(true), 110);
    let call = house.governed(&hello(true), &[limit]);
    let answer = house.send_call(call).await.unwrap();
    assert_eq!(answer.head.admission, Some(AdmittedBy::Estimate));
    assert!(house.books.asks() > asks);
    closed(&house);
}

#[tokio::test]
async fn a_stream_that_cannot_be_topped_up_ends_with_the_documented_error() {
    let house = House::open(&[("a", "1", "tokens=5000,chunks=1000,gap=2ms")]).await;
    let body = hello(true);
    let limit = worth(&body, 1_200);
    let answer = house.send_call(house.governed(&body, &[limit])).await;
    let answer = answer.unwrap();
    assert_eq!(answer.head.admission, Some(AdmittedBy::Estimate));
    let seen = Seen::stream(&answer.body);
    assert!(!seen.done, "{seen:?}");
    let error = seen.error.clone().unwrap();
    assert_eq!(error["code"], 402, "{error}");
    assert_eq!(error["metadata"]["error_type"], "payment_required");
    assert_eq!(seen.choice().finish.as_deref(), Some("error"));
    let said = seen.choice().content.len();
    assert!((2_000..8_000).contains(&said), "{said} bytes");

    let record = house.record().await;
    assert_eq!(record.settled.rule.as_deref(), Some("length_estimated"));
    let kind = Kind::PaymentRequired;
    assert!(matches!(&record.outcome, Outcome::Failed { kind: k, .. } if *k == kind));
    assert_eq!(closed(&house), (charged(&record), 0));
    assert!(charged(&record) > 0 && charged(&record) <= limit);
    assert_eq!(house.relay.counts().cut, 1);
    let ledger = house.simulator.ledger();
    let entry = ledger.wait_for(
        |entry| entry.disconnected_at().is_some(),
        Duration::from_secs(5),
    );
    assert!(entry.await.is_some(), "the provider is told to stop");
    // It is nobody's failure.
    house.simulator.clear_scripts();
    assert!(house.send(&hello(false)).await.is_ok());
}

#[tokio::test]
async fn a_call_is_admitted_by_all_of_its_budgets_or_by_none() {
    let house = House::open(&[("a", "1", "")]).await;
    let body = asking(false, 50);
    let call = house.governed(&body, &[PLENTY, worth(&body, 20)]);
    let error = house.send_call(call).await.err().unwrap();
    assert!(
        error.message.contains("can only afford 20"),
        "{}",
        error.message
    );
    assert_eq!(house.books.tallies(), [(0, 0, 0), (0, 0, 0)]);
    let call = house.governed(&body, &[PLENTY, worth(&body, 50)]);
    house.send_call(call).await.unwrap();
    let cost = charged(&house.records(2).await[1]);
    assert_eq!(house.books.tallies(), [(cost, 0, 0), (cost, 0, 0)]);
}

#[tokio::test]
async fn a_free_model_passes_an_exhausted_budget() {
    let free =
        |row: &mut Value| row["endpoints"][0]["price"] = json!({"input": "0", "output": "0"});
    let house = House::with_rows(&[("a", "1", "")], free).await;
    for stream in [false, true] {
        let call = house.governed(&hello(stream), &[0]);
        house.send_call(call).await.unwrap();
    }
    assert_eq!(closed(&house), (0, 0));
}

#[tokio::test]
async fn what_the_dearest_endpoint_could_cost_is_held() {
    let house = House::open(&[("a", "1", "status=503"), ("b", "10", "")]).await;
    let body = asking(false, 50);
    let error = house
        .send_call(house.governed(&body, &[worth(&body, 50)]))
        .await;
    assert_eq!(error.err().unwrap().kind, Kind::PaymentRequired);
    let call = house.governed(&body, &[10 * worth(&body, 50)]);
    house.send_call(call).await.unwrap();
    let record = &house.records(2).await[1];
    assert_eq!(record.provider.as_deref(), Some("b"));
    assert_eq!(closed(&house), (charged(record), 0));
}

#[tokio::test]
async fn books_that_cannot_be_reached_are_never_the_callers_fault() {
    let house = House::open(&[("a", "1", "")]).await;
    house.books.is_away.store(true, Ordering::Relaxed);
    let error = house
        .send_call(house.governed(&hello(false), &[PLENTY]))
        .await;
    let error = error.err().unwrap();
    assert_eq!(error.kind.status(), 503);
    assert!(error.metadata.unwrap().retry_after.is_some());
    assert!(house.asked().is_empty());
    assert!(
        house.send(&hello(false)).await.is_ok(),
        "ungoverned calls go on"
    );
}

#[tokio::test]
async fn a_call_that_costs_more_than_was_held_is_overage_and_is_counted() {
    let house = House::open(&[("a", "1", "tokens=10,usage=x100")]).await;
    let body = asking(false, 50);
    let call = house.governed(&body, &[PLENTY]);
    house.send_call(call).await.unwrap();
    let record = house.record().await;
    let (posted, overage) = closed(&house);
    assert_eq!(posted, charged(&record));
    assert_eq!(overage, posted - worth(&body, 50));
    assert_eq!(house.relay.counts().overages, 1);
}

#[tokio::test]
async fn nothing_stays_held_after_any_ending() {
    for script in [
        "",
        "status=503",
        "status=400",
        "error=3",
        "malformed",
        "reset=900",
        "cut=900",
        "reset",
        "finish=missing",
        "empty,finish=missing",
        "usage=missing",
        "error-200",
        "cut=0",
        UNREACHABLE,
    ] {
        for stream in [false, true] {
            let providers = [("a", "1", script), ("b", "2", "status=502")];
            let house = House::open(&providers).await;
            // Whatever comes of it: what matters is what is held afterwards.
            let call = house.governed(&hello(stream), &[PLENTY]);
            let _ = house.send_call(call).await;
            house.quiet().await;
            let record = house.record().await;
            assert_eq!(closed(&house).0, charged(&record), "{script}, {stream}");
        }
    }
}

#[tokio::test]
async fn a_caller_may_leave_at_any_moment_and_nothing_stays_held() {
    let pace = "delay=4ms,first-token=4ms,chunks=12,gap=1ms";
    for stops in [true, false] {
        let edit = move |row: &mut Value| row["abort_stops_billing"] = stops.into();
        let providers = [("a", "1", "status=503,delay=3ms"), ("b", "2", pace)];
        let house = House::with_rows(&providers, edit).await;
        let mut calls = JoinSet::new();
        for moment in 0..60 {
            let call = house.governed(&hello(moment % 2 == 0), &[PLENTY]);
            let relay = Arc::clone(&house.relay);
            calls.spawn(async move {
                let stay = async {
                    if let Ok(Reply::Stream { mut body, .. }) = relay.relay(call).await {
                        while body.next().await.is_some() {}
                    }
                };
                // Leaving is what this is about.
                let _ = tokio::time::timeout(Duration::from_micros(moment * 500), stay).await;
            });
        }
        calls.join_all().await;
        house.quiet().await;
        let records = house.records(60).await;
        assert_eq!(records.len(), 60);
        let spent: i64 = records.iter().map(|record| charged(record)).sum();
        assert_eq!(closed(&house), (spent, 0), "stops: {stops}");
        assert!(
            records
                .iter()
                .any(|record| record.outcome == Outcome::Cancelled)
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_streams_at_once_never_spend_more_than_the_budget() {
    for policy in [AdmissionPolicy::Clamp, AdmissionPolicy::Reject] {
        let house = House::open(&[("a", "1", "tokens=50,chunks=10,gap=1ms")]).await;
        let body = asking(true, 50);
        let limit = 40 * worth(&body, 50);
        let mut calls = JoinSet::new();
        for _ in 0..200 {
            let mut call = house.governed(&body, &[limit]);
            call.admission = Some(policy);
            let relay = Arc::clone(&house.relay);
            calls.spawn(async move {
                match relay.relay(call).await {
                    Ok(Reply::Stream { mut body, .. }) => {
                        while body.next().await.is_some() {}
                        true
                    }
                    Ok(Reply::Whole { .. }) => panic!("a stream was asked for"),
                    Err(error) => {
                        assert_eq!(error.kind, Kind::PaymentRequired, "{error:?}");
                        false
                    }
                }
            });
        }
        let served = calls
            .join_all()
            .await
            .into_iter()
            .filter(|served| *served)
            .count();
        house.quiet().await;
        let (posted, overage) = closed(&house);
        assert!(
            posted <= limit && overage == 0,
            "{posted} of {limit}, {overage}"
        );
        assert!((40..200).contains(&served), "{served} served");
        assert_eq!(house.asked().len(), served);
        let spent: i64 = house
            .records(200)
            .await
            .iter()
            .map(|record| charged(record))
            .sum();
        assert_eq!(spent, posted);
    }
}
