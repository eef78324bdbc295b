//! The recorder: readable at once, written once, bounded, drained.

use std::sync::Arc;
use std::time::Duration;

use ledger::{Books as _, GenerationId};
use store::{Recorder, RecorderLimits, Store};
use tokio::task::JoinSet;

use crate::sample::{odd, plain};
use crate::suite::{NOW_MS, on_both, started};

const LONG: Duration = Duration::from_secs(30);

fn running(store: &Store, limits: RecorderLimits) -> (Arc<Recorder>, JoinSet<()>) {
    let (recorder, writer) = Recorder::new(store.clone(), limits);
    let mut tasks = JoinSet::new();
    tasks.spawn(writer);
    (recorder, tasks)
}

#[tokio::test]
async fn a_settled_record_is_readable_at_once_and_for_ever() {
    on_both(async |place| {
        let store = place.open().await;
        let (recorder, tasks) = running(&store, RecorderLimits::default());
        for seed in 0..300 {
            let generation = Arc::new(odd(seed));
            recorder.settle(generation.clone()).await.unwrap();
            assert_eq!(
                recorder.get(&generation.id).await.unwrap(),
                Some(generation)
            );
        }
        recorder.flush().await;
        assert_eq!(
            (recorder.figures().pending, recorder.figures().written),
            (0, 300)
        );
        assert_eq!(store.generations().count().await, Ok(300));
        for seed in 0..300 {
            let generation = Arc::new(odd(seed));
            assert_eq!(
                recorder.get(&generation.id).await.unwrap(),
                Some(generation)
            );
        }
        assert_eq!(
            recorder.get(&GenerationId::from_text("gen-none")).await,
            Ok(None)
        );
        recorder.drain(LONG).await.unwrap();
        tasks.join_all().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn counters_are_exact_when_hundreds_settle_at_once_on_two_replicas() {
    on_both(async |place| {
        let (store, key) = started(place).await;
        let (one, one_tasks) = running(&store, RecorderLimits::default());
        let (other, other_tasks) = running(&place.open().await, RecorderLimits::default());
        let mut settles = JoinSet::new();
        for number in 0..300_u64 {
            // Every third call is settled twice, once on each replica.
            let generation = Arc::new(plain(number, &key, 3));
            let replicas = match number % 3 {
                0 => vec![one.clone(), other.clone()],
                1 => vec![one.clone(), one.clone()],
                _ => vec![other.clone()],
            };
            for replica in replicas {
                let generation = generation.clone();
                settles.spawn(async move {
                    replica.settle(generation.clone()).await.unwrap();
                    assert!(replica.get(&generation.id).await.unwrap().is_some());
                });
            }
        }
        settles.join_all().await;
        for replica in [&one, &other] {
            replica.drain(LONG).await.unwrap();
        }
        one_tasks.join_all().await;
        other_tasks.join_all().await;
        let spent = store.keys().spending(&key, NOW_MS).await.unwrap().daily;
        assert_eq!((spent.usage.nanos(), spent.requests), (900, 300));
        assert_eq!(store.generations().count().await, Ok(300));
        assert_eq!(one.figures().written + other.figures().written, 300);
    })
    .await;
}

#[tokio::test]
async fn a_drain_writes_everything_and_takes_no_more() {
    on_both(async |place| {
        let (store, key) = started(place).await;
        // Would wait an hour for company.
        let limits = RecorderLimits {
            batch_wait: Duration::from_secs(3600),
            ..Default::default()
        };
        let (recorder, tasks) = running(&store, limits);
        for number in 0..700 {
            recorder
                .settle(Arc::new(plain(number, &key, 1)))
                .await
                .unwrap();
        }
        recorder.drain(LONG).await.unwrap();
        tasks.join_all().await;
        assert_eq!(store.generations().count().await, Ok(700));
        let late = recorder
            .settle(Arc::new(plain(701, &key, 1)))
            .await
            .unwrap_err();
        assert!(late.to_string().contains("shutting down"), "{late}");
        assert!(recorder.drain(LONG).await.is_ok());
    })
    .await;
}

#[tokio::test]
async fn when_memory_is_full_settling_waits_and_then_says_so() {
    let store = Store::open("sqlite::memory:").await.unwrap();
    let key = store::KeyHash::of("sk");
    let wait = Duration::from_millis(30);
    let by_number = RecorderLimits {
        records_max: 3,
        settle_max: wait,
        ..RecorderLimits::default()
    };
    let by_bytes = RecorderLimits {
        bytes_max: 3 * 1024,
        settle_max: wait,
        ..RecorderLimits::default()
    };
    for limits in [by_number, by_bytes] {
        // The writer does not run yet.
        let (recorder, writer) = Recorder::new(store.clone(), limits);
        let mut settled = 0;
        let refusal = loop {
            match recorder.settle(Arc::new(plain(settled, &key, 1))).await {
                Ok(()) => settled += 1,
                Err(refusal) => break refusal,
            }
        };
        assert!((1..=3).contains(&settled), "{settled}");
        assert!(refusal.to_string().contains("no room"), "{refusal}");
        assert!(recorder.drain(wait).await.is_err());
        let mut tasks = JoinSet::new();
        tasks.spawn(writer);
        recorder.drain(LONG).await.unwrap();
        assert_eq!(recorder.figures().pending, 0);
        tasks.join_all().await;
    }
}

#[tokio::test]
async fn one_waiting_for_room_gets_it_when_records_are_written() {
    on_both(async |place| {
        let (store, key) = started(place).await;
        let limits = RecorderLimits {
            records_max: 2,
            ..RecorderLimits::default()
        };
        let (recorder, tasks) = running(&store, limits);
        let mut settles = JoinSet::new();
        for number in 0..40 {
            let recorder = recorder.clone();
            let generation = Arc::new(plain(number, &key, 1));
            settles.spawn(async move { recorder.settle(generation).await });
        }
        for settled in settles.join_all().await {
            assert_eq!(settled, Ok(()));
        }
        recorder.drain(LONG).await.unwrap();
        tasks.join_all().await;
        assert_eq!(store.generations().count().await, Ok(40));
    })
    .await;
}

#[tokio::test]
async fn a_record_larger_than_all_room_still_passes() {
    let store = Store::open("sqlite::memory:").await.unwrap();
    let limits = RecorderLimits {
        bytes_max: 1024,
        ..RecorderLimits::default()
    };
    let (recorder, tasks) = running(&store, limits);
    let mut generation = plain(1, &store::KeyHash::of("sk"), 1);
    generation.requested_model = "x".repeat(100_000);
    recorder.settle(Arc::new(generation)).await.unwrap();
    recorder.drain(LONG).await.unwrap();
    tasks.join_all().await;
    assert_eq!(store.generations().count().await, Ok(1));
}

#[tokio::test]
async fn a_record_that_the_database_refuses_takes_no_other_down() {
    on_both(async |place| {
        let (store, key) = started(place).await;
        store.make_months(NOW_MS).await.unwrap();
        place
            .run("CREATE UNIQUE INDEX odd_rule ON generations_2026_03 (upstream_id)")
            .await;
        let (recorder, tasks) = running(&store, RecorderLimits::default());
        for number in 0..20 {
            let mut generation = plain(number, &key, 2);
            generation.upstream_id = Some(number.clamp(1, 100).to_string());
            recorder.settle(Arc::new(generation)).await.unwrap();
        }
        recorder.drain(LONG).await.unwrap();
        tasks.join_all().await;
        let figures = recorder.figures();
        assert_eq!(
            (figures.written, figures.refused, figures.pending),
            (19, 1, 0)
        );
        let spent = store.keys().spending(&key, NOW_MS).await.unwrap().total;
        assert_eq!((spent.usage.nanos(), spent.requests), (38, 19));
    })
    .await;
}

#[tokio::test]
async fn ten_thousand_in_a_row_are_readable_the_moment_they_are_settled() {
    on_both(async |place| {
        let (store, key) = started(place).await;
        let (recorder, tasks) = running(&store, RecorderLimits::default());
        for number in 0..10_000 {
            let generation = Arc::new(plain(number, &key, 1));
            recorder.settle(generation.clone()).await.unwrap();
            let read = recorder.get(&generation.id).await.unwrap();
            assert_eq!(read.as_ref(), Some(&generation), "{number}");
        }
        recorder.drain(LONG).await.unwrap();
        tasks.join_all().await;
        assert_eq!(store.generations().count().await, Ok(10_000));
        assert_eq!(store.verify_records().await.unwrap(), None);
    })
    .await;
}
