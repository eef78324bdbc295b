//! A second endpoint beside a silent one: who serves, who is let go, what it costs, when it is not done.

use std::sync::Arc;
use std::time::Duration;

use catalog::health::{Sample, Served};
use catalog::{EndpointId, Standing, Vitals as _};
use chat::Dialect;
use ledger::{Generation, Outcome, UsageSource};
use relay::{Hedge, Labelled, Secret, Timers};
use serde_json::{Value, json};
use tokio::time::{Instant, timeout};
use wire::Beside;

use crate::counting::NOW;
use crate::house::{House, hello};
use crate::reading;
use crate::scripted::Act::{Fails, IsEmpty, Refuses, Speaks};
use crate::scripted::Seen::{Asked, LetGo};
use crate::scripted::{Act, Scripted};

/// Nano-USD: plenty for any call of these tests.
const PLENTY: i64 = 1_000_000_000;

const AFTER: Hedge = Hedge::After(Duration::from_millis(500));

struct Scene {
    house: House,
    upstream: Arc<Scripted>,
}

impl Scene {
    /// Two providers of the same model, `a` before `b`.
    async fn open(a: Act, b: Act) -> Self {
        Self::with(a, b, Timers::default(), |_| {}).await
    }

    async fn with(a: Act, b: Act, timers: Timers, edit: impl Fn(&mut Value)) -> Self {
        let upstream = Scripted::new(&[("a", a), ("b", b)]);
        let providers = [("a", "1", ""), ("b", "2", "")];
        let house = House::with_upstream(&providers, timers, upstream.clone(), edit).await;
        Self { house, upstream }
    }

    async fn send(&self, hedge: Hedge, limit: i64) -> Result<reading::Seen, chat::Error> {
        let mut body = hello(true);
        body["max_tokens"] = json!(50);
        let mut call = self.house.governed(&body, &[limit]);
        call.hedge = hedge;
        let answer = self.house.send_call(call).await?;
        Ok(reading::Seen::stream(&answer.body))
    }

    fn log(&self) -> Vec<(String, crate::scripted::Seen)> {
        self.upstream.log()
    }
}

/// Endpoint, whether it was completed, and the rule of its share.
fn attempts(record: &Generation) -> Vec<(&str, bool, Option<&str>)> {
    let attempts = record.attempts.iter();
    attempts
        .map(|attempt| {
            let rule = attempt.share.as_ref().map(|share| share.rule.as_ref());
            let is_completed = attempt.outcome == Outcome::Completed;
            (attempt.endpoint.as_str(), is_completed, rule)
        })
        .collect()
}

fn total(record: &Generation) -> i64 {
    record.charge.as_ref().unwrap().total.nanos()
}

#[tokio::test(start_paused = true)]
async fn who_speaks_first_serves_and_the_other_is_charged_for_its_prompt() {
    let lost = Some("race_lost_estimated");
    // when a and b speak; who serves; when the other was let go
    for (a, b, serves, other, at) in [
        (5_000, 100, "b", "a", 600),
        (800, 5_000, "a", "b", 800),
        (900, 400, "a", "b", 900),
    ] {
        let scene = Scene::open(Speaks(a), Speaks(b)).await;
        let seen = scene.send(AFTER, PLENTY).await.unwrap();
        assert!(seen.done, "{seen:?}");
        assert_eq!(seen.choice().content, serves);
        let asked = [("a".to_owned(), Asked(0)), ("b".to_owned(), Asked(500))];
        assert_eq!(scene.log()[..2], asked);
        assert_eq!(scene.log()[2..], [(other.to_owned(), LetGo(at))]);
        let record = scene.house.record().await;
        assert_eq!(
            attempts(&record),
            [(other, false, lost), (serves, true, None)]
        );
        assert_eq!(record.endpoint.as_deref(), Some(serves));
        assert_eq!(record.settled.rule.as_deref(), Some("complete"));
        // The answer was counted alone; the prompt of the other is in the bill, and was held.
        assert_eq!(record.usage.prompt_tokens(), 7);
        let share = record.attempts[0].share.as_ref().unwrap();
        assert_eq!(share.usage_source, UsageSource::Estimated);
        let prompt = share.charge.as_ref().unwrap();
        assert!(prompt.total.nanos() > 0 && prompt.part(chat::Unit::is_completion).nanos() == 0);
        let price = |slug| if slug == "a" { 1_000 } else { 2_000 };
        let own = 7 * price(serves) + 3 * 1_000;
        assert_eq!(total(&record), own + prompt.total.nanos());
        assert_eq!(scene.house.books.tallies(), [(total(&record), 0, 0)]);
        assert_eq!(seen.usage.unwrap()["cost"], total(&record) as f64 / 1e9);
    }
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_speaks_in_time_races_with_nobody() {
    for hedge in [AFTER, Hedge::Measured, Hedge::Never] {
        let scene = Scene::open(Speaks(400), Speaks(0)).await;
        assert_eq!(
            scene.send(hedge, PLENTY).await.unwrap().choice().content,
            "a"
        );
        assert_eq!(scene.log(), [("a".to_owned(), Asked(0))]);
        assert_eq!(scene.house.books.asks(), 1, "no more money than ever");
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_fails_in_a_race_leaves_the_other_alone_and_costs_nothing() {
    for (a, b, serves, failed) in [
        (Fails(503, 700), Speaks(900), "b", "a"),
        (Speaks(900), Fails(503, 100), "a", "b"),
        (Speaks(900), IsEmpty(100), "a", "b"),
    ] {
        let scene = Scene::open(a, b).await;
        let seen = scene.send(AFTER, PLENTY).await.unwrap();
        assert_eq!(seen.choice().content, serves, "{a:?} {b:?}");
        let record = scene.house.record().await;
        assert_eq!(
            attempts(&record),
            [(failed, false, None), (serves, true, None)]
        );
        assert!(matches!(record.attempts[0].outcome, Outcome::Failed { .. }));
        assert_eq!(scene.house.books.tallies(), [(total(&record), 0, 0)]);
    }
    let scene = Scene::open(Fails(503, 700), Fails(500, 900)).await;
    let error = scene.send(AFTER, PLENTY).await.err().unwrap();
    assert_eq!(error.metadata.unwrap().previous.len(), 1);
    let record = scene.house.record().await;
    assert_eq!((record.attempts.len(), total(&record)), (2, 0));
    assert_eq!(scene.house.books.tallies(), [(0, 0, 0)]);
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_leaves_a_race_pays_for_both_prompts() {
    let scene = Scene::open(Speaks(60_000), Speaks(60_000)).await;
    let left = timeout(Duration::from_secs(1), scene.send(AFTER, PLENTY)).await;
    assert!(left.is_err());
    let record = scene.house.record().await;
    let lost = Some("race_lost_estimated");
    assert_eq!(attempts(&record), [("b", false, lost), ("a", false, None)]);
    let rule = record.settled.rule.as_deref();
    assert_eq!(rule, Some("left_before_first_token_estimated"));
    let lines = &record.charge.as_ref().unwrap().lines;
    let prompts = lines.iter().filter(|line| line.unit == chat::Unit::Input);
    assert_eq!(prompts.count(), 2);
    assert_eq!(scene.house.books.tallies(), [(total(&record), 0, 0)]);
    let gone = [("a", LetGo(1_000)), ("b", LetGo(1_000))];
    for (name, seen) in gone {
        assert!(scene.log().contains(&(name.to_owned(), seen)), "{name}");
    }
}

/// Checks that nobody is asked beside the first, however long it is silent.
async fn asks_nobody_else(scene: &Scene, limit: i64, why: &str) {
    let seen = scene.send(AFTER, limit).await.unwrap();
    assert_eq!(seen.choice().content, "a", "{why}");
    assert_eq!(scene.log(), [("a".to_owned(), Asked(0))], "{why}");
    let record = scene.house.record().await;
    assert_eq!(attempts(&record), [("a", true, None)], "{why}");
}

#[tokio::test(start_paused = true)]
async fn nobody_is_asked_where_it_could_not_be_paid_or_would_not_help() {
    let (slow, quick) = (Speaks(5_000), Speaks(0));
    let plain = Timers::default();
    for why in ["a", "b"] {
        let bills_on = |row: &mut Value| {
            if row["slug"] == why {
                row["abort_stops_billing"] = json!(false);
            }
        };
        let scene = Scene::with(slow, quick, plain, bills_on).await;
        asks_nobody_else(&scene, PLENTY, "it bills on").await;
    }
    let capped = Timers {
        attempts_max: 1,
        ..plain
    };
    let scene = Scene::with(slow, quick, capped, |_| {}).await;
    asks_nobody_else(&scene, PLENTY, "attempts are capped").await;

    let unpriced = |row: &mut Value| {
        if row["slug"] == "b" {
            row["endpoints"][0]["price"] = json!({});
        }
    };
    let scene = Scene::with(slow, quick, plain, unpriced).await;
    asks_nobody_else(&scene, PLENTY, "no price").await;

    // Just what one answer may cost at the dearer endpoint.
    let mut body = hello(true);
    body["max_tokens"] = json!(50);
    let bytes = i64::try_from(body.to_string().len()).unwrap();
    let scene = Scene::open(slow, quick).await;
    asks_nobody_else(&scene, bytes * 2_000 + 50_000, "no money").await;
    assert_eq!(scene.house.books.asks(), 2);
    let scene = Scene::open(slow, quick).await;
    let enough = bytes * 4_000 + 50_000;
    let seen = scene.send(AFTER, enough).await.unwrap();
    assert_eq!(seen.choice().content, "b", "and with enough money it is");

    // The other endpoint serves another model.
    let other = |row: &mut Value| {
        if row["slug"] == "b" {
            row["endpoints"][0]["model"] = json!("test/other");
        }
    };
    let scene = Scene::with(slow, quick, plain, other).await;
    let body = json!({ "model": "test/echo", "models": ["test/other"], "stream": true,
        "messages": [{ "role": "user", "content": "Hello" }] });
    let mut call = scene.house.call(body.to_string().into());
    call.hedge = AFTER;
    scene.house.send_call(call).await.unwrap();
    assert_eq!(scene.log(), [("a".to_owned(), Asked(0))]);
}

#[tokio::test(start_paused = true)]
async fn races_come_out_of_the_retry_budget() {
    // The first wins every race, so that it stays the first.
    let scene = Scene::open(Speaks(900), Speaks(5_000)).await;
    const CALLS: usize = 200;
    for _ in 0..CALLS {
        assert!(scene.send(AFTER, PLENTY).await.is_ok());
    }
    // Thirty saved, and one for every ten calls.
    let asked = scene
        .log()
        .iter()
        .filter(|(_, seen)| matches!(seen, Asked(_)))
        .count();
    assert_eq!(asked, CALLS + 30 + CALLS / 10 - 1);
}

#[tokio::test(start_paused = true)]
async fn patience_is_what_was_measured_or_three_seconds() {
    let id = EndpointId::new("test/echo@a");
    // first token of earlier answers, milliseconds; when b is asked, at least and at most
    for (measured, from, to) in [
        (None, 3_000, 3_000),
        (Some(50), 200, 200),
        (Some(1_000), 890, 1_200),
    ] {
        let scene = Scene::open(Speaks(60_000), Speaks(0)).await;
        for _ in 0..measured.map_or(4, |_| 40) {
            let served = Served {
                first_token_ms: Some(measured.unwrap_or(9)),
                total_ms: 9_000,
                ..Served::default()
            };
            let health = scene.house.relay.health();
            health.record(&id, &Sample::Served(served), NOW * 1000);
        }
        let begun = Instant::now();
        scene.send(Hedge::Measured, PLENTY).await.unwrap();
        let after = u64::try_from(begun.elapsed().as_millis()).unwrap();
        assert!((from..=to).contains(&after), "{measured:?}: {after}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_loses_one_race_after_another_is_out() {
    let scene = Scene::open(Speaks(600_000), Speaks(0)).await;
    let id = EndpointId::new("test/echo@a");
    let standing = || scene.house.relay.health().vital(&id, NOW * 1000).standing;
    for _ in 0..3 {
        assert_eq!(standing(), Standing::Normal);
        scene.send(AFTER, PLENTY).await.unwrap();
        scene.house.quiet().await;
    }
    assert_eq!(standing(), Standing::Out);
    scene.send(AFTER, PLENTY).await.unwrap();
    assert_eq!(scene.log().last(), Some(&("b".to_owned(), Asked(1_500))));
}

/// Over real sockets: the silent provider sees at once that it was let go.
#[tokio::test]
async fn a_stalling_provider_is_let_go_as_soon_as_another_speaks() {
    for (script, stream) in [
        ("hang=headers", true),
        ("hang", true),
        ("hang=headers", false),
    ] {
        let house = House::open(&[("a", "1", script), ("b", "2", "chunks=5")]).await;
        let mut call = house.call(hello(stream).to_string().into());
        call.hedge = Hedge::After(Duration::from_millis(100));
        let answer = house.send_call(call).await.unwrap();
        assert_eq!(answer.head.provider_name.as_deref(), Some("Simulated b"));
        assert_eq!(answer.head.attempts, 2);
        let ledger = house.simulator.ledger();
        let left = ledger.wait_for(
            |entry| entry.persona == "a" && entry.disconnected_at().is_some(),
            Duration::from_secs(5),
        );
        assert!(left.await.is_some(), "{script}: a sees that it was let go");
        assert_eq!(house.asked(), ["a", "b"]);
        let record = house.record().await;
        let lost = Some("race_lost_estimated");
        assert_eq!(attempts(&record), [("a", false, lost), ("b", true, None)]);
    }
}

/// Two attempts write into one numbered stream, and only one of them is heard.
#[tokio::test]
async fn a_race_leaves_no_gap_in_a_numbered_stream() {
    for script in ["hang=headers", "hang", "empty,finish=stop,delay=200ms"] {
        let slow = "chunks=3,delay=300ms";
        let house = House::open(&[("a", "1", script), ("b", "2", slow)]).await;
        let body = json!({ "model": "test/echo", "input": "Hello", "stream": true });
        let body = bytes::Bytes::from(body.to_string());
        let mut call = house.call(hello(true).to_string().into());
        call.door = wire::door(Dialect::OpenaiResponses).unwrap();
        call.request = call.door.read_request(&body, Beside::default()).unwrap();
        call.body = body;
        call.hedge = Hedge::After(Duration::from_millis(50));
        let answer = house.send_call(call).await.unwrap();
        let text = String::from_utf8(answer.body.to_vec()).unwrap();
        let frames = text.lines().filter_map(|line| line.strip_prefix("data: {"));
        let numbers = frames.map(|frame| {
            let tree: Value = serde_json::from_str(&format!("{{{frame}")).unwrap();
            tree["sequence_number"].as_u64().unwrap()
        });
        let numbers: Vec<u64> = numbers.collect();
        let expected = 0..u64::try_from(numbers.len()).unwrap();
        assert!(
            numbers.iter().copied().eq(expected),
            "{script}: {numbers:?}"
        );
        assert_eq!(text.matches("event: response.created").count(), 1);
        assert_eq!(answer.head.attempts, 2, "{script}");
    }
}

/// A refused credential in a race: the other endpoint goes on alone, and the provider is asked again with
/// its next credential only when that one fails, too.
#[tokio::test(start_paused = true)]
async fn races_and_several_credentials_go_together() {
    for (b, serves, expected) in [
        (Speaks(900), "b", vec!["a", "b"]),
        (Fails(503, 300), "a", vec!["a", "b", "a"]),
    ] {
        let scene = Scene::open(Refuses(429, 700), b).await;
        let labelled = ["one", "two"].map(|label| Labelled {
            label: label.into(),
            weight: 1,
            secret: Secret::new(label),
        });
        let all = [("a".to_owned(), labelled.to_vec())].into_iter().collect();
        scene.house.credentials.store(Arc::new(all));
        let seen = scene.send(AFTER, PLENTY).await.unwrap();
        assert_eq!(seen.choice().content, serves);
        let record = scene.house.record().await;
        let asked = scene.log().into_iter();
        let asked = asked.filter_map(|(name, seen)| matches!(seen, Asked(_)).then_some(name));
        assert_eq!(asked.collect::<Vec<_>>(), expected);
        let labels = record.attempts.iter();
        let labels = labels.filter_map(|attempt| attempt.credential.as_deref());
        let distinct: std::collections::BTreeSet<_> = labels.clone().collect();
        assert_eq!(
            distinct.len(),
            labels.count(),
            "each credential once: {record:?}"
        );
        // Nothing is said against the endpoint whose credential was refused.
        let id = EndpointId::new("test/echo@a");
        let vital = scene.house.relay.health().vital(&id, NOW * 1000);
        assert_eq!(vital.standing, Standing::Normal);
    }
}
