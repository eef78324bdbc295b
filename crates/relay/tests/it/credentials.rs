//! Several credentials of one provider: which one is presented, and what a refusal of one means.

use std::collections::BTreeSet;
use std::sync::Arc;

use catalog::{EndpointId, Standing, Vitals as _};
use relay::{Credentials, Labelled, Secret};
use serde_json::{Value, json};
use simulator::Script;

use crate::counting::NOW;
use crate::house::{House, hello};

/// Gives provider `a` credentials of these labels and weights.
fn give(house: &House, all: &[(&str, u32)]) {
    let labelled = all.iter().map(|(label, weight)| Labelled {
        label: (*label).into(),
        weight: *weight,
        secret: Secret::new(format!("secret-{label}")),
    });
    let all: Credentials = [("a".to_owned(), labelled.collect::<Vec<_>>())]
        .into_iter()
        .collect();
    house.credentials.store(Arc::new(all));
}

/// The labels in the records so far, attempt by attempt.
async fn presented(house: &House, calls: usize) -> Vec<String> {
    let records = house.records(calls).await;
    let attempts = records.iter().flat_map(|record| &record.attempts);
    let labels = attempts.map(|attempt| attempt.credential.clone().unwrap_or_default());
    labels.collect()
}

fn about(topic: usize) -> Value {
    json!({ "model": "test/echo",
        "messages": [{ "role": "user", "content": format!("Tell me about number {topic}") }] })
}

#[tokio::test]
async fn a_refused_credential_rests_for_the_model_and_another_one_is_tried_at_the_same_provider() {
    for status in [401, 402, 403, 429] {
        let house = House::open(&[("a", "1", ""), ("b", "2", "")]).await;
        give(&house, &[("one", 1), ("two", 1)]);
        let refusal = Script::parse(&format!("status={status}")).unwrap();
        assert!(house.simulator.script_once("*", refusal));
        assert!(house.send(&hello(false)).await.is_ok(), "{status}");
        assert_eq!(house.asked(), ["a", "a"], "{status}");
        let first = presented(&house, 1).await;
        let both: BTreeSet<&str> = first.iter().map(String::as_str).collect();
        assert_eq!(both, BTreeSet::from(["one", "two"]), "{status}");
        // Nothing is said against the endpoint, and the refused one is left alone.
        let id = EndpointId::new("test/echo@a");
        let standing = house.relay.health().vital(&id, NOW * 1000).standing;
        assert_eq!(standing, Standing::Normal, "{status}");
        for topic in 0..6 {
            assert!(house.send(&about(topic)).await.is_ok());
        }
        let later = presented(&house, 7).await;
        assert!(
            later[2..].iter().all(|label| *label == first[1]),
            "{later:?}"
        );
    }
}

#[tokio::test]
async fn when_all_credentials_are_refused_the_next_provider_is_asked() {
    let house = House::open(&[("a", "1", "status=429"), ("b", "2", "")]).await;
    give(&house, &[("one", 1), ("two", 1)]);
    assert!(house.send(&hello(false)).await.is_ok());
    assert_eq!(house.asked(), ["a", "a", "b"]);
    let id = EndpointId::new("test/echo@a");
    let standing = house.relay.health().vital(&id, NOW * 1000).standing;
    assert_eq!(standing, Standing::Limited);
}

#[tokio::test]
async fn a_failure_that_is_not_about_the_credential_leads_elsewhere_at_once() {
    let house = House::open(&[("a", "1", "status=503"), ("b", "2", "")]).await;
    give(&house, &[("one", 1), ("two", 1)]);
    assert!(house.send(&hello(false)).await.is_ok());
    assert_eq!(house.asked(), ["a", "b"]);
}

#[tokio::test]
async fn conversations_keep_their_credential_and_are_spread_by_weight() {
    let house = House::open(&[("a", "1", "")]).await;
    give(&house, &[("large", 9), ("small", 1)]);
    const TOPICS: usize = 60;
    for topic in (0..TOPICS).chain(0..TOPICS) {
        assert!(house.send(&about(topic)).await.is_ok());
    }
    let all = presented(&house, 2 * TOPICS).await;
    assert_eq!(all[..TOPICS], all[TOPICS..]);
    let small = all[..TOPICS].iter().filter(|label| *label == "small");
    assert!((1..20).contains(&small.count()), "{all:?}");
}

#[tokio::test]
async fn a_credential_near_its_rate_limit_rests_while_there_is_another() {
    let house = House::open(&[("a", "1", ""), ("b", "2", "")]).await;
    give(&house, &[("one", 1), ("two", 1)]);
    let nearly = "header=x-ratelimit-limit-requests:100,header=x-ratelimit-remaining-requests:1";
    assert!(
        house
            .simulator
            .script_once("*", Script::parse(nearly).unwrap())
    );
    for topic in [1, 1, 1] {
        assert!(house.send(&about(topic)).await.is_ok());
    }
    let labels = presented(&house, 3).await;
    assert_ne!(labels[0], labels[1]);
    assert_eq!(labels[1], labels[2]);
    assert_eq!(house.asked(), ["a", "a", "a"]);
}

#[tokio::test]
async fn the_only_credential_has_no_label_in_the_record() {
    let house = House::open(&[("a", "1", "")]).await;
    assert!(house.send(&hello(false)).await.is_ok());
    assert_eq!(house.record().await.attempts[0].credential, None);
}
