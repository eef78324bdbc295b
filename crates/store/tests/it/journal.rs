//! The recorder with its journal: what is settled survives the process, the database, the disk.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ledger::{Books as _, GenerationId};
use store::{
    JournalError, JournalOptions, KeyHash, NodeId, Recorder, RecorderLimits, RecorderOptions, Store,
};
use tokio::task::JoinSet;

use crate::sample::{odd, plain};
use crate::suite::{NOW_MS, Scratch, on_both, started};

const LONG: Duration = Duration::from_secs(30);
const NODE: NodeId = NodeId::from_bytes([9; 16]);

fn options(dir: &Path) -> RecorderOptions {
    RecorderOptions {
        limits: RecorderLimits {
            retry_min: Duration::from_millis(5),
            retry_max: Duration::from_millis(50),
            ..RecorderLimits::default()
        },
        journal: Some(JournalOptions::in_data_dir(dir, NODE, 1 << 30)),
    }
}

/// A recorder over that journal; its writer runs in the set. The last one may still be going.
pub(crate) async fn open(
    store: &Store,
    options: &RecorderOptions,
    is_writing: bool,
) -> (Arc<Recorder>, JoinSet<()>) {
    loop {
        match Recorder::open(store.clone(), options.clone()).await {
            Ok((recorder, writer)) => {
                let mut tasks = JoinSet::new();
                if is_writing {
                    tasks.spawn(writer);
                }
                return (recorder, tasks);
            }
            Err(JournalError::InUse(_)) => tokio::task::yield_now().await,
            Err(error) => panic!("{error}"),
        }
    }
}

fn files(dir: &Path, end: &str) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = std::fs::read_dir(dir.join("journal"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_str().unwrap().ends_with(end))
        .collect();
    found.sort();
    found
}

#[tokio::test]
async fn what_was_settled_is_there_after_a_crash_exactly_as_it_was() {
    on_both(async |place| {
        let (store, dir) = (place.open().await, Scratch::new());
        // Nothing is written: what the second process has comes from the journal.
        let (recorder, _) = open(&store, &options(&dir.0), false).await;
        for seed in 0..300 {
            let generation = Arc::new(odd(seed));
            recorder.settle(generation.clone()).await.unwrap();
            let read = recorder.get(&generation.id).await.unwrap();
            assert_eq!(read, Some(generation));
        }
        assert_eq!(store.generations().count().await, Ok(0));
        drop(recorder);
        let (recorder, tasks) = open(&store, &options(&dir.0), true).await;
        for seed in 0..300 {
            let generation = Arc::new(odd(seed));
            let read = recorder.get(&generation.id).await.unwrap();
            assert_eq!(read, Some(generation), "seed {seed}");
        }
        recorder.drain(LONG).await.unwrap();
        tasks.join_all().await;
        assert_eq!(store.generations().count().await, Ok(300));
        assert_eq!(files(&dir.0, ".wal"), Vec::<PathBuf>::new());
    })
    .await;
}

#[tokio::test]
async fn a_record_replayed_twice_counts_once() {
    on_both(async |place| {
        let ((store, key), dir) = (started(place).await, Scratch::new());
        let (recorder, tasks) = open(&store, &options(&dir.0), true).await;
        for number in 0..40 {
            let generation = Arc::new(plain(number, &key, 7));
            recorder.settle(generation).await.unwrap();
        }
        recorder.flush().await;
        // The process dies with everything in the database and all of it in the journal.
        drop((recorder, tasks));
        let spent = async || {
            let spent = store.keys().spending(&key, NOW_MS).await.unwrap().total;
            (spent.usage.nanos(), spent.requests)
        };
        let path = files(&dir.0, ".wal").pop().unwrap();
        let bytes = std::fs::read(&path).unwrap();
        for _ in 0..3 {
            let (recorder, tasks) = open(&store, &options(&dir.0), true).await;
            // While it waits to be written again, or after that, it is settled again.
            let again = Arc::new(plain(3, &key, 7));
            recorder.settle(again).await.unwrap();
            recorder.flush().await;
            assert_eq!(spent().await, (280, 40));
            assert_eq!(recorder.figures().written, 0);
            recorder.drain(LONG).await.unwrap();
            tasks.join_all().await;
            assert_eq!(files(&dir.0, ".wal"), Vec::<PathBuf>::new());
            drop(recorder);
            // And once more from a copy of what was there.
            std::fs::write(&path, &bytes).unwrap();
        }
        assert_eq!(store.generations().count().await, Ok(40));
    })
    .await;
}

#[tokio::test]
async fn while_the_database_is_away_the_journal_takes_what_memory_does_not() {
    on_both(async |place| {
        let ((store, key), dir) = (started(place).await, Scratch::new());
        let mut options = options(&dir.0);
        options.limits.records_max = 5;
        options.journal = Some(JournalOptions::in_data_dir(&dir.0, NODE, 200_000));
        let (recorder, tasks) = open(&store, &options, true).await;
        place.run("ALTER TABLE key_usage RENAME TO elsewhere").await;
        assert!(recorder.has_room());
        let mut settled = 0;
        let refusal = loop {
            let generation = Arc::new(plain(settled, &key, 1));
            match recorder.settle(generation).await {
                Ok(()) => settled += 1,
                Err(refusal) => break refusal,
            }
        };
        assert!(settled > 100, "{settled}");
        assert!(
            refusal.to_string().contains("bound of 200000 bytes"),
            "{refusal}"
        );
        assert!(recorder.figures().journal_bytes <= 200_000);
        assert!(!recorder.has_room());
        for number in 0..settled {
            let generation = plain(number, &key, 1);
            let read = recorder.get(&generation.id).await.unwrap();
            assert_eq!(read.as_deref(), Some(&generation), "{number}");
        }
        place.run("ALTER TABLE elsewhere RENAME TO key_usage").await;
        recorder.flush().await;
        assert_eq!(store.generations().count().await, Ok(settled));
        recorder
            .settle(Arc::new(plain(settled, &key, 1)))
            .await
            .unwrap();
        recorder.drain(LONG).await.unwrap();
        tasks.join_all().await;
        assert_eq!(store.generations().count().await, Ok(settled + 1));
        assert_eq!(recorder.figures().refused, 0);
        assert_eq!(files(&dir.0, ".wal"), Vec::<PathBuf>::new());
        assert!(recorder.has_room());
    })
    .await;
}

#[tokio::test]
async fn a_disk_that_takes_no_new_file_costs_calls_only_while_it_does() {
    let (dir, key) = (Scratch::new(), KeyHash::of("sk"));
    let url = format!("sqlite:{}/waybill.db", dir.0.display());
    let store = Store::open(&url).await.unwrap();
    let mut options = options(&dir.0);
    if let Some(journal) = &mut options.journal {
        journal.segment_bytes = 5000;
    }
    let (recorder, _) = open(&store, &options, false).await;
    let settle = async |number| recorder.settle(Arc::new(plain(number, &key, 1))).await;
    settle(0).await.unwrap();
    let (here, there) = (dir.0.join("journal"), dir.0.join("elsewhere"));
    std::fs::rename(&here, &there).unwrap();
    let mut settled = vec![0];
    let refusal = loop {
        let number = settled.len() as u64;
        match settle(number).await {
            Ok(()) => settled.push(number),
            Err(refusal) => break refusal,
        }
    };
    assert!(
        refusal.to_string().contains("cannot be written"),
        "{refusal}"
    );
    assert!(settle(1000).await.is_err());
    std::fs::rename(&there, &here).unwrap();
    settle(1001).await.unwrap();
    settled.push(1001);
    drop(recorder);
    let (recorder, _) = open(&store, &options, false).await;
    assert_eq!(recorder.figures().pending, settled.len() as u64);
    for number in settled {
        let id = plain(number, &key, 1).id;
        assert!(recorder.get(&id).await.unwrap().is_some());
    }
}

#[tokio::test]
async fn damage_costs_one_record_and_the_file_is_kept() {
    on_both(async |place| {
        let ((store, key), dir) = (started(place).await, Scratch::new());
        let (recorder, _) = open(&store, &options(&dir.0), false).await;
        for number in 0..10 {
            let generation = Arc::new(plain(number, &key, 1));
            recorder.settle(generation).await.unwrap();
        }
        drop(recorder);
        let segment = files(&dir.0, ".wal")[0].clone();
        let mut bytes = std::fs::read(&segment).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 4;
        std::fs::write(&segment, &bytes).unwrap();
        let (recorder, tasks) = open(&store, &options(&dir.0), true).await;
        recorder.drain(LONG).await.unwrap();
        tasks.join_all().await;
        assert_eq!(store.generations().count().await, Ok(9));
        let kept = files(&dir.0, ".wal.corrupt");
        assert_eq!(std::fs::read(&kept[0]).unwrap(), bytes);
    })
    .await;
}

#[tokio::test]
async fn two_processes_never_share_a_journal() {
    let dir = Scratch::new();
    let store = Store::open("sqlite::memory:").await.unwrap();
    let (_first, _) = open(&store, &options(&dir.0), false).await;
    let second = Recorder::open(store, options(&dir.0)).await;
    assert!(matches!(second.map(drop), Err(JournalError::InUse(_))));
}

#[test]
fn a_node_keeps_its_name() {
    let dir = Scratch::new();
    let first = NodeId::in_data_dir(&dir.0, [1; 16]).unwrap();
    assert_eq!(first, NodeId::from_bytes([1; 16]));
    assert_eq!(NodeId::in_data_dir(&dir.0, [2; 16]).unwrap(), first);
    assert_eq!(first.to_string(), "01".repeat(16));
    std::fs::write(dir.0.join("node"), "something else").unwrap();
    let error = NodeId::in_data_dir(&dir.0, [3; 16]).unwrap_err();
    assert!(error.to_string().contains("32 hexadecimal"), "{error}");
}

#[tokio::test]
async fn an_unknown_id_is_unknown() {
    let dir = Scratch::new();
    let store = Store::open("sqlite::memory:").await.unwrap();
    let (recorder, _) = open(&store, &options(&dir.0), false).await;
    let id = GenerationId::from_text("gen-none");
    assert_eq!(recorder.get(&id).await, Ok(None));
}
