//! `kill -9` at random moments: whatever `settle` has said is safe is there afterwards.
//!
//! The child is this test binary, started for one test with a database and a data directory in its
//! environment. `WAYBILL_KILL_ROUNDS` sets how often it is killed.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ledger::{Books as _, GenerationId};
use store::{JournalOptions, NodeId, Recorder, RecorderOptions, Store};
use tokio::task::JoinSet;

use crate::journal::open;
use crate::sample::plain;
use crate::suite::{NOW_MS, Place, Scratch, on_postgres, on_sqlite, started, variable};

const URL: &str = "WAYBILL_KILL_URL";
const DIR: &str = "WAYBILL_KILL_DIR";
const FROM: &str = "WAYBILL_KILL_FROM";
const ROUNDS: &str = "WAYBILL_KILL_ROUNDS";
/// What precedes an id that is settled.
const MARK: &str = "settled ";
const LONG: Duration = Duration::from_secs(30);

fn options(dir: &std::path::Path) -> RecorderOptions {
    let node = NodeId::from_bytes([3; 16]);
    let mut journal = JournalOptions::in_data_dir(dir, node, 1 << 30);
    // Small, so that segments come and go.
    journal.segment_bytes = 64 << 10;
    RecorderOptions {
        journal: Some(journal),
        ..RecorderOptions::default()
    }
}

/// Not a test by itself: without its environment there is nothing to do.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn child_that_settles_until_it_is_killed() {
    let (Some(url), Some(dir), Some(from)) = (variable(URL), variable(DIR), variable(FROM)) else {
        return;
    };
    let store = Store::open(&url).await.unwrap();
    let opened = Recorder::open(store, options(dir.as_ref())).await.unwrap();
    let (recorder, writer) = opened;
    let mut tasks = JoinSet::new();
    tasks.spawn(writer);
    let next = Arc::new(AtomicU64::new(from.parse().unwrap()));
    let key = store::KeyHash::of("sk-first");
    for _ in 0..8 {
        let (recorder, next, key) = (recorder.clone(), next.clone(), key.clone());
        tasks.spawn(async move {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                let generation = Arc::new(plain(number, &key, 1));
                recorder.settle(generation.clone()).await.unwrap();
                let line = format!("\n{MARK}{}\n", generation.id);
                std::io::stdout().write_all(line.as_bytes()).unwrap();
                std::io::stdout().flush().unwrap();
            }
        });
    }
    tasks.join_all().await;
}

fn child(place: &Place, dir: &Scratch, from: u64) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "kill::child_that_settles_until_it_is_killed"])
        .args(["--nocapture", "--test-threads=1"])
        .env(URL, &place.url)
        .env(DIR, &dir.0)
        .env(FROM, from.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Lets a child settle for a moment, kills it; the ids that it was told are safe.
fn settle_and_kill(place: &Place, dir: &Scratch, round: u64) -> Vec<GenerationId> {
    let mut child = child(place, dir, round * 1_000_000);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut ids = Vec::new();
    let mut note = |line: String| {
        let id = line.strip_prefix(MARK).map(str::to_owned);
        // A line that the kill has cut short names no id.
        let id = id.filter(|id| id.len() == plain(0, &store::KeyHash::of(""), 0).id.as_str().len());
        ids.extend(id.map(GenerationId::from_text));
    };
    // Now and then it dies while it starts and replays; else once it has begun.
    let moment = Duration::from_millis(round.wrapping_mul(0x9e37_79b9) % 61);
    if round % 5 != 4 {
        for line in lines.by_ref().map_while(Result::ok) {
            let is_first = line.starts_with(MARK);
            note(line);
            if is_first {
                break;
            }
        }
    }
    std::thread::sleep(moment);
    child.kill().unwrap();
    child.wait().unwrap();
    lines.map_while(Result::ok).for_each(note);
    ids
}

#[expect(clippy::print_stdout, reason = "how much was tried, for whoever asks")]
async fn nothing_settled_is_lost(place: &Place) {
    let rounds = variable(ROUNDS).map_or(12, |rounds| rounds.parse().unwrap());
    let ((store, key), dir) = (started(place).await, Scratch::new());
    let mut all = BTreeSet::new();
    let mut unchecked = Vec::new();
    for round in 0..rounds {
        let ids = settle_and_kill(place, &dir, round);
        all.extend(ids.iter().cloned());
        unchecked.extend(ids);
        if round % 3 == 1 {
            // The journal has seen one more kill without anybody looking.
            continue;
        }
        // Half the time nothing is written, so that the same is replayed again.
        let is_writing = round % 2 == 0;
        let (recorder, tasks) = open(&store, &options(&dir.0), is_writing).await;
        for id in unchecked.drain(..) {
            let read = recorder.get(&id).await.unwrap();
            assert!(read.is_some(), "round {round}: {id} is lost");
        }
        if is_writing {
            recorder.drain(LONG).await.unwrap();
            tasks.join_all().await;
        }
    }
    let (recorder, tasks) = open(&store, &options(&dir.0), true).await;
    recorder.drain(LONG).await.unwrap();
    tasks.join_all().await;
    for id in &all {
        let read = store.generations().by_id(id).await.unwrap();
        assert!(read.is_some(), "{id} is not in the database");
    }
    // Each cost one nano-dollar: everything was counted once.
    let count = store.generations().count().await.unwrap();
    let spent = store.keys().spending(&key, NOW_MS).await.unwrap().total;
    assert_eq!(
        (spent.requests, spent.usage.nanos()),
        (count, count.cast_signed())
    );
    assert!(count >= all.len() as u64);
    assert!(all.len() as u64 > rounds, "hardly anything was settled");
    println!(
        "{rounds} kills on {}: {} settled, {count} stored",
        store.engine(),
        all.len()
    );
}

#[tokio::test]
async fn what_was_settled_survives_kill_9_on_sqlite() {
    on_sqlite(nothing_settled_is_lost).await;
}

#[tokio::test]
async fn what_was_settled_survives_kill_9_on_postgres() {
    on_postgres(nothing_settled_is_lost).await;
}
