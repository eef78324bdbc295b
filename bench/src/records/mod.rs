//! The proof of the records: ten million of them, lists and statistics over them, and a month dropped,
//! while calls go on being recorded.
//!
//! `cargo run --release -p bench --bin records -- --url sqlite:/tmp/records/waybill.db`, or a URL of
//! PostgreSQL. The database must be empty, or filled by this very command before (then nothing is
//! filled in). Everything goes through the product's own store.
//!
//! 1. `traffic`: the calls, from a seed. `fill`: into the database, as fast as it takes them.
//! 2. `load`: so many calls a second, settled as the product does, and how long that takes.
//! 3. `lists`, `dashboards`: what is asked meanwhile, and how long that takes.
//! 4. `beside`: calls alone, beside lists and beside dashboards, in turns. `settling`: of settling
//!    alone, in this process. `calls`: of whole calls, through a Waybill of their own.
//! 5. `report`: the tables.

mod beside;
mod calls;
mod counting;
mod dashboards;
mod fill;
mod lists;
mod load;
mod report;
mod settling;
mod traffic;

use std::io::Write as _;
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use clap::Parser;
use store::Store;
use tokio::runtime::{Builder, Handle};
use tokio::time::Instant;

use crate::world::upstream;
use beside::Turns;
use load::Load;
use report::Report;
use traffic::Traffic;

/// Measures lists, statistics and retention over many records
#[derive(Debug, Clone, Parser)]
struct Arguments {
    /// An empty database, or one that was filled by this command
    #[arg(long)]
    url: String,
    /// Records to fill in
    #[arg(long, default_value_t = 10_000_000)]
    records: u64,
    /// Days over which they are spread, until now
    #[arg(long, default_value_t = 60)]
    days: i64,
    /// Calls recorded per second while everything else is measured
    #[arg(long, default_value_t = 500)]
    calls_per_second: u32,
    /// Decides all chance
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Where the journal of the recorded calls is
    #[arg(long, default_value = "/tmp/waybill-records-journal")]
    journal: PathBuf,
    /// Rounds in which calls are measured alone, beside lists and beside dashboards
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Seconds of each turn of a round
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Milliseconds between a reader's answer and its next question; without any it asks as fast as it is answered
    #[arg(long, default_value_t = 0)]
    pause_ms: u64,
    /// Measure whole calls with this waybill binary instead of building one
    #[arg(long, value_name = "PATH")]
    binary: Option<PathBuf>,
    /// Recounts the roll-ups at the end; takes minutes
    #[arg(long = "verify")]
    is_verified: bool,
    /// Leaves the oldest month where it is
    #[arg(long = "keep")]
    is_kept: bool,
}

/// Measures what the command line says.
///
/// # Errors
/// Whatever keeps a figure from being taken.
pub(crate) fn main() -> anyhow::Result<()> {
    if std::env::args().nth(1).as_deref() == Some(upstream::ROLE) {
        return upstream::play();
    }
    if std::env::args().nth(1).as_deref() == Some(counting::ROLE) {
        counting::count();
        return Ok(());
    }
    let arguments = Arguments::parse();
    // As in the product: calls run on one runtime, everything else on another.
    let runtime = || Builder::new_multi_thread().enable_all().build();
    let (calls, desk) = (runtime()?, runtime()?);
    let text = desk.block_on(run(&arguments, calls.handle()))?;
    writeln!(std::io::stdout(), "{text}")?;
    Ok(())
}

async fn run(arguments: &Arguments, calls: &Handle) -> anyhow::Result<String> {
    let store = Store::open(&arguments.url).await?;
    let now_ms = now_ms()?;
    let traffic = Traffic::new(arguments.seed, arguments.records, arguments.days, now_ms);
    let there = fill::partitions(&store).await?;
    if there == 0 {
        fill::fill(&store, &traffic).await?;
    } else {
        note(&format!("{there} records are there already"))?;
    }
    note("adding up hours and days that are over")?;
    let started = Instant::now();
    let (steps, longest) = fill::seal(&store, now_ms).await?;
    let (all, longest) = (started.elapsed().as_secs_f64(), longest.as_millis());
    note(&format!(
        "{steps} steps in {all:.1} s, the longest {longest} ms"
    ))?;
    let mut report = Report::new(&store, arguments, fill::partitions(&store).await?);
    let turns = Turns {
        rounds: arguments.rounds,
        time: Duration::from_secs(arguments.seconds),
        pause: Duration::from_millis(arguments.pause_ms),
    };
    let load = Load::start(&store, &traffic, (arguments, calls)).await?;
    note("lists, with calls beside them")?;
    report.lists = lists::measure(&store, &traffic, now_ms).await?;
    note("dashboards")?;
    report.dashboards = dashboards::measure(&store, now_ms).await?;
    note("settling calls, with nothing, counting, lists and dashboards beside it")?;
    report.settling = settling::measure(&store, (&traffic, now_ms), &load, turns).await?;
    load.stop().await?;
    note("whole calls, with nothing, counting, lists and dashboards beside them")?;
    report.calls = calls::measure(arguments, now_ms, turns).await?;
    if !arguments.is_kept {
        drop_oldest(&store, (&traffic, now_ms), (arguments, calls), &mut report).await?;
    }
    if arguments.is_verified {
        note("recounting")?;
        let started = Instant::now();
        let difference = store.verify_records().await?;
        report.verified = Some((difference.map(|one| one.to_string()), started.elapsed()));
    }
    Ok(report.markdown())
}

/// Drops the oldest month and frees its pages, with calls beside it.
async fn drop_oldest(
    store: &Store,
    (traffic, now_ms): (&Traffic, i64),
    (arguments, calls): (&Arguments, &Handle),
    report: &mut Report,
) -> anyhow::Result<()> {
    let load = Load::start(store, traffic, (arguments, calls)).await?;
    note("dropping the oldest month")?;
    let partitions = store.partitions().await?;
    let oldest = partitions.first().context("there is no month")?;
    let (month, records) = (oldest.month, oldest.calls);
    let started = Instant::now();
    store.drop_months_before(month.later(1)).await?;
    report.dropped = Some((month, records, started.elapsed()));
    report.beside_drop = load.take();
    note("freeing its pages")?;
    report.freed = Some(free(store, now_ms).await?);
    report.beside_freeing = load.take();
    load.stop().await
}

/// Frees the pages of what was dropped as the product's job does, but for half a minute at most; how
/// many steps that were and how long the longest took.
async fn free(store: &Store, now_ms: i64) -> anyhow::Result<(usize, Duration)> {
    let (mut steps, mut longest) = (0, Duration::ZERO);
    let started = Instant::now();
    while started.elapsed() < Duration::from_secs(30) {
        let step = Instant::now();
        let is_more = store.thin_records(fill::minutes_from(now_ms), 0).await?;
        longest = longest.max(step.elapsed());
        steps += 1;
        if !is_more {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok((steps, longest))
}

#[expect(
    clippy::disallowed_methods,
    reason = "calls are recorded at their time"
)]
fn now_ms() -> anyhow::Result<i64> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH)?;
    Ok(i64::try_from(since.as_millis())?)
}

/// Says on stderr what is being done.
fn note(text: &str) -> std::io::Result<()> {
    writeln!(std::io::stderr(), "{text}")
}
