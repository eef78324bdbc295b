//! Inserting records where their ids say, each once.

use foldhash::{HashMap, HashMapExt as _, HashSet, HashSetExt as _};
use ledger::Generation;

use super::facets::{KnownFacets, NewFacets};
use super::month::{Month, PROBES, position_of};
use super::row::{COLUMNS, bind};
use crate::database::{Statement, Transaction, in_powers_of_two};
use crate::{Settled, StoreError};

/// Rows per statement, at most: a power of two. More than this gains nothing.
const ROWS_PER_STATEMENT: usize = 32;

/// A record, and where it stands: where its id says, or on one of the next positions.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) position: i64,
    pub(crate) facet: i64,
    pub(crate) settled: &'a Settled,
}

impl Place<'_> {
    pub(crate) fn month(&self) -> Month {
        Month::of(self.position)
    }

    pub(crate) fn generation(&self) -> &Generation {
        &self.settled.generation
    }
}

/// The records of a batch, each once, in the order of their positions; their facets are not known.
pub(crate) fn places<'a>(batch: &[&'a Settled]) -> Vec<Place<'a>> {
    let mut seen = HashSet::with_capacity(batch.len());
    let mut places: Vec<Place<'_>> = batch
        .iter()
        .filter(|settled| seen.insert(settled.generation.id.as_str()))
        .map(|settled| Place {
            position: position_of(settled.generation.id.as_str()),
            facet: 0,
            settled,
        })
        .collect();
    places.sort_unstable_by(|a, b| {
        let ids = [a, b].map(|place| &place.settled.generation.id);
        (a.position, ids[0]).cmp(&(b.position, ids[1]))
    });
    places
}

/// Inserts the records that are not there yet; which those are, with their facets and the positions
/// that they got.
pub(crate) async fn insert<'a>(
    transaction: &mut Transaction,
    known: &KnownFacets,
    places: &[Place<'a>],
) -> Result<(Vec<Place<'a>>, NewFacets), StoreError> {
    let (places, new) = with_facets(transaction, known, places).await?;
    let mut inserted = Vec::with_capacity(places.len());
    for now in pieces(&places) {
        insert_some(transaction, now, &mut inserted).await?;
    }
    Ok((inserted, new))
}

/// The same for records that are all new, none of which is asked after; `None` where some were not, and the
/// transaction is to be undone.
pub(crate) async fn insert_new<'a>(
    transaction: &mut Transaction,
    known: &KnownFacets,
    places: &[Place<'a>],
) -> Result<Option<(Vec<Place<'a>>, NewFacets)>, StoreError> {
    let (places, new) = with_facets(transaction, known, places).await?;
    for now in pieces(&places) {
        let inserted = rows_of(transaction, now, "").run(transaction).await?;
        if usize::try_from(inserted) != Ok(now.len()) {
            return Ok(None);
        }
    }
    Ok(Some((places, new)))
}

/// The same records with their facets.
async fn with_facets<'a>(
    transaction: &mut Transaction,
    known: &KnownFacets,
    places: &[Place<'a>],
) -> Result<(Vec<Place<'a>>, NewFacets), StoreError> {
    let calls: Vec<&Generation> = places
        .iter()
        .map(|place| place.settled.generation.as_ref())
        .collect();
    let (facets, new) = known.of(transaction, &calls).await?;
    let places = places.iter().zip(facets);
    let places = places.map(|(place, facet)| Place { facet, ..*place });
    Ok((places.collect(), new))
}

/// As many at a time as one statement takes, of one month each.
fn pieces<'p, 'a>(places: &'p [Place<'a>]) -> impl Iterator<Item = &'p [Place<'a>]> {
    let months = places.chunk_by(|a, b| a.month() == b.month());
    months.flat_map(|places| in_powers_of_two(places, ROWS_PER_STATEMENT))
}

/// Inserts records of one month.
async fn insert_some<'a>(
    transaction: &mut Transaction,
    places: &[Place<'a>],
    inserted: &mut Vec<Place<'a>>,
) -> Result<(), StoreError> {
    let mut taken: HashMap<i64, u32> = HashMap::with_capacity(places.len());
    for position in insert_rows(transaction, places).await? {
        *taken.entry(position).or_default() += 1;
    }
    for place in places {
        // Of several with the same position the first was inserted: in that order they were given.
        match taken.get_mut(&place.position) {
            Some(count) if *count > 0 => {
                *count -= 1;
                inserted.push(*place);
            }
            _ => inserted.extend(insert_nearby(transaction, *place).await?),
        }
    }
    Ok(())
}

/// Inserts a record whose position is taken on the next free one, unless it is there already.
async fn insert_nearby<'a>(
    transaction: &mut Transaction,
    place: Place<'a>,
) -> Result<Option<Place<'a>>, StoreError> {
    let rows = Statement::assembled(format!(
        "SELECT position, id FROM {} WHERE position >= $1 AND position < $2 ORDER BY position",
        place.month().table()
    ))
    .int(place.position)
    .int(place.position.saturating_add(PROBES))
    .rows(transaction)
    .await?;
    let mut free = place.position;
    for row in &rows {
        if row.text("id")? == place.settled.generation.id.as_str() {
            return Ok(None);
        }
        if row.int("position")? == free {
            free += 1;
        }
    }
    if free >= place.position.saturating_add(PROBES) {
        let text = format!(
            "{PROBES} records stand where {} should",
            place.generation().id
        );
        return Err(StoreError::Refused(text));
    }
    let moved = Place {
        position: free,
        ..place
    };
    if insert_rows(transaction, &[moved]).await?.is_empty() {
        let text = format!(
            "the position of {} was taken meanwhile",
            place.generation().id
        );
        return Err(StoreError::Unavailable(text));
    }
    Ok(Some(moved))
}

/// Inserts rows with one statement; the positions of those whose position was free.
async fn insert_rows(
    transaction: &mut Transaction,
    places: &[Place<'_>],
) -> Result<Vec<i64>, StoreError> {
    let statement = rows_of(transaction, places, "RETURNING position");
    let rows = statement.rows(transaction).await?;
    rows.iter().map(|row| row.int("position")).collect()
}

/// The statement that inserts records of one month where their positions are free.
fn rows_of(transaction: &Transaction, places: &[Place<'_>], ending: &str) -> Statement {
    let month = places.first().map_or(Month::at(0), Place::month);
    let binds = COLUMNS.len() + 3;
    let mut statement = Statement::assembled(format!(
        "INSERT INTO {} (position, facet, {}, postings) VALUES {} \
         ON CONFLICT (position) DO NOTHING {ending}",
        month.table(),
        COLUMNS.join(", "),
        transaction.values(places.len(), binds)
    ))
    .with_room_for(places.len() * binds);
    for place in places {
        statement = statement.int(place.position).int(place.facet);
        statement = bind(statement, place.settled);
    }
    statement
}
