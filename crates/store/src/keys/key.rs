//! A key: everything about it but the secret, of which a hash is kept.

use std::fmt;

use ledger::Amount;
use sha2::{Digest as _, Sha256};

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

/// What the names of settings begin with that keep the terms of keys; a key's hash follows. Terms are all
/// that a key is held to beyond the fields of [`StoredKey`]. They come, change and go with their key: a
/// change of it tells whoever follows [changes](crate::Change) to read both.
pub const TERMS: &str = "key/";

/// The setting with the terms of a key.
pub(super) fn terms_of(hash: &KeyHash) -> String {
    format!("{TERMS}{hash}")
}

/// A key to be made. Built from the secret, which it does not keep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewKey {
    key: StoredKey,
    terms: Option<String>,
}

impl NewKey {
    /// An inference key without limit; the other fields are set by `with_…`.
    #[must_use]
    pub fn new(secret: &str, name: &str, workspace_id: &str, now_ms: i64) -> Self {
        let key = StoredKey {
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
        };
        Self { key, terms: None }
    }

    /// The same as a management key.
    #[must_use]
    pub fn with_management(mut self) -> Self {
        self.key.is_management = true;
        self
    }

    /// The same with a limit on what it may spend, for ever or per `reset`.
    #[must_use]
    pub fn with_limit(mut self, limit: Option<Amount>, reset: Option<LimitReset>) -> Self {
        self.key.limit = limit;
        self.key.limit_reset = reset;
        self
    }

    /// The same, counting calls on the caller's own credentials towards the limit or not.
    #[must_use]
    pub fn with_byok_in_limit(mut self, include: bool) -> Self {
        self.key.include_byok_in_limit = include;
        self
    }

    /// The same with an end, Unix milliseconds.
    #[must_use]
    pub fn with_expiry(mut self, expires_at_ms: Option<i64>) -> Self {
        self.key.expires_at_ms = expires_at_ms;
        self
    }

    /// The same with the member who made it.
    #[must_use]
    pub fn with_creator(mut self, creator_user_id: Option<String>) -> Self {
        self.key.creator_user_id = creator_user_id;
        self
    }

    /// The same with [terms](TERMS), a text that is its owner's business; without any where it is `None`.
    #[must_use]
    pub fn with_terms(mut self, terms: Option<String>) -> Self {
        self.terms = terms;
        self
    }

    /// Its terms, if it has any.
    pub(super) fn terms(&self) -> Option<&str> {
        self.terms.as_deref()
    }

    /// The key as it will be stored.
    pub(super) const fn stored(&self) -> &StoredKey {
        &self.key
    }

    /// Its public name.
    #[must_use]
    pub fn hash(&self) -> &KeyHash {
        &self.key.hash
    }
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
