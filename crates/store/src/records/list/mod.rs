//! Lists of records, newest first, by any filter, a page at a time.
//!
//! No filter has an index of its own, for each would cost every insert. Instead:
//!
//! 1. `search`: a text becomes an id, a session, names that are counted by, or a search in the rows.
//! 2. `scan`: the newest rows in question are looked through. Whatever is frequent is found here.
//! 3. `by_facet`: what is not is found by the index by facet, of which the filter names some, and by what
//!    has not moved into it yet.
//! 4. `by_peak`: dear and slow calls are found by the maxima in days and hours, and answers with a
//!    sign (`signs`) by what was counted of them.
//!
//! Each looks at a bounded number of rows. A page that was not filled by then says how far it came
//! ([`Page::next`]), and the next one goes on there.

mod by_facet;
mod by_peak;
mod by_session;
mod query;
mod scan;
mod search;
mod signs;

use std::collections::BTreeSet;

use ledger::Generation;

use super::dimensions::FacetFilter;
use super::month::{Month, start_of, time_of};
use super::months;
use super::row::{COLUMNS, from_row};
use crate::database::{Lane, Statement, Transaction, placeholders, rest};
use crate::{Store, StoreError};

pub use query::ListQuery;
use search::Search;

/// The most records of a page.
pub const PAGE_MAX: usize = 1000;

/// A page of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    /// The records, newest first.
    pub records: Vec<Generation>,
    /// Where the next page begins ([`ListQuery::before`]); `None` when there are no more. There may be
    /// a next page though this one is not full.
    pub next: Option<i64>,
}

impl Page {
    /// Since which moment, Unix milliseconds, everything was looked at; `None` when there is no more.
    #[must_use]
    pub fn looked_from_ms(&self) -> Option<i64> {
        self.next.map(time_of)
    }
}

/// Positions that were found, and how far was looked.
#[derive(Debug, Default)]
struct Found {
    positions: BTreeSet<i64>,
    /// Everything from here on was looked at.
    low: i64,
}

impl Found {
    /// Adds positions, and keeps so many of the newest.
    fn add_newest(&mut self, positions: impl IntoIterator<Item = i64>, count: usize) {
        self.positions.extend(positions);
        while self.positions.len() > count {
            self.positions.pop_first();
        }
    }
}

/// What is looked for, and where.
struct Sought<'a> {
    query: &'a ListQuery,
    /// The query's filter, and what the text made of it.
    filter: FacetFilter,
    /// Positions: from, and until before.
    range: (i64, i64),
    /// Records wanted.
    count: usize,
    /// The months that overlap the range, newest first.
    months: Vec<Month>,
}

impl Sought<'_> {
    /// One more than are wanted: so it is known whether there are more.
    const fn one_more(&self) -> usize {
        self.count.saturating_add(1)
    }
}

impl Store {
    /// A page of the records that fit.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Unreadable`].
    pub async fn list(&self, query: &ListQuery) -> Result<Page, StoreError> {
        let page = |lane| {
            let (store, query) = (self.clone(), query.clone());
            async move { store.page(lane, &query).await }
        };
        self.database.aside(page).await
    }

    async fn page(&self, lane: Lane, query: &ListQuery) -> Result<Page, StoreError> {
        let mut transaction = self.database.snapshot_in(lane).await?;
        let search = search::understand(&mut transaction, query).await?;
        let sought = sought(&mut transaction, query, &search).await?;
        let found = find(&mut transaction, &sought, &search).await?;
        let mut newest: Vec<i64> = found.positions.iter().rev().copied().collect();
        let next = if newest.len() > sought.count {
            newest.truncate(sought.count);
            newest.last().copied()
        } else {
            (found.low > sought.range.0).then_some(found.low)
        };
        Ok(Page {
            records: read(&mut transaction, &newest).await?,
            next,
        })
    }
}

async fn sought<'a>(
    transaction: &mut Transaction,
    query: &'a ListQuery,
    search: &Search,
) -> Result<Sought<'a>, StoreError> {
    let mut filter = query.filter.clone();
    let mut range = (
        query.from_ms.map_or(0, start_of),
        query.to_ms.map_or(i64::MAX, start_of),
    );
    if let Some(before) = query.before {
        range.1 = range.1.min(before);
    }
    match search {
        Search::Id { from, until, .. } => {
            range = (range.0.max(*from), range.1.min(*until));
        }
        Search::Names(text) => filter = filter.containing(text),
        Search::None | Search::Session(_) | Search::Rows(_) => {}
    }
    let mut all = months(transaction).await?;
    all.retain(|month| {
        let (from, until) = month.positions();
        from < range.1 && until > range.0
    });
    all.reverse();
    Ok(Sought {
        query,
        filter,
        range,
        count: query.count.clamp(1, PAGE_MAX),
        months: all,
    })
}

async fn find(
    transaction: &mut Transaction,
    sought: &Sought<'_>,
    search: &Search,
) -> Result<Found, StoreError> {
    let session = match search {
        Search::Session(id) => Some(id),
        _ => sought.query.session_id.as_ref(),
    };
    if let Some(session_id) = session {
        return by_session::find(transaction, sought, session_id).await;
    }
    let is_in_rows = matches!(search, Search::Id { .. } | Search::Rows(_));
    if is_in_rows || sought.query.is_only_in_rows() {
        return scan::all(transaction, sought, search).await;
    }
    let mut found = scan::newest(transaction, sought).await?;
    if found.positions.len() > sought.count || found.low <= sought.range.0 {
        return Ok(found);
    }
    if sought.query.has_peak() {
        by_peak::find(transaction, sought, &mut found).await?;
    } else if sought.filter.is_empty() {
        // Every row fits, and the scan has seen all that it may.
    } else {
        by_facet::find(transaction, sought, &mut found).await?;
    }
    Ok(found)
}

/// The conditions of a row but for its facet: signs, `cost_nanos` and `total_ms`.
fn peak_sql(query: &ListQuery) -> String {
    let mut sql = signs::of_row(&query.signs);
    if let Some(nanos) = query.cost_nanos_min {
        sql.push_str(&format!(" AND cost_nanos >= {nanos}"));
    }
    if let Some(total_ms) = query.total_ms_min {
        sql.push_str(&format!(" AND total_ms >= {total_ms}"));
    }
    sql
}

/// The condition of a row of one end user, with the bind of that number; nothing where any is wanted.
fn of_user(query: &ListQuery, next: &mut usize) -> String {
    if query.external_user.is_none() {
        return String::new();
    }
    let sql = format!(" AND external_user = ${next}");
    *next += 1;
    sql
}

/// Binds what [`of_user`] speaks of.
fn bind_user(statement: Statement, query: &ListQuery) -> Statement {
    match &query.external_user {
        Some(user) => statement.text(user),
        None => statement,
    }
}

/// The records at those positions, in that order.
async fn read(
    transaction: &mut Transaction,
    positions: &[i64],
) -> Result<Vec<Generation>, StoreError> {
    const PER_STATEMENT: usize = 64;
    let mut records = Vec::with_capacity(positions.len());
    for some in positions.chunks(PER_STATEMENT) {
        let mut statement = Statement::assembled(format!(
            "SELECT {} FROM generations WHERE position IN ({}) ORDER BY position DESC",
            COLUMNS.join(", "),
            placeholders(1, some.len())
        ));
        for position in some {
            statement = statement.int(*position);
        }
        for row in &statement.rows(transaction).await? {
            rest::now_and_then();
            records.push(from_row(row)?);
        }
    }
    Ok(records)
}
