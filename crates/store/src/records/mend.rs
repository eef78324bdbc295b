//! Mending: sealed hours and days whose cubes are not what their facets add up to are opened again, and so
//! added up anew.
//!
//! A node of a version from before there were cubes does not open what it merges into; that happens while
//! a fleet is upgraded one by one. Such a bucket has calls that its cubes do not count, which can be seen
//! at little cost ([`Store::open_stale`], by a job); [`Store::open_different`] compares everything.

use std::collections::BTreeSet;

use super::compare::{differing, stored};
use super::cube::Cube;
use super::merge;
use super::query::Grain;
use super::seal::{self, Seals};
use super::shelf::Shelf;
use crate::database::{Statement, Transaction};
use crate::{Store, StoreError};

/// Hours or days looked at in one step.
const BUCKETS_PER_STEP: i64 = 12;

const MS_PER_DAY: i64 = 86_400_000;

/// Some hours or days that were looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Looked {
    /// How many were opened.
    pub opened: usize,
    /// Before which bucket to go on; `None` when all were looked at.
    pub next: Option<i64>,
}

impl Store {
    /// Looks at some sealed hours or days before that one (the newest where there is none) and opens those
    /// with calls that their cubes do not count. Nothing that is read waits for it.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Unreadable`].
    pub async fn open_stale(
        &self,
        grain: Grain,
        before: Option<i64>,
    ) -> Result<Looked, StoreError> {
        let store = self.clone();
        let look = async move { store.stale(grain, before).await };
        let (stale, next) = self.database.apart(look).await?;
        self.reopen(grain, &stale).await?;
        Ok(Looked {
            opened: stale.len(),
            next,
        })
    }

    /// Opens the sealed hours and days that differ in anything; how many those were. Takes as long as it
    /// takes to read all of them, a day at a time.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Unreadable`].
    pub async fn open_different(&self) -> Result<usize, StoreError> {
        let mut opened = 0;
        for grain in [Grain::Hour, Grain::Day] {
            for day in self.sealed_days(grain).await? {
                let store = self.clone();
                let look = async move { store.different(grain, day).await };
                let different = self.database.apart(look).await?;
                self.reopen(grain, &different).await?;
                opened += different.len();
            }
        }
        Ok(opened)
    }

    /// The buckets of a step that have calls their cubes do not count, and where the next one begins.
    async fn stale(
        &self,
        grain: Grain,
        before: Option<i64>,
    ) -> Result<(Vec<i64>, Option<i64>), StoreError> {
        let mut transaction = self.database.snapshot().await?;
        let Some(seals) = Seals::read(&mut transaction, grain).await? else {
            return Ok((Vec::new(), None));
        };
        let range = seals.range();
        let until = before.unwrap_or(range.end).min(range.end);
        let from = until.saturating_sub(BUCKETS_PER_STEP).max(range.start);
        let mut stale = uncounted(&mut transaction, grain, (from, until)).await?;
        stale.retain(|bucket| seals.holds(*bucket));
        Ok((stale, (from > range.start).then_some(from)))
    }

    /// The sealed buckets of a day whose cubes differ.
    async fn different(&self, grain: Grain, day: i64) -> Result<Vec<i64>, StoreError> {
        let mut transaction = self.database.snapshot().await?;
        let kept = stored(&mut transaction, grain, day.saturating_mul(MS_PER_DAY)).await?;
        differing(&mut transaction, grain, &kept).await
    }

    /// The days that have something sealed, since 1970.
    async fn sealed_days(&self, grain: Grain) -> Result<BTreeSet<i64>, StoreError> {
        let mut transaction = self.database.snapshot().await?;
        let seals = Seals::read(&mut transaction, grain).await?;
        let range = seals.map_or(0..0, |seals| seals.range());
        let day = |bucket: i64| {
            let at_ms = bucket.saturating_mul(grain.length_ms());
            at_ms.div_euclid(MS_PER_DAY)
        };
        Ok(range.map(day).collect())
    }

    async fn reopen(&self, grain: Grain, buckets: &[i64]) -> Result<(), StoreError> {
        if buckets.is_empty() {
            return Ok(());
        }
        let mut transaction = self.database.begin().await?;
        merge::lock(&mut transaction).await?;
        seal::reopen(&mut transaction, grain, buckets.iter().copied()).await?;
        transaction.commit().await
    }
}

/// The buckets whose facets have other calls than the cube of everything.
async fn uncounted(
    transaction: &mut Transaction,
    grain: Grain,
    (from, until): (i64, i64),
) -> Result<Vec<i64>, StoreError> {
    let all = Shelf::Cube(grain, Cube::All);
    let rows = Statement::assembled(format!(
        "SELECT f.bucket AS bucket FROM (SELECT bucket, CAST(SUM(calls) AS BIGINT) AS calls FROM {facets} \
         WHERE bucket >= $1 AND bucket < $2 GROUP BY bucket) f \
         LEFT JOIN {cubes} c ON c.cube = {cube} AND c.bucket = f.bucket \
         WHERE c.calls IS NULL OR c.calls <> f.calls",
        facets = grain.table(),
        cubes = all.table(),
        cube = Cube::All.number()
    ))
    .int(from)
    .int(until)
    .rows(transaction)
    .await?;
    rows.iter().map(|row| row.int("bucket")).collect()
}
