//! From the command line to an exit status.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser as _;
use tracing_subscriber::EnvFilter;

use super::arguments::{Arguments, Command, LogArgument, Place};
use super::{budget, catalog, check, console, content, key, ledger, plan, records, serve};
use crate::config::sections::{Log, LogForm};
use crate::config::{self, Config, Environment, Loaded};
use crate::out;

/// Runs one command.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => {
            // To stdout with 0 for --help and --version, to stderr with 2 for everything else.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    let environment = Environment::of_process();
    let log = arguments.log;
    let done = match arguments.command {
        Command::Serve(arguments) => serve::run(&arguments, log, environment),
        Command::Check(arguments) => check::run(&arguments, log, &environment),
        Command::Key(arguments) => key::run(arguments.command, log, &environment),
        Command::Console(arguments) => console::run(arguments.command, log, &environment),
        Command::Budget(arguments) => budget::run(arguments.command, log, &environment),
        Command::Credits(arguments) => budget::run_credits(arguments.command, log, &environment),
        Command::Ledger(arguments) => ledger::run(arguments.command, log, &environment),
        Command::Records(arguments) => records::run(arguments.command, log, &environment),
        Command::Content(arguments) => content::run(arguments.command, log, &environment),
        Command::Catalog(arguments) => catalog::run(arguments.command, log, &environment),
        Command::Plan(arguments) => plan::run(&arguments, log, &environment),
        #[cfg(feature = "demo")]
        Command::Demo(arguments) => super::demo::run(&arguments, log, &environment),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            out::note(&format!("waybill: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// Reads the configuration that a command works with.
///
/// # Errors
/// When a file that was named cannot be read.
pub(super) fn load(place: &Place, environment: &Environment) -> anyhow::Result<Loaded> {
    let mut loaded = config::load(place.config.as_deref(), environment)?;
    if let Some(dir) = &place.data_dir {
        loaded.config.server.data_dir.clone_from(dir);
    }
    Ok(loaded)
}

/// The same for commands that need it to be right.
///
/// # Errors
/// With every mistake.
pub(super) fn load_valid(
    place: &Place,
    log: Option<LogArgument>,
    environment: &Environment,
) -> anyhow::Result<Config> {
    let config = load(place, environment)?.into_config()?;
    init_log(&config.log, log);
    Ok(config)
}

/// Starts the log, on stderr. A second start (in tests) changes nothing.
pub(super) fn init_log(log: &Log, argument: Option<LogArgument>) {
    let filter = EnvFilter::try_new(&log.filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        // It would be said on stderr, and a disk that is full under a log that is a file would be a
        // panic wherever something is logged.
        .log_internal_errors(false)
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()));
    let form = match argument {
        Some(LogArgument::Human) => LogForm::Human,
        Some(LogArgument::Json) => LogForm::Json,
        None => log.format,
    };
    let started = match form {
        LogForm::Human => builder.try_init(),
        LogForm::Json => builder.json().flatten_event(true).try_init(),
    };
    if let Err(error) = started {
        tracing::debug!(%error, "a log was started already");
    }
}

/// A runtime for commands that do one thing.
///
/// # Errors
/// When the operating system gives no threads.
pub(super) fn small_runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?)
}
