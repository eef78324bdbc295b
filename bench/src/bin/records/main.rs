//! The proof of the records: ten million of them, lists and statistics over them, and a month dropped,
//! while calls go on being recorded.
//!
//! `cargo run --release -p bench --bin records -- --url sqlite:/tmp/records/waybill.db`, or a URL of
//! PostgreSQL. The database must be empty, or filled by this very command before (then nothing is
//! filled in). Everything goes through the product's own store.
//!
//! 1. `traffic`: the calls, from a seed. `fill`: into the database, as fast as it takes them.
//! 2. `load`: so many calls a second, settled as the product does, and how long that takes.
//! 3. `lists`, `dashboards`: what is asked meanwhile. `report`: the tables.

mod dashboards;
mod fill;
mod lists;
mod load;
mod report;
mod traffic;

use std::io::Write as _;
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use clap::Parser;
use store::Store;
use tokio::runtime::{Builder, Handle};
use tokio::time::Instant;

use load::Load;
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
    /// Recounts the roll-ups at the end; takes minutes
    #[arg(long = "verify")]
    is_verified: bool,
    /// Leaves the oldest month where it is
    #[arg(long = "keep")]
    is_kept: bool,
}

/// How long calls are recorded with nothing beside them, to compare with.
const QUIET: Duration = Duration::from_secs(20);

fn main() -> anyhow::Result<()> {
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
    let mut report = report::Report::new(&store, arguments, fill::partitions(&store).await?);

    let load = Load::start(&store, &traffic, (arguments, calls)).await?;
    note("recording, with nothing beside it")?;
    tokio::time::sleep(QUIET).await;
    report.quiet = load.take();
    note("lists")?;
    report.lists = lists::measure(&store, &traffic, now_ms).await?;
    report.beside_lists = load.take();
    note("dashboards")?;
    report.dashboards = dashboards::measure(&store, now_ms).await?;
    report.beside_dashboards = load.take();
    if !arguments.is_kept {
        note("dropping the oldest month")?;
        let partitions = store.partitions().await?;
        let oldest = partitions.first().context("there is no month")?;
        let (month, calls) = (oldest.month, oldest.calls);
        let started = Instant::now();
        store.drop_months_before(month.later(1)).await?;
        report.dropped = Some((month, calls, started.elapsed()));
        report.beside_drop = load.take();
        note("freeing its pages")?;
        report.freed = Some(free(&store, now_ms).await?);
        report.beside_freeing = load.take();
    }
    load.stop().await?;
    if arguments.is_verified {
        note("recounting")?;
        let started = Instant::now();
        let difference = store.verify_records().await?;
        report.verified = Some((difference.map(|one| one.to_string()), started.elapsed()));
    }
    Ok(report.markdown())
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
