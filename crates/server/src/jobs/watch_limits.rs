//! Keeps in memory what keys with a limit have spent, so that a call needs no database to be refused;
//! and tells the metrics how many records are not in the database yet.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use crate::app::App;

/// How stale the sums may be.
const EVERY: Duration = Duration::from_secs(1);

/// Runs until the app stops.
pub async fn run(app: Arc<App>) {
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = app.stop.cancelled() => return,
            _ = ticks.tick() => {}
        }
        let pending = i64::try_from(app.recorder.figures().pending);
        app.metrics.unsaved_records.set(pending.unwrap_or(i64::MAX));
        // When the store is away the follower says so; the last known sums stay.
        if let Err(error) = app.read_spending().await {
            tracing::debug!(%error, "the sums of limited keys could not be read");
        }
    }
}
