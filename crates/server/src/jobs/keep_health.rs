//! Keeps what was measured of endpoints over a restart: read at the start, written each minute and
//! at the end. Each node keeps its own.

use std::sync::Arc;
use std::time::Duration;

use catalog::Health;
use catalog::health::Saved;
use store::{Store, StoreError};
use tokio::time::{MissedTickBehavior, interval};

use crate::app::App;

/// What the settings of all nodes begin with.
const PREFIX: &str = "health:";

/// How often it is written. A crash loses a minute of statistics.
const EVERY: Duration = Duration::from_secs(60);

/// Reads what this node has kept into an empty board; what is older than a window falls out of it by
/// itself. A text that cannot be read is left out: statistics are not worth a failed start.
///
/// # Errors
/// When the store is away.
pub async fn restore(store: &Store, health: &Health, node: &str) -> Result<(), StoreError> {
    let name = format!("{PREFIX}{node}");
    if let Some(kept) = store.settings().get(&name).await? {
        match Saved::from_json(&kept.value) {
            Ok(saved) => health.absorb(&saved),
            Err(error) => tracing::warn!(%error, setting = name, "kept statistics are unreadable"),
        }
    }
    Ok(())
}

/// Runs until the app stops, and writes once more then.
pub async fn run(app: Arc<App>, node: String) {
    let name = format!("{PREFIX}{node}");
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks.tick().await; // at once: nothing is new yet
    loop {
        tokio::select! {
            () = app.stop.cancelled() => return keep(&app, &name).await,
            _ = ticks.tick() => keep(&app, &name).await,
        }
    }
}

async fn keep(app: &App, name: &str) {
    let saved = app.relay.health().save();
    if saved.is_empty() {
        return;
    }
    let text = match saved.to_json() {
        Ok(text) => text,
        Err(error) => return tracing::error!(%error, "statistics cannot be written"),
    };
    let now_ms = app.clock.now_ms();
    if let Err(error) = app.store.settings().set(name, &text, now_ms).await {
        tracing::warn!(%error, "statistics could not be kept; the next minute tries again");
    }
}
