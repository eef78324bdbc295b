//! What moves into the index.

use std::collections::BTreeMap;

use super::tables::{make_filled, tables};
use crate::StoreError;
use crate::database::{Statement, Transaction, in_powers_of_two, placeholders};
use crate::records::delta::Delta;
use crate::records::positions::first_of;
use crate::records::{Month, months};

/// Rows inserted by one statement, at most: a power of two. They are small.
const ROWS_PER_STATEMENT: usize = 256;

/// Facets asked about by one statement, where each is asked of all records of a minute.
const FACETS_PER_LOOK: usize = 1024;

/// Inserts facets and positions that are not there yet. Those of months that are gone are left out.
/// Whoever calls has the lock under which is merged: no table comes or goes meanwhile.
pub(in crate::records) async fn insert(
    transaction: &mut Transaction,
    rows: impl Iterator<Item = (i64, i64)>,
) -> Result<(), StoreError> {
    let mut of_months: BTreeMap<Month, Vec<(i64, i64)>> = BTreeMap::new();
    for (facet, position) in rows {
        let month = of_months.entry(Month::of(position)).or_default();
        month.push((facet, position));
    }
    if of_months.is_empty() {
        return Ok(());
    }
    let tables = tables(transaction).await?;
    for (month, mut rows) in of_months {
        if !tables.contains(&month) {
            if months(transaction).await?.contains(&month) {
                // All of its records are in it then.
                make_filled(transaction, month).await?;
            }
            continue;
        }
        rows.sort_unstable();
        for now in in_powers_of_two(&rows, ROWS_PER_STATEMENT) {
            insert_some(transaction, month, now).await?;
        }
    }
    Ok(())
}

/// Inserts rows of one month, in the order of their key.
async fn insert_some(
    transaction: &mut Transaction,
    month: Month,
    rows: &[(i64, i64)],
) -> Result<(), StoreError> {
    let mut statement = Statement::assembled(format!(
        "INSERT INTO {} (facet, position) VALUES {} ON CONFLICT DO NOTHING",
        month.index_table(),
        transaction.values(rows.len(), 2)
    ))
    .with_room_for(rows.len() * 2);
    for (facet, position) in rows {
        statement = statement.int(*facet).int(*position);
    }
    statement.run(transaction).await.map(drop)
}

/// Finds the places of records that versions before have counted without saying them: where the records
/// of these minutes and facets stand. Some of them may be in the index already.
pub(in crate::records) async fn look_up(
    transaction: &mut Transaction,
    delta: &mut Delta,
) -> Result<(), StoreError> {
    if delta.unplaced.is_empty() {
        return Ok(());
    }
    let months = months(transaction).await?;
    let mut minutes: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
    for (minute, facet) in std::mem::take(&mut delta.unplaced) {
        minutes.entry(minute).or_default().push(facet);
    }
    for (minute, facets) in minutes {
        if !months.contains(&Month::of(first_of(minute))) {
            continue;
        }
        for some in facets.chunks(FACETS_PER_LOOK) {
            for row in records_of(minute, some).rows(transaction).await? {
                let positions = delta.places.entry((minute, row.int("facet")?));
                positions.or_default().add(row.int("position")?);
            }
        }
    }
    Ok(())
}

/// The question where records of some facets in a minute stand.
fn records_of(minute: i64, facets: &[i64]) -> Statement {
    // The last facet fills the gap, so that few statements are prepared.
    let size = facets.len().next_power_of_two();
    let (first, end) = (first_of(minute), first_of(minute.saturating_add(1)));
    let mut statement = Statement::assembled(format!(
        "SELECT facet, position FROM {} WHERE position >= $1 AND position < $2 \
         AND facet IN ({}) ORDER BY position",
        Month::of(first).table(),
        placeholders(3, size)
    ))
    .int(first)
    .int(end);
    let last = facets.last().into_iter().cycle();
    for facet in facets.iter().chain(last).take(size) {
        statement = statement.int(*facet);
    }
    statement
}
