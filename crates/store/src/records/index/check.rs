//! Whether the index is what the records say.

use std::collections::{BTreeMap, BTreeSet};

use super::tables::tables;
use crate::StoreError;
use crate::database::{Statement, Transaction};
use crate::records::Month;
use crate::records::delta::Delta;
use crate::verify::{Difference, Found};

/// Rows read at a time.
const PAGE: i64 = 4096;

/// Positions by facet.
type Places = BTreeMap<i64, Vec<i64>>;

/// Compares what the index has of a day, with what will move into it, with the records of that day: the first
/// difference. `range` is that of the day's positions, which are of one month.
pub(in crate::records) async fn day_differs(
    transaction: &mut Transaction,
    range: (i64, i64),
    (pending, counted): (&Delta, &Delta),
) -> Found {
    let month = Month::of(range.0);
    if !tables(transaction).await?.contains(&month) {
        return Ok(None);
    }
    let (waiting, counted) = (in_range(pending, range), in_range(counted, range));
    let mut facets = facets(transaction, (month, range)).await?;
    facets.extend(waiting.keys().chain(counted.keys()));
    let nothing = Vec::new();
    for facet in facets {
        let mut kept = stored(transaction, (month, range), facet).await?;
        // What an older server has counted is looked up, and may be there already.
        kept.extend(waiting.get(&facet).unwrap_or(&nothing));
        let counted = counted.get(&facet).unwrap_or(&nothing).iter().copied();
        let counted: BTreeSet<i64> = counted.collect();
        let Some(position) = kept.symmetric_difference(&counted).next() else {
            continue;
        };
        let what = if counted.contains(position) {
            "is missing"
        } else {
            "has no record"
        };
        let text = format!(
            "{}: position {position} of facet {facet} {what}",
            month.index_table()
        );
        return Ok(Some(Difference(text)));
    }
    Ok(None)
}

fn in_range(delta: &Delta, (from, until): (i64, i64)) -> Places {
    let mut places = Places::new();
    for ((_, facet), positions) in &delta.places {
        let own = positions.iter().filter(|one| (from..until).contains(one));
        let own: Vec<i64> = own.collect();
        if !own.is_empty() {
            places.entry(*facet).or_default().extend(own);
        }
    }
    places
}

/// The facets of which the index has anything in a range: from each it jumps to the next.
async fn facets(
    transaction: &mut Transaction,
    (month, range): (Month, (i64, i64)),
) -> Result<BTreeSet<i64>, StoreError> {
    let rows = Statement::assembled(format!(
        "WITH RECURSIVE known(facet) AS (SELECT MIN(facet) FROM {index} UNION ALL \
         SELECT (SELECT MIN(facet) FROM {index} WHERE facet > known.facet) FROM known \
         WHERE known.facet IS NOT NULL) \
         SELECT facet FROM known WHERE facet IS NOT NULL AND EXISTS (SELECT 1 FROM {index} i \
         WHERE i.facet = known.facet AND i.position >= $1 AND i.position < $2)",
        index = month.index_table()
    ))
    .int(range.0)
    .int(range.1)
    .rows_unhurried(transaction)
    .await?;
    rows.iter().map(|row| row.int("facet")).collect()
}

/// What the index has of a facet in a range.
async fn stored(
    transaction: &mut Transaction,
    (month, (from, until)): (Month, (i64, i64)),
    facet: i64,
) -> Result<BTreeSet<i64>, StoreError> {
    let mut found = BTreeSet::new();
    let mut next = from;
    loop {
        let rows = Statement::assembled(format!(
            "SELECT position FROM {} WHERE facet = $1 AND position >= $2 AND position < $3 \
             ORDER BY position LIMIT {PAGE}",
            month.index_table()
        ))
        .int(facet)
        .int(next)
        .int(until)
        .rows_unhurried(transaction)
        .await?;
        for row in &rows {
            found.insert(row.int("position")?);
        }
        match rows.last() {
            Some(last) if i64::try_from(rows.len()) == Ok(PAGE) => {
                next = last.int("position")?.saturating_add(1);
            }
            _ => return Ok(found),
        }
    }
}
