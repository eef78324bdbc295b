//! Settings that are made at run time and shared by all replicas, as names and texts.

use crate::changes::{self, Noun};
use crate::database::{Statement, Transaction, rows_named};
use crate::{Store, StoreError};

/// A stored setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// Its text (JSON, usually); what it means is its owner's business.
    pub value: String,
    /// The revision of the feed at which it was last written.
    pub revision: i64,
    /// When it was last written, Unix milliseconds.
    pub updated_at_ms: i64,
}

/// The settings of a store.
#[derive(Debug)]
pub struct Settings<'a>(&'a Store);

impl Store {
    /// The settings.
    #[must_use]
    pub fn settings(&self) -> Settings<'_> {
        Settings(self)
    }
}

impl Settings<'_> {
    /// The setting of that name.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn get(&self, name: &str) -> Result<Option<Setting>, StoreError> {
        let rows =
            Statement::new("SELECT value, revision, updated_at_ms FROM settings WHERE name = $1")
                .text(name)
                .read(&self.0.database)
                .await?;
        let Some(row) = rows.first() else {
            return Ok(None);
        };
        Ok(Some(Setting {
            value: row.text("value")?,
            revision: row.int("revision")?,
            updated_at_ms: row.int("updated_at_ms")?,
        }))
    }

    /// Names and values of those of these settings that are there, in no order.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn several(&self, names: &[String]) -> Result<Vec<(String, String)>, StoreError> {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let sql =
            |places: &str| format!("SELECT name, value FROM settings WHERE name IN ({places})");
        let rows = rows_named(&self.0.database, sql, &names).await?;
        rows.iter()
            .map(|row| Ok((row.text("name")?, row.text("value")?)))
            .collect()
    }

    /// Names and values of the settings whose names begin with a text of ours, by name.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn beginning_with(
        &self,
        prefix: &'static str,
    ) -> Result<Vec<(String, String)>, StoreError> {
        let rows = Statement::new(
            "SELECT name, value FROM settings WHERE SUBSTR(name, 1, CAST($2 AS INTEGER)) = $1 \
             ORDER BY name",
        )
        .text(prefix)
        .int(i64::try_from(prefix.len()).unwrap_or(i64::MAX))
        .read(&self.0.database)
        .await?;
        rows.iter()
            .map(|row| Ok((row.text("name")?, row.text("value")?)))
            .collect()
    }

    /// Writes a setting, whether it was there or not; its revision.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn set(&self, name: &str, value: &str, now_ms: i64) -> Result<i64, StoreError> {
        let mut transaction = self.0.database.begin().await?;
        let revision = changes::record(&mut transaction, Noun::Setting, name, now_ms).await?;
        write(&mut transaction, (name, value), (revision, now_ms)).await?;
        transaction.commit().await?;
        Ok(revision)
    }

    /// Removes a setting; whether it was there.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn remove(&self, name: &str, now_ms: i64) -> Result<bool, StoreError> {
        let mut transaction = self.0.database.begin().await?;
        changes::record(&mut transaction, Noun::Setting, name, now_ms).await?;
        if !erase(&mut transaction, name).await? {
            return Ok(false);
        }
        transaction.commit().await?;
        Ok(true)
    }
}

/// Writes a setting as part of a change that has that revision.
pub(crate) async fn write(
    transaction: &mut Transaction,
    (name, value): (&str, &str),
    (revision, now_ms): (i64, i64),
) -> Result<(), StoreError> {
    Statement::new(
        "INSERT INTO settings (name, value, revision, updated_at_ms) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (name) DO UPDATE SET value = excluded.value, \
         revision = excluded.revision, updated_at_ms = excluded.updated_at_ms",
    )
    .text(name)
    .text(value)
    .int(revision)
    .int(now_ms)
    .run(transaction)
    .await
    .map(drop)
}

/// Removes a setting as part of a change; whether it was there.
pub(crate) async fn erase(transaction: &mut Transaction, name: &str) -> Result<bool, StoreError> {
    let removed = Statement::new("DELETE FROM settings WHERE name = $1")
        .text(name)
        .run(transaction)
        .await?;
    Ok(removed > 0)
}

/// What a setting says, as a change finds it.
pub(crate) async fn value(
    transaction: &mut Transaction,
    name: &str,
) -> Result<Option<String>, StoreError> {
    let rows = Statement::new("SELECT value FROM settings WHERE name = $1")
        .text(name)
        .rows(transaction)
        .await?;
    rows.first().map(|row| row.text("value")).transpose()
}
