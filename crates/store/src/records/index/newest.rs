//! The newest records of some facets.

use std::collections::BTreeSet;

use super::tables::tables;
use crate::StoreError;
use crate::database::{Statement, Transaction};
use crate::records::Month;

/// Facets asked about by one statement.
pub(in crate::records) const ARMS: usize = 16;

/// The months that have a table in the index.
#[derive(Debug)]
pub(in crate::records) struct Index {
    months: BTreeSet<Month>,
}

/// What is asked, of one month.
#[derive(Debug, Clone, Copy)]
pub(in crate::records) struct Asked<'a> {
    pub(in crate::records) month: Month,
    /// Positions of that month: from, and until before.
    pub(in crate::records) range: (i64, i64),
    /// How many of each facet.
    pub(in crate::records) count: usize,
    /// What must hold of the records, after another condition; may be empty.
    pub(in crate::records) condition: &'a str,
}

impl Index {
    /// As it is in this transaction.
    pub(in crate::records) async fn of(transaction: &mut Transaction) -> Result<Self, StoreError> {
        Ok(Self {
            months: tables(transaction).await?,
        })
    }

    /// Where the newest records of each of some facets stand, at most [`ARMS`] of them, in no order. What has
    /// not moved into the index is not among them.
    pub(in crate::records) async fn newest(
        &self,
        transaction: &mut Transaction,
        asked: Asked<'_>,
        facets: &[i64],
    ) -> Result<Vec<i64>, StoreError> {
        // The last facet fills the gap, so that few statements are prepared.
        let arms = facets.len().next_power_of_two();
        let from = self.from(asked);
        let selects: Vec<String> = (0..arms)
            .map(|arm| {
                format!(
                    "SELECT position FROM (SELECT i.position AS position FROM {from} \
                     WHERE i.facet = ${} AND i.position >= $1 AND i.position < $2{} \
                     ORDER BY i.position DESC LIMIT $3) AS a{arm}",
                    arm + 4,
                    asked.condition
                )
            })
            .collect();
        let mut statement = Statement::assembled(selects.join(" UNION ALL "))
            .int(asked.range.0)
            .int(asked.range.1)
            .int(i64::try_from(asked.count).unwrap_or(i64::MAX));
        let last = facets.last().into_iter().cycle();
        for facet in facets.iter().chain(last).take(arms) {
            statement = statement.int(*facet);
        }
        let rows = statement.rows(transaction).await?;
        rows.iter().map(|row| row.int("position")).collect()
    }

    /// What is read: the index, and the records where something must hold of them. A month that has no
    /// index says as much itself, if slowly.
    fn from(&self, asked: Asked<'_>) -> String {
        let records = asked.month.table();
        if !self.months.contains(&asked.month) {
            return format!("{records} i");
        }
        let index = asked.month.index_table();
        if asked.condition.is_empty() {
            return format!("{index} i");
        }
        format!("{index} i JOIN {records} r ON r.position = i.position")
    }
}
