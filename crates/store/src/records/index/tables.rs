//! The tables of the index: one for each month.

use std::collections::BTreeSet;

use crate::database::{Engine, Statement, Transaction};
use crate::records::{Month, merge, months, partitions};
use crate::{Store, StoreError};

impl Store {
    /// Gives each month that has no table its own, filled from the records: those from before there were
    /// such tables. Month by month, each in a transaction of its own, so that the next start goes on
    /// after a crash.
    pub(crate) async fn complete_index(&self) -> Result<(), StoreError> {
        {
            // Where nothing is to be done, nobody is to wait for the lock of those who write.
            let mut transaction = self.database.snapshot().await?;
            if without(&mut transaction).await?.is_empty() {
                return Ok(());
            }
        }
        loop {
            let mut transaction = self.database.begin().await?;
            // Another process may be at it.
            partitions::lock_unhurried(&mut transaction).await?;
            // What is gathered meanwhile would not find the table.
            merge::lock(&mut transaction).await?;
            let Some(month) = without(&mut transaction).await?.pop_first() else {
                return Ok(());
            };
            make_filled(&mut transaction, month).await?;
            transaction.commit().await?;
        }
    }
}

/// The months that have no table.
async fn without(transaction: &mut Transaction) -> Result<BTreeSet<Month>, StoreError> {
    let mut months: BTreeSet<Month> = months(transaction).await?.into_iter().collect();
    for month in tables(transaction).await? {
        months.remove(&month);
    }
    Ok(months)
}

/// The months that have one.
pub(in crate::records) async fn tables(
    transaction: &mut Transaction,
) -> Result<BTreeSet<Month>, StoreError> {
    let sql = match transaction.engine() {
        Engine::Sqlite => {
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name GLOB 'by_facet_[0-9]*'"
        }
        Engine::Postgres => {
            // Another schema of the same database is somebody else's.
            "SELECT CAST(relname AS TEXT) AS name FROM pg_class \
             WHERE relkind = 'r' AND relname LIKE 'by\\_facet\\_%' AND relnamespace = \
             (SELECT relnamespace FROM pg_class WHERE oid = 'generations'::regclass)"
        }
    };
    let rows = Statement::new(sql).rows(transaction).await?;
    let mut months = BTreeSet::new();
    for row in &rows {
        months.extend(Month::from_index_table(row.borrowed_text("name")?));
    }
    Ok(months)
}

/// Makes the table of a month that has none.
pub(in crate::records) async fn make(
    transaction: &mut Transaction,
    month: Month,
) -> Result<(), StoreError> {
    let kind = match transaction.engine() {
        Engine::Sqlite => " WITHOUT ROWID",
        Engine::Postgres => "",
    };
    let make = format!(
        "CREATE TABLE {} (facet BIGINT NOT NULL, position BIGINT NOT NULL, \
         PRIMARY KEY (facet, position)){kind}",
        month.index_table()
    );
    transaction.run_assembled(make).await
}

/// The same, with all that the month has. Whoever calls has the lock under which is merged.
pub(super) async fn make_filled(
    transaction: &mut Transaction,
    month: Month,
) -> Result<(), StoreError> {
    tracing::info!(%month, "the index of a month's records by facet is being made");
    transaction.unhurried().await?;
    make(transaction, month).await?;
    let (table, index) = (month.table(), month.index_table());
    let fill = format!(
        "INSERT INTO {index} (facet, position) SELECT facet, position FROM {table} \
         ORDER BY facet, position"
    );
    transaction.run_assembled(fill).await?;
    if transaction.engine() == Engine::Sqlite {
        // What it had before; on PostgreSQL the migration has dropped that of all months.
        let drop = format!("DROP INDEX IF EXISTS {table}_by_facet");
        transaction.run_assembled(drop).await?;
    }
    tracing::info!(%month, "the index of a month's records by facet was made");
    Ok(())
}
