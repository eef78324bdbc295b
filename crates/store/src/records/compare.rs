//! Comparing: rows of what was counted with others, and cubes with the facets that they are made of.

use std::collections::{BTreeMap, BTreeSet};

use super::cube::Cube;
use super::facets::{self, Facet};
use super::measures::Measures;
use super::query::{Grain, facets_of};
use super::rows::Columns;
use super::seal::{self, Seals};
use super::shelf::Shelf;
use crate::StoreError;
use crate::database::{Statement, Transaction};
use crate::verify::{Difference, Found};

const MS_PER_DAY: i64 = 86_400_000;

/// Rows of a grain by bucket and facet.
pub(super) type Rows = BTreeMap<(i64, i64), Measures>;

/// The rows of a day.
pub(super) async fn stored(
    transaction: &mut Transaction,
    grain: Grain,
    from_ms: i64,
) -> Result<Rows, StoreError> {
    let sql = format!(
        "SELECT * FROM {} WHERE bucket >= $1 AND bucket < $2",
        grain.table()
    );
    let rows = Statement::assembled(sql)
        .int(grain.bucket(from_ms))
        .int(grain.bucket(from_ms.saturating_add(MS_PER_DAY)))
        .rows_unhurried(transaction)
        .await?;
    let columns = Columns::of(&rows)?;
    let mut found = Rows::new();
    for row in &rows {
        let mut measures = Measures::default();
        columns.add(&mut measures, row)?;
        found.insert((row.int("bucket")?, row.int("facet")?), measures);
    }
    Ok(found)
}

/// Compares the cubes of sealed buckets with the rows of their facets.
pub(super) async fn cubes_differ(
    transaction: &mut Transaction,
    grain: Grain,
    kept: &Rows,
) -> Found {
    for (bucket, parts) in sealed(transaction, grain, kept).await? {
        let difference = bucket_differs(transaction, (grain, bucket), &parts).await?;
        if difference.is_some() {
            return Ok(difference);
        }
    }
    Ok(None)
}

/// The sealed buckets of these rows whose cubes are not what their facets add up to.
pub(super) async fn differing(
    transaction: &mut Transaction,
    grain: Grain,
    kept: &Rows,
) -> Result<Vec<i64>, StoreError> {
    let mut differing = Vec::new();
    for (bucket, parts) in sealed(transaction, grain, kept).await? {
        let difference = bucket_differs(transaction, (grain, bucket), &parts).await?;
        differing.extend(difference.map(|_| bucket));
    }
    Ok(differing)
}

/// What was counted of each facet, of those buckets that are sealed.
async fn sealed(
    transaction: &mut Transaction,
    grain: Grain,
    kept: &Rows,
) -> Result<BTreeMap<i64, BTreeMap<i64, Measures>>, StoreError> {
    let mut buckets: BTreeMap<i64, BTreeMap<i64, Measures>> = BTreeMap::new();
    let Some(seals) = Seals::read(transaction, grain).await? else {
        return Ok(buckets);
    };
    for ((bucket, facet), measures) in kept.iter().filter(|((one, _), _)| seals.holds(*one)) {
        let parts = buckets.entry(*bucket).or_default();
        parts.insert(*facet, measures.clone());
    }
    Ok(buckets)
}

/// Compares the cubes of a bucket with its facets.
async fn bucket_differs(
    transaction: &mut Transaction,
    (grain, bucket): (Grain, i64),
    parts: &BTreeMap<i64, Measures>,
) -> Found {
    let ids: Vec<i64> = parts.keys().copied().collect();
    let names = facets_of(transaction, &ids).await?.into_iter().collect();
    for cube in Cube::of_grain(grain) {
        let shelf = Shelf::Cube(grain, *cube);
        let (facets, sums) = seal::sums(*cube, parts, &names)?;
        let summed = sums.into_iter().map(|(facet, sum)| ((bucket, facet), sum));
        let stored = cube_rows(transaction, (shelf, bucket), &facets).await?;
        let difference = match stored {
            Ok(stored) => rows_differ(shelf.table(), &stored, &summed.collect()),
            Err(difference) => Some(difference),
        };
        if difference.is_some() {
            return Ok(difference);
        }
    }
    Ok(None)
}

/// The rows of a cube of a bucket, whose facets must be these.
async fn cube_rows(
    transaction: &mut Transaction,
    (shelf, bucket): (Shelf, i64),
    facets: &BTreeMap<i64, Facet>,
) -> Result<Result<Rows, Difference>, StoreError> {
    let rows = Statement::assembled(format!(
        "SELECT * FROM {table} r LEFT JOIN cube_facets f ON f.id = r.facet \
         WHERE {condition} bucket = $1",
        table = shelf.table(),
        condition = shelf.condition()
    ))
    .int(bucket)
    .rows_unhurried(transaction)
    .await?;
    let columns = Columns::of(&rows)?;
    let mut found = Rows::new();
    for row in &rows {
        let facet = row.int("facet")?;
        let is_known = row.maybe_int("id")?.is_some();
        if !is_known || facets.get(&facet) != Some(&facets::from_row(row)?) {
            let text = format!("{} {bucket}: facet {facet} is another's", shelf.table());
            return Ok(Err(Difference(text)));
        }
        let mut measures = Measures::default();
        columns.add(&mut measures, row)?;
        found.insert((bucket, facet), measures);
    }
    Ok(Ok(found))
}

pub(super) fn rows_differ(table: &str, kept: &Rows, found: &Rows) -> Option<Difference> {
    let nothing = Measures::default();
    let both: BTreeSet<&(i64, i64)> = kept.keys().chain(found.keys()).collect();
    both.into_iter().find_map(|key| {
        let kept = kept.get(key).unwrap_or(&nothing);
        let (name, kept, found) = kept.difference(found.get(key).unwrap_or(&nothing))?;
        Some(Difference(format!(
            "{table} {} of facet {}: {name} is {kept}, and its records make {found}",
            key.0, key.1
        )))
    })
}
