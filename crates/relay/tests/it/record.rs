//! Three views of one call agree: what was scripted, what was recorded, what the caller saw.

use chat::Unit;
use ledger::{Amount, Outcome, Unpriced, UsageSource};

use crate::house::{House, hello};
use crate::reading::Seen;

#[tokio::test]
async fn provider_record_and_caller_agree() {
    for stream in [false, true] {
        let house = House::open(&[("a", "2", "tokens=50,cached=1,reasoning=20")]).await;
        let answer = house.send(&hello(stream)).await.unwrap();
        let seen = if stream {
            Seen::stream(&answer.body)
        } else {
            Seen::whole(&answer.body)
        };
        let record = house.record().await;
        let served = house.simulator.ledger().last().unwrap();

        let usage = &record.usage;
        assert_eq!(record.usage_source, UsageSource::Provider);
        assert_eq!(usage.prompt_tokens(), served.prompt_tokens);
        assert_eq!(usage.completion_tokens(), served.completion_tokens);
        assert_eq!(
            (usage.count(Unit::CacheRead), usage.count(Unit::Reasoning)),
            (1, 20)
        );

        let shown = seen.usage.clone().unwrap();
        assert_eq!(shown["prompt_tokens"], served.prompt_tokens);
        assert_eq!(shown["completion_tokens"], served.completion_tokens);
        assert_eq!(shown["prompt_tokens_details"]["cached_tokens"], 1);
        assert_eq!(shown["completion_tokens_details"]["reasoning_tokens"], 20);

        // input at 2, cached input at 0.01, output and reasoning at 1 USD per million tokens
        let picos =
            (served.prompt_tokens - 1) * 2_000_000 + 10_000 + served.completion_tokens * 1_000_000;
        let nanos = i64::try_from(picos.div_ceil(1000)).unwrap();
        assert_eq!(
            record.charge.as_ref().unwrap().total,
            Amount::from_nanos(nanos)
        );
        assert_eq!(record.outcome, Outcome::Completed);
        assert!(record.first_token_ms.is_some());
        assert_eq!(record.streamed, stream);
    }
}

#[tokio::test]
async fn a_call_without_a_price_is_unpriced_and_never_free() {
    for stream in [false, true] {
        let house = House::open(&[("a", "1", "")]).await;
        let mut request = hello(stream);
        request["model"] = "test/unpriced".into();
        let answer = house.send(&request).await.unwrap();
        let seen = if stream {
            Seen::stream(&answer.body)
        } else {
            Seen::whole(&answer.body)
        };
        assert!(seen.usage.unwrap()["cost"].is_null());
        assert_eq!(
            house.record().await.charge,
            Err(Unpriced::NoPrice(Unit::Input))
        );
    }
}

#[tokio::test]
async fn usage_that_nobody_counted_is_estimated_and_says_so() {
    for stream in [false, true] {
        let house = House::open(&[("a", "1", "usage=missing,tokens=40")]).await;
        house.send(&hello(stream)).await.unwrap();
        let record = house.record().await;
        assert_eq!(record.usage_source, UsageSource::Estimated);
        assert_eq!(record.usage.count(Unit::Output), 40);
        assert!(record.charge.is_ok());
    }
}

#[tokio::test]
async fn a_call_that_nothing_could_serve_costs_nothing_and_is_recorded() {
    let house = House::open(&[("a", "1", "status=503")]).await;
    house.send(&hello(false)).await.err().unwrap();
    let record = house.record().await;
    assert_eq!(
        (record.status, record.usage_source),
        (503, UsageSource::Nothing)
    );
    assert_eq!(record.charge.as_ref().unwrap().total, Amount::ZERO);
    assert_eq!(record.provider, None);
}

#[tokio::test]
async fn the_credential_goes_to_its_own_provider_only() {
    let house = House::open(&[("a", "1", "status=503"), ("b", "2", "")]).await;
    house.send(&hello(false)).await.unwrap();
    let entries = house.simulator.ledger().entries();
    assert!(
        entries[0]
            .header("authorization")
            .is_some_and(|value| !value.is_empty())
    );
    assert_eq!(entries[1].header("authorization"), None);
}
