//! Every key, in memory: what the request path knows of who may call.

use std::sync::Arc;

use foldhash::HashMap;
use store::{KeyHash, StoredKey};

use crate::key_terms::KeyTerms;
use crate::session::open::OpenSession;

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

/// All keys by hash; immutable, swapped whole.
#[derive(Debug, Default)]
pub struct Keyring {
    keys: HashMap<KeyHash, Arc<KeyFacts>>,
    sessions: HashMap<KeyHash, OpenSession>,
    is_loaded: bool,
}

impl Keyring {
    /// A ring of these keys.
    #[must_use]
    pub fn of(facts: impl IntoIterator<Item = KeyFacts>) -> Self {
        let keys = facts
            .into_iter()
            .map(|facts| (facts.key.hash.clone(), Arc::new(facts)));
        Self {
            keys: keys.collect(),
            sessions: HashMap::default(),
            is_loaded: true,
        }
    }

    /// The same ring with sessions of the console.
    #[must_use]
    pub fn with_sessions(mut self, sessions: impl IntoIterator<Item = OpenSession>) -> Self {
        let sessions = sessions.into_iter();
        self.sessions = sessions.map(|open| (open.hash.clone(), open)).collect();
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
        self.is_loaded
    }

    /// Keys that the house has frozen.
    pub fn frozen(&self) -> impl Iterator<Item = &KeyHash> {
        let keys = self.keys.iter();
        let frozen = keys.filter(|(_, facts)| facts.terms.written.frozen.is_some());
        frozen.map(|(hash, _)| hash)
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
