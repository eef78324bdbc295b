//! Keys as the database keeps them.

use ledger::Amount;

use super::key::{KeyHash, LimitReset, NewKey, StoredKey, terms_of};
use crate::changes::{self, Noun};
use crate::database::{Row, Statement, Transaction, placeholders, rows_named};
use crate::{Store, StoreError, budgets, settings};

/// The most keys one page of a list holds. Source: OpenRouter's `GET /keys`.
const PAGE_MAX: u32 = 100;

/// Named one by one: `*` would change its meaning under a running replica when a newer one migrates.
const COLUMNS: &str = "hash, label, name, workspace_id, is_management, disabled, limit_nanos, \
    limit_reset, include_byok_in_limit, creator_user_id, created_at_ms, updated_at_ms, expires_at_ms";

/// What to change about a key; absent fields stay as they are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeyPatch {
    /// A new name.
    pub name: Option<String>,
    /// Switch off or on.
    pub disabled: Option<bool>,
    /// A new limit; `Some(None)` removes it.
    pub limit: Option<Option<Amount>>,
    /// A new reset; `Some(None)` makes the limit one for ever.
    pub limit_reset: Option<Option<LimitReset>>,
    /// Whether calls on the caller's own credentials count.
    pub include_byok_in_limit: Option<bool>,
    /// A new end, Unix milliseconds; `Some(None)` removes it.
    pub expires_at_ms: Option<Option<i64>>,
}

impl KeyPatch {
    fn apply(&self, key: &mut StoredKey) {
        if let Some(name) = &self.name {
            key.name.clone_from(name);
        }
        key.disabled = self.disabled.unwrap_or(key.disabled);
        key.limit = self.limit.unwrap_or(key.limit);
        key.limit_reset = self.limit_reset.unwrap_or(key.limit_reset);
        key.include_byok_in_limit = self
            .include_byok_in_limit
            .unwrap_or(key.include_byok_in_limit);
        key.expires_at_ms = self.expires_at_ms.unwrap_or(key.expires_at_ms);
    }
}

/// Which keys a list shows. Newest first, at most 100 at a time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeyFilter {
    /// Only those of this workspace.
    pub workspace_id: Option<String>,
    /// Also those that are switched off.
    pub include_disabled: bool,
    /// Also those that manage.
    pub include_management: bool,
    /// How many to skip.
    pub offset: u32,
    /// How many to show; absent, or more than 100, is 100.
    pub limit: Option<u32>,
}

/// The keys of a store.
#[derive(Debug)]
pub struct Keys<'a>(&'a Store);

impl Store {
    /// The keys.
    #[must_use]
    pub fn keys(&self) -> Keys<'_> {
        Keys(self)
    }
}

impl Keys<'_> {
    pub(crate) const fn store(&self) -> &Store {
        self.0
    }

    /// Makes a key.
    ///
    /// # Errors
    /// [`StoreError::AlreadyExists`] when the same secret is stored already,
    /// [`StoreError::Missing`] when its workspace is not there, [`StoreError::Unavailable`].
    pub async fn create(&self, key: &NewKey) -> Result<StoredKey, StoreError> {
        let mut transaction = self.0.database.begin().await?;
        insert(&mut transaction, key).await?;
        transaction.commit().await?;
        Ok(key.stored().clone())
    }

    /// The key of that hash.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn by_hash(&self, hash: &KeyHash) -> Result<Option<StoredKey>, StoreError> {
        let rows = select("WHERE hash = $1")
            .text(hash.as_str())
            .read(&self.0.database)
            .await?;
        rows.first().map(from_row).transpose()
    }

    /// Those of these keys that are there, in no order.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn several(&self, hashes: &[KeyHash]) -> Result<Vec<StoredKey>, StoreError> {
        let hashes: Vec<&str> = hashes.iter().map(KeyHash::as_str).collect();
        let sql = |places: &str| format!("SELECT {COLUMNS} FROM keys WHERE hash IN ({places})");
        let rows = rows_named(&self.0.database, sql, &hashes).await?;
        rows.iter().map(from_row).collect()
    }

    /// A page of keys, newest first.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn list(&self, filter: &KeyFilter) -> Result<Vec<StoredKey>, StoreError> {
        let limit = filter.limit.unwrap_or(PAGE_MAX).min(PAGE_MAX);
        // Two texts, for only the first can use the index of a workspace's keys.
        let of = match filter.workspace_id {
            Some(_) => "workspace_id = $1",
            None => "$1 = ''",
        };
        let rows = Statement::assembled(format!(
            "SELECT {COLUMNS} FROM keys WHERE {of} AND (disabled = 0 OR $2 = 1) \
             AND (is_management = 0 OR $3 = 1) \
             ORDER BY created_at_ms DESC, hash DESC LIMIT $4 OFFSET $5"
        ))
        .text(filter.workspace_id.as_deref().unwrap_or_default())
        .flag(filter.include_disabled)
        .flag(filter.include_management)
        .int(i64::from(limit))
        .int(i64::from(filter.offset))
        .read(&self.0.database)
        .await?;
        rows.iter().map(from_row).collect()
    }

    /// Every key, for the snapshot in memory that calls are checked against.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn all(&self) -> Result<Vec<StoredKey>, StoreError> {
        let rows = select("ORDER BY created_at_ms, hash")
            .read(&self.0.database)
            .await?;
        rows.iter().map(from_row).collect()
    }

    /// Changes a key; the key as it is then, or `None` when it is not there.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn update(
        &self,
        hash: &KeyHash,
        patch: &KeyPatch,
        now_ms: i64,
    ) -> Result<Option<StoredKey>, StoreError> {
        self.update_with_terms(hash, (patch, |before| before), now_ms)
            .await
    }

    /// The same, with what becomes of its [terms](crate::KEY_TERMS), all or nothing.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn update_with_terms(
        &self,
        hash: &KeyHash,
        (patch, terms): (
            &KeyPatch,
            impl FnOnce(Option<String>) -> Option<String> + Send,
        ),
        now_ms: i64,
    ) -> Result<Option<StoredKey>, StoreError> {
        let mut transaction = self.0.database.begin().await?;
        // Taking the revision first locks out other changes: nobody's patch is overwritten.
        let revision = changes::record(&mut transaction, Noun::Key, hash.as_str(), now_ms).await?;
        let rows = select("WHERE hash = $1")
            .text(hash.as_str())
            .rows(&mut transaction)
            .await?;
        let Some(row) = rows.first() else {
            return Ok(None);
        };
        let before = from_row(row)?;
        let mut key = before.clone();
        patch.apply(&mut key);
        key.updated_at_ms = Some(now_ms);
        Statement::new(
            "UPDATE keys SET name = $2, disabled = $3, limit_nanos = $4, limit_reset = $5, \
             include_byok_in_limit = $6, updated_at_ms = $7, expires_at_ms = $8 WHERE hash = $1",
        )
        .text(hash.as_str())
        .text(&key.name)
        .flag(key.disabled)
        .maybe_int(key.limit.map(Amount::nanos))
        .maybe_text(key.limit_reset.map(LimitReset::name))
        .flag(key.include_byok_in_limit)
        .maybe_int(key.updated_at_ms)
        .maybe_int(key.expires_at_ms)
        .run(&mut transaction)
        .await?;
        if (
            before.limit,
            before.limit_reset,
            before.include_byok_in_limit,
        ) != (key.limit, key.limit_reset, key.include_byok_in_limit)
        {
            budgets::follow_key(&mut transaction, &key, now_ms).await?;
        }
        let name = terms_of(hash);
        let terms_before = settings::value(&mut transaction, &name).await?;
        match terms(terms_before.clone()) {
            same if same == terms_before => {}
            Some(text) => {
                settings::write(&mut transaction, (&name, &text), (revision, now_ms)).await?;
            }
            None => {
                settings::erase(&mut transaction, &name).await?;
            }
        }
        transaction.commit().await?;
        Ok(Some(key))
    }

    /// Deletes a key and its terms; whether it was there. Its generations and what it spent stay.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn delete(&self, hash: &KeyHash, now_ms: i64) -> Result<bool, StoreError> {
        let mut transaction = self.0.database.begin().await?;
        changes::record(&mut transaction, Noun::Key, hash.as_str(), now_ms).await?;
        let deleted = Statement::new("DELETE FROM keys WHERE hash = $1")
            .text(hash.as_str())
            .run(&mut transaction)
            .await?;
        if deleted == 0 {
            return Ok(false);
        }
        budgets::forget_key(&mut transaction, hash.as_str(), now_ms).await?;
        settings::erase(&mut transaction, &terms_of(hash)).await?;
        transaction.commit().await?;
        Ok(true)
    }
}

/// Inserts a key in a transaction.
pub(crate) async fn insert(transaction: &mut Transaction, new: &NewKey) -> Result<(), StoreError> {
    let key = new.stored();
    let (hash, now_ms) = (key.hash.as_str(), key.created_at_ms);
    let revision = changes::record(transaction, Noun::Key, hash, now_ms).await?;
    let inserted = Statement::assembled(format!(
        "INSERT INTO keys ({COLUMNS}) VALUES ({})",
        placeholders(1, 13)
    ))
    .text(key.hash.as_str())
    .text(&key.label)
    .text(&key.name)
    .text(&key.workspace_id)
    .flag(key.is_management)
    .flag(key.disabled)
    .maybe_int(key.limit.map(Amount::nanos))
    .maybe_text(key.limit_reset.map(LimitReset::name))
    .flag(key.include_byok_in_limit)
    .maybe_text(key.creator_user_id.as_deref())
    .int(key.created_at_ms)
    .maybe_int(key.updated_at_ms)
    .maybe_int(key.expires_at_ms)
    .run(transaction)
    .await;
    inserted.map_err(|error| match error {
        StoreError::AlreadyExists(_) => StoreError::AlreadyExists("key"),
        StoreError::Missing(_) => StoreError::Missing("workspace"),
        other => other,
    })?;
    if key.limit.is_some() {
        budgets::follow_key(transaction, key, now_ms).await?;
    }
    let Some(terms) = new.terms() else {
        return Ok(());
    };
    let name = terms_of(&key.hash);
    settings::write(transaction, (&name, terms), (revision, now_ms)).await
}

/// A query of whole keys.
fn select(rest: &'static str) -> Statement {
    Statement::assembled(format!("SELECT {COLUMNS} FROM keys {rest}"))
}

fn from_row(row: &Row) -> Result<StoredKey, StoreError> {
    let limit_reset = match row.maybe_text("limit_reset")? {
        None => None,
        Some(name) => Some(
            LimitReset::from_name(&name)
                .ok_or_else(|| StoreError::Unreadable(format!("limit_reset \"{name}\"")))?,
        ),
    };
    Ok(StoredKey {
        hash: KeyHash::from_text(row.text("hash")?),
        label: row.text("label")?,
        name: row.text("name")?,
        workspace_id: row.text("workspace_id")?,
        is_management: row.flag("is_management")?,
        disabled: row.flag("disabled")?,
        limit: row.maybe_int("limit_nanos")?.map(Amount::from_nanos),
        limit_reset,
        include_byok_in_limit: row.flag("include_byok_in_limit")?,
        creator_user_id: row.maybe_text("creator_user_id")?,
        created_at_ms: row.int("created_at_ms")?,
        updated_at_ms: row.maybe_int("updated_at_ms")?,
        expires_at_ms: row.maybe_int("expires_at_ms")?,
    })
}
