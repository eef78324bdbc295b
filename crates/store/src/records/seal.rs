//! Seals: hours and days that are over are added up along their cubes, once, by a job.
//!
//! Nothing of it is on the way of a call. A bucket that is sealed is read from its cubes, one that is
//! not from the rows of its facets, so that nothing that is read depends on when the job runs. Calls
//! that come late open their bucket again, in the transaction that merges them; it is added up anew.

use std::collections::BTreeMap;
use std::ops::Range;

use super::cube::{self, Cube};
use super::facets::Facet;
use super::measures::Measures;
use super::merge;
use super::query::{Grain, RollupQuery, facets_of};
use super::rows;
use super::shelf::Shelf;
use crate::database::{Statement, Transaction};
use crate::{Store, StoreError};

/// Rows added up in one step: short enough that nobody who writes notices.
const ROWS_PER_STEP: i64 = 500;

/// How long after its end a bucket is sealed: calls count when they arrived, and are known when they
/// have ended.
const MARGIN_MS: i64 = 15 * 60_000;

/// A range in more pieces than that is read from the rows of facets.
const PIECES_MAX: usize = 32;

/// What is sealed of a grain: the range, but for the open ones.
#[derive(Debug)]
pub(super) struct Seals {
    range: Range<i64>,
    /// Ascending, with the facet with which adding up goes on.
    open: Vec<(i64, i64)>,
}

impl Seals {
    /// Reads them; `None` while there is nothing to seal.
    pub(super) async fn read(
        transaction: &mut Transaction,
        grain: Grain,
    ) -> Result<Option<Self>, StoreError> {
        let rows =
            Statement::new("SELECT from_bucket, until_bucket FROM rollup_seals WHERE grain = $1")
                .text(grain.table())
                .rows(transaction)
                .await?;
        let range = match rows.first() {
            Some(row) => row.int("from_bucket")?..row.int("until_bucket")?,
            None => {
                let sql = format!("SELECT MIN(bucket) AS oldest FROM {}", grain.table());
                let rows = Statement::assembled(sql).rows(transaction).await?;
                let oldest = rows
                    .first()
                    .map_or(Ok(None), |row| row.maybe_int("oldest"))?;
                let Some(oldest) = oldest else {
                    return Ok(None);
                };
                oldest..oldest
            }
        };
        let rows = Statement::new(
            "SELECT bucket, next_facet FROM rollup_open WHERE grain = $1 ORDER BY bucket",
        )
        .text(grain.table())
        .rows(transaction)
        .await?;
        let open = rows
            .iter()
            .map(|row| Ok((row.int("bucket")?, row.int("next_facet")?)));
        Ok(Some(Self {
            range,
            open: open.collect::<Result<_, StoreError>>()?,
        }))
    }

    /// From the first bucket that was sealed to the first that was not yet.
    pub(super) fn range(&self) -> Range<i64> {
        self.range.clone()
    }

    /// Whether a bucket is sealed.
    pub(super) fn holds(&self, bucket: i64) -> bool {
        self.range.contains(&bucket) && self.open.iter().all(|(open, _)| *open != bucket)
    }

    /// The bucket to be added up next, and where: an open one, or the first that is not sealed, when
    /// it is over.
    fn next(&self, grain: Grain, now_ms: i64) -> Option<(i64, i64)> {
        let end = self.range.end;
        let is_over = grain
            .length_ms()
            .checked_mul(end.saturating_add(1))
            .is_some_and(|end_ms| end_ms <= now_ms.saturating_sub(MARGIN_MS));
        let first = self.open.first().copied();
        first.or_else(|| is_over.then_some((end, 0)))
    }

    /// A range of buckets in pieces, those that are sealed and those that are not.
    fn split(&self, wanted: &Range<i64>) -> Vec<(bool, Range<i64>)> {
        let mut pieces = Vec::new();
        let mut push = |is_sealed: bool, range: Range<i64>| {
            let range = range.start.max(wanted.start)..range.end.min(wanted.end);
            if range.start < range.end {
                pieces.push((is_sealed, range));
            }
        };
        push(false, i64::MIN..self.range.start);
        let mut from = self.range.start;
        for (open, _) in &self.open {
            if self.range.contains(open) {
                push(true, from..*open);
                push(false, *open..open.saturating_add(1));
                from = open.saturating_add(1);
            }
        }
        push(true, from..self.range.end);
        push(false, self.range.end..i64::MAX);
        pieces
    }
}

/// The shelves that answer a query, each with its buckets.
pub(super) async fn pieces(
    transaction: &mut Transaction,
    query: &RollupQuery,
) -> Result<Vec<(Shelf, Range<i64>)>, StoreError> {
    let (grain, buckets) = (query.grain, query.buckets());
    let of_facets = vec![(Shelf::Facets(grain), buckets.clone())];
    let Some(cube) = Cube::for_dimensions(grain, &query.dimensions()) else {
        return Ok(of_facets);
    };
    let Some(seals) = Seals::read(transaction, grain).await? else {
        return Ok(of_facets);
    };
    let pieces = seals.split(&buckets);
    if pieces.len() > PIECES_MAX {
        return Ok(of_facets);
    }
    let shelf = |is_sealed| match is_sealed {
        true => Shelf::Cube(grain, cube),
        false => Shelf::Facets(grain),
    };
    let pieces = pieces.into_iter();
    Ok(pieces
        .map(|(is_sealed, buckets)| (shelf(is_sealed), buckets))
        .collect())
}

/// Opens those buckets that are sealed, or being added up: something is being merged into them.
pub(super) async fn reopen(
    transaction: &mut Transaction,
    grain: Grain,
    buckets: impl Iterator<Item = i64>,
) -> Result<(), StoreError> {
    if Cube::of_grain(grain).is_empty() {
        return Ok(());
    }
    let Some(seals) = Seals::read(transaction, grain).await? else {
        return Ok(());
    };
    let is_touched = |bucket: &i64| {
        seals.range.contains(bucket) || seals.open.iter().any(|(open, _)| open == bucket)
    };
    for bucket in buckets.filter(is_touched) {
        note_open(transaction, grain, (bucket, 0)).await?;
    }
    Ok(())
}

/// Notes how far an open bucket has been added up.
async fn note_open(
    transaction: &mut Transaction,
    grain: Grain,
    (bucket, next_facet): (i64, i64),
) -> Result<(), StoreError> {
    Statement::new(
        "INSERT INTO rollup_open (grain, bucket, next_facet) VALUES ($1, $2, $3) \
         ON CONFLICT (grain, bucket) DO UPDATE SET next_facet = excluded.next_facet",
    )
    .text(grain.table())
    .int(bucket)
    .int(next_facet)
    .run(transaction)
    .await
    .map(drop)
}

impl Store {
    /// Adds up some of an hour and of a day that are over, along their cubes; whether there is more to
    /// do. Nothing that is read depends on it but how long that takes.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Unreadable`].
    pub async fn seal_rollups(&self, now_ms: i64) -> Result<bool, StoreError> {
        let mut is_more = false;
        for grain in [Grain::Hour, Grain::Day] {
            is_more |= self.seal_step(grain, now_ms).await?;
        }
        Ok(is_more)
    }

    async fn seal_step(&self, grain: Grain, now_ms: i64) -> Result<bool, StoreError> {
        let next = |seals: &Option<Seals>| {
            let seals = seals.as_ref();
            seals.and_then(|seals| seals.next(grain, now_ms))
        };
        {
            // Where nothing is to be done, nobody is to wait for the lock of those who write.
            let mut transaction = self.database.snapshot().await?;
            if next(&Seals::read(&mut transaction, grain).await?).is_none() {
                return Ok(false);
            }
        }
        let mut transaction = self.database.begin().await?;
        merge::lock(&mut transaction).await?;
        let seals = Seals::read(&mut transaction, grain).await?;
        let (Some((bucket, from_facet)), Some(seals)) = (next(&seals), seals) else {
            // Another process has been faster.
            transaction.commit().await?;
            return Ok(false);
        };
        match add_up(&mut transaction, (grain, bucket), from_facet).await? {
            Some(next_facet) => note_open(&mut transaction, grain, (bucket, next_facet)).await?,
            None => seal(&mut transaction, grain, (bucket, &seals)).await?,
        }
        transaction.commit().await?;
        Ok(true)
    }
}

/// Adds some facets of a bucket to its cubes, from that one on; which is the next, if there is one.
async fn add_up(
    transaction: &mut Transaction,
    (grain, bucket): (Grain, i64),
    from_facet: i64,
) -> Result<Option<i64>, StoreError> {
    let table = grain.table();
    let found = Statement::assembled(format!(
        "SELECT * FROM {table} WHERE bucket = $1 AND facet >= $2 ORDER BY facet LIMIT $3"
    ))
    .int(bucket)
    .int(from_facet)
    .int(ROWS_PER_STEP)
    .rows(transaction)
    .await?;
    let columns = rows::Columns::of(&found)?;
    let mut parts = BTreeMap::new();
    for row in &found {
        let mut measures = Measures::default();
        columns.add(&mut measures, row)?;
        parts.insert(row.int("facet")?, measures);
    }
    let ids: Vec<i64> = parts.keys().copied().collect();
    let names: BTreeMap<i64, Facet> = facets_of(transaction, &ids).await?.into_iter().collect();
    for cube in Cube::of_grain(grain) {
        if from_facet == 0 {
            let sql = format!("DELETE FROM {}", Shelf::Cube(grain, *cube).table());
            Statement::assembled(format!("{sql} WHERE cube = $1 AND bucket = $2"))
                .int(cube.number())
                .int(bucket)
                .run(transaction)
                .await?;
        }
        let (facets, sums) = sums(*cube, &parts, &names)?;
        cube::store_facets(transaction, &facets).await?;
        let mut sums: Vec<(i64, Measures)> = sums.into_iter().collect();
        rows::add_to(transaction, (Shelf::Cube(grain, *cube), bucket), &mut sums).await?;
    }
    let is_last = i64::try_from(found.len()).unwrap_or(i64::MAX) < ROWS_PER_STEP;
    Ok(ids
        .last()
        .filter(|_| !is_last)
        .map(|last| last.saturating_add(1)))
}

/// The facets of a cube, and what was counted of each.
type Summed = (BTreeMap<i64, Facet>, BTreeMap<i64, Measures>);

/// What the rows of facets add up to along a cube, and what its own facets are.
pub(super) fn sums(
    cube: Cube,
    parts: &BTreeMap<i64, Measures>,
    names: &BTreeMap<i64, Facet>,
) -> Result<Summed, StoreError> {
    let mut facets = BTreeMap::new();
    let mut sums: BTreeMap<i64, Measures> = BTreeMap::new();
    for (id, part) in parts {
        let facet = names
            .get(id)
            .ok_or_else(|| StoreError::Unreadable(format!("facet {id}: it is not kept")))?;
        let projected = cube.project(facet);
        let id = cube.id(&projected);
        facets.entry(id).or_insert(projected);
        sums.entry(id).or_default().merge(part);
    }
    Ok((facets, sums))
}

/// Seals a bucket: it has been added up.
async fn seal(
    transaction: &mut Transaction,
    grain: Grain,
    (bucket, seals): (i64, &Seals),
) -> Result<(), StoreError> {
    Statement::new("DELETE FROM rollup_open WHERE grain = $1 AND bucket = $2")
        .text(grain.table())
        .int(bucket)
        .run(transaction)
        .await?;
    let until = if bucket == seals.range.end {
        bucket.saturating_add(1)
    } else {
        seals.range.end
    };
    Statement::new(
        "INSERT INTO rollup_seals (grain, from_bucket, until_bucket) VALUES ($1, $2, $3) \
         ON CONFLICT (grain) DO UPDATE SET until_bucket = excluded.until_bucket",
    )
    .text(grain.table())
    .int(seals.range.start)
    .int(until)
    .run(transaction)
    .await
    .map(drop)
}

/// Takes away the cubes of the buckets of a grain before one.
pub(super) async fn delete_before(
    transaction: &mut Transaction,
    grain: Grain,
    end: i64,
) -> Result<(), StoreError> {
    for cube in Cube::of_grain(grain) {
        let table = Shelf::Cube(grain, *cube).table();
        Statement::assembled(format!(
            "DELETE FROM {table} WHERE cube = $1 AND bucket < $2"
        ))
        .int(cube.number())
        .int(end)
        .run(transaction)
        .await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seals(range: Range<i64>, open: &[i64]) -> Seals {
        Seals {
            range,
            open: open.iter().map(|bucket| (*bucket, 0)).collect(),
        }
    }

    #[test]
    fn a_range_is_read_from_cubes_but_for_what_is_open_or_not_sealed_yet() {
        let seals = seals(10..20, &[12, 20]);
        let expected = [
            (false, 0..10),
            (true, 10..12),
            (false, 12..13),
            (true, 13..20),
            (false, 20..30),
        ];
        assert_eq!(seals.split(&(0..30)), expected);
        assert_eq!(seals.split(&(13..20)), [(true, 13..20)]);
        assert_eq!(seals.split(&(12..13)), [(false, 12..13)]);
        assert_eq!(seals.split(&(5..5)), []);
        let held: Vec<i64> = (0..30).filter(|bucket| seals.holds(*bucket)).collect();
        assert_eq!(held, [10, 11, 13, 14, 15, 16, 17, 18, 19]);
    }

    #[test]
    fn open_buckets_are_next_and_then_the_first_that_is_over() {
        let hour = Grain::Hour.length_ms();
        assert_eq!(seals(1..9, &[4, 9]).next(Grain::Hour, 0), Some((4, 0)));
        let next = |now_ms| seals(1..9, &[]).next(Grain::Hour, now_ms);
        assert_eq!(next(10 * hour + MARGIN_MS - 1), None);
        assert_eq!(next(10 * hour + MARGIN_MS), Some((9, 0)));
    }
}
