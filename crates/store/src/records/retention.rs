//! Months ahead, and months gone: making partitions before they are needed, dropping those that are
//! too old, and thinning out the roll-ups.

use super::query::Grain;
use super::{Month, RECORDS, horizons, merge, partitions, seal};
use crate::database::{Engine, Statement, Transaction};
use crate::{Store, StoreError};

/// So many months are made ahead of time.
const MONTHS_AHEAD: i64 = 2;

/// Rows freed in one step: short enough that nobody who writes notices.
const ROWS_PER_STEP: i64 = 2_000;

/// The same of the index: some hundred pages.
const INDEX_ROWS_PER_STEP: i64 = 20_000;

/// Minutes or hours taken away in one step, likewise.
const BUCKETS_PER_STEP: i64 = 5;

/// Sessions taken away in one step, likewise.
const SESSIONS_PER_STEP: i64 = 256;

/// A partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Partition {
    /// Its month.
    pub month: Month,
    /// Records in it, by the day roll-ups; those not merged yet are missing.
    pub calls: i64,
}

impl Store {
    /// Makes the partitions of the month of a moment (Unix milliseconds) and of the next ones.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn make_months(&self, now_ms: i64) -> Result<(), StoreError> {
        let this = Month::at(now_ms);
        let ahead = (0..=MONTHS_AHEAD).map(|months| this.later(months));
        self.months.ensure(&self.database, ahead).await
    }

    /// The partitions, oldest first.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn partitions(&self) -> Result<Vec<Partition>, StoreError> {
        let mut transaction = self.database.snapshot().await?;
        let mut found = Vec::new();
        for month in partitions::months(&mut transaction).await? {
            let rows = Statement::new(
                "SELECT CAST(COALESCE(SUM(calls), 0) AS BIGINT) AS calls FROM rollup_days \
                 WHERE bucket >= $1 AND bucket < $2",
            )
            .int(Grain::Day.bucket(month.start_ms()))
            .int(Grain::Day.bucket(month.later(1).start_ms()))
            .rows(&mut transaction)
            .await?;
            let calls = rows.first().map_or(Ok(0), |row| row.int("calls"))?;
            found.push(Partition { month, calls });
        }
        Ok(found)
    }

    /// Drops the records of all months before that one, their content and what was counted by minute
    /// and hour; which months those were. Entries, balances, counters of keys and days stay, and so
    /// does what was posted to budget windows.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]. Months are dropped one by one: those before are gone then.
    pub async fn drop_months_before(&self, first_kept: Month) -> Result<Vec<Month>, StoreError> {
        // What waits to be merged of those months must be in their sums first.
        self.merge_rollups().await?;
        let mut dropped = Vec::new();
        loop {
            let mut transaction = self.database.begin().await?;
            partitions::lock(&mut transaction).await?;
            merge::lock(&mut transaction).await?;
            let months = partitions::months(&mut transaction).await?;
            let Some(month) = months.into_iter().find(|month| *month < first_kept) else {
                break;
            };
            partitions::detach(&mut transaction, month).await?;
            let end_ms = month.later(1).start_ms();
            horizons::advance(&mut transaction, RECORDS, end_ms).await?;
            transaction.commit().await?;
            self.months.forget();
            tracing::info!(%month, "the records of a month were dropped");
            dropped.push(month);
        }
        Ok(dropped)
    }

    /// Takes away what is before the horizons of minutes and hours (Unix milliseconds), and on SQLite
    /// frees the pages of months that were dropped, in small steps; whether there is more to do.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn thin_records(&self, minutes_ms: i64, hours_ms: i64) -> Result<bool, StoreError> {
        let mut is_more = false;
        for (grain, before_ms) in [(Grain::Minute, minutes_ms), (Grain::Hour, hours_ms)] {
            let mut transaction = self.database.begin().await?;
            merge::lock(&mut transaction).await?;
            let before_ms = grain.bucket(before_ms).saturating_mul(grain.length_ms());
            horizons::advance(&mut transaction, grain.table(), before_ms).await?;
            is_more |= delete_rollups(&mut transaction, grain).await?;
            transaction.commit().await?;
        }
        Ok(is_more | self.forget_sessions().await? | self.free_step().await?)
    }

    /// Forgets some sessions none of whose calls is left; whether there may be more.
    async fn forget_sessions(&self) -> Result<bool, StoreError> {
        let found = {
            let mut transaction = self.database.snapshot().await?;
            let horizon_ms = horizons::get(&mut transaction, RECORDS).await?;
            Statement::new(
                "SELECT workspace_id, session_id FROM sessions WHERE last_ms < $1 LIMIT $2",
            )
            .int(horizon_ms)
            .int(SESSIONS_PER_STEP)
            .rows(&mut transaction)
            .await?
        };
        if found.is_empty() {
            return Ok(false);
        }
        let mut transaction = self.database.begin().await?;
        merge::lock(&mut transaction).await?;
        let horizon_ms = horizons::get(&mut transaction, RECORDS).await?;
        for row in &found {
            // It may have gone on meanwhile.
            Statement::new(
                "DELETE FROM sessions WHERE workspace_id = $1 AND session_id = $2 AND last_ms < $3",
            )
            .text(row.borrowed_text("workspace_id")?)
            .text(row.borrowed_text("session_id")?)
            .int(horizon_ms)
            .run(&mut transaction)
            .await?;
        }
        transaction.commit().await?;
        Ok(true)
    }

    /// Frees some of the pages of a month that was dropped; whether there may be more.
    async fn free_step(&self) -> Result<bool, StoreError> {
        if self.database.engine != Engine::Sqlite {
            return Ok(false);
        }
        // Where nothing is to be done, nobody is to wait for the lock of those who write.
        let rows = Statement::new(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name GLOB 'going_*' \
             ORDER BY name LIMIT 1",
        )
        .read(&self.database)
        .await?;
        let Some(row) = rows.first() else {
            return Ok(false);
        };
        let table = row.text("name")?;
        let mut transaction = self.database.begin().await?;
        // A name of ours, and nothing else: it becomes part of a statement.
        if !table
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        {
            return Err(StoreError::Unreadable(format!("a table named {table}")));
        }
        let (key, rows) = if table.starts_with("going_by_facet_") {
            ("facet, position", INDEX_ROWS_PER_STEP)
        } else {
            ("position", ROWS_PER_STEP)
        };
        let deleted = Statement::assembled(format!(
            "DELETE FROM {table} WHERE ({key}) IN (SELECT {key} FROM {table} ORDER BY {key} LIMIT $1)"
        ))
        .int(rows)
        .run(&mut transaction)
        .await?;
        if deleted == 0 {
            transaction
                .run_assembled(format!("DROP TABLE {table}"))
                .await?;
        }
        transaction.commit().await?;
        Ok(true)
    }
}

/// Deletes rows before a horizon; whether there may be more.
async fn delete_rollups(transaction: &mut Transaction, grain: Grain) -> Result<bool, StoreError> {
    let table = grain.table();
    let horizon = horizons::get(transaction, table).await?;
    let oldest = Statement::assembled(format!("SELECT MIN(bucket) AS oldest FROM {table}"))
        .rows(transaction)
        .await?;
    let oldest = oldest
        .first()
        .map_or(Ok(None), |row| row.maybe_int("oldest"))?;
    let Some(oldest) = oldest.filter(|oldest| *oldest < grain.bucket(horizon)) else {
        return Ok(false);
    };
    let end = oldest
        .saturating_add(BUCKETS_PER_STEP)
        .min(grain.bucket(horizon));
    Statement::assembled(format!("DELETE FROM {table} WHERE bucket < $1"))
        .int(end)
        .run(transaction)
        .await?;
    seal::delete_before(transaction, grain, end).await?;
    Ok(true)
}
