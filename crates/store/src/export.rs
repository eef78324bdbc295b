//! The whole ledger, page by page: the entries that are stored, then the lines of calls in their
//! budget windows, which follow from the rows of the calls.

use std::fmt;

use ledger::{Amount, GenerationId};

use crate::database::{Row, Statement};
use crate::{Posting, Store, StoreError, StoredEntry, entries};

/// Where a page of an export begins: after this.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExportAfter {
    /// A stored entry, by id; an empty one is the very beginning.
    Entry(String),
    /// A call, by its position.
    Call(i64),
}

impl ExportAfter {
    /// The beginning.
    #[must_use]
    pub const fn beginning() -> Self {
        Self::Entry(String::new())
    }

    /// Reads what `Display` wrote.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        match text.split_once(':')? {
            ("entry", id) => Some(Self::Entry(id.to_owned())),
            ("call", position) => position.parse().ok().map(Self::Call),
            _ => None,
        }
    }
}

impl fmt::Display for ExportAfter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Entry(id) => write!(f, "entry:{id}"),
            Self::Call(position) => write!(f, "call:{position}"),
        }
    }
}

impl Store {
    /// A page of the ledger, of what happened from `from_ms` until before `to_ms` (Unix
    /// milliseconds): stored entries by id, at most `count`, then the lines of at most so many
    /// calls; and where the next page begins, if there is one. A page may be empty.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Unreadable`].
    pub async fn export(
        &self,
        after: &ExportAfter,
        (from_ms, to_ms): (i64, i64),
        count: u32,
    ) -> Result<(Vec<StoredEntry>, Option<ExportAfter>), StoreError> {
        let statement = match after {
            ExportAfter::Entry(id) => Statement::new(
                "SELECT id, generation_id, debit, credit, amount_nanos, kind, at_ms FROM entries \
                 WHERE id > $1 AND at_ms >= $2 AND at_ms < $3 ORDER BY id LIMIT $4",
            )
            .text(id),
            ExportAfter::Call(position) => Statement::new(
                "SELECT position, id, created_at_ms, cost_nanos, postings FROM generations \
                 WHERE position > $1 AND created_at_ms >= $2 AND created_at_ms < $3 \
                 AND postings IS NOT NULL ORDER BY position LIMIT $4",
            )
            .int(*position),
        };
        let rows = statement
            .int(from_ms)
            .int(to_ms)
            .int(i64::from(count))
            .read(&self.database)
            .await?;
        if let ExportAfter::Call(_) = after {
            let mut lines = Vec::new();
            for row in &rows {
                lines.extend(of_call(row)?);
            }
            let last = rows.last().map(|row| row.int("position")).transpose()?;
            return Ok((lines, last.map(ExportAfter::Call)));
        }
        let last = rows.last().map(|row| row.text("id")).transpose()?;
        let lines = rows
            .iter()
            .map(entries::from_row)
            .collect::<Result<_, _>>()?;
        let next = last.map_or(ExportAfter::Call(-1), ExportAfter::Entry);
        Ok((lines, Some(next)))
    }
}

fn of_call(row: &Row) -> Result<Vec<StoredEntry>, StoreError> {
    let id = GenerationId::from_text(row.text("id")?);
    let posting = Posting::from_text(row.borrowed_text("postings")?)?;
    let cost = Amount::from_nanos(row.maybe_int("cost_nanos")?.unwrap_or(0));
    let at_ms = row.int("created_at_ms")?;
    Ok(entries::lines_of_call(&id, &posting, (cost, at_ms)))
}
