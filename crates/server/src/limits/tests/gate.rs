//! The gate, without a clock and without anybody to ask.

use std::time::Duration;

use chat::Kind;
use ledger::GenerationId;

use crate::limits::{Asker, Gate, RateRow, Reading, Rule, Span};

fn rules(rows: &[&str]) -> Vec<Rule> {
    let read = |text: &&str| serde_json::from_str::<RateRow>(text).unwrap().rules();
    rows.iter().flat_map(|text| read(text).unwrap()).collect()
}

fn asker(key: &str) -> Asker<'_> {
    Asker {
        workspace_id: "w",
        key_hash: key,
        model: "m",
        is_free: false,
        prompt_tokens: 10,
        own: &[],
    }
}

fn id(text: &str) -> GenerationId {
    GenerationId::from_text(text)
}

#[tokio::test]
async fn each_key_has_its_own_window_and_is_told_how_it_stands() {
    let gate = Gate::new(rules(&[r#"{"per":"key","requests":2,"window":"minute"}"#]));
    let first = gate.admit(&id("1"), &asker("a"), 30_000).await.unwrap();
    assert_eq!(
        first.requests,
        Some(Reading {
            limit: 2,
            remaining: 1,
            reset_ms: 60_000
        })
    );
    gate.admit(&id("2"), &asker("a"), 30_000).await.unwrap();
    let refused = gate.admit(&id("3"), &asker("a"), 30_000).await.unwrap_err();
    assert_eq!(refused.retry_after, Duration::from_secs(30));
    let error = refused.error();
    assert_eq!(error.kind, Kind::RateLimitExceeded);
    assert!(error.message.contains("key-requests-per-minute"), "{error}");
    assert!(gate.admit(&id("4"), &asker("b"), 30_000).await.is_ok());
    assert!(gate.admit(&id("5"), &asker("a"), 60_000).await.is_ok());
}

#[tokio::test]
async fn a_call_that_one_limit_refuses_counts_against_no_other() {
    let gate = Gate::new(rules(&[
        r#"{"per":"house","requests":10,"tokens":1000,"concurrent":10,"window":"day"}"#,
        r#"{"per":"key","requests":1,"window":"day"}"#,
    ]));
    gate.admit(&id("1"), &asker("a"), 0).await.unwrap();
    for _ in 0..20 {
        gate.admit(&id("2"), &asker("a"), 0).await.unwrap_err();
    }
    let standing = gate.admit(&id("3"), &asker("b"), 0).await.unwrap();
    assert_eq!(standing.tokens.map(|tokens| tokens.remaining), Some(980));
    let house = gate.look("house-requests-per-day", "", 0).unwrap();
    assert_eq!(house.remaining, 8);
}

#[tokio::test]
async fn tokens_are_estimated_first_and_corrected_once() {
    let gate = Gate::new(rules(&[r#"{"per":"key","tokens":100,"window":"hour"}"#]));
    gate.admit(&id("1"), &asker("a"), 0).await.unwrap();
    gate.settle(&id("1"), 95, 0);
    gate.settle(&id("1"), 95, 0);
    let refused = gate.admit(&id("2"), &asker("a"), 0).await.unwrap_err();
    assert_eq!(refused.reading.remaining, 5);
    assert!(gate.admit(&id("3"), &asker("a"), 3_600_000).await.is_ok());
}

#[tokio::test]
async fn calls_at_once_end_when_they_are_settled() {
    let gate = Gate::new(rules(&[r#"{"per":"workspace","concurrent":1}"#]));
    gate.admit(&id("1"), &asker("a"), 0).await.unwrap();
    gate.admit(&id("2"), &asker("b"), 0).await.unwrap_err();
    gate.settle(&id("1"), 0, 0);
    assert!(gate.admit(&id("3"), &asker("b"), 0).await.is_ok());
}

#[tokio::test]
async fn rules_for_one_model_or_for_free_ones_leave_the_others_alone() {
    let mut all = rules(&[r#"{"per":"model","only":"x","requests":0,"window":"day"}"#]);
    all.push(Rule::of_free_models(Span::Minute, 1));
    let gate = Gate::new(all);
    assert!(gate.admit(&id("1"), &asker("a"), 0).await.is_ok());
    let of_x = Asker {
        model: "x",
        ..asker("a")
    };
    assert!(gate.admit(&id("2"), &of_x, 0).await.is_err());
    let free = Asker {
        is_free: true,
        ..asker("a")
    };
    assert!(gate.admit(&id("3"), &free, 0).await.is_ok());
    let refused = gate.admit(&id("4"), &free, 0).await.unwrap_err();
    assert_eq!(refused.rule.name, "free-models-per-min");
}

#[tokio::test]
async fn a_rule_of_the_keys_own_is_counted_apart_from_the_houses() {
    let gate = Gate::new(rules(&[r#"{"per":"key","requests":9,"window":"day"}"#]));
    let own = rules(&[r#"{"per":"key","requests":1,"window":"day"}"#]);
    let mine = Asker {
        own: &own,
        ..asker("a")
    };
    let standing = gate.admit(&id("1"), &mine, 0).await.unwrap();
    assert_eq!(
        standing.requests.map(|r| (r.limit, r.remaining)),
        Some((1, 0))
    );
    assert!(gate.admit(&id("2"), &mine, 0).await.is_err());
    assert_eq!(
        gate.look("key-requests-per-day", "a", 0).unwrap().remaining,
        8
    );
}
