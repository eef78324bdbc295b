//! `Stored`: a credential as it is kept, a setting of the store with its text sealed within.

use serde::{Deserialize, Serialize};
use store::{Store, StoreError, Vault, VaultError};

/// What the names of these settings begin with; the id follows.
pub const PREFIX: &str = "byok/";

/// A credential.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stored {
    /// UUID.
    pub id: String,
    /// Slug of the provider that it is presented to.
    pub provider: String,
    /// Whose own it is; absent for one of the house.
    pub workspace_id: Option<String>,
    /// What may be shown of it.
    pub label: String,
    /// For people.
    pub name: Option<String>,
    /// Whether it is left alone.
    pub disabled: bool,
    /// Whether it is presented only after everything else has failed.
    pub is_fallback: bool,
    /// Canonical slugs of the models that it may be used for; absent means all.
    pub allowed_models: Option<Vec<String>>,
    /// Hashes of the keys that may use it; absent means all.
    pub allowed_api_key_hashes: Option<Vec<String>>,
    /// Ids of the members whose keys may use it; absent means all.
    pub allowed_user_ids: Option<Vec<String>>,
    /// Lower ones are presented first.
    pub sort_order: i64,
    /// The text itself, sealed.
    pub sealed: String,
    /// When it was made, Unix milliseconds.
    pub created_at_ms: i64,
    /// Whether it is gone, for whoever looks into the database; its text is gone then, too.
    #[serde(default)]
    pub is_deleted: bool,
}

impl Stored {
    fn place(&self) -> String {
        format!("byok/{}", self.id)
    }

    /// Seals its text.
    ///
    /// # Errors
    /// When there is no randomness.
    pub fn seal(&mut self, vault: &Vault, text: &str) -> Result<(), VaultError> {
        self.sealed = vault.seal(text, &self.place())?;
        Ok(())
    }

    /// Opens its text.
    ///
    /// # Errors
    /// When the vault has not the key, or it is damaged.
    pub fn open(&self, vault: &Vault) -> Result<String, VaultError> {
        vault.open(&self.sealed, &self.place())
    }

    /// Whether any call at all may present it, one as well as another.
    #[must_use]
    pub fn is_for_all(&self) -> bool {
        let filters = [
            &self.allowed_models,
            &self.allowed_api_key_hashes,
            &self.allowed_user_ids,
        ];
        self.workspace_id.is_none() && !self.is_fallback && filters.into_iter().all(Option::is_none)
    }

    /// Keeps it.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn keep(&self, store: &Store, now_ms: i64) -> Result<(), StoreError> {
        let text = serde_json::to_string(self)
            .map_err(|error| StoreError::Unreadable(error.to_string()))?;
        let name = format!("{PREFIX}{}", self.id);
        store.settings().set(&name, &text, now_ms).await.map(drop)
    }
}

/// The credential of that id, unless it is gone.
///
/// # Errors
/// When the store is away or it cannot be read.
pub async fn by_id(store: &Store, id: &str) -> Result<Option<Stored>, StoreError> {
    let found = store.settings().get(&format!("{PREFIX}{id}")).await?;
    let found = found.map(|setting| read(&setting.value)).transpose()?;
    Ok(found.filter(|stored| !stored.is_deleted))
}

/// Every credential that is not gone, by provider, in the order in which they are presented.
///
/// # Errors
/// When the store is away or one cannot be read.
pub async fn all(store: &Store) -> Result<Vec<Stored>, StoreError> {
    let kept = store.settings().beginning_with(PREFIX).await?;
    let all = kept.iter().map(|(_, text)| read(text));
    let mut all = all.collect::<Result<Vec<Stored>, StoreError>>()?;
    all.retain(|stored| !stored.is_deleted);
    all.sort_by(|a, b| {
        let order = |one: &Stored| (one.sort_order, one.created_at_ms);
        (&a.provider, order(a), &a.id).cmp(&(&b.provider, order(b), &b.id))
    });
    Ok(all)
}

fn read(text: &str) -> Result<Stored, StoreError> {
    serde_json::from_str(text)
        .map_err(|error| StoreError::Unreadable(format!("a credential: {error}")))
}
