//! Transactions.

use std::fmt::Write as _;

use sqlx::{AssertSqlSafe, Postgres, SqlSafeStr as _, SqlStr, Sqlite};

use super::Engine;
use super::errors::{from_sqlx, within};
use super::log::{Log, Turn};
use crate::StoreError;

/// An open transaction. Dropped without a commit it is rolled back.
pub(crate) struct Transaction {
    begun: Begun,
    kind: Kind,
}

/// What an engine's driver knows of it.
pub(super) enum Begun {
    Sqlite(sqlx::Transaction<'static, Sqlite>),
    Postgres(sqlx::Transaction<'static, Postgres>),
}

/// What the log of SQLite has to do with it; nothing on PostgreSQL and in memory.
pub(super) enum Kind {
    /// It may write: the log is told of its commit.
    Writes(Option<Log>),
    /// It reads: the log is not emptied of what was committed after it began.
    Reads { _turn: Option<Turn> },
}

impl Transaction {
    pub(super) const fn new(begun: Begun, kind: Kind) -> Self {
        Self { begun, kind }
    }

    pub(crate) const fn engine(&self) -> Engine {
        match &self.begun {
            Begun::Sqlite(_) => Engine::Sqlite,
            Begun::Postgres(_) => Engine::Postgres,
        }
    }

    pub(super) const fn begun(&mut self) -> &mut Begun {
        &mut self.begun
    }

    /// Lets its statements take as long as they like.
    pub(crate) async fn unhurried(&mut self) -> Result<(), StoreError> {
        match self.engine() {
            Engine::Sqlite => Ok(()),
            Engine::Postgres => self.run_script("SET LOCAL statement_timeout = 0").await,
        }
    }

    /// Runs a statement without binds that is put together from our own constants.
    pub(crate) async fn run_assembled(&mut self, sql: String) -> Result<(), StoreError> {
        self.run_raw(AssertSqlSafe(sql).into_sql_str()).await
    }

    /// The places for the binds of several rows: `(…), (…)`. SQLite looks up the name of each bind
    /// that has one by walking a list from its start, so that the work grows with the square of
    /// their number; it gets places without names, which PostgreSQL does not know.
    pub(crate) fn values(&self, rows: usize, columns: usize) -> String {
        let mut text = String::with_capacity(rows * columns * 6);
        for row in 0..rows {
            text.push_str(if row == 0 { "(" } else { "), (" });
            for column in 0..columns {
                if column > 0 {
                    text.push_str(", ");
                }
                match self.engine() {
                    Engine::Sqlite => text.push('?'),
                    // Writing to a String cannot fail.
                    Engine::Postgres => {
                        let _ = write!(text, "${}", row * columns + column + 1);
                    }
                }
            }
        }
        text.push(')');
        text
    }

    /// Undoes all of it.
    pub(crate) async fn undo(self) -> Result<(), StoreError> {
        match self.begun {
            Begun::Sqlite(begun) => within(Box::pin(begun.rollback())).await,
            Begun::Postgres(begun) => within(Box::pin(begun.rollback())).await,
        }
    }

    pub(crate) async fn commit(self) -> Result<(), StoreError> {
        match self.begun {
            Begun::Sqlite(begun) => within(Box::pin(begun.commit())).await?,
            Begun::Postgres(begun) => within(Box::pin(begun.commit())).await?,
        }
        if let Kind::Writes(Some(log)) = &self.kind {
            log.has_grown();
        }
        Ok(())
    }

    /// Runs several statements without binds: for migrations, which may take as long as they like.
    pub(crate) async fn run_script(&mut self, sql: &'static str) -> Result<(), StoreError> {
        self.run_raw(SqlStr::from_static(sql)).await
    }

    async fn run_raw(&mut self, sql: SqlStr) -> Result<(), StoreError> {
        let sql = sqlx::raw_sql(sql);
        let done = match &mut self.begun {
            Begun::Sqlite(begun) => Box::pin(sql.execute(&mut **begun)).await.map(drop),
            Begun::Postgres(begun) => Box::pin(sql.execute(&mut **begun)).await.map(drop),
        };
        done.map_err(|error| from_sqlx(&error))
    }
}
