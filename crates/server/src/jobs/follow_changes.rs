//! Follows the store's feed: a key that was disabled anywhere stops working here within a second.
//!
//! While the store is away, what is in memory goes on being used.

use std::sync::Arc;
use std::time::Duration;

use store::{Change, News, Noun, StoreError};
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::app::App;
use crate::status::publicity;
use crate::{additions, broadcast, byok, shelf, workspace_terms};

/// How often the feed is asked. One row by its primary key: it costs next to nothing.
const EVERY: Duration = Duration::from_millis(250);

/// How often keys and budgets are read whole. The feed leaves nothing out; this is for rows that
/// somebody has changed by hand.
const WHOLE_EVERY: Duration = Duration::from_secs(10 * 60);

/// Runs until the app stops.
pub async fn run(app: Arc<App>, mut seen: i64) {
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut next_whole = Instant::now() + WHOLE_EVERY;
    let mut is_away = false;
    loop {
        tokio::select! {
            () = app.stop.cancelled() => return,
            _ = ticks.tick() => {}
        }
        let is_due = Instant::now() >= next_whole;
        let followed = async {
            if is_due {
                app.reread().await?;
            }
            follow(&app, seen).await
        };
        let followed = followed.await;
        match followed {
            Ok(now) => {
                seen = now;
                is_away = false;
                if is_due {
                    next_whole = Instant::now() + WHOLE_EVERY;
                }
            }
            Err(error) => {
                if !is_away {
                    tracing::warn!(%error, "the store is away; going on with what is in memory");
                }
                is_away = true;
            }
        }
    }
}

/// Takes over what has changed since revision `seen`; the revision that is seen then.
async fn follow(app: &Arc<App>, seen: i64) -> Result<i64, StoreError> {
    if app.store.revision().await? == seen && app.keyring.load().is_loaded() {
        return Ok(seen);
    }
    app.follow_keys().await?;
    app.follow_budgets().await?;
    let News { revision, changes } = app.store.changes_since(seen).await?;
    let concerns = |what: &dyn Fn(&Change) -> bool| match &changes {
        Some(changes) => changes.iter().any(what),
        None => true, // too many to know: everything
    };
    let is_of_workspace = |change: &Change| {
        change.noun == Noun::Setting && change.id.starts_with(workspace_terms::PREFIX)
    };
    if concerns(&is_of_workspace) {
        app.read_unpriced().await?;
    }
    let is_of_destination =
        |change: &Change| change.noun == Noun::Setting && change.id.starts_with(broadcast::PREFIX);
    if concerns(&is_of_destination) || concerns(&is_of_workspace) {
        app.read_destinations().await?;
    }
    let is_of_status =
        |change: &Change| change.noun == Noun::Setting && change.id == publicity::SETTING;
    if concerns(&is_of_status) {
        app.status.publicity.follow(&app.store).await?;
    }
    let is_of_catalog = |change: &Change| {
        let is_added = change.id.starts_with(additions::PREFIX);
        change.noun == Noun::Setting && (is_added || change.id == shelf::KEPT_ROWS)
    };
    if concerns(&|change| change.noun == Noun::Setting && change.id.starts_with(byok::PREFIX)) {
        app.read_credentials().await?;
    } else if concerns(&is_of_catalog) {
        app.read_catalog().await?;
    }
    Ok(revision)
}
