//! Load generators and the report behind `make bench`.
//!
//! One run starts the simulated provider and Waybill as processes of their own, measures both ways to the same answers
//! (straight and through Waybill), and writes what it found. `docs/performance.md` says how to read it.

mod course;
mod load;
mod measure;
mod report;
mod settings;
mod world;

use std::io::{Write as _, stderr, stdout};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::Parser as _;
use tokio::signal::unix::{SignalKind, signal};

use measure::descriptors;
use report::baseline::Baseline;
use settings::Arguments;
use world::upstream;

fn main() -> ExitCode {
    match start(&Arguments::parse()) {
        Ok(code) => code,
        Err(error) => {
            say(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn start(arguments: &Arguments) -> Result<ExitCode> {
    match arguments.role.as_deref() {
        Some(upstream::ROLE) => {
            upstream::play()?;
            Ok(ExitCode::SUCCESS)
        }
        Some(other) => bail!("\"{other}\" is nothing that can be measured; see --help"),
        None => measure(arguments),
    }
}

fn measure(arguments: &Arguments) -> Result<ExitCode> {
    descriptors::prepare(
        arguments.streams,
        arguments.cores.as_deref(),
        arguments.prepared,
    )?;
    let before = arguments.check.as_deref().map(Baseline::read).transpose()?;
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .canonicalize()?;
    let out = arguments
        .out
        .clone()
        .unwrap_or_else(|| root.join("bench").join("report"));
    // One thread for the whole generator: its work stays on one core and shows on one bill.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let report = runtime.block_on(until_stopped(arguments, &root))?;
    report.save(&out)?;
    write!(stdout(), "{}", report.markdown())?;
    say(&format!("written to {}", shown(&out, &root).display()));
    let ratios = Baseline::of(&report);
    if let Some(before) = before {
        write!(stdout(), "\n{}", before.compare(&ratios))?;
    }
    if let Some(file) = &arguments.keep {
        ratios.save(file)?;
    }
    let is_refused = arguments.strict && !report.is_good();
    Ok(if is_refused {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

/// The run, unless a signal ends it; either way every process it started is gone afterwards.
async fn until_stopped(arguments: &Arguments, root: &Path) -> Result<report::Report> {
    let (mut interrupt, mut terminate) = (
        signal(SignalKind::interrupt())?,
        signal(SignalKind::terminate())?,
    );
    tokio::select! {
        report = course::run(arguments, root, &say) => report,
        _ = interrupt.recv() => bail!("interrupted"),
        _ = terminate.recv() => bail!("terminated"),
    }
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
