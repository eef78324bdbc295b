//! Keeps the content of calls in order: removes the bytes of what was deleted, joins small segments,
//! drops what has been kept for long enough, and wraps keys anew when the master key is a new one.

use std::sync::Arc;
use std::time::Duration;

use store::ArchiveError;
use tokio::time::{MissedTickBehavior, interval};

use crate::app::App;

/// How often the bytes of deleted content are looked for. What is deleted is unreadable at once; this
/// is how long its bytes may still lie on a disk.
const EVERY: Duration = Duration::from_secs(60);

/// Each so many rounds old content is dropped and keys are looked at.
const ROUNDS_OF_DAYS: u64 = 30;

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// Runs until the app stops.
pub async fn run(app: Arc<App>) {
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for round in 0_u64.. {
        tokio::select! {
            () = app.stop.cancelled() => return,
            _ = ticks.tick() => {}
        }
        let is_due = round % ROUNDS_OF_DAYS == 0;
        let work = async {
            if is_due {
                expire(&app).await?;
                app.content.archive().renew_keys().await?;
            }
            tidy(&app).await
        };
        tokio::select! {
            () = app.stop.cancelled() => return,
            done = work => if let Err(error) = done {
                tracing::warn!(%error, "content could not be put in order; trying again in a minute");
            }
        }
    }
}

/// Drops what workspaces no longer want kept.
///
/// # Errors
/// When the store is away.
pub async fn expire(app: &App) -> Result<(), ArchiveError> {
    let archive = app.content.archive();
    let today = app.clock.now_ms().div_euclid(DAY_MS);
    for kept in archive.totals().await? {
        let days = i64::from(app.content.policy_of(&kept.workspace_id).retention_days);
        let first = today.saturating_sub(days);
        if kept.oldest_day < first {
            archive.expire(&kept.workspace_id, first).await?;
        }
    }
    Ok(())
}

/// Removes bytes that nobody can read any more.
///
/// # Errors
/// When the store, the disk or the bucket is away.
pub async fn tidy(app: &App) -> Result<(), ArchiveError> {
    let archive = app.content.archive();
    let now_ms = app.clock.now_ms();
    archive.compact(now_ms).await?;
    archive.sweep(now_ms).await?;
    Ok(())
}
