//! The database goes away and comes back: an error that says so, and nothing lost.

use std::sync::Arc;
use std::time::Duration;

use ledger::Books as _;
use store::{Recorder, RecorderLimits, Store, StoreError};
use tokio::task::JoinSet;

use crate::line::{Line, State};
use crate::sample::plain;
use crate::suite::{NOW_MS, Place, new_key, on_both, on_postgres, on_sqlite, run, started};

const LONG: Duration = Duration::from_secs(30);

fn recorder(store: &Store) -> (Arc<Recorder>, JoinSet<()>) {
    let limits = RecorderLimits {
        retry_min: Duration::from_millis(5),
        retry_max: Duration::from_millis(50),
        ..RecorderLimits::default()
    };
    let (recorder, writer) = Recorder::new(store.clone(), limits);
    let mut tasks = JoinSet::new();
    tasks.spawn(writer);
    (recorder, tasks)
}

/// Settles while the database is away, brings it back, and finds every record.
async fn loses_nothing(
    place: &Place,
    (store, key): (Store, store::KeyHash),
    go_away: impl AsyncFnOnce(),
    come_back: impl AsyncFnOnce(),
) {
    let (recorder, tasks) = recorder(&store);
    for number in 0..30 {
        if number == 10 {
            recorder.flush().await;
        }
        recorder
            .settle(Arc::new(plain(number, &key, 1)))
            .await
            .unwrap();
    }
    go_away().await;
    let first = plain(100, &key, 1).id;
    for number in 100..150 {
        let generation = Arc::new(plain(number, &key, 1));
        recorder.settle(generation.clone()).await.unwrap();
        assert!(recorder.get(&generation.id).await.unwrap().is_some());
    }
    while recorder.figures().failures_in_a_row < 2 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(recorder.figures().pending >= 50);
    assert!(recorder.drain(Duration::from_millis(20)).await.is_err());
    assert!(recorder.get(&first).await.unwrap().is_some());
    come_back().await;
    recorder.drain(LONG).await.unwrap();
    tasks.join_all().await;
    assert_eq!(recorder.figures().failures_in_a_row, 0);
    let fresh = place.open().await;
    assert_eq!(fresh.generations().count().await, Ok(80));
    let spent = fresh.keys().spending(&key, NOW_MS).await.unwrap().total;
    assert_eq!((spent.usage.nanos(), spent.requests), (80, 80));
}

#[tokio::test]
async fn a_table_that_vanished_for_a_while_costs_no_record() {
    on_both(async |place| {
        let parts = started(place).await;
        loses_nothing(
            place,
            parts,
            async || place.run("ALTER TABLE key_usage RENAME TO elsewhere").await,
            async || place.run("ALTER TABLE elsewhere RENAME TO key_usage").await,
        )
        .await;
    })
    .await;
}

#[tokio::test]
async fn a_cut_line_to_postgres_costs_no_record() {
    on_postgres(async |place| {
        let (_, key) = started(place).await;
        let line = Line::to(place.address()).await;
        let store = Store::open(&place.url_by(line.address)).await.unwrap();
        let cut = async || {
            line.set(State::Cut);
        };
        let mend = async || {
            line.set(State::Whole);
        };
        loses_nothing(place, (store, key), cut, mend).await;
    })
    .await;
}

#[tokio::test]
async fn without_its_line_everything_answers_that_postgres_is_away_until_it_is_back() {
    on_postgres(async |place| {
        let (_, key) = started(place).await;
        let line = Line::to(place.address()).await;
        let store = Store::open(&place.url_by(line.address)).await.unwrap();
        line.set(State::Cut);
        let is_away = |error: StoreError| assert!(error.is_temporary(), "{error}");
        is_away(store.revision().await.unwrap_err());
        is_away(store.check().await.unwrap_err());
        is_away(store.keys().by_hash(&key).await.unwrap_err());
        is_away(
            store
                .keys()
                .create(&new_key("sk-second"))
                .await
                .unwrap_err(),
        );
        is_away(Store::open(&place.url_by(line.address)).await.unwrap_err());
        line.set(State::Whole);
        assert!(store.keys().by_hash(&key).await.unwrap().is_some());
        assert_eq!(store.check().await, Ok(()));
    })
    .await;
}

#[tokio::test]
async fn sessions_that_postgres_ends_are_replaced() {
    on_postgres(async |place| {
        let (store, key) = started(place).await;
        let end = async || {
            place
                .run(
                    "DO $$ BEGIN PERFORM pg_terminate_backend(pid) FROM pg_stat_activity \
                     WHERE application_name = current_setting('application_name') \
                     AND pid <> pg_backend_pid(); END $$",
                )
                .await;
        };
        for _ in 0..3 {
            store.revision().await.unwrap();
            end().await;
            // At most the connections at hand are broken; after that it works again.
            let mut answer = store.keys().by_hash(&key).await;
            for _ in 0..12 {
                if answer.is_ok() {
                    break;
                }
                answer = store.keys().by_hash(&key).await;
            }
            assert!(answer.unwrap().is_some());
        }
    })
    .await;
}

#[tokio::test]
async fn a_locked_sqlite_file_costs_no_record() {
    on_sqlite(async |place| {
        let parts = started(place).await;
        let mut other = place.connect().await;
        let lock = tokio::sync::Mutex::new(&mut other);
        loses_nothing(
            place,
            parts,
            async || run(&mut **lock.lock().await, "BEGIN IMMEDIATE").await,
            async || run(&mut **lock.lock().await, "ROLLBACK").await,
        )
        .await;
    })
    .await;
}

#[tokio::test]
async fn a_locked_sqlite_file_can_still_be_read() {
    on_sqlite(async |place| {
        let (store, key) = started(place).await;
        let mut other = place.connect().await;
        run(
            &mut other,
            "BEGIN IMMEDIATE; UPDATE keys SET name = 'unseen'",
        )
        .await;
        assert_eq!(
            store.keys().by_hash(&key).await.unwrap().unwrap().name,
            "a key"
        );
        let write = store.settings().set("s", "v", NOW_MS).await.unwrap_err();
        assert!(write.is_temporary(), "{write}");
        run(&mut other, "ROLLBACK").await;
        assert_eq!(store.settings().set("s", "v", NOW_MS).await, Ok(2 + 1));
    })
    .await;
}
