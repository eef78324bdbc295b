//! `kill -9` at random moments of a node that holds and settles money: afterwards the books are
//! clean, no call that was told to be safe is missing, and nothing stays leased.
//!
//! What was held for calls under way is free again, and they cost nothing: the row `crash` of the
//! settlement table.
//!
//! As in `kill.rs` the child is this test binary; `WAYBILL_KILL_ROUNDS` sets how often it is killed.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ledger::{Admission, Amount, Ask, Books as _, Budget, GenerationId};
use store::{
    JournalOptions, KeyHash, LedgerLimits, Ledgers, NodeId, Recorder, RecorderOptions, Store,
};
use tokio::task::JoinSet;

use crate::journal;
use crate::ledgers::{LONG, NOW, budget, nanos, put};
use crate::sample::priced;
use crate::suite::{Place, Scratch, on_postgres, on_sqlite, started, variable};

const URL: &str = "WAYBILL_KILL_MONEY_URL";
const DIR: &str = "WAYBILL_KILL_MONEY_DIR";
const FROM: &str = "WAYBILL_KILL_MONEY_FROM";
const ROUNDS: &str = "WAYBILL_KILL_ROUNDS";
const MARK: &str = "paid ";
const NODE: &str = "a";

fn options(dir: &Path) -> RecorderOptions {
    let mut journal = JournalOptions::in_data_dir(dir, NodeId::from_bytes([5; 16]), 1 << 30);
    journal.segment_bytes = 64 << 10;
    RecorderOptions {
        journal: Some(journal),
        ..RecorderOptions::default()
    }
}

fn budgets() -> [Budget; 2] {
    [budget("one", 1 << 40), budget("other", 1 << 41)]
}

fn ledgers(store: &Store, recorder: &Arc<Recorder>, tasks: &mut JoinSet<()>) -> Arc<Ledgers> {
    let limits = LedgerLimits::default();
    let (ledgers, worker) = Ledgers::new(store.clone(), recorder.clone(), NODE.to_owned(), limits);
    tasks.spawn(worker);
    ledgers
}

/// Not a test by itself: without its environment there is nothing to do.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn child_that_pays_until_it_is_killed() {
    let (Some(url), Some(dir), Some(from)) = (variable(URL), variable(DIR), variable(FROM)) else {
        return;
    };
    let store = Store::open(&url).await.unwrap();
    let (recorder, mut tasks) = journal::open(&store, &options(dir.as_ref()), true).await;
    let ledgers = ledgers(&store, &recorder, &mut tasks);
    let next = Arc::new(AtomicU64::new(from.parse().unwrap()));
    for _ in 0..8 {
        let (ledgers, next) = (ledgers.clone(), next.clone());
        tasks.spawn(async move {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                let call = Arc::new(priced(number, &KeyHash::of("sk-first"), cost(number)));
                let ask = Ask {
                    generation: call.id.clone(),
                    budgets: budgets().map(Arc::new).to_vec(),
                    amount: nanos(10),
                    at: NOW,
                };
                let Admission::Admitted(ticket) = ledgers.reserve(ask).await.unwrap() else {
                    panic!("the limits are far");
                };
                if number % 7 == 0 {
                    ledgers.release(ticket);
                    continue;
                }
                ledgers.settle_reserved(ticket, call.clone()).await.unwrap();
                let line = format!("\n{MARK}{}\n", call.id);
                std::io::stdout().write_all(line.as_bytes()).unwrap();
                std::io::stdout().flush().unwrap();
            }
        });
    }
    tasks.join_all().await;
}

/// Now and then above the 10 that are held.
fn cost(number: u64) -> i64 {
    (number % 12 + 1).cast_signed()
}

/// Lets a child pay for a moment and kills it; the ids that it was told are safe.
fn pay_and_kill(place: &Place, dir: &Scratch, round: u64) -> Vec<GenerationId> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "kill_money::child_that_pays_until_it_is_killed"])
        .args(["--nocapture", "--test-threads=1"])
        .env(URL, &place.url)
        .env(DIR, &dir.0)
        .env(FROM, (round * 1_000_000).to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let whole = priced(0, &KeyHash::of(""), 0).id.as_str().len();
    let id = |line: String| {
        let id = line.strip_prefix(MARK).filter(|id| id.len() == whole);
        id.map(GenerationId::from_text)
    };
    let first = lines.by_ref().map_while(Result::ok).find_map(id);
    std::thread::sleep(Duration::from_millis(round.wrapping_mul(0x9e37_79b9) % 61));
    child.kill().unwrap();
    child.wait().unwrap();
    let rest = lines.map_while(Result::ok).filter_map(id);
    first.into_iter().chain(rest).collect()
}

#[expect(clippy::print_stdout, reason = "how much was tried, for whoever asks")]
async fn the_books_are_clean(place: &Place) {
    let rounds = variable(ROUNDS).map_or(8, |rounds| rounds.parse().unwrap());
    let ((store, _), dir) = (started(place).await, Scratch::new());
    for budget in &budgets() {
        put(&store, budget).await;
    }
    let mut all = BTreeSet::new();
    for round in 0..rounds {
        all.extend(pay_and_kill(place, &dir, round));
        // What is in the database at any moment agrees with itself.
        assert_eq!(store.verify().await.unwrap(), None, "round {round}");
        if round % 2 == 0 {
            continue;
        }
        let (recorder, mut tasks) = journal::open(&store, &options(&dir.0), true).await;
        let ledgers = ledgers(&store, &recorder, &mut tasks);
        recorder.drain(LONG).await.unwrap();
        assert!(ledgers.close(LONG).await);
        tasks.join_all().await;
        assert_eq!(store.leases(None).await.unwrap(), [], "round {round}");
        assert_eq!(store.verify().await.unwrap(), None, "round {round}");
    }
    let (recorder, mut tasks) = journal::open(&store, &options(&dir.0), true).await;
    let ledgers = ledgers(&store, &recorder, &mut tasks);
    recorder.drain(LONG).await.unwrap();
    assert!(ledgers.close(LONG).await);
    tasks.join_all().await;
    for id in &all {
        let read = store.generations().by_id(id).await.unwrap();
        assert!(read.is_some(), "{id} is not in the database");
    }
    let spent = store.credits(None).await.unwrap().total_usage;
    for budget in &budgets() {
        let state = store.budgets().state(budget, NOW).await.unwrap();
        assert_eq!((state.posted, state.leased), (spent, Amount::ZERO));
    }
    assert_eq!(store.verify().await.unwrap(), None);
    assert!(all.len() as u64 > rounds, "hardly anything was paid");
    println!(
        "{rounds} kills on {}: {} paid, {spent} USD",
        store.engine(),
        all.len()
    );
}

#[tokio::test]
async fn money_survives_kill_9_on_sqlite() {
    on_sqlite(the_books_are_clean).await;
}

#[tokio::test]
async fn money_survives_kill_9_on_postgres() {
    on_postgres(the_books_are_clean).await;
}
