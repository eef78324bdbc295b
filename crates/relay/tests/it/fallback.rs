//! When the next endpoint is asked, and when not.

use std::time::Duration;

use chat::Kind;
use ledger::Outcome;
use relay::{Credentials, Secret, Timers};
use serde_json::{Value, json};

use crate::house::{House, UNREACHABLE, hasty, hello};
use crate::reading::Seen;

/// The first provider fails as scripted; returns who was asked, and what kind of error came if any.
async fn asked_when_first(script: &str, stream: bool) -> (Vec<String>, Option<Kind>) {
    let house = House::with_timers(&[("a", "1", script), ("b", "2", "")], hasty()).await;
    let answer = house.send(&hello(stream)).await;
    (house.asked(), answer.err().map(|error| error.kind))
}

#[tokio::test]
async fn asks_the_next_endpoint_when_one_fails_before_its_first_token() {
    for script in [
        "status=429",
        "status=408",
        "status=500",
        "status=502",
        "status=503",
        "status=529",
        "status=401",
        "status=404",
        "error-200",
        "empty,finish=missing",
        "malformed",
        "reset",
        "abort",
        "hang",
        "cut=10",
    ] {
        for stream in [false, true] {
            // A whole answer may take as long as the attempt; a stream is malformed only after
            // its first token.
            if script == (if stream { "malformed" } else { "hang" }) {
                continue;
            }
            let (asked, error) = asked_when_first(script, stream).await;
            assert_eq!(
                (asked, error),
                (vec!["a".to_owned(), "b".to_owned()], None),
                "{script}, stream: {stream}"
            );
        }
    }
}

#[tokio::test]
async fn stops_when_the_request_itself_is_wrong() {
    for (script, kind) in [
        ("status=400", Kind::InvalidRequest),
        ("status=413", Kind::PayloadTooLarge),
        ("status=422", Kind::Unprocessable),
    ] {
        for stream in [false, true] {
            let (asked, error) = asked_when_first(script, stream).await;
            assert_eq!(
                (asked, error),
                (vec!["a".to_owned()], Some(kind)),
                "{script}, stream: {stream}"
            );
        }
    }
}

#[tokio::test]
async fn asks_the_next_endpoint_when_one_cannot_be_reached() {
    let house = House::with_timers(&[("a", "1", UNREACHABLE), ("b", "2", "")], hasty()).await;
    let answer = house.send(&hello(false)).await.unwrap();
    assert_eq!(
        (answer.head.attempts, house.asked()),
        (2, vec!["b".to_owned()])
    );
}

#[tokio::test]
async fn asks_no_more_endpoints_than_allowed() {
    let providers: Vec<_> = ["a", "b", "c", "d", "e"]
        .map(|slug| (slug, "1", "status=503"))
        .into();
    let timers = Timers {
        attempts_max: 3,
        ..hasty()
    };
    let house = House::with_timers(&providers, timers).await;
    let error = house.send(&hello(true)).await.err().unwrap();
    assert_eq!(house.asked().len(), 3);
    let metadata = error.metadata.unwrap();
    assert_eq!(metadata.previous.len(), 2);
    assert_eq!(
        metadata.availability.unwrap().code,
        "temporarily_unavailable"
    );
}

#[tokio::test]
async fn says_that_capacity_is_exhausted_when_every_endpoint_answers_429() {
    let scripts = [
        ("a", "1", "status=429,retry-after=40"),
        ("b", "2", "status=429,retry-after=7"),
    ];
    let house = House::open(&scripts).await;
    let error = house.send(&hello(true)).await.err().unwrap();
    assert_eq!(error.kind, Kind::RateLimitExceeded);
    let metadata = error.metadata.unwrap();
    assert_eq!(metadata.retry_after, Some(Duration::from_secs(7)));
    let availability = metadata.availability.unwrap();
    assert_eq!(
        (availability.code, availability.retryable),
        ("capacity_exhausted", true)
    );
    assert_eq!(
        availability.affected_providers,
        ["Simulated a", "Simulated b"]
    );
}

#[tokio::test]
async fn an_early_failure_of_the_only_endpoint_keeps_its_status_on_a_stream() {
    for (script, kind) in [
        ("status=400", Kind::InvalidRequest),
        ("status=429", Kind::RateLimitExceeded),
        ("status=503", Kind::ProviderOverloaded),
        ("reset", Kind::ProviderUnavailable),
        ("hang=headers", Kind::Timeout),
    ] {
        let house = House::with_timers(&[("a", "1", script)], hasty()).await;
        let error = house.send(&hello(true)).await.err().unwrap();
        assert_eq!(error.kind, kind, "{script}: {error:?}");
        assert_eq!(
            error.metadata.unwrap().provider_name.as_deref(),
            Some("Simulated a")
        );
    }
}

#[tokio::test]
async fn falls_back_even_after_the_caller_has_been_told_to_wait() {
    let timers = Timers {
        hold: Duration::from_millis(50),
        keep_alive: Duration::from_millis(50),
        ..hasty()
    };
    let house = House::with_timers(&[("a", "1", "hang=headers"), ("b", "2", "")], timers).await;
    let answer = house.send(&hello(true)).await.unwrap();
    let seen = Seen::stream(&answer.body);
    assert!(seen.comments >= 2 && seen.done, "{seen:?}");
    assert_eq!(house.asked(), ["a", "b"]);
}

#[tokio::test]
async fn an_error_after_the_caller_has_been_told_to_wait_is_an_event() {
    let timers = Timers {
        hold: Duration::from_millis(50),
        keep_alive: Duration::from_millis(50),
        ..hasty()
    };
    let house = House::with_timers(&[("a", "1", "delay=150ms,status=503")], timers).await;
    let answer = house.send(&hello(true)).await.unwrap();
    let seen = Seen::stream(&answer.body);
    assert!(!seen.done);
    assert_eq!(seen.error.unwrap()["code"], 503);
    assert_eq!(house.record().await.status, 503);
}

#[tokio::test]
async fn the_record_names_every_attempt_and_its_outcome() {
    let house = House::open(&[("a", "1", "status=429"), ("b", "2", "")]).await;
    house.send(&hello(false)).await.unwrap();
    let record = house.record().await;
    let outcomes: Vec<_> = record
        .attempts
        .iter()
        .map(|attempt| {
            (
                attempt.provider.as_str(),
                attempt.status,
                attempt.outcome == Outcome::Completed,
            )
        })
        .collect();
    assert_eq!(outcomes, [("a", Some(429), false), ("b", Some(200), true)]);
    assert!(!record.attempts[0].may_be_billed);
}

/// Who was asked when the first provider wants an access token for this credential.
async fn asked_with(credential: &str) -> Vec<String> {
    let edit = |rows: &mut Value| rows["auth"] = json!("google");
    let house = House::with_rows(&[("a", "1", ""), ("b", "2", "")], edit).await;
    let credentials = [("a".to_owned(), Secret::new(credential))];
    let credentials: Credentials = credentials.into_iter().collect();
    house.credentials.store(credentials.into());
    let answer = house.send(&hello(false)).await.unwrap();
    let asked = house.asked();
    assert_eq!(answer.head.attempts, if asked == ["a"] { 1 } else { 2 });
    asked
}

#[tokio::test]
async fn asks_the_next_endpoint_when_no_token_is_to_be_had_for_one() {
    let user = json!({
        "type": "authorized_user", "client_id": "c", "client_secret": "s", "refresh_token": "r",
        // Nobody listens on the discard port.
        "token_uri": "http://127.0.0.1:9/token",
    });
    assert_eq!(asked_with(&user.to_string()).await, ["b"]);
    assert_eq!(asked_with("{\"type\":").await, ["b"]);
    assert_eq!(asked_with("ya29.token").await, ["a"]);
}
