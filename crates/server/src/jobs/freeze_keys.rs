//! Disables keys that spend too fast, and says why.

use std::sync::Arc;
use std::time::Duration;

use store::{KeyHash, KeyPatch, StoreError};
use tokio::sync::mpsc::Receiver;

use crate::app::App;
use crate::key_terms::Written;
use crate::limits::Velocity;

/// How many keys may wait to be frozen. One that finds no place is refused by this process all the
/// same, and frozen nowhere else.
pub const WAITING_MAX: usize = 1024;

/// Between two tries while the store is away.
const RETRY: Duration = Duration::from_secs(1);

/// Runs until the app stops.
pub async fn run(app: Arc<App>, velocity: Arc<Velocity>, mut fast: Receiver<KeyHash>) {
    loop {
        let hash = tokio::select! {
            () = app.stop.cancelled() => return,
            hash = fast.recv() => match hash {
                Some(hash) => hash,
                None => return,
            },
        };
        while let Err(error) = freeze(&app, &velocity, &hash).await {
            tracing::warn!(%error, key = %hash, "a key could not be frozen; trying again");
            tokio::select! {
                () = app.stop.cancelled() => return,
                () = tokio::time::sleep(RETRY) => {}
            }
        }
    }
}

async fn freeze(app: &App, velocity: &Velocity, hash: &KeyHash) -> Result<(), StoreError> {
    let now_ms = app.clock.now_ms();
    let patch = KeyPatch {
        disabled: Some(true),
        ..KeyPatch::default()
    };
    let frozen = |before: Option<String>| {
        let mut terms = Written::from_text(before.as_deref());
        terms.frozen = Some(velocity.reason());
        terms.to_text()
    };
    let keys = app.store.keys();
    keys.update_with_terms(hash, (&patch, frozen), now_ms)
        .await?;
    app.metrics.frozen_keys.add(1);
    tracing::warn!(key = %hash, reason = velocity.reason(), "a key was frozen");
    app.refresh_keys().await;
    Ok(())
}
