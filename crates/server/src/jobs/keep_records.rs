//! Keeps the records in order: gathers and merges what was counted, adds up hours and days that are over, makes
//! the partitions of coming months, and takes away what is older than it is to be kept. Hours and days
//! that were not added up as they should be are looked for meanwhile, and added up anew.

use std::sync::Arc;
use std::time::Duration;

use store::{Grain, Month, Store, StoreError};
use tokio::time::{MissedTickBehavior, interval};

use crate::app::App;
use crate::config::records::Records;

/// How often what was counted is gathered, and it is looked whether a minute is over, whose counts are merged
/// then. Nothing that is read depends on it: until then it is read from where it is. To gather writes a row
/// for each key that was in use, to merge three, so to wait makes both cheaper; to read what waits makes
/// questions dearer.
const GATHER_EVERY: Duration = Duration::from_secs(5);

/// How often it is looked whether an hour or a day is over, and, until all were looked at, whether some of
/// those that are sealed have calls that were not added up.
const SEAL_EVERY: Duration = Duration::from_secs(30);

/// How often months are made and dropped.
const TIDY_EVERY: Duration = Duration::from_secs(600);

/// Between two steps of adding up or taking away: others write meanwhile.
const STEP_PAUSE: Duration = Duration::from_millis(50);

/// Steps in a row, before merging has its turn.
const STEPS_MAX: usize = 200;

const MS_PER_DAY: i64 = 86_400_000;

/// Runs until the app stops.
pub async fn run(app: Arc<App>, kept: Records) {
    let mut gathers = interval(GATHER_EVERY);
    gathers.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut seals = interval(SEAL_EVERY);
    seals.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut tidies = interval(TIDY_EVERY);
    tidies.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut round = Round::new();
    loop {
        tokio::select! {
            () = app.stop.cancelled() => return,
            _ = gathers.tick() => {
                let now_ms = app.clock.now_ms();
                tokio::select! {
                    () = app.stop.cancelled() => return,
                    merged = gather_and_merge(&app.store, now_ms) => if let Err(error) = merged {
                        tracing::warn!(%error, "what was counted could not be merged; trying again soon");
                    }
                }
            }
            _ = seals.tick() => {
                let now_ms = app.clock.now_ms();
                tokio::select! {
                    () = app.stop.cancelled() => return,
                    sealed = look_and_seal(&app.store, &mut round, now_ms) => if let Err(error) = sealed {
                        tracing::warn!(%error, "what is over could not be added up; trying again soon");
                    }
                }
            }
            _ = tidies.tick() => {
                let now_ms = app.clock.now_ms();
                tokio::select! {
                    () = app.stop.cancelled() => return,
                    tidied = tidy(&app.store, kept, now_ms) => if let Err(error) = tidied {
                        tracing::warn!(%error, "records could not be tidied up; trying again later");
                    }
                }
            }
        }
    }
}

/// Gathers what was counted, and merges what was gathered of minutes that are over, for some time at the most.
///
/// # Errors
/// When the store is away.
async fn gather_and_merge(store: &Store, now_ms: i64) -> Result<(), StoreError> {
    store.gather_rollups().await?;
    for _ in 0..STEPS_MAX {
        if !store.merge_step(now_ms).await? {
            break;
        }
        tokio::time::sleep(STEP_PAUSE).await;
    }
    Ok(())
}

/// The one round of a process through what is sealed: before which hour and day to go on, while there are
/// any. Calls that are not added up come from a node of an older version; the one that is upgraded last
/// starts after all of them.
struct Round(Vec<(Grain, Option<i64>)>);

impl Round {
    fn new() -> Self {
        Self(vec![(Grain::Hour, None), (Grain::Day, None)])
    }

    /// Goes one step.
    async fn step(&mut self, store: &Store) -> Result<(), StoreError> {
        let mut left = Vec::new();
        for (grain, before) in &self.0 {
            let looked = store.open_stale(*grain, *before).await?;
            if looked.opened > 0 {
                tracing::warn!(
                    ?grain,
                    buckets = looked.opened,
                    "calls were counted in what was sealed already; it is added up anew"
                );
            }
            left.extend(looked.next.map(|next| (*grain, Some(next))));
        }
        self.0 = left;
        Ok(())
    }
}

async fn look_and_seal(store: &Store, round: &mut Round, now_ms: i64) -> Result<(), StoreError> {
    round.step(store).await?;
    seal(store, now_ms).await
}

/// Adds up hours and days that are over, for some time at the most.
///
/// # Errors
/// When the store is away.
pub async fn seal(store: &Store, now_ms: i64) -> Result<(), StoreError> {
    for _ in 0..STEPS_MAX {
        if !store.seal_rollups(now_ms).await? {
            break;
        }
        tokio::time::sleep(STEP_PAUSE).await;
    }
    Ok(())
}

/// Makes and drops months and takes away what is too fine, for some time at the most.
///
/// # Errors
/// When the store is away.
pub async fn tidy(store: &Store, kept: Records, now_ms: i64) -> Result<(), StoreError> {
    store.make_months(now_ms).await?;
    if kept.months > 0 {
        let first_kept = Month::at(now_ms).later(1 - i64::from(kept.months));
        store.drop_months_before(first_kept).await?;
    }
    let days_ago = |days: u32| now_ms.saturating_sub(i64::from(days) * MS_PER_DAY);
    let (minutes_ms, hours_ms) = (days_ago(kept.minute_days), days_ago(kept.hour_days));
    for _ in 0..STEPS_MAX {
        if !store.thin_records(minutes_ms, hours_ms).await? {
            break;
        }
        tokio::time::sleep(STEP_PAUSE).await;
    }
    Ok(())
}
