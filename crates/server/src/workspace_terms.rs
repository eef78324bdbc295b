//! What we keep of a workspace beyond its row: what happens when nobody states a price, and what of
//! the content of its calls is kept.
//!
//! Kept as one setting for each workspace that has any, like the terms of keys.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use chat::Unit;
use ledger::{Price, PriceSheet};
use relay::UnpricedPolicy;
use serde::{Deserialize, Serialize};
use store::{Store, StoreError};

use crate::content;

/// What the names of these settings begin with; the workspace's id follows.
pub const PREFIX: &str = "workspace/";

/// Prices for calls of which nobody states one, USD per million tokens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FallbackPrices {
    /// Of a token of prompt.
    pub input: String,
    /// Of a token of answer.
    pub output: String,
}

/// The policy as it is written: a word, or prices.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Unpriced {
    /// `allow` or `deny`.
    Word(String),
    /// Charge by these.
    Prices(FallbackPrices),
}

impl Unpriced {
    /// The policy.
    ///
    /// # Errors
    /// In words, when the word is none or a price does not read.
    pub fn policy(&self) -> Result<UnpricedPolicy, String> {
        match self {
            Self::Word(word) => policy_of_word(word),
            Self::Prices(prices) => policy_of_prices(prices),
        }
    }
}

/// The policy that a word means.
///
/// # Errors
/// In words, when it is none.
pub fn policy_of_word(word: &str) -> Result<UnpricedPolicy, String> {
    match word {
        "allow" => Ok(UnpricedPolicy::AllowAndFlag),
        "deny" => Ok(UnpricedPolicy::Deny),
        other => Err(format!(
            "\"{other}\" is none of \"allow\", \"deny\", or prices: {{ input = \"1\", output = \"2\" }}"
        )),
    }
}

/// The policy that charges by stated prices.
///
/// # Errors
/// In words, when a price does not read.
pub fn policy_of_prices(prices: &FallbackPrices) -> Result<UnpricedPolicy, String> {
    let mut sheet = PriceSheet::default();
    for (name, unit, text) in [
        ("input", Unit::Input, &prices.input),
        ("output", Unit::Output, &prices.output),
    ] {
        let price = Price::from_usd_per_million(text);
        sheet.set(unit, price.map_err(|error| format!("{name}: {error}"))?);
    }
    Ok(UnpricedPolicy::Fallback(Arc::new(sheet)))
}

/// The terms as they are stored.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Written {
    /// What happens when nobody states a price; absent means as the house has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unpriced: Option<Unpriced>,
    /// What of the content of its calls is kept; absent means nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<content::Written>,
    /// Whether its destinations are told nothing, whatever they say of themselves.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_silent: bool,
}

/// The policies of the workspaces that have one of their own.
pub type Policies = HashMap<String, UnpricedPolicy>;

fn name(workspace_id: &str) -> String {
    format!("{PREFIX}{workspace_id}")
}

fn read(text: &str) -> Option<Written> {
    let read = serde_json::from_str(text);
    read.inspect_err(|error| tracing::error!(%error, "the terms of a workspace do not read"))
        .ok()
}

/// The policies of every workspace that has one. Terms that no longer read deny: nothing is made
/// free by a mistake.
///
/// # Errors
/// When the store is away.
pub async fn policies(store: &Store) -> Result<Policies, StoreError> {
    let settings = store.settings().beginning_with(PREFIX).await?;
    let of = |(name, text): (String, String)| {
        let id = name.strip_prefix(PREFIX)?.to_owned();
        let policy = match read(&text).map(|written| written.unpriced) {
            Some(None) => return None,
            Some(Some(unpriced)) => unpriced.policy().unwrap_or(UnpricedPolicy::Deny),
            None => UnpricedPolicy::Deny,
        };
        Some((id, policy))
    };
    Ok(settings.into_iter().filter_map(of).collect())
}

/// What of content is kept, for every workspace that says so. Terms that no longer read keep nothing.
///
/// # Errors
/// When the store is away.
pub async fn content_policies(store: &Store) -> Result<content::Policies, StoreError> {
    let settings = store.settings().beginning_with(PREFIX).await?;
    let of = |(name, text): (String, String)| {
        let id = name.strip_prefix(PREFIX)?.to_owned();
        let policy = read(&text)?.content?.policy();
        let policy = policy.inspect_err(|(field, message)| {
            tracing::error!(workspace.id = id, field, message, "content is not kept");
        });
        Some((id, Arc::new(policy.ok()?)))
    };
    Ok(settings.into_iter().filter_map(of).collect())
}

/// The workspaces whose destinations are told nothing. Terms that no longer read tell nobody.
///
/// # Errors
/// When the store is away.
pub async fn silent(store: &Store) -> Result<HashSet<String>, StoreError> {
    let settings = store.settings().beginning_with(PREFIX).await?;
    let of = |(name, text): (String, String)| {
        let id = name.strip_prefix(PREFIX)?.to_owned();
        read(&text)
            .is_none_or(|terms| terms.is_silent)
            .then_some(id)
    };
    Ok(settings.into_iter().filter_map(of).collect())
}

/// The terms of one workspace.
///
/// # Errors
/// When the store is away.
pub async fn of(store: &Store, workspace_id: &str) -> Result<Written, StoreError> {
    let setting = store.settings().get(&name(workspace_id)).await?;
    let written = setting.and_then(|setting| read(&setting.value));
    Ok(written.unwrap_or_default())
}

/// Keeps the terms of a workspace; none at all when they say nothing.
///
/// # Errors
/// When the store is away.
pub async fn keep(
    store: &Store,
    workspace_id: &str,
    terms: &Written,
    now_ms: i64,
) -> Result<(), StoreError> {
    let name = name(workspace_id);
    if *terms == Written::default() {
        store.settings().remove(&name, now_ms).await?;
        return Ok(());
    }
    let text = serde_json::to_string(terms).unwrap_or_default();
    store.settings().set(&name, &text, now_ms).await?;
    Ok(())
}
