//! A caller that leaves: the provider hears of it at once, and the record is made all the same.

use std::time::Duration;

use chat::Unit;
use ledger::{Outcome, UsageSource};
use relay::Reply;
use tokio::time::{Instant, timeout};

use crate::house::{House, hello};

/// How soon the provider must see that the caller has left.
const AT_ONCE: Duration = Duration::from_millis(100);

async fn provider_saw_it_leave(house: &House, left_at: Instant) {
    let entry = house
        .simulator
        .ledger()
        .wait_for(
            |entry| entry.disconnected_at().is_some(),
            Duration::from_secs(5),
        )
        .await
        .expect("the provider sees the caller leave");
    let seen_at = entry.disconnected_at().unwrap();
    let after = seen_at.saturating_duration_since(left_at);
    assert!(after < AT_ONCE, "the provider saw it {after:?} after");
}

#[tokio::test]
async fn leaving_a_stream_cancels_the_provider_at_once_and_charges_what_was_streamed() {
    let house = House::open(&[("a", "1", "chunks=1000,gap=10ms")]).await;
    let call = house.call(hello(true).to_string().into());
    let Reply::Stream { mut body, .. } = house.relay.relay(call).await.unwrap() else {
        panic!("a stream was asked for")
    };
    body.next().await.unwrap();
    body.next().await.unwrap();
    let left_at = Instant::now();
    drop(body);
    provider_saw_it_leave(&house, left_at).await;
    let record = house.record().await;
    assert_eq!(record.outcome, Outcome::Cancelled);
    assert_eq!(record.usage_source, UsageSource::Estimated);
    assert!(record.usage.count(Unit::Input) > 0 && record.usage.count(Unit::Output) > 0);
    assert!(record.charge.as_ref().unwrap().total.nanos() > 0);
}

#[tokio::test]
async fn leaving_before_the_first_token_cancels_the_provider_at_once() {
    for script in ["hang", "hang=headers", "delay=10s"] {
        for stream in [false, true] {
            let house = House::open(&[("a", "1", script)]).await;
            let call = house.call(hello(stream).to_string().into());
            let left = timeout(Duration::from_millis(200), house.relay.relay(call)).await;
            let left_at = Instant::now();
            assert!(left.is_err(), "nothing has come yet");
            provider_saw_it_leave(&house, left_at).await;
            let record = house.record().await;
            assert_eq!(
                record.outcome,
                Outcome::Cancelled,
                "{script}, stream: {stream}"
            );
            assert_eq!(record.attempts.len(), 1);
            assert!(record.attempts[0].may_be_billed);
        }
    }
}

#[tokio::test]
async fn a_caller_that_leaves_does_not_count_against_the_provider() {
    let house = House::open(&[("a", "1", "chunks=1000,gap=10ms"), ("b", "2", "")]).await;
    let call = house.call(hello(true).to_string().into());
    drop(house.relay.relay(call).await.unwrap());
    house.quiet().await;
    house.simulator.clear_scripts();
    let call = house.call(hello(true).to_string().into());
    drop(house.relay.relay(call).await.unwrap());
    house.quiet().await;
    assert_eq!(house.asked(), ["a", "a"]);
}
