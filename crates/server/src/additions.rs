//! Providers and credentials that are added while the server runs: a setting each, credentials
//! sealed, so that every replica takes them over within a second.
//!
//! The configuration wins over them, and they win over the environment.

use std::collections::BTreeMap;

use catalog::Rows;
use catalog::rows::ProviderRow;
use relay::Secret;
use serde::{Deserialize, Serialize};
use store::{Store, StoreError, Vault, VaultError};

use crate::config::credentials::Added;
use crate::shelf::Shelf;

/// What the names of all these settings begin with.
pub const PREFIX: &str = "provider/";

/// What the names of credentials begin with; the provider's slug follows.
const CREDENTIALS: &str = "provider/credential/";

/// What the names of providers' rows begin with; the slug follows.
const ROWS: &str = "provider/row/";

/// A credential as it is stored.
#[derive(Debug, Serialize, Deserialize)]
struct Sealed {
    /// The masked secret.
    label: String,
    sealed: String,
}

/// Lays everything that was added on the shelf; whether there is anything.
///
/// # Errors
/// When the store is away. What does not open or read is logged and left out.
pub async fn put_on(shelf: &Shelf, store: &Store, vault: &Vault) -> Result<bool, StoreError> {
    let rows = rows(store).await?;
    let mut credentials = BTreeMap::new();
    for (name, text) in store.settings().beginning_with(CREDENTIALS).await? {
        let slug = name.trim_start_matches(CREDENTIALS);
        match opened(vault, slug, &text) {
            Some(added) => {
                credentials.insert(slug.to_owned(), added);
            }
            None => tracing::error!(provider = slug, "an added credential does not open"),
        }
    }
    let is_any = !rows.providers.is_empty() || !credentials.is_empty();
    shelf.put_added(rows);
    shelf.given().put_added(credentials);
    Ok(is_any)
}

fn opened(vault: &Vault, slug: &str, text: &str) -> Option<Added> {
    let stored: Sealed = serde_json::from_str(text).ok()?;
    let secret = vault.open(&stored.sealed, &place(slug)).ok()?;
    Some(Added {
        label: stored.label.into(),
        secret: Secret::new(secret),
    })
}

/// Where a credential is sealed for, so that none opens in the place of another.
fn place(slug: &str) -> String {
    format!("{CREDENTIALS}{slug}")
}

/// The providers that were added.
///
/// # Errors
/// When the store is away.
pub async fn rows(store: &Store) -> Result<Rows, StoreError> {
    let mut rows = Rows::default();
    for (name, text) in store.settings().beginning_with(ROWS).await? {
        let slug = name.trim_start_matches(ROWS).to_owned();
        match serde_json::from_str::<ProviderRow>(&text) {
            Ok(row) => {
                rows.providers.insert(slug, row);
            }
            Err(error) => {
                tracing::error!(provider = slug, %error, "an added provider does not read")
            }
        }
    }
    Ok(rows)
}

/// Why something could not be kept.
#[derive(Debug, thiserror::Error)]
pub enum NotKept {
    /// The store is away.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The secret could not be sealed.
    #[error(transparent)]
    Vault(#[from] VaultError),
}

/// Keeps a credential, sealed.
///
/// # Errors
/// When it cannot be sealed or the store is away.
pub async fn keep_credential(
    (store, vault): (&Store, &Vault),
    slug: &str,
    secret: &Secret,
    now_ms: i64,
) -> Result<(), NotKept> {
    let stored = Sealed {
        label: store::masked(secret.expose()),
        sealed: vault.seal(secret.expose(), &place(slug))?,
    };
    let text = serde_json::to_string(&stored).unwrap_or_default();
    store.settings().set(&place(slug), &text, now_ms).await?;
    Ok(())
}

/// Forgets a credential; whether it was there.
///
/// # Errors
/// When the store is away.
pub async fn forget_credential(store: &Store, slug: &str, now_ms: i64) -> Result<bool, StoreError> {
    store.settings().remove(&place(slug), now_ms).await
}

/// Keeps a provider.
///
/// # Errors
/// When the store is away.
pub async fn keep_row(store: &Store, row: &ProviderRow, now_ms: i64) -> Result<(), StoreError> {
    let text = serde_json::to_string(row).unwrap_or_default();
    let name = format!("{ROWS}{}", row.slug);
    store.settings().set(&name, &text, now_ms).await?;
    Ok(())
}

/// Forgets a provider; whether it was there.
///
/// # Errors
/// When the store is away.
pub async fn forget_row(store: &Store, slug: &str, now_ms: i64) -> Result<bool, StoreError> {
    store
        .settings()
        .remove(&format!("{ROWS}{slug}"), now_ms)
        .await
}
