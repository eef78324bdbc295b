//! `waybill console`: lets the person at this terminal into the console, with or without a running
//! server. Who can read the database can do anything anyway.

use relay::Clock as _;

use super::arguments::{ConsoleCommand, LogArgument, Place};
use super::run::{load_valid, small_runtime};
use crate::clock::SystemClock;
use crate::config::Environment;
use crate::session::link;
use crate::{out, start};

/// Runs one of its commands.
///
/// # Errors
/// When the database is away.
pub fn run(
    command: ConsoleCommand,
    log: Option<LogArgument>,
    environment: &Environment,
) -> anyhow::Result<()> {
    let ConsoleCommand::Link(place) = command;
    small_runtime()?.block_on(print_link(&place, log, environment))
}

async fn print_link(
    place: &Place,
    log: Option<LogArgument>,
    environment: &Environment,
) -> anyhow::Result<()> {
    let config = load_valid(place, log, environment)?;
    let store = start::open_store(&config, environment).await?;
    let url = start::public_url(&config, config.server.listen);
    let made = link::make(&store, &url, SystemClock.now_ms()).await?;
    Ok(out::line(&made)?)
}
