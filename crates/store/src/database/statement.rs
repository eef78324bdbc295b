//! Statements and the rows that they return.

use sqlx::any::{AnyArguments, AnyRow};
use sqlx::query::Query;
use sqlx::{Any, AssertSqlSafe, Row as _};

use super::errors::{from_sqlx, within};
use super::{Database, Transaction};
use crate::StoreError;

/// One statement and its binds, in order.
pub(crate) struct Statement(Query<'static, Any, AnyArguments>);

impl Statement {
    pub(crate) fn new(sql: &'static str) -> Self {
        Self(sqlx::query(sql))
    }

    /// A statement put together from our own constants (a number of placeholders, for example).
    /// What comes from outside is bound, never pasted.
    pub(crate) fn assembled(sql: String) -> Self {
        Self(sqlx::query(AssertSqlSafe(sql)))
    }

    pub(crate) fn int(self, value: i64) -> Self {
        Self(self.0.bind(value))
    }

    pub(crate) fn maybe_int(self, value: Option<i64>) -> Self {
        Self(self.0.bind(value))
    }

    pub(crate) fn flag(self, value: bool) -> Self {
        self.int(i64::from(value))
    }

    pub(crate) fn text(self, value: &str) -> Self {
        self.owned_text(value.to_owned())
    }

    pub(crate) fn maybe_text(self, value: Option<&str>) -> Self {
        self.maybe_owned_text(value.map(str::to_owned))
    }

    /// As [`Statement::text`], of a text that was made for it.
    pub(crate) fn owned_text(self, value: String) -> Self {
        Self(self.0.bind(storable(value)))
    }

    pub(crate) fn maybe_owned_text(self, value: Option<String>) -> Self {
        Self(self.0.bind(value.map(storable)))
    }

    /// Runs it in a transaction; how many rows it touched.
    pub(crate) async fn run(self, transaction: &mut Transaction) -> Result<u64, StoreError> {
        let done = within(self.0.execute(transaction.connection())).await?;
        Ok(done.rows_affected())
    }

    /// Runs it in a transaction however long it takes: for waiting on another's migration.
    pub(crate) async fn run_unhurried(
        self,
        transaction: &mut Transaction,
    ) -> Result<(), StoreError> {
        self.0
            .execute(transaction.connection())
            .await
            .map(drop)
            .map_err(|error| from_sqlx(&error))
    }

    /// Runs it in a transaction; the rows it returns.
    pub(crate) async fn rows(self, transaction: &mut Transaction) -> Result<Vec<Row>, StoreError> {
        let rows = within(self.0.fetch_all(transaction.connection())).await?;
        Ok(rows.into_iter().map(Row).collect())
    }

    /// As [`Statement::rows`], however long it takes: for what reads the whole database.
    pub(crate) async fn rows_unhurried(
        self,
        transaction: &mut Transaction,
    ) -> Result<Vec<Row>, StoreError> {
        let rows = self.0.fetch_all(transaction.connection()).await;
        let rows = rows.map_err(|error| from_sqlx(&error))?;
        Ok(rows.into_iter().map(Row).collect())
    }

    /// Reads outside of any transaction.
    pub(crate) async fn read(self, database: &Database) -> Result<Vec<Row>, StoreError> {
        let rows = within(self.0.fetch_all(database.reader())).await?;
        Ok(rows.into_iter().map(Row).collect())
    }
}

/// One row of an answer.
pub(crate) struct Row(AnyRow);

impl Row {
    pub(crate) fn int(&self, column: &str) -> Result<i64, StoreError> {
        self.0.try_get(column).map_err(|e| from_sqlx(&e))
    }

    pub(crate) fn maybe_int(&self, column: &str) -> Result<Option<i64>, StoreError> {
        self.0.try_get(column).map_err(|e| from_sqlx(&e))
    }

    pub(crate) fn flag(&self, column: &str) -> Result<bool, StoreError> {
        Ok(self.int(column)? != 0)
    }

    pub(crate) fn text(&self, column: &str) -> Result<String, StoreError> {
        self.0.try_get(column).map_err(|e| from_sqlx(&e))
    }

    pub(crate) fn maybe_text(&self, column: &str) -> Result<Option<String>, StoreError> {
        self.0.try_get(column).map_err(|e| from_sqlx(&e))
    }
}

/// `$from, $from+1, …`: placeholders for so many binds.
pub(crate) fn placeholders(from: usize, count: usize) -> String {
    let names: Vec<String> = (from..from + count)
        .map(|number| format!("${number}"))
        .collect();
    names.join(", ")
}

/// Rows in parts, each as many as one statement takes: powers of two up to `most`, which is one too, so
/// that few statements are prepared.
pub(crate) fn in_powers_of_two<T>(rows: &[T], most: usize) -> impl Iterator<Item = &[T]> {
    let mut left = rows;
    std::iter::from_fn(move || {
        let size = (1 << left.len().checked_ilog2()?).min(most);
        let (now, later) = left.split_at(size);
        left = later;
        Some(now)
    })
}

/// How many names are asked about in one statement.
const NAMES_PER_STATEMENT: usize = 128;

/// Reads the rows that have one of these texts in a column. `sql` makes the statement from the
/// placeholders. Few sizes, so that few statements are prepared; the last text fills the gap.
pub(crate) async fn rows_named(
    database: &Database,
    sql: impl Fn(&str) -> String,
    names: &[&str],
) -> Result<Vec<Row>, StoreError> {
    let mut rows = Vec::with_capacity(names.len());
    for some in names.chunks(NAMES_PER_STATEMENT) {
        let size = some.len().next_power_of_two();
        let filling = some.last().into_iter().cycle();
        let statement = Statement::assembled(sql(&placeholders(1, size)));
        let bound = some.iter().chain(filling).take(size);
        let statement = bound.fold(statement, |statement, name| statement.text(name));
        rows.extend(statement.read(database).await?);
    }
    Ok(rows)
}

/// PostgreSQL's text cannot hold the character NUL, which JSON from outside can spell. It becomes
/// the visible sign for it (U+2400), in both engines alike.
fn storable(text: String) -> String {
    if text.contains('\0') {
        return text.replace('\0', "\u{2400}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_parted_into_few_sizes_and_stay_in_order() {
        for (count, sizes) in [
            (0, vec![]),
            (1, vec![1]),
            (8, vec![8]),
            (13, vec![8, 4, 1]),
            (23, vec![8, 8, 4, 2, 1]),
        ] {
            let rows: Vec<usize> = (0..count).collect();
            let parts: Vec<&[usize]> = in_powers_of_two(&rows, 8).collect();
            assert_eq!(parts.concat(), rows);
            let of_parts: Vec<usize> = parts.iter().map(|part| part.len()).collect();
            assert_eq!(of_parts, sizes, "{count} rows");
        }
    }
}
