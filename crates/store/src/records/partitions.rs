//! A partition per month: on SQLite a table beside the others, on PostgreSQL a native one.
//!
//! New months are made like `generations` itself (PostgreSQL) or like `generations_template` (SQLite,
//! where `generations` is a view of them all), so that a column which a migration adds there is in
//! every later month. A month is made ahead of time, or by the first record of it; and it is dropped
//! as a whole.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{Month, index};
use crate::StoreError;
use crate::database::{Database, Engine, Statement, Transaction};

/// Number of the advisory lock on PostgreSQL under which months come and go.
const LOCK: i64 = 0x77_6179_6d6f_6e74;

/// How long dropping a month waits on PostgreSQL for those who read it, before it is put off.
const LOCK_WAIT_MS: u32 = 2000;

/// The months that this process knows to be there. One that another process drops is forgotten
/// when writing to it fails.
#[derive(Debug, Default)]
pub(crate) struct KnownMonths(Mutex<BTreeSet<Month>>);

impl KnownMonths {
    /// Makes those of the months that are not there.
    pub(crate) async fn ensure(
        &self,
        database: &Database,
        months: impl IntoIterator<Item = Month>,
    ) -> Result<(), StoreError> {
        for month in months {
            if self.locked().contains(&month) {
                continue;
            }
            let mut transaction = database.begin().await?;
            make(&mut transaction, month).await?;
            transaction.commit().await?;
            self.locked().insert(month);
        }
        Ok(())
    }

    /// Forgets all of them.
    pub(crate) fn forget(&self) {
        self.locked().clear();
    }

    fn locked(&self) -> MutexGuard<'_, BTreeSet<Month>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The months that there are, oldest first.
pub(crate) async fn months(transaction: &mut Transaction) -> Result<Vec<Month>, StoreError> {
    let sql = match transaction.engine() {
        Engine::Sqlite => {
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name GLOB 'generations_[0-9]*'"
        }
        Engine::Postgres => {
            "SELECT CAST(relname AS TEXT) AS name FROM pg_inherits \
             JOIN pg_class ON pg_class.oid = inhrelid WHERE inhparent = 'generations'::regclass"
        }
    };
    let rows = Statement::new(sql).rows(transaction).await?;
    let mut months = Vec::with_capacity(rows.len());
    for row in &rows {
        months.extend(Month::from_table(row.borrowed_text("name")?));
    }
    months.sort_unstable();
    Ok(months)
}

/// Makes a month, unless it is there.
pub(crate) async fn make(transaction: &mut Transaction, month: Month) -> Result<(), StoreError> {
    lock(transaction).await?;
    if months(transaction).await?.contains(&month) {
        return Ok(());
    }
    let table = month.table();
    match transaction.engine() {
        Engine::Sqlite => {
            for sql in template(transaction).await? {
                let sql = sql.replace("generations_template", &table);
                transaction.run_assembled(sql).await?;
            }
            view(transaction).await?;
        }
        Engine::Postgres => {
            let (from, until) = month.positions();
            // Attached, not made as a partition: that waits for nobody who reads the others.
            let make = format!(
                "CREATE TABLE {table} (LIKE generations INCLUDING DEFAULTS INCLUDING CONSTRAINTS); \
                 ALTER TABLE generations ATTACH PARTITION {table} FOR VALUES FROM ({from}) TO ({until})"
            );
            transaction.run_assembled(make).await?;
        }
    }
    index::make(transaction, month).await?;
    tracing::info!(%month, "a partition was made for the records of a month");
    Ok(())
}

/// Takes a month away: from this transaction's end on its records are no more. On SQLite its tables
/// stay under other names, to be emptied in small steps: freeing millions of pages at once would
/// hold up whoever writes.
pub(crate) async fn detach(transaction: &mut Transaction, month: Month) -> Result<(), StoreError> {
    let (table, index_table) = (month.table(), month.index_table());
    match transaction.engine() {
        Engine::Sqlite => {
            // Its indexes go now: their names may be needed again.
            for index in indexes(transaction, &table).await? {
                let drop = format!("DROP INDEX {index}");
                transaction.run_assembled(drop).await?;
            }
            let drop = "DROP VIEW IF EXISTS generations";
            transaction.run_script(drop).await?;
            go(transaction, &table, "generations_").await?;
            if index::tables(transaction).await?.contains(&month) {
                go(transaction, &index_table, "").await?;
            }
            view(transaction).await
        }
        Engine::Postgres => {
            // Whoever reads must end first, and whoever comes after us waits: not for long.
            let drop = format!(
                "SET LOCAL lock_timeout = '{LOCK_WAIT_MS}ms'; \
                 ALTER TABLE generations DETACH PARTITION {table}; DROP TABLE {table}; \
                 DROP TABLE IF EXISTS {index_table}"
            );
            transaction.run_assembled(drop).await
        }
    }
}

/// Gives a table the name of one that is on its way out, in which `known` is left away. The month may be
/// made anew, and dropped again, before its pages are all free: so each has a number of its own.
async fn go(transaction: &mut Transaction, table: &str, known: &str) -> Result<(), StoreError> {
    let rows = Statement::new("SELECT name FROM sqlite_master WHERE name GLOB 'going_*'")
        .rows(transaction)
        .await?;
    let mut number = 0;
    for row in &rows {
        let last = row.borrowed_text("name")?.rsplit('_').next();
        let last: Option<u64> = last.and_then(|last| last.parse().ok());
        number = number.max(last.map_or(0, |last| last.saturating_add(1)));
    }
    let name = table.strip_prefix(known).unwrap_or(table);
    let rename = format!("ALTER TABLE {table} RENAME TO going_{name}_{number}");
    transaction.run_assembled(rename).await
}

/// The names of a table's indexes.
async fn indexes(transaction: &mut Transaction, table: &str) -> Result<Vec<String>, StoreError> {
    let rows = Statement::new(
        "SELECT name FROM sqlite_master WHERE type = 'index' AND tbl_name = $1 AND sql IS NOT NULL",
    )
    .text(table)
    .rows(transaction)
    .await?;
    rows.iter().map(|row| row.text("name")).collect()
}

/// Lets nobody else make or drop a month until the end of the transaction.
pub(crate) async fn lock(transaction: &mut Transaction) -> Result<(), StoreError> {
    if transaction.engine() == Engine::Postgres {
        locking().run(transaction).await?;
    }
    Ok(())
}

/// The same, however long another has it. The statements after it may take as long as they like too.
pub(crate) async fn lock_unhurried(transaction: &mut Transaction) -> Result<(), StoreError> {
    transaction.unhurried().await?;
    if transaction.engine() == Engine::Postgres {
        locking().run_unhurried(transaction).await?;
    }
    Ok(())
}

fn locking() -> Statement {
    // Another schema of the same database is somebody else's.
    Statement::new("SELECT pg_advisory_xact_lock($1 + hashtext(current_schema()))").int(LOCK)
}

/// The statements that made the template: its table first, then its indexes.
async fn template(transaction: &mut Transaction) -> Result<Vec<String>, StoreError> {
    let rows = Statement::new(
        "SELECT sql FROM sqlite_master WHERE tbl_name = 'generations_template' \
         AND type IN ('table', 'index') AND sql IS NOT NULL ORDER BY type DESC, name",
    )
    .rows(transaction)
    .await?;
    rows.iter().map(|row| row.text("sql")).collect()
}

/// Makes SQLite's view of all months anew.
pub(crate) async fn view(transaction: &mut Transaction) -> Result<(), StoreError> {
    let mut tables = vec!["generations_template".to_owned()];
    tables.extend(months(transaction).await?.into_iter().map(Month::table));
    let selects: Vec<String> = tables
        .iter()
        .map(|table| format!("SELECT * FROM {table}"))
        .collect();
    let make = format!(
        "DROP VIEW IF EXISTS generations; CREATE VIEW generations AS {}",
        selects.join(" UNION ALL ")
    );
    transaction.run_assembled(make).await
}
