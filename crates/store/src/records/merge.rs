//! Merging: what was gathered moves into the rows of minutes, hours and days, and into the index, some facets
//! at a time, each time in one transaction.
//!
//! That is done when a minute is over, so each key that is in use costs three rows a minute and not three
//! for each time that something is gathered.

use std::collections::BTreeMap;

use super::delta::{Delta, MS_PER_MINUTE};
use super::measures::Measures;
use super::query::Grain;
use super::rows::{self, FACETS_PER_STATEMENT, in_list};
use super::shelf::Shelf;
use super::{gather, horizons, index, seal};
use crate::database::{Engine, Statement, Transaction};
use crate::{Store, StoreError};

/// Facets of minutes merged in one step: short enough that nobody who writes notices.
const ROWS_PER_STEP: i64 = 256;

/// Number of the advisory lock on PostgreSQL under which one process merges.
const LOCK: i64 = 0x77_6179_726f_6c6c;

impl Store {
    /// Merges all that batches of records have added into the roll-ups, until nothing is left; how many
    /// batches those were of which nothing had been gathered. One process at a time does so. Nothing that
    /// is read depends on when.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Unreadable`]. What was not merged waits for the
    /// next time.
    pub async fn merge_rollups(&self) -> Result<usize, StoreError> {
        let gathered = self.gather_rollups().await?;
        while self.merge_step(i64::MAX).await? {}
        Ok(gathered)
    }

    /// Merges some of what was gathered of minutes that are over at that moment (Unix milliseconds);
    /// whether there may be more.
    ///
    /// # Errors
    /// As [`Store::merge_rollups`].
    pub async fn merge_step(&self, now_ms: i64) -> Result<bool, StoreError> {
        let before = now_ms.div_euclid(MS_PER_MINUTE);
        // Where nothing is to be done, nobody is to wait for the lock of those who write.
        let any = Statement::new("SELECT minute FROM gathered_records WHERE minute < $1 LIMIT 1");
        if any.int(before).read(&self.database).await?.is_empty() {
            return Ok(false);
        }
        let mut transaction = self.database.begin().await?;
        lock(&mut transaction).await?;
        let delta = gather::take(&mut transaction, before, ROWS_PER_STEP).await?;
        add_counts(&mut transaction, &delta).await?;
        let places = delta.places.iter();
        let places = places.flat_map(|((_, facet), all)| all.iter().map(|one| (*facet, one)));
        index::insert(&mut transaction, places).await?;
        touch_facets(&mut transaction, &delta).await?;
        transaction.commit().await?;
        let merged = i64::try_from(delta.counts.len()).unwrap_or(i64::MAX);
        Ok(merged >= ROWS_PER_STEP)
    }
}

/// Lets nobody else merge, or take away what is merged, until the end of the transaction.
pub(super) async fn lock(transaction: &mut Transaction) -> Result<(), StoreError> {
    if transaction.engine() == Engine::Postgres {
        // Another schema of the same database is somebody else's.
        Statement::new("SELECT pg_advisory_xact_lock($1 + hashtext(current_schema()))")
            .int(LOCK)
            .run(transaction)
            .await?;
    }
    Ok(())
}

/// Adds what was counted to minutes, hours and days. What is before a horizon is counted in the
/// coarser rows only.
async fn add_counts(transaction: &mut Transaction, delta: &Delta) -> Result<(), StoreError> {
    for grain in Grain::ALL {
        let horizon = horizons::get(transaction, grain.table()).await?;
        let mut sums: BTreeMap<i64, BTreeMap<i64, Measures>> = BTreeMap::new();
        for ((minute, facet), measures) in &delta.counts {
            let at_ms = minute.saturating_mul(MS_PER_MINUTE);
            if at_ms >= horizon {
                let bucket = sums.entry(grain.bucket(at_ms)).or_default();
                bucket.entry(*facet).or_default().merge(measures);
            }
        }
        seal::reopen(transaction, grain, sums.keys().copied()).await?;
        for (bucket, facets) in sums {
            let mut all: Vec<(i64, Measures)> = facets.into_iter().collect();
            rows::add_to(transaction, (Shelf::Facets(grain), bucket), &mut all).await?;
        }
    }
    Ok(())
}

/// Notes when facets were seen first and last, to the minute.
async fn touch_facets(transaction: &mut Transaction, delta: &Delta) -> Result<(), StoreError> {
    let mut first: BTreeMap<i64, i64> = BTreeMap::new();
    let mut last: BTreeMap<i64, i64> = BTreeMap::new();
    for (minute, facet) in delta.counts.keys() {
        // Minutes ascend.
        first.entry(*facet).or_insert(*minute);
        last.insert(*facet, *minute);
    }
    let ends = |minute: i64| {
        minute
            .saturating_mul(MS_PER_MINUTE)
            .saturating_add(MS_PER_MINUTE - 1)
    };
    let starts = |minute: i64| minute.saturating_mul(MS_PER_MINUTE);
    let last_sql = "UPDATE facets SET last_ms = $1 WHERE last_ms < $1 AND id IN";
    touch(transaction, last_sql, last, ends).await?;
    let first_sql = "UPDATE facets SET first_ms = $1 WHERE first_ms > $1 AND id IN";
    touch(transaction, first_sql, first, starts).await
}

async fn touch(
    transaction: &mut Transaction,
    sql: &str,
    minutes: BTreeMap<i64, i64>,
    to_ms: impl Fn(i64) -> i64,
) -> Result<(), StoreError> {
    let mut of_minute: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
    for (facet, minute) in minutes {
        of_minute.entry(minute).or_default().push(facet);
    }
    for (minute, facets) in of_minute {
        for some in facets.chunks(FACETS_PER_STATEMENT) {
            in_list(sql, Some(to_ms(minute)), some)
                .run(transaction)
                .await?;
        }
    }
    Ok(())
}
