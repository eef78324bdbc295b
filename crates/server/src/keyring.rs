//! Every key, in memory: what the request path knows of who may call.

use std::collections::BTreeSet;
use std::sync::Arc;

use foldhash::{HashMap, HashSet};
use store::{Change, KEY_TERMS, KeyHash, Noun, Store, StoreError, StoredKey};

use crate::followed::{Followed, Source};
use crate::key_terms::{self, KeyTerms};
use crate::parted::PartedMap;
use crate::session::open::{self, OpenSession};

/// What every key of ours begins with.
pub const PREFIX: &str = "sk-wb-v1-";

/// What a call needs to know of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyFacts {
    /// The stored key.
    pub key: StoredKey,
    /// What it has beyond OpenRouter's fields.
    pub terms: Arc<KeyTerms>,
}

/// All keys by hash. Immutable once it is in place; its copies share what does not change.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Keyring {
    keys: PartedMap<KeyHash, Arc<KeyFacts>>,
    /// Those of the keys that the house has frozen.
    frozen: Arc<HashSet<KeyHash>>,
    sessions: Arc<HashMap<KeyHash, OpenSession>>,
    /// It holds all changes up to this one; absent before the keys have been read at all.
    revision: Option<i64>,
}

impl Keyring {
    /// A ring of these keys.
    #[must_use]
    pub fn of(facts: impl IntoIterator<Item = KeyFacts>) -> Self {
        let mut ring = Self {
            revision: Some(0),
            ..Self::default()
        };
        for facts in facts {
            ring.put(facts);
        }
        ring
    }

    /// The same ring with sessions of the console.
    #[must_use]
    pub fn with_sessions(mut self, sessions: impl IntoIterator<Item = OpenSession>) -> Self {
        let sessions = sessions.into_iter();
        let by_hash = sessions.map(|open| (open.hash.clone(), open));
        self.sessions = Arc::new(by_hash.collect());
        self
    }

    /// The session whose secret has this hash.
    #[must_use]
    pub fn session(&self, hash: &KeyHash) -> Option<&OpenSession> {
        self.sessions.get(hash)
    }

    /// The key with this hash.
    #[must_use]
    pub fn get(&self, hash: &KeyHash) -> Option<&Arc<KeyFacts>> {
        self.keys.get(hash)
    }

    /// Whether the keys have been read from the store at all.
    #[must_use]
    pub fn is_loaded(&self) -> bool {
        self.revision.is_some()
    }

    /// Keys that the house has frozen.
    pub fn frozen(&self) -> impl Iterator<Item = &KeyHash> {
        self.frozen.iter()
    }

    /// Whether the house has frozen a key.
    #[must_use]
    pub fn is_frozen(&self, hash: &KeyHash) -> bool {
        self.frozen.contains(hash)
    }

    /// Puts a key on the ring, in the place of what was known of it.
    fn put(&mut self, facts: KeyFacts) {
        let hash = facts.key.hash.clone();
        self.mark(&hash, facts.terms.written.frozen.is_some());
        self.keys.insert(hash, Arc::new(facts));
    }

    /// Takes a key off the ring.
    fn take_off(&mut self, hash: &KeyHash) {
        self.mark(hash, false);
        self.keys.remove(hash);
    }

    fn mark(&mut self, hash: &KeyHash, is_frozen: bool) {
        if is_frozen == self.frozen.contains(hash) {
            return;
        }
        let frozen = Arc::make_mut(&mut self.frozen);
        if is_frozen {
            frozen.insert(hash.clone());
        } else {
            frozen.remove(hash);
        }
    }

    async fn take_keys(&mut self, store: &Store, hashes: &[KeyHash]) -> Result<(), StoreError> {
        let stored = store.keys().several(hashes).await?;
        let mut terms = key_terms::several(store, hashes).await?;
        let stored = stored.into_iter().map(|key| (key.hash.clone(), key));
        let mut stored: HashMap<KeyHash, StoredKey> = stored.collect();
        for hash in hashes {
            match stored.remove(hash) {
                Some(key) => self.put(KeyFacts {
                    terms: terms.remove(hash).unwrap_or_default(),
                    key,
                }),
                None => self.take_off(hash),
            }
        }
        Ok(())
    }

    async fn take_sessions(&mut self, store: &Store, hashes: &[KeyHash]) -> Result<(), StoreError> {
        let open = open::several(store, hashes).await?;
        let sessions = Arc::make_mut(&mut self.sessions);
        sessions.retain(|hash, _| !hashes.contains(hash));
        sessions.extend(open.into_iter().map(|open| (open.hash.clone(), open)));
        Ok(())
    }
}

impl Followed for Keyring {
    fn revision(&self) -> Option<i64> {
        self.revision
    }

    async fn read(source: Source<'_>) -> Result<Self, StoreError> {
        let store = source.store;
        let revision = store.revision().await?;
        let keys = store.keys().all().await?;
        let mut terms = key_terms::all(store).await?;
        let sessions = open::all(store).await?;
        let facts = keys.into_iter().map(|key| KeyFacts {
            terms: terms.remove(&key.hash).unwrap_or_default(),
            key,
        });
        let mut ring = Self::of(facts).with_sessions(sessions);
        ring.revision = Some(revision);
        Ok(ring)
    }

    async fn take(
        &mut self,
        source: Source<'_>,
        changes: &[Change],
        revision: i64,
    ) -> Result<(), StoreError> {
        let (mut keys, mut sessions) = (BTreeSet::new(), BTreeSet::new());
        for change in changes {
            match change.noun {
                Noun::Key => {
                    keys.insert(KeyHash::from_text(&*change.id));
                }
                Noun::Setting => {
                    let hash_after =
                        |prefix: &str| change.id.strip_prefix(prefix).map(KeyHash::from_text);
                    keys.extend(hash_after(KEY_TERMS));
                    sessions.extend(hash_after(open::PREFIX));
                }
                Noun::Budget | Noun::Workspace => {}
            }
        }
        if !keys.is_empty() {
            let hashes: Vec<_> = keys.into_iter().collect();
            self.take_keys(source.store, &hashes).await?;
        }
        if !sessions.is_empty() {
            let hashes: Vec<_> = sessions.into_iter().collect();
            self.take_sessions(source.store, &hashes).await?;
        }
        self.revision = Some(revision);
        Ok(())
    }
}

/// A new secret key from 32 random bytes.
#[must_use]
pub fn secret_from(random: [u8; 32]) -> String {
    format!("{PREFIX}{}", hex::encode(random))
}

/// Whether a text has the form of a key that we make.
#[must_use]
pub fn is_our_form(key: &str) -> bool {
    key.strip_prefix(PREFIX).is_some_and(|digits| {
        digits.len() == 64
            && digits
                .bytes()
                .all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_keys_have_our_form_and_others_do_not() {
        assert!(is_our_form(&secret_from([0xab; 32])));
        for other in ["sk-or-v1-ab", "sk-wb-v1-ab", &"sk-wb-v1-AB".repeat(8)] {
            assert!(!is_our_form(other), "{other}");
        }
    }
}
