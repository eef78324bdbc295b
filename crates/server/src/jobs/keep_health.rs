//! Keeps what was measured of endpoints over a restart, and shares it with the other replicas: each
//! node writes its own each minute and at the end, and reads that of the others.

use std::sync::Arc;
use std::time::Duration;

use catalog::Health;
use catalog::health::Saved;
use store::{Store, StoreError};
use tokio::time::{MissedTickBehavior, interval};

use crate::app::App;

/// What the settings of all nodes begin with.
const PREFIX: &str = "health:";

/// How often it is written and read. A crash loses a minute of statistics.
const EVERY: Duration = Duration::from_secs(60);

/// Of so many other nodes it is read, by name; more replicas than that are not worth their reading.
const NODES_MAX: usize = 64;

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
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks.tick().await; // at once: nothing of our own is new yet
    share(&app, &node).await;
    loop {
        tokio::select! {
            () = app.stop.cancelled() => return keep(&app, &node).await,
            _ = ticks.tick() => {
                keep(&app, &node).await;
                share(&app, &node).await;
            }
        }
    }
}

/// Writes what this node has seen.
pub async fn keep(app: &App, node: &str) {
    let saved = app.relay.health().save();
    if saved.is_empty() {
        return;
    }
    let text = match saved.to_json() {
        Ok(text) => text,
        Err(error) => return tracing::error!(%error, "statistics cannot be written"),
    };
    let name = format!("{PREFIX}{node}");
    let now_ms = app.clock.now_ms();
    if let Err(error) = app.store.settings().set(&name, &text, now_ms).await {
        tracing::warn!(%error, "statistics could not be kept; the next minute tries again");
    }
}

/// Reads what the other nodes have seen. What nodes left behind that are gone is removed a day later.
pub async fn share(app: &App, node: &str) {
    let settings = app.store.settings();
    let kept = match settings.beginning_with(PREFIX).await {
        Ok(kept) => kept,
        Err(error) => {
            return tracing::warn!(%error, "the statistics of other nodes could not be read");
        }
    };
    let own = format!("{PREFIX}{node}");
    let now_ms = app.clock.now_ms();
    let mut others = Vec::new();
    for (name, text) in kept.into_iter().filter(|(name, _)| *name != own) {
        match Saved::from_json(&text) {
            Ok(saved) if saved.is_over(now_ms) => {
                if let Err(error) = settings.remove(&name, now_ms).await {
                    tracing::warn!(%error, setting = name, "old statistics could not be removed");
                }
            }
            Ok(saved) if others.len() < NODES_MAX => others.push(saved),
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, setting = name, "statistics are unreadable"),
        }
    }
    app.relay.health().share(&others);
}
