//! Calls that nobody states a price for: denied, charged by a stated fallback, or flagged.

use std::sync::Arc;

use chat::{Kind, Unit};
use ledger::{Price, PriceSheet, Unpriced};
use relay::UnpricedPolicy;
use serde_json::Value;

use crate::house::{House, hello};

fn unpriced(stream: bool) -> Value {
    let mut body = hello(stream);
    body["model"] = "test/unpriced".into();
    body
}

fn fallback() -> UnpricedPolicy {
    let sheet = PriceSheet::default()
        .with(Unit::Input, Price::from_picos(5_000_000))
        .with(Unit::Output, Price::from_picos(5_000_000));
    UnpricedPolicy::Fallback(Arc::new(sheet))
}

#[tokio::test]
async fn a_denied_call_is_refused_before_it_is_sent() {
    for limits in [&[][..], &[1_000_000]] {
        let house = House::open(&[("a", "1", "")]).await;
        let mut call = house.governed(&unpriced(false), limits);
        call.unpriced = UnpricedPolicy::Deny;
        let error = house.send_call(call).await.err().unwrap();
        assert_eq!(error.kind, Kind::PaymentRequired);
        assert!(error.message.contains("test/unpriced"), "{}", error.message);
        assert!(house.asked().is_empty());
        assert_eq!(house.record().await.status, 402);
        assert_eq!(house.books.asks(), 0);
    }
}

#[tokio::test]
async fn where_unpriced_calls_are_denied_only_endpoints_with_a_price_are_asked() {
    let forget = |row: &mut Value| {
        if row["slug"] == "a" {
            row["endpoints"][0].as_object_mut().unwrap().remove("price");
        }
    };
    let house = House::with_rows(&[("a", "1", ""), ("b", "2", "")], forget).await;
    let mut call = house.governed(&hello(false), &[]);
    call.preferences.order = vec!["a".into(), "b".into()];
    call.unpriced = UnpricedPolicy::Deny;
    house.send_call(call).await.unwrap();
    assert_eq!(house.asked(), ["b"]);
}

#[tokio::test]
async fn a_stated_fallback_is_reserved_and_charged_and_flagged() {
    for stream in [false, true] {
        let house = House::open(&[("a", "1", "")]).await;
        let mut call = house.governed(&unpriced(stream), &[1_000_000_000]);
        call.unpriced = fallback();
        house.send_call(call).await.unwrap();
        let record = house.record().await;
        let served = house.simulator.ledger().last().unwrap();
        let tokens = served.prompt_tokens + served.completion_tokens;
        let cost = record.charge.as_ref().unwrap().total.nanos();
        assert_eq!(cost, i64::try_from(tokens).unwrap() * 5_000);
        assert!(record.settled.is_fallback_price);
        assert_eq!(house.books.tallies(), [(cost, 0, 0)]);

        let mut call = house.governed(&unpriced(stream), &[cost]);
        call.unpriced = fallback();
        let error = house.send_call(call).await.err().unwrap();
        assert_eq!(error.kind, Kind::PaymentRequired, "a fallback price counts");
    }
}

#[tokio::test]
async fn a_price_of_its_own_goes_before_the_fallback() {
    let house = House::open(&[("a", "1", "")]).await;
    let mut call = house.governed(&hello(false), &[]);
    call.unpriced = fallback();
    house.send_call(call).await.unwrap();
    assert!(!house.record().await.settled.is_fallback_price);
}

#[tokio::test]
async fn an_allowed_call_without_a_price_is_flagged_and_holds_nothing() {
    let house = House::open(&[("a", "1", "")]).await;
    let call = house.governed(&unpriced(true), &[0]);
    house.send_call(call).await.unwrap();
    let record = house.record().await;
    assert_eq!(record.charge, Err(Unpriced::NoPrice(Unit::Input)));
    assert_eq!(house.books.tallies(), [(0, 0, 0)]);
}
