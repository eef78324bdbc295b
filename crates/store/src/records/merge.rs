//! Merging: what has gathered in deltas moves into the rows of minutes, hours and days, and of
//! sessions, all in one transaction.

use std::collections::BTreeMap;

use super::delta::{Delta, MS_PER_MINUTE};
use super::measures::Measures;
use super::query::Grain;
use super::rows::{self, FACETS_PER_STATEMENT, in_list};
use super::shelf::Shelf;
use super::{horizons, seal, sessions};
use crate::database::{Engine, Statement, Transaction};
use crate::posting::saturating_sum;
use crate::{Store, StoreError};

/// Deltas merged at a time.
const DELTAS_MAX: i64 = 256;

/// Number of the advisory lock on PostgreSQL under which one process merges.
const LOCK: i64 = 0x77_6179_726f_6c6c;

impl Store {
    /// Merges what batches of records have added into the roll-ups, until nothing is left; how many
    /// batches those were. One process at a time does so. Nothing that is read depends on when.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Unreadable`]. What was not merged waits for the
    /// next time.
    pub async fn merge_rollups(&self) -> Result<usize, StoreError> {
        let mut merged = 0;
        loop {
            let now = self.merge_some().await?;
            merged += now;
            if now < usize::try_from(DELTAS_MAX).unwrap_or(usize::MAX) {
                return Ok(merged);
            }
        }
    }

    async fn merge_some(&self) -> Result<usize, StoreError> {
        // Where nothing is to be done, nobody is to wait for the lock of those who write.
        let any = Statement::new("SELECT position FROM rollup_deltas LIMIT 1");
        if any.read(&self.database).await?.is_empty() {
            return Ok(0);
        }
        let mut transaction = self.database.begin().await?;
        lock(&mut transaction).await?;
        let deltas =
            Statement::new("SELECT position, counts FROM rollup_deltas ORDER BY position LIMIT $1")
                .int(DELTAS_MAX)
                .rows(&mut transaction)
                .await?;
        if deltas.is_empty() {
            // Another process has been faster.
            transaction.commit().await?;
            return Ok(0);
        }
        let mut delta = Delta::default();
        for row in &deltas {
            delta.add_text(row.borrowed_text("counts")?)?;
        }
        add_counts(&mut transaction, &delta).await?;
        touch_facets(&mut transaction, &delta).await?;
        for (key, sums) in &delta.sessions {
            sessions::merge(&mut transaction, key, sums).await?;
        }
        add_postings(&mut transaction, &delta).await?;
        for some in deltas.chunks(FACETS_PER_STATEMENT) {
            let positions = some.iter().map(|row| row.int("position"));
            let positions: Vec<i64> = positions.collect::<Result<_, _>>()?;
            in_list(
                "DELETE FROM rollup_deltas WHERE position IN",
                None,
                &positions,
            )
            .run(&mut transaction)
            .await?;
        }
        transaction.commit().await?;
        Ok(deltas.len())
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

async fn add_postings(transaction: &mut Transaction, delta: &Delta) -> Result<(), StoreError> {
    for ((month, line), nanos) in &delta.postings {
        Statement::assembled(format!(
            "INSERT INTO month_postings (month, budget_id, window_kind, window_start, posted_nanos) \
             VALUES ($1, $2, $3, $4, $5) \
             ON CONFLICT (month, budget_id, window_kind, window_start) \
             DO UPDATE SET posted_nanos = {}",
            saturating_sum("month_postings.posted_nanos", "excluded.posted_nanos")
        ))
        .int(*month)
        .text(line.budget.as_str())
        .text(line.window.kind.name())
        .int(line.window.start)
        .int(*nanos)
        .run(transaction)
        .await?;
    }
    Ok(())
}
