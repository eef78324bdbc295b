//! Keys: the secrets that callers present, stored as hashes only.

use std::fmt;

use ledger::Amount;
use sha2::{Digest as _, Sha256};

use crate::changes::{self, Noun};
use crate::database::{Row, Statement, Transaction, placeholders, rows_named};
use crate::{Store, StoreError, budgets};

/// The most keys one page of a list holds. Source: OpenRouter's `GET /keys`.
const PAGE_MAX: u32 = 100;

/// Named one by one: `*` would change its meaning under a running replica when a newer one migrates.
const COLUMNS: &str = "hash, label, name, workspace_id, is_management, disabled, limit_nanos, \
    limit_reset, include_byok_in_limit, creator_user_id, created_at_ms, updated_at_ms, expires_at_ms";

/// Lowercase hex SHA-256 of a whole key: its public name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyHash(String);

impl KeyHash {
    /// The hash of a key as its caller presents it.
    #[must_use]
    pub fn of(secret: &str) -> Self {
        let mut digits = [0; 64];
        // Two digits for each of its 32 bytes: they fit.
        let _ = hex::encode_to_slice(Sha256::digest(secret.as_bytes()), &mut digits);
        Self(String::from_utf8_lossy(&digits).into_owned())
    }

    /// Takes a hash as it came from a path or a record; any text is allowed, for looking up.
    #[must_use]
    pub fn from_text(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The hash as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// When the spending under a key's limit starts anew; always at 00:00 UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LimitReset {
    /// Every day.
    Daily,
    /// On Mondays.
    Weekly,
    /// On the first day of a month.
    Monthly,
}

impl LimitReset {
    /// The word in the API and in rows.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Daily => "daily",
            Self::Weekly => "weekly",
            Self::Monthly => "monthly",
        }
    }

    /// Reads the word back.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Daily, Self::Weekly, Self::Monthly]
            .into_iter()
            .find(|reset| reset.name() == name)
    }
}

/// A stored key; everything but the secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredKey {
    /// Its public name.
    pub hash: KeyHash,
    /// The masked key, such as `sk-wb-v1-abc...123`.
    pub label: String,
    /// What its owner calls it.
    pub name: String,
    /// The workspace that pays for its calls.
    pub workspace_id: String,
    /// Whether it manages keys and workspaces instead of making calls.
    pub is_management: bool,
    /// Whether it is switched off.
    pub disabled: bool,
    /// The most it may spend per `limit_reset`; absent is unlimited, zero is nothing.
    pub limit: Option<Amount>,
    /// When spending starts anew; absent is never.
    pub limit_reset: Option<LimitReset>,
    /// Whether calls on the caller's own credentials count towards the limit.
    pub include_byok_in_limit: bool,
    /// The member who made it.
    pub creator_user_id: Option<String>,
    /// When it was made, Unix milliseconds.
    pub created_at_ms: i64,
    /// When it was last changed, Unix milliseconds.
    pub updated_at_ms: Option<i64>,
    /// From when on it no longer works, Unix milliseconds; absent is never.
    pub expires_at_ms: Option<i64>,
}

impl StoredKey {
    /// Whether the time has come at which it no longer works.
    #[must_use]
    pub fn is_expired(&self, now_ms: i64) -> bool {
        self.expires_at_ms.is_some_and(|expires| expires <= now_ms)
    }
}

/// A key to be made. Built from the secret, which it does not keep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewKey(StoredKey);

impl NewKey {
    /// An inference key without limit; the other fields are set by `with_…`.
    #[must_use]
    pub fn new(secret: &str, name: &str, workspace_id: &str, now_ms: i64) -> Self {
        Self(StoredKey {
            hash: KeyHash::of(secret),
            label: masked(secret),
            name: name.to_owned(),
            workspace_id: workspace_id.to_owned(),
            is_management: false,
            disabled: false,
            limit: None,
            limit_reset: None,
            include_byok_in_limit: false,
            creator_user_id: None,
            created_at_ms: now_ms,
            updated_at_ms: None,
            expires_at_ms: None,
        })
    }

    /// The same as a management key.
    #[must_use]
    pub fn with_management(mut self) -> Self {
        self.0.is_management = true;
        self
    }

    /// The same with a limit on what it may spend, for ever or per `reset`.
    #[must_use]
    pub fn with_limit(mut self, limit: Option<Amount>, reset: Option<LimitReset>) -> Self {
        self.0.limit = limit;
        self.0.limit_reset = reset;
        self
    }

    /// The same, counting calls on the caller's own credentials towards the limit or not.
    #[must_use]
    pub fn with_byok_in_limit(mut self, include: bool) -> Self {
        self.0.include_byok_in_limit = include;
        self
    }

    /// The same with an end, Unix milliseconds.
    #[must_use]
    pub fn with_expiry(mut self, expires_at_ms: Option<i64>) -> Self {
        self.0.expires_at_ms = expires_at_ms;
        self
    }

    /// The same with the member who made it.
    #[must_use]
    pub fn with_creator(mut self, creator_user_id: Option<String>) -> Self {
        self.0.creator_user_id = creator_user_id;
        self
    }

    /// Its public name.
    #[must_use]
    pub fn hash(&self) -> &KeyHash {
        &self.0.hash
    }
}

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
        Ok(key.0.clone())
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
        let mut transaction = self.0.database.begin().await?;
        // Taking the revision first locks out other changes: nobody's patch is overwritten.
        changes::record(&mut transaction, Noun::Key, hash.as_str(), now_ms).await?;
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
        transaction.commit().await?;
        Ok(Some(key))
    }

    /// Deletes a key; whether it was there. Its generations and what it spent stay.
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
        transaction.commit().await?;
        Ok(true)
    }
}

/// Inserts a key in a transaction.
pub(crate) async fn insert(transaction: &mut Transaction, key: &NewKey) -> Result<(), StoreError> {
    let key = &key.0;
    changes::record(transaction, Noun::Key, key.hash.as_str(), key.created_at_ms).await?;
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
    match key.limit {
        Some(_) => budgets::follow_key(transaction, key, key.created_at_ms).await,
        None => Ok(()),
    }
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
        hash: KeyHash(row.text("hash")?),
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

/// The masked key: its prefix and three characters from either end of the secret part. A secret
/// part that is too short to lose six characters is not shown at all.
#[must_use]
pub fn masked(secret: &str) -> String {
    const SHOWN: usize = 3;
    const SECRET_MIN: usize = 16;
    const PREFIX_MAX: usize = 12;
    let prefix_end = secret
        .char_indices()
        .take(PREFIX_MAX)
        .filter(|(_, character)| *character == '-')
        .last()
        .map_or(0, |(index, _)| index + 1);
    let (prefix, rest) = secret.split_at(prefix_end);
    let characters: Vec<char> = rest.chars().collect();
    if characters.len() < SECRET_MIN {
        return format!("{prefix}...");
    }
    let first: String = characters.iter().take(SHOWN).collect();
    let last: String = characters.iter().skip(characters.len() - SHOWN).collect();
    format!("{prefix}{first}...{last}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_known_by_the_hash_of_all_of_it() {
        // The test vector "abc" of FIPS 180.
        assert_eq!(
            KeyHash::of("abc").as_str(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }

    #[test]
    fn labels_show_little_and_never_a_short_secret() {
        for (secret, expected) in [
            (
                format!("sk-wb-v1-abc{}123", "0".repeat(58)),
                "sk-wb-v1-abc...123",
            ),
            (
                format!("sk-or-v1-abc{}123", "0".repeat(58)),
                "sk-or-v1-abc...123",
            ),
            (format!("sk-abc{}123", "0".repeat(40)), "sk-abc...123"),
            (format!("ünï{}çöd", "0".repeat(40)), "ünï...çöd"),
            ("sk-short".to_owned(), "sk-..."),
            ("password".to_owned(), "..."),
            (String::new(), "..."),
        ] {
            assert_eq!(masked(&secret), expected);
        }
    }
}
