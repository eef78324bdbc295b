//! How fast calls are settled with the journal: `cargo run -p store --example settle_rate [FOLDER]`.
//!
//! Callers settle one record after the other into a journal and SQLite in the folder (else in the
//! temporary directory, which must be on a real disk to mean anything).
#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a measurement on a terminal"
)]

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use chat::{Dialect, FinishReason, Reason, Unit, Usage};
use ledger::generation::CallerNote;
use ledger::{Amount, Bill, Books as _, Generation, GenerationId, Outcome, UsageSource};
use store::{JournalOptions, NodeId, Recorder, RecorderOptions, Store};
use tokio::task::JoinSet;

const FOR: Duration = Duration::from_secs(3);

#[tokio::main]
async fn main() {
    let folder = std::env::args().nth(1);
    let folder = folder.map_or_else(std::env::temp_dir, Into::into);
    let folder = folder.join(format!("settle-rate-{}", std::process::id()));
    for has_journal in [false, true] {
        println!(
            "{}",
            if has_journal {
                "with the journal"
            } else {
                "in memory only"
            }
        );
        for callers in [1, 32, 256] {
            measure(&folder, callers, has_journal).await;
        }
    }
    std::fs::remove_dir_all(folder).unwrap();
}

async fn measure(folder: &Path, callers: u64, has_journal: bool) {
    let folder = folder.join(format!("{callers}-{has_journal}"));
    let url = format!("sqlite:{}/waybill.db", folder.display());
    let node = NodeId::from_bytes([1; 16]);
    let journal = JournalOptions::in_data_dir(&folder, node, 1 << 30);
    let options = RecorderOptions {
        journal: has_journal.then_some(journal),
        ..RecorderOptions::default()
    };
    let store = Store::open(&url).await.unwrap();
    let (recorder, writer) = Recorder::open(store, options).await.unwrap();
    let mut writing = JoinSet::new();
    writing.spawn(writer);
    let next = Arc::new(AtomicU64::new(0));
    let mut tasks = JoinSet::new();
    let start = Instant::now();
    for _ in 0..callers {
        let (recorder, next) = (recorder.clone(), next.clone());
        tasks.spawn(async move {
            let mut took = Vec::new();
            while start.elapsed() < FOR {
                let call = Arc::new(call(next.fetch_add(1, Ordering::Relaxed)));
                let before = Instant::now();
                recorder.settle(call).await.unwrap();
                took.push(before.elapsed());
            }
            took
        });
    }
    let mut took: Vec<Duration> = tasks.join_all().await.into_iter().flatten().collect();
    let elapsed = start.elapsed();
    took.sort_unstable();
    let at = |percent: usize| took[(took.len() - 1) * percent / 100];
    println!(
        "{callers:4} callers: {:8.0} settled/s, p50 {:?}, p99 {:?}, longest {:?}",
        took.len() as f64 / elapsed.as_secs_f64(),
        at(50),
        at(99),
        at(100)
    );
    recorder.drain(Duration::from_secs(60)).await.unwrap();
    writing.join_all().await;
}

fn call(number: u64) -> Generation {
    let mut random = [0; 10];
    random[..8].copy_from_slice(&number.to_be_bytes());
    Generation {
        id: GenerationId::new(1_772_600_767_089, random),
        created_at_ms: 1_772_600_767_089,
        caller: CallerNote {
            workspace_id: "workspace".to_owned(),
            key_hash: "0".repeat(64),
            ..CallerNote::default()
        },
        dialect: Dialect::OpenaiChat,
        requested_model: "openai/gpt-4o".to_owned(),
        model: "openai/gpt-4o".to_owned(),
        endpoint: Some("simulated".to_owned()),
        provider: Some("simulated".to_owned()),
        provider_name: Some("OpenAI".to_owned()),
        upstream_id: Some("chatcmpl-0123456789".to_owned()),
        attempts: Vec::new(),
        streamed: true,
        status: 200,
        outcome: Outcome::Completed,
        finish: Some(FinishReason {
            reason: Reason::Stop,
            native: Some("stop".to_owned()),
        }),
        usage: Usage::default()
            .with(Unit::Input, 1000)
            .with(Unit::Output, 200),
        usage_source: UsageSource::Provider,
        price_sheet: None,
        charge: Ok(Bill {
            total: Amount::from_nanos(1),
            lines: Vec::new(),
        }),
        settled: ledger::generation::Settled::default(),
        first_token_ms: Some(120),
        total_ms: 900,
        overhead_us: 80,
        dropped: Vec::new(),
        plan: None,
        noticed: ledger::generation::Noticed::default(),
    }
}
