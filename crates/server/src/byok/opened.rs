//! `Opened`: the stored credentials ready to be presented, by provider.

use std::collections::HashMap;
use std::sync::Arc;

use catalog::Provider;
use relay::{Labelled, Pinned, Secret};
use store::{Store, StoreError, Vault};

use super::stored::{self, Stored};

/// The stored credentials that are in use, by the name of their provider.
#[derive(Debug, Default)]
pub struct Opened {
    /// Those that any call may present.
    pool: HashMap<String, Vec<Labelled>>,
    /// The others, in the order in which they are presented.
    pinned: HashMap<String, Vec<Arc<Pinned>>>,
}

impl Opened {
    /// Reads and opens all of them. What an old master key has sealed is sealed anew; what cannot be
    /// opened is logged, and left out.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn read(store: &Store, vault: &Vault, now_ms: i64) -> Result<Self, StoreError> {
        let mut opened = Self::default();
        for mut stored in stored::all(store).await? {
            if let Ok(Some(renewed)) = vault.renewed(&stored.sealed) {
                stored.sealed = renewed;
                stored.keep(store, now_ms).await?;
            }
            if stored.disabled {
                continue;
            }
            match stored.open(vault) {
                Ok(text) => opened.add(stored, Secret::new(text)),
                Err(error) => {
                    tracing::error!(credential = stored.id, %error, "a credential cannot be presented");
                }
            }
        }
        Ok(opened)
    }

    fn add(&mut self, stored: Stored, secret: Secret) {
        let label = stored.name.clone().unwrap_or_else(|| stored.label.clone());
        let label = label.into_boxed_str();
        if stored.is_for_all() {
            let pool = self.pool.entry(stored.provider).or_default();
            return pool.push(Labelled {
                label,
                weight: 1,
                secret,
            });
        }
        let pinned = self.pinned.entry(stored.provider).or_default();
        pinned.push(Arc::new(Pinned {
            id: stored.id.into(),
            label,
            secret,
            workspace_id: stored.workspace_id.map(String::into_boxed_str),
            models: stored.allowed_models,
            keys: stored.allowed_api_key_hashes,
            members: stored.allowed_user_ids,
            is_fallback: stored.is_fallback,
        }));
    }

    /// Whether nothing is stored.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.pool.is_empty() && self.pinned.is_empty()
    }

    /// Those of a provider that any call may present.
    #[must_use]
    pub fn pool(&self, provider: &Provider) -> &[Labelled] {
        named(&self.pool, provider)
    }

    /// Those of a provider that are only for some calls.
    #[must_use]
    pub fn pinned(&self, provider: &Provider) -> &[Arc<Pinned>] {
        named(&self.pinned, provider)
    }

    /// One of a provider's, for what its address takes from a credential.
    #[must_use]
    pub fn first(&self, provider: &Provider) -> Option<&Secret> {
        let pool = self.pool(provider).iter().map(|one| &one.secret);
        let pinned = self.pinned(provider).iter().map(|one| &one.secret);
        pool.chain(pinned).next()
    }
}

/// What is kept for a provider, under whichever of its names.
fn named<'m, T>(map: &'m HashMap<String, Vec<T>>, provider: &Provider) -> &'m [T] {
    let aliases = provider.aliases.iter().map(AsRef::as_ref);
    let mut names = std::iter::once(provider.slug.as_str()).chain(aliases);
    names
        .find_map(|name| map.get(name))
        .map_or(&[], Vec::as_slice)
}
