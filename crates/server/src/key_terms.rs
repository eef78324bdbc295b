//! What we keep of a key beyond OpenRouter's fields: rate limits of its own, and why it was frozen.
//!
//! Kept as one setting for each key that has any, so that a change of one never touches another's; it comes,
//! changes and goes in the transaction in which its key does.

use std::collections::HashMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use store::{KEY_TERMS, KeyHash, Store, StoreError};

use crate::limits::{RateRow, Rule};

/// The terms as they are stored.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Written {
    /// Limits of its own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rate_limits: Vec<RateRow>,
    /// When a second endpoint is asked beside a silent one, in the words of `X-Waybill-Hedge`; absent
    /// means as the house has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hedge: Option<String>,
    /// Whether another endpoint goes on with a stream that breaks; absent means as the house has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recover: Option<bool>,
    /// Why the house disabled it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frozen: Option<String>,
    /// Whether the content of its calls is kept, whatever its workspace says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub io_logging: Option<bool>,
}

impl Written {
    /// The text that a key keeps; none where they say nothing.
    #[must_use]
    pub fn to_text(&self) -> Option<String> {
        let says_something = *self != Self::default();
        says_something.then(|| serde_json::to_string(self).unwrap_or_default())
    }

    /// What such a text says.
    #[must_use]
    pub fn from_text(text: Option<&str>) -> Self {
        text.map_or_else(Self::default, read)
    }
}

/// The same, ready for calls.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeyTerms {
    /// As they are stored.
    pub written: Written,
    /// The limits in `written.rate_limits`.
    pub rules: Vec<Rule>,
}

impl From<Written> for KeyTerms {
    fn from(written: Written) -> Self {
        // They were checked when they were written; a row that no longer reads limits nothing.
        let rules = written.rate_limits.iter().map(RateRow::rules_of_key);
        Self {
            rules: rules.filter_map(Result::ok).flatten().collect(),
            written,
        }
    }
}

fn name(hash: &KeyHash) -> String {
    format!("{KEY_TERMS}{hash}")
}

fn read(text: &str) -> Written {
    serde_json::from_str(text).unwrap_or_else(|error| {
        tracing::error!(%error, "the terms of a key do not read; it is served without them");
        Written::default()
    })
}

/// The terms of every key that has any.
///
/// # Errors
/// When the store is away.
pub async fn all(store: &Store) -> Result<HashMap<KeyHash, Arc<KeyTerms>>, StoreError> {
    let settings = store.settings().beginning_with(KEY_TERMS).await?;
    Ok(settings.into_iter().filter_map(named).collect())
}

/// The terms of those of these keys that have any.
///
/// # Errors
/// When the store is away.
pub async fn several(
    store: &Store,
    hashes: &[KeyHash],
) -> Result<HashMap<KeyHash, Arc<KeyTerms>>, StoreError> {
    let names: Vec<String> = hashes.iter().map(name).collect();
    let settings = store.settings().several(&names).await?;
    Ok(settings.into_iter().filter_map(named).collect())
}

/// The terms in a setting, and whose they are.
fn named((name, text): (String, String)) -> Option<(KeyHash, Arc<KeyTerms>)> {
    let hash = KeyHash::from_text(name.strip_prefix(KEY_TERMS)?);
    Some((hash, Arc::new(KeyTerms::from(read(&text)))))
}

/// The terms of one key.
///
/// # Errors
/// When the store is away.
pub async fn of(store: &Store, hash: &KeyHash) -> Result<Written, StoreError> {
    let setting = store.settings().get(&name(hash)).await?;
    Ok(Written::from_text(
        setting.as_ref().map(|setting| &*setting.value),
    ))
}
