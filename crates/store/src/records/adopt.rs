//! Records from before there were months move into them, when a store is opened.
//!
//! Page by page, each in a transaction of its own, so that a crash loses nothing and the next start
//! goes on. They were posted and booked when they were written; only the roll-ups learn of them.

use std::sync::Arc;

use super::partitions;
use super::row::{COLUMNS, from_row};
use super::{insert, note, places};
use crate::database::{Database, Engine, Statement, Transaction};
use crate::{Posting, Settled, Store, StoreError};

/// Records moved at a time.
const PAGE: i64 = 1000;

impl Store {
    /// Moves what is there into months.
    pub(crate) async fn adopt(&self) -> Result<(), StoreError> {
        if !has_table(&self.database).await? {
            return Ok(());
        }
        let mut moved = 0;
        loop {
            let mut transaction = self.database.begin().await?;
            partitions::lock(&mut transaction).await?;
            if !has_table_now(&mut transaction).await? {
                // Another process has done the rest.
                return Ok(());
            }
            let page = read(&mut transaction).await?;
            if page.is_empty() {
                let drop = "DROP TABLE generations_before";
                transaction.run_script(drop).await?;
                transaction.commit().await?;
                if moved > 0 {
                    tracing::info!(records = moved, "records were moved into their months");
                }
                return Ok(());
            }
            let page_places = places(&page.iter().collect::<Vec<_>>());
            for place in &page_places {
                partitions::make(&mut transaction, place.month()).await?;
            }
            let (inserted, facets) = insert(&mut transaction, &self.facets, &page_places).await?;
            note(&mut transaction, &inserted).await?;
            if let Some(last) = page.last() {
                Statement::new("DELETE FROM generations_before WHERE id <= $1")
                    .text(last.generation.id.as_str())
                    .run(&mut transaction)
                    .await?;
            }
            transaction.commit().await?;
            self.facets.committed(facets);
            moved += inserted.len();
        }
    }
}

async fn read(transaction: &mut Transaction) -> Result<Vec<Settled>, StoreError> {
    let rows = Statement::assembled(format!(
        "SELECT {}, postings FROM generations_before ORDER BY id LIMIT $1",
        COLUMNS.join(", ")
    ))
    .int(PAGE)
    .rows_unhurried(transaction)
    .await?;
    let settled = |row| {
        let posting = crate::database::Row::maybe_text(row, "postings")?;
        let posting = posting.map(|text| Posting::from_text(&text)).transpose()?;
        let generation = Arc::new(from_row(row)?);
        Ok(Settled::new(generation, posting.map(Arc::new)))
    };
    rows.iter().map(settled).collect()
}

/// Whether there are records from before; asked without a lock, since there hardly ever are.
async fn has_table(database: &Database) -> Result<bool, StoreError> {
    let rows = Statement::new(question(database.engine))
        .read(database)
        .await?;
    Ok(!rows.is_empty())
}

async fn has_table_now(transaction: &mut Transaction) -> Result<bool, StoreError> {
    let sql = question(transaction.engine());
    Ok(!Statement::new(sql).rows(transaction).await?.is_empty())
}

const fn question(engine: Engine) -> &'static str {
    match engine {
        Engine::Sqlite => {
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name = 'generations_before'"
        }
        Engine::Postgres => "SELECT 1 AS there WHERE to_regclass('generations_before') IS NOT NULL",
    }
}
