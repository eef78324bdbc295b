//! Gathering: deltas are added up by minute and facet, and what they say of sessions and postings moves
//! into the rows of these, all in one transaction.
//!
//! A delta is one row for a batch; where thousands of keys are in use it has as many counts as its batch
//! has calls. What is gathered has one short row for each facet of a minute, and is read by questions as
//! deltas are ([`pending`]) until it is merged. Where its records stand waits there for the index, unless
//! they are many.

use std::collections::BTreeMap;

use super::delta::Delta;
use super::measures::Measures;
use super::positions::Positions;
use super::rows::{FACETS_PER_STATEMENT, in_list};
use super::{index, merge, sessions};
use crate::database::{Row, Statement, Transaction, in_powers_of_two, rest};
use crate::posting::saturating_sum;
use crate::{Store, StoreError};

/// Deltas gathered at a time.
const DELTAS_MAX: i64 = 256;

/// Rows written by one statement, at most: a power of two.
const ROWS_PER_STATEMENT: usize = 32;

/// So many places of a facet in a minute move into the index when they are gathered. They stand beside each
/// other there, so few pages change for many of them; to keep them would write them anew each time that
/// something is gathered.
const DENSE: usize = 32;

/// What is gathered of a facet in a minute.
struct Gathered {
    facet: i64,
    measures: Box<Measures>,
    places: Positions,
}

impl Store {
    /// Gathers what batches of records have added to the roll-ups, until nothing is left; how many
    /// batches those were. One process at a time does so. Nothing that is read depends on when.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Unreadable`]. What was not gathered waits for the
    /// next time.
    pub async fn gather_rollups(&self) -> Result<usize, StoreError> {
        let mut gathered = 0;
        loop {
            let now = self.gather_some().await?;
            gathered += now;
            if now < usize::try_from(DELTAS_MAX).unwrap_or(usize::MAX) {
                return Ok(gathered);
            }
        }
    }

    async fn gather_some(&self) -> Result<usize, StoreError> {
        // Where nothing is to be done, nobody is to wait for the lock of those who write.
        let any = Statement::new("SELECT position FROM rollup_deltas LIMIT 1");
        if any.read(&self.database).await?.is_empty() {
            return Ok(0);
        }
        let mut transaction = self.database.begin().await?;
        merge::lock(&mut transaction).await?;
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
        index::look_up(&mut transaction, &mut delta).await?;
        add_counts(&mut transaction, &mut delta).await?;
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

/// What is in no row of minutes, hours and days yet: what was gathered, and deltas. Where those records stand is
/// not in it.
pub(super) async fn pending(transaction: &mut Transaction) -> Result<Delta, StoreError> {
    let mut delta = deltas(transaction).await?;
    let rows = Statement::new("SELECT minute, facet, counts FROM gathered_records")
        .rows(transaction)
        .await?;
    for row in &rows {
        rest::now_and_then();
        let counts = (row.int("minute")?, row.int("facet")?);
        let measures = delta.counts.entry(counts).or_default();
        measures.add_text(row.borrowed_text("counts")?)?;
    }
    Ok(delta)
}

/// The same with the places of those records that may not be in the index yet.
pub(super) async fn pending_with_places(
    transaction: &mut Transaction,
) -> Result<Delta, StoreError> {
    let mut delta = Delta::default();
    for row in &written(transaction).await? {
        rest::now_and_then();
        delta.add_text(row.borrowed_text("counts")?)?;
    }
    index::look_up(transaction, &mut delta).await?;
    let rows = Statement::new("SELECT minute, facet, counts, places FROM gathered_records")
        .rows(transaction)
        .await?;
    for row in &rows {
        rest::now_and_then();
        let counts = (row.int("minute")?, row.int("facet")?);
        let measures = delta.counts.entry(counts).or_default();
        measures.add_text(row.borrowed_text("counts")?)?;
        let places = Positions::read(counts.0, row.borrowed_text("places")?)?;
        if !places.is_empty() {
            delta.places.entry(counts).or_default().merge(places);
        }
    }
    Ok(delta)
}

/// What was not gathered yet: all there is of sessions and postings that is not in their rows. Where those
/// records stand is not in it.
pub(crate) async fn deltas(transaction: &mut Transaction) -> Result<Delta, StoreError> {
    let mut delta = Delta::default();
    for row in &written(transaction).await? {
        rest::now_and_then();
        delta.add_text_without_places(row.borrowed_text("counts")?)?;
    }
    Ok(delta)
}

async fn written(transaction: &mut Transaction) -> Result<Vec<Row>, StoreError> {
    Statement::new("SELECT counts FROM rollup_deltas")
        .rows(transaction)
        .await
}

/// Takes away some of what was gathered of minutes before that one, the oldest first.
pub(super) async fn take(
    transaction: &mut Transaction,
    before: i64,
    count: i64,
) -> Result<Delta, StoreError> {
    let rows = Statement::new(
        "SELECT minute, facet, counts, places FROM gathered_records WHERE minute < $1 \
         ORDER BY minute, facet LIMIT $2",
    )
    .int(before)
    .int(count)
    .rows(transaction)
    .await?;
    let mut delta = Delta::default();
    for row in &rows {
        let mut measures = Box::<Measures>::default();
        measures.add_text(row.borrowed_text("counts")?)?;
        let counts = (row.int("minute")?, row.int("facet")?);
        let places = Positions::read(counts.0, row.borrowed_text("places")?)?;
        delta.counts.insert(counts, measures);
        delta.places.insert(counts, places);
    }
    if let Some((minute, facet)) = delta.counts.keys().next_back() {
        Statement::new(
            "DELETE FROM gathered_records WHERE minute < $1 OR (minute = $1 AND facet <= $2)",
        )
        .int(*minute)
        .int(*facet)
        .run(transaction)
        .await?;
    }
    Ok(delta)
}

/// Adds counts and places, by minute and facet, to what was gathered; what is dense moves into the index.
async fn add_counts(transaction: &mut Transaction, delta: &mut Delta) -> Result<(), StoreError> {
    let mut minutes: BTreeMap<i64, Vec<Gathered>> = BTreeMap::new();
    for ((minute, facet), measures) in std::mem::take(&mut delta.counts) {
        let places = delta.places.remove(&(minute, facet)).unwrap_or_default();
        minutes.entry(minute).or_default().push(Gathered {
            facet,
            measures,
            places,
        });
    }
    let mut dense: Vec<(i64, i64)> = Vec::new();
    for (minute, mut facets) in minutes {
        for some in facets.chunks_mut(FACETS_PER_STATEMENT) {
            add_gathered(transaction, minute, some).await?;
            for one in some.iter_mut().filter(|one| one.places.len() >= DENSE) {
                let places = std::mem::take(&mut one.places);
                dense.extend(places.iter().map(|place| (one.facet, place)));
            }
            write(transaction, minute, some).await?;
        }
    }
    index::insert(transaction, dense.into_iter()).await
}

/// Adds what was gathered of some facets, which are in order, to what is to be.
async fn add_gathered(
    transaction: &mut Transaction,
    minute: i64,
    some: &mut [Gathered],
) -> Result<(), StoreError> {
    let facets: Vec<i64> = some.iter().map(|one| one.facet).collect();
    let select =
        "SELECT facet, counts, places FROM gathered_records WHERE minute = $1 AND facet IN";
    let rows = in_list(select, Some(minute), &facets)
        .rows(transaction)
        .await?;
    for row in &rows {
        let facet = row.int("facet")?;
        let found = some.binary_search_by_key(&facet, |one| one.facet);
        if let Some(one) = found.ok().and_then(|index| some.get_mut(index)) {
            one.measures.add_text(row.borrowed_text("counts")?)?;
            let mut before = Positions::read(minute, row.borrowed_text("places")?)?;
            before.merge(std::mem::take(&mut one.places));
            one.places = before;
        }
    }
    Ok(())
}

async fn write(
    transaction: &mut Transaction,
    minute: i64,
    some: &[Gathered],
) -> Result<(), StoreError> {
    for now in in_powers_of_two(some, ROWS_PER_STATEMENT) {
        let mut statement = Statement::assembled(format!(
            "INSERT INTO gathered_records (minute, facet, counts, places) VALUES {} \
             ON CONFLICT (minute, facet) \
             DO UPDATE SET counts = excluded.counts, places = excluded.places",
            transaction.values(now.len(), 4)
        ));
        for one in now {
            let mut places = String::new();
            one.places.write(minute, &mut places);
            statement = statement
                .int(minute)
                .int(one.facet)
                .owned_text(one.measures.to_text())
                .owned_text(places);
        }
        statement.run(transaction).await?;
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
