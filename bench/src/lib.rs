//! Load generators and the report behind `make bench` and `make soak`.
//!
//! One run starts the simulated provider, Waybill and whoever stands beside it as processes of their own, measures
//! every way to the same answers, and writes what it found. `docs/performance.md` says how to read it.

mod arguments;
mod course;
mod load;
mod measure;
mod records;
mod report;
mod settings;
mod world;

use std::future::Future;
use std::io::{Write as _, stderr, stdout};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::Parser as _;
use tokio::signal::unix::{SignalKind, signal};

use arguments::{Arguments, Role, SoakArguments};
use measure::descriptors;
use report::baseline::Baseline;
use settings::Settings;
use world::{floor, upstream};

/// Waybill's, for the sake of the floor; docs/performance.md says why Waybill has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Measures what the command line says, and writes the report.
#[must_use]
pub fn bench() -> ExitCode {
    match start(&Arguments::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            say(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// Fills a database with records and measures lists, statistics and calls over it.
///
/// # Errors
/// When the database is none of ours or goes away, and whatever else keeps a figure from being taken.
pub fn records() -> anyhow::Result<()> {
    records::main()
}

/// Whether all is as it should be.
fn start(arguments: &Arguments) -> Result<bool> {
    let streams = match &arguments.role {
        Some(Role::Upstream) => {
            upstream::play()?;
            return Ok(true);
        }
        Some(Role::Floor { upstream }) => {
            floor::play(*upstream)?;
            return Ok(true);
        }
        Some(Role::Soak(_)) => course::soak::STREAMS_MAX,
        None => Settings::new(arguments).streams_max(),
    };
    descriptors::prepare(streams, arguments.cores.as_deref(), arguments.prepared)?;
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .canonicalize()?;
    match &arguments.role {
        Some(Role::Soak(soak)) => soak_for(arguments, soak, &root),
        _ => measure(arguments, &root),
    }
}

fn measure(arguments: &Arguments, root: &Path) -> Result<bool> {
    let before = arguments.check.as_deref().map(Baseline::read).transpose()?;
    let report = until_stopped(course::run(arguments, root, &say))?;
    let out = out(arguments, root);
    report.save(&out)?;
    write!(stdout(), "{}", report.markdown())?;
    say(&format!("written to {}", shown(&out, root).display()));
    if let Some(file) = &arguments.picture {
        report.draw(file)?;
    }
    let ratios = Baseline::of(&report);
    if let Some(before) = before {
        write!(stdout(), "\n{}", before.compare(&ratios))?;
    }
    if let Some(file) = &arguments.keep {
        ratios.save(file)?;
    }
    Ok(!arguments.strict || report.is_good())
}

/// Books that do not agree are a failure, whatever was asked.
fn soak_for(arguments: &Arguments, soak: &SoakArguments, root: &Path) -> Result<bool> {
    let report = until_stopped(course::soak::run(arguments, soak, root, &say))?;
    let out = out(arguments, root);
    report.save(&out)?;
    write!(stdout(), "{}", report.markdown())?;
    say(&format!("written to {}", shown(&out, root).display()));
    Ok(report.are_books_right() && (!arguments.strict || report.is_good()))
}

fn out(arguments: &Arguments, root: &Path) -> PathBuf {
    let ours = || root.join("bench").join("report");
    arguments.out.clone().unwrap_or_else(ours)
}

/// The run, unless a signal ends it; either way every process it started is gone afterwards.
fn until_stopped<T>(run: impl Future<Output = Result<T>>) -> Result<T> {
    // One thread for the whole generator: its work stays on one core and shows on one bill.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let (mut interrupt, mut terminate) = (
            signal(SignalKind::interrupt())?,
            signal(SignalKind::terminate())?,
        );
        tokio::select! {
            report = run => report,
            _ = interrupt.recv() => bail!("interrupted"),
            _ = terminate.recv() => bail!("terminated"),
        }
    })
}

/// A path as it is from the root of the tree, if it is below that.
fn shown(path: &Path, root: &Path) -> PathBuf {
    path.strip_prefix(root).unwrap_or(path).to_owned()
}

/// Progress, for people.
fn say(line: &str) {
    // When nobody reads it any more the report is still worth writing.
    let _ = writeln!(stderr(), "bench: {line}");
}
