//! A destination as it is kept: a setting of the store, its own settings sealed within.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::{Setting, Store, StoreError, Vault, VaultError};
use telemetry::destination::Settings;

/// What the names of these settings begin with; the id follows.
pub const PREFIX: &str = "observability/destination/";

/// The whole of it, in parts of a million.
pub const ALL_PPM: u32 = 1_000_000;

/// A destination.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Destination {
    /// UUID.
    pub id: String,
    /// Whose calls it is told of.
    pub workspace_id: String,
    /// Its kind.
    pub kind: String,
    /// For people.
    pub name: String,
    /// Whether it is told anything.
    pub enabled: bool,
    /// The opposite of `with_content`, for servers of an earlier version.
    pub privacy_mode: bool,
    /// Whether it is told what was asked and answered. Absent in rows of an earlier version, which told
    /// nobody: a destination hears content when somebody says so after that.
    #[serde(default)]
    pub with_content: bool,
    /// Of so many of a million sessions it is told.
    pub sampled_ppm: u32,
    /// Of which keys it is told; absent means all.
    pub api_key_hashes: Option<Vec<String>>,
    /// Rules, as they were written.
    pub filter_rules: Option<Value>,
    /// Whether it is told what calls cost.
    pub with_cost: bool,
    /// Whether it is told who called.
    pub with_identity: bool,
    /// Whether it is told from which app.
    pub with_context: bool,
    /// Its own settings, sealed.
    pub sealed: String,
    /// When it was made, Unix milliseconds.
    pub created_at_ms: i64,
    /// When it was last changed, Unix milliseconds.
    pub updated_at_ms: i64,
    /// Whether it is gone, for whoever looks into the database.
    #[serde(default)]
    pub is_deleted: bool,
}

impl Destination {
    /// Says whether content is kept from it.
    pub const fn set_privacy(&mut self, is_private: bool) {
        self.privacy_mode = is_private;
        self.with_content = !is_private;
    }

    fn place(id: &str) -> String {
        format!("observability-destination/{id}")
    }

    /// Seals its own settings.
    ///
    /// # Errors
    /// When there is no randomness.
    pub fn seal(&mut self, vault: &Vault, settings: &Settings) -> Result<(), VaultError> {
        self.sealed = vault.seal(&settings.to_text(), &Self::place(&self.id))?;
        Ok(())
    }

    /// Opens its own settings.
    ///
    /// # Errors
    /// When the vault has not the key, or they are damaged.
    pub fn open(&self, vault: &Vault) -> Result<Settings, VaultError> {
        let text = vault.open(&self.sealed, &Self::place(&self.id))?;
        Settings::from_text(&text).ok_or(VaultError::Unopenable)
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

/// The destination of that id, unless it is gone.
///
/// # Errors
/// When the store is away or it cannot be read.
pub async fn by_id(store: &Store, id: &str) -> Result<Option<Destination>, StoreError> {
    let found = store.settings().get(&format!("{PREFIX}{id}")).await?;
    let found = found
        .map(|Setting { value, .. }| read(&value))
        .transpose()?;
    Ok(found.filter(|destination| !destination.is_deleted))
}

/// Every destination that is not gone, the oldest first.
///
/// # Errors
/// When the store is away or one cannot be read.
pub async fn all(store: &Store) -> Result<Vec<Destination>, StoreError> {
    let kept = store.settings().beginning_with(PREFIX).await?;
    let all = kept.iter().map(|(_, text)| read(text));
    let mut all = all.collect::<Result<Vec<Destination>, StoreError>>()?;
    all.retain(|destination| !destination.is_deleted);
    all.sort_by(|a, b| (a.created_at_ms, &a.id).cmp(&(b.created_at_ms, &b.id)));
    Ok(all)
}

fn read(text: &str) -> Result<Destination, StoreError> {
    serde_json::from_str(text)
        .map_err(|error| StoreError::Unreadable(format!("a destination: {error}")))
}
