//! Numbered SQL, applied in order, once, whoever starts first.
//!
//! Each migration runs in a transaction that holds a lock on the schema (SQLite's write lock,
//! an advisory lock on PostgreSQL), in which it is first asked whether somebody else has applied it
//! meanwhile. A database with a version that this binary does not know is left alone.

use sha2::{Digest as _, Sha256};

use crate::StoreError;
use crate::database::{Database, Engine, Statement, Transaction};

/// One step of the schema. A text per engine, the same one wherever possible.
struct Migration {
    version: i64,
    name: &'static str,
    sqlite: &'static str,
    postgres: &'static str,
}

/// A migration whose text suits both engines.
const fn both(version: i64, name: &'static str, sql: &'static str) -> Migration {
    Migration {
        version,
        name,
        sqlite: sql,
        postgres: sql,
    }
}

/// Every migration, versions ascending. Appended to, never edited: applied texts are checksummed.
const MIGRATIONS: &[Migration] = &[
    both(1, "start", include_str!("../migrations/0001_start.sql")),
    both(2, "money", include_str!("../migrations/0002_money.sql")),
    both(3, "lines", include_str!("../migrations/0003_lines.sql")),
    both(4, "plan", include_str!("../migrations/0004_plan.sql")),
    Migration {
        version: 5,
        name: "records",
        sqlite: include_str!("../migrations/0005_records_sqlite.sql"),
        postgres: include_str!("../migrations/0005_records_postgres.sql"),
    },
    both(
        6,
        "payloads",
        include_str!("../migrations/0006_payloads.sql"),
    ),
    Migration {
        version: 7,
        name: "cubes",
        sqlite: include_str!("../migrations/0007_cubes_sqlite.sql"),
        postgres: include_str!("../migrations/0007_cubes_postgres.sql"),
    },
    both(
        8,
        "cache_breaks",
        include_str!("../migrations/0008_cache_breaks.sql"),
    ),
    both(
        9,
        "session_lists",
        include_str!("../migrations/0009_session_lists.sql"),
    ),
    Migration {
        version: 10,
        name: "gathered",
        sqlite: include_str!("../migrations/0010_gathered_sqlite.sql"),
        postgres: include_str!("../migrations/0010_gathered_postgres.sql"),
    },
    Migration {
        version: 11,
        name: "by_facet",
        sqlite: include_str!("../migrations/0011_by_facet_sqlite.sql"),
        postgres: include_str!("../migrations/0011_by_facet_postgres.sql"),
    },
];

/// Number of the advisory lock on PostgreSQL; any number that nobody else takes ("waybill" in hex).
const LOCK: i64 = 0x77_6179_6269_6c6c;

/// Applies what is missing.
pub(crate) async fn migrate(database: &Database) -> Result<(), StoreError> {
    for migration in MIGRATIONS {
        let mut transaction = database.begin().await?;
        lock(&mut transaction, database.engine).await?;
        let applied = applied(&mut transaction).await?;
        check(&applied, database.engine)?;
        if applied
            .iter()
            .all(|(version, _)| *version != migration.version)
        {
            apply(&mut transaction, migration, database.engine).await?;
            transaction.commit().await?;
            tracing::info!(
                version = migration.version,
                name = migration.name,
                "schema migrated"
            );
        }
    }
    Ok(())
}

/// Waits until no other process migrates; the end of the transaction lets go.
async fn lock(transaction: &mut Transaction, engine: Engine) -> Result<(), StoreError> {
    if engine == Engine::Postgres {
        transaction
            .run_script("SET LOCAL statement_timeout = 0")
            .await?;
        Statement::new("SELECT pg_advisory_xact_lock($1)")
            .int(LOCK)
            .run_unhurried(transaction)
            .await?;
    }
    Ok(())
}

/// Versions and checksums of what has been applied; makes the table when it is not there.
async fn applied(transaction: &mut Transaction) -> Result<Vec<(i64, String)>, StoreError> {
    transaction
        .run_script(
            "CREATE TABLE IF NOT EXISTS schema_migrations (\
             version BIGINT NOT NULL PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL)",
        )
        .await?;
    let rows = Statement::new("SELECT version, checksum FROM schema_migrations ORDER BY version")
        .rows(transaction)
        .await?;
    rows.iter()
        .map(|row| Ok((row.int("version")?, row.text("checksum")?)))
        .collect()
}

/// Refuses a schema that this binary does not know.
fn check(applied: &[(i64, String)], engine: Engine) -> Result<(), StoreError> {
    let known = MIGRATIONS.last().map_or(0, |migration| migration.version);
    for (version, checksum) in applied {
        if *version > known {
            return Err(StoreError::NewerSchema {
                found: *version,
                known,
            });
        }
        let ours = MIGRATIONS
            .iter()
            .find(|migration| migration.version == *version);
        if ours.is_none_or(|ours| checksum_of(text(ours, engine)) != *checksum) {
            return Err(StoreError::ChangedMigration { version: *version });
        }
    }
    Ok(())
}

async fn apply(
    transaction: &mut Transaction,
    migration: &Migration,
    engine: Engine,
) -> Result<(), StoreError> {
    let sql = text(migration, engine);
    transaction.run_script(sql).await?;
    Statement::new("INSERT INTO schema_migrations (version, name, checksum) VALUES ($1, $2, $3)")
        .int(migration.version)
        .text(migration.name)
        .text(&checksum_of(sql))
        .run(transaction)
        .await
        .map(drop)
}

const fn text(migration: &Migration, engine: Engine) -> &'static str {
    match engine {
        Engine::Sqlite => migration.sqlite,
        Engine::Postgres => migration.postgres,
    }
}

fn checksum_of(sql: &str) -> String {
    hex::encode(Sha256::digest(sql.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_ascend_without_a_gap() {
        for (index, migration) in MIGRATIONS.iter().enumerate() {
            assert_eq!(
                migration.version,
                i64::try_from(index).unwrap() + 1,
                "{}",
                migration.name
            );
        }
    }
}
