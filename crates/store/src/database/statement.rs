//! Statements.

use sqlx::postgres::PgArguments;
use sqlx::query::Query;
use sqlx::sqlite::SqliteArguments;
use sqlx::{AssertSqlSafe, Postgres, SqlSafeStr as _, SqlStr, Sqlite};

use super::binds::Binds;
use super::errors::{from_sqlx, within};
use super::pools::Pool;
use super::transaction::Begun;
use super::{Database, Row, Transaction};
use crate::StoreError;

/// One statement and its binds, in order.
pub(crate) struct Statement {
    sql: SqlStr,
    binds: Binds,
}

impl Statement {
    pub(crate) fn new(sql: &'static str) -> Self {
        Self {
            sql: SqlStr::from_static(sql),
            binds: Binds::default(),
        }
    }

    /// A statement put together from our own constants (a number of placeholders, for example).
    /// What comes from outside is bound, never pasted.
    pub(crate) fn assembled(sql: String) -> Self {
        Self {
            sql: AssertSqlSafe(sql).into_sql_str(),
            binds: Binds::default(),
        }
    }

    /// Makes room for so many binds.
    pub(crate) fn with_room_for(mut self, binds: usize) -> Self {
        self.binds.reserve(binds);
        self
    }

    pub(crate) fn int(self, value: i64) -> Self {
        self.maybe_int(Some(value))
    }

    pub(crate) fn maybe_int(mut self, value: Option<i64>) -> Self {
        self.binds.int(value);
        self
    }

    pub(crate) fn flag(self, value: bool) -> Self {
        self.int(i64::from(value))
    }

    pub(crate) fn text(self, value: &str) -> Self {
        self.maybe_text(Some(value))
    }

    pub(crate) fn maybe_text(mut self, value: Option<&str>) -> Self {
        self.binds.text(value);
        self
    }

    /// As [`Statement::text`], of a text that was made for it.
    pub(crate) fn owned_text(self, value: String) -> Self {
        self.maybe_owned_text(Some(value))
    }

    pub(crate) fn maybe_owned_text(mut self, value: Option<String>) -> Self {
        self.binds.owned_text(value);
        self
    }

    /// Runs it in a transaction; how many rows it touched.
    pub(crate) async fn run(self, transaction: &mut Transaction) -> Result<u64, StoreError> {
        within(Box::pin(self.execute(transaction.begun()))).await
    }

    /// Runs it in a transaction however long it takes: for waiting on another's migration.
    pub(crate) async fn run_unhurried(
        self,
        transaction: &mut Transaction,
    ) -> Result<(), StoreError> {
        let done = Box::pin(self.execute(transaction.begun())).await;
        done.map(drop).map_err(|error| from_sqlx(&error))
    }

    /// Runs it in a transaction; the rows it returns.
    pub(crate) async fn rows(self, transaction: &mut Transaction) -> Result<Vec<Row>, StoreError> {
        within(Box::pin(self.fetch(transaction.begun()))).await
    }

    /// As [`Statement::rows`], however long it takes: for what reads the whole database.
    pub(crate) async fn rows_unhurried(
        self,
        transaction: &mut Transaction,
    ) -> Result<Vec<Row>, StoreError> {
        let rows = Box::pin(self.fetch(transaction.begun())).await;
        rows.map_err(|error| from_sqlx(&error))
    }

    /// Reads outside of any transaction.
    pub(crate) async fn read(self, database: &Database) -> Result<Vec<Row>, StoreError> {
        within(Box::pin(self.fetch_alone(database.reader()))).await
    }

    // === By engine: on the heap before anything waits for it, so that whoever does need not have room for
    // what the drivers do ===

    async fn execute(self, begun: &mut Begun) -> Result<u64, sqlx::Error> {
        Ok(match begun {
            Begun::Sqlite(begun) => {
                let done = self.for_sqlite()?.execute(&mut **begun).await?;
                done.rows_affected()
            }
            Begun::Postgres(begun) => {
                let done = self.for_postgres()?.execute(&mut **begun).await?;
                done.rows_affected()
            }
        })
    }

    async fn fetch(self, begun: &mut Begun) -> Result<Vec<Row>, sqlx::Error> {
        Ok(match begun {
            Begun::Sqlite(begun) => {
                let rows = self.for_sqlite()?.fetch_all(&mut **begun).await?;
                rows.into_iter().map(Row::Sqlite).collect()
            }
            Begun::Postgres(begun) => {
                let rows = self.for_postgres()?.fetch_all(&mut **begun).await?;
                rows.into_iter().map(Row::Postgres).collect()
            }
        })
    }

    async fn fetch_alone(self, pool: &Pool) -> Result<Vec<Row>, sqlx::Error> {
        Ok(match pool {
            Pool::Sqlite(pool) => {
                let rows = self.for_sqlite()?.fetch_all(pool).await?;
                rows.into_iter().map(Row::Sqlite).collect()
            }
            Pool::Postgres(pool) => {
                let rows = self.for_postgres()?.fetch_all(pool).await?;
                rows.into_iter().map(Row::Postgres).collect()
            }
        })
    }

    fn for_sqlite(self) -> Result<Query<'static, Sqlite, SqliteArguments>, sqlx::Error> {
        let arguments = self.binds.into_arguments::<Sqlite>()?;
        Ok(sqlx::query_with(self.sql, arguments))
    }

    fn for_postgres(self) -> Result<Query<'static, Postgres, PgArguments>, sqlx::Error> {
        let arguments = self.binds.into_arguments::<Postgres>()?;
        Ok(sqlx::query_with(self.sql, arguments))
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
