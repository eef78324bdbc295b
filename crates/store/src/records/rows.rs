//! Rows of what was counted: read, added to and written over, some facets of a bucket at a time.

use super::measures::{Measure, Measures, Sketched};
use super::shelf::Shelf;
use crate::StoreError;
use crate::database::{Place, Row, Statement, Transaction, in_powers_of_two, placeholders};

/// Rows written by one statement, at most: a power of two.
const ROWS_PER_STATEMENT: usize = 16;

/// Facets asked about by one statement.
pub(super) const FACETS_PER_STATEMENT: usize = 64;

/// Adds what was counted of some facets to the rows of a bucket.
pub(super) async fn add_to(
    transaction: &mut Transaction,
    (shelf, bucket): (Shelf, i64),
    all: &mut [(i64, Measures)],
) -> Result<(), StoreError> {
    for some in all.chunks_mut(FACETS_PER_STATEMENT) {
        add_stored(transaction, (shelf, bucket), some).await?;
        write(transaction, (shelf, bucket), some).await?;
    }
    Ok(())
}

/// Adds what is stored to what is to be.
async fn add_stored(
    transaction: &mut Transaction,
    (shelf, bucket): (Shelf, i64),
    some: &mut [(i64, Measures)],
) -> Result<(), StoreError> {
    let facets: Vec<i64> = some.iter().map(|(facet, _)| *facet).collect();
    let select = format!(
        "SELECT * FROM {} WHERE {}bucket = $1 AND facet IN",
        shelf.table(),
        shelf.condition()
    );
    let rows = in_list(&select, Some(bucket), &facets)
        .rows(transaction)
        .await?;
    let columns = Columns::of(&rows)?;
    for row in &rows {
        let facet = row.int("facet")?;
        if let Some((_, measures)) = some.iter_mut().find(|(other, _)| *other == facet) {
            columns.add(measures, row)?;
        }
    }
    Ok(())
}

/// Where measures stand in rows with all of their columns, looked for once for all rows of an answer.
pub(super) struct Columns {
    measures: Vec<(Measure, Place)>,
    sketches: Vec<(Sketched, Place)>,
}

impl Columns {
    /// Those of these rows, which are of one answer.
    pub(super) fn of(rows: &[Row]) -> Result<Self, StoreError> {
        let (mut measures, mut sketches) = (Vec::new(), Vec::new());
        if let Some(row) = rows.first() {
            for measure in Measure::ALL {
                measures.push((*measure, row.place(measure.name())?));
            }
            for sketched in Sketched::ALL {
                sketches.push((sketched, row.place(sketched.name())?));
            }
        }
        Ok(Self { measures, sketches })
    }

    /// Adds one of the rows.
    pub(super) fn add(&self, measures: &mut Measures, row: &Row) -> Result<(), StoreError> {
        for (measure, place) in &self.measures {
            measures.add(*measure, row.int_at(*place)?);
        }
        for (sketched, place) in &self.sketches {
            measures.add_sketch(*sketched, row.borrowed_text_at(*place)?)?;
        }
        Ok(())
    }
}

/// Writes rows over those that are there.
pub(super) async fn write(
    transaction: &mut Transaction,
    (shelf, bucket): (Shelf, i64),
    some: &[(i64, Measures)],
) -> Result<(), StoreError> {
    let names: Vec<&str> = Measure::ALL
        .iter()
        .map(|measure| measure.name())
        .chain(Sketched::ALL.map(Sketched::name))
        .collect();
    let assignments: Vec<String> = names
        .iter()
        .map(|name| format!("{name} = excluded.{name}"))
        .collect();
    let binds = names.len() + shelf.key().split(',').count();
    for now in in_powers_of_two(some, ROWS_PER_STATEMENT) {
        let mut statement = Statement::assembled(format!(
            "INSERT INTO {} ({key}, {}) VALUES {} ON CONFLICT ({key}) DO UPDATE SET {}",
            shelf.table(),
            names.join(", "),
            transaction.values(now.len(), binds),
            assignments.join(", "),
            key = shelf.key()
        ))
        .with_room_for(now.len() * binds);
        for (facet, measures) in now {
            for number in shelf.cube().into_iter().chain([bucket, *facet]) {
                statement = statement.int(number);
            }
            for measure in Measure::ALL {
                statement = statement.int(measures.get(*measure));
            }
            for sketched in Sketched::ALL {
                statement = statement.owned_text(measures.sketch_text(sketched));
            }
        }
        statement.run(transaction).await?;
    }
    Ok(())
}

/// A statement that ends in a list of numbers, with the binds before it. Few lengths occur, so that few
/// statements are prepared: the last number fills the gap.
pub(super) fn in_list(
    sql: &str,
    first: impl IntoIterator<Item = i64>,
    numbers: &[i64],
) -> Statement {
    let size = numbers.len().next_power_of_two();
    let first: Vec<i64> = first.into_iter().collect();
    let list = placeholders(first.len() + 1, size);
    let mut statement = Statement::assembled(format!("{sql} ({list})"));
    for number in first {
        statement = statement.int(number);
    }
    let last = numbers.last().into_iter().cycle();
    for number in numbers.iter().chain(last).take(size) {
        statement = statement.int(*number);
    }
    statement
}
