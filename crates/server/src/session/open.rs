//! Open sessions, as they are stored and as they are known in memory.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use store::{DEFAULT_WORKSPACE_ID, KeyHash, Store, StoreError, StoredKey};

use crate::keyring::{KeyFacts, Keyring};

/// What the names of these settings begin with; the hash of the secret follows.
pub const PREFIX: &str = "console/session/";

/// How long a session lives after it was last used, milliseconds: two weeks.
pub const LIFE_MS: i64 = 14 * 24 * 60 * 60 * 1000;

/// How old the last renewal must be before a use writes again, milliseconds: a day.
const RENEW_MS: i64 = 24 * 60 * 60 * 1000;

/// The most open sessions; opening another one closes the oldest.
const SESSIONS_MAX: usize = 64;

/// The longest name of a browser that is kept, characters.
const AGENT_MAX: usize = 200;

/// How many digits of its hash name a session in public.
const ID_DIGITS: usize = 16;

/// What let a person in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Proof {
    /// A management key.
    Key,
    /// The password.
    Password,
    /// A one-time link.
    Link,
}

/// A session as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// What let the person in.
    pub proof: Proof,
    /// The key that did; the session ends with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_hash: Option<String>,
    /// The browser, as it calls itself.
    pub user_agent: String,
    /// When it was opened, Unix milliseconds.
    pub created_at_ms: i64,
    /// When its life was last renewed, Unix milliseconds.
    pub renewed_at_ms: i64,
    /// From when on it no longer counts, Unix milliseconds.
    pub expires_at_ms: i64,
}

impl Session {
    /// A session that is opened now.
    #[must_use]
    pub fn new(proof: Proof, user_agent: &str, now_ms: i64) -> Self {
        Self {
            proof,
            key_hash: None,
            user_agent: user_agent.chars().take(AGENT_MAX).collect(),
            created_at_ms: now_ms,
            renewed_at_ms: now_ms,
            expires_at_ms: now_ms.saturating_add(LIFE_MS),
        }
    }

    /// The same, opened with this key.
    #[must_use]
    pub fn with_key(mut self, key_hash: Option<&KeyHash>) -> Self {
        self.key_hash = key_hash.map(ToString::to_string);
        self
    }

    /// The same used again, when that is worth writing down.
    #[must_use]
    pub fn renewed(&self, now_ms: i64) -> Option<Self> {
        let is_due = self.renewed_at_ms.saturating_add(RENEW_MS) <= now_ms;
        is_due.then(|| Self {
            renewed_at_ms: now_ms,
            expires_at_ms: now_ms.saturating_add(LIFE_MS),
            ..self.clone()
        })
    }
}

/// A session with its name, and the management key that it amounts to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenSession {
    /// What is stored.
    pub session: Session,
    /// The hash of its secret.
    pub hash: KeyHash,
    /// What it may do.
    pub facts: Arc<KeyFacts>,
}

impl OpenSession {
    fn new(hash: KeyHash, session: Session) -> Self {
        let key = StoredKey {
            hash: KeyHash::from_text(format!("session-{}", id(&hash))),
            label: "console session".to_owned(),
            name: "console".to_owned(),
            workspace_id: DEFAULT_WORKSPACE_ID.to_owned(),
            is_management: true,
            disabled: false,
            limit: None,
            limit_reset: None,
            include_byok_in_limit: false,
            creator_user_id: None,
            created_at_ms: session.created_at_ms,
            updated_at_ms: None,
            expires_at_ms: Some(session.expires_at_ms),
        };
        let facts = KeyFacts {
            key,
            terms: Arc::default(),
        };
        Self {
            session,
            hash,
            facts: Arc::new(facts),
        }
    }

    /// Whether it still counts: neither it nor the key that opened it has ended.
    #[must_use]
    pub fn counts(&self, keyring: &Keyring, now_ms: i64) -> bool {
        let key = self.session.key_hash.as_deref();
        let key_works = key.is_none_or(|hash| {
            let facts = keyring.get(&KeyHash::from_text(hash));
            facts.is_some_and(|facts| !facts.key.disabled && !facts.key.is_expired(now_ms))
        });
        key_works && !self.facts.key.is_expired(now_ms)
    }

    /// Its name in public: enough of its hash to tell it from others.
    #[must_use]
    pub fn id(&self) -> &str {
        id(&self.hash)
    }
}

fn id(hash: &KeyHash) -> &str {
    let text = hash.as_str();
    text.get(..ID_DIGITS).unwrap_or(text)
}

/// Every session, oldest first, those that have ended too.
///
/// # Errors
/// When the store is away.
pub async fn all(store: &Store) -> Result<Vec<OpenSession>, StoreError> {
    let settings = store.settings().beginning_with(PREFIX).await?;
    let mut sessions: Vec<_> = settings.into_iter().filter_map(read).collect();
    sessions.sort_by_key(|open| open.session.created_at_ms);
    Ok(sessions)
}

/// Those of the sessions with these hashes that are there, in no order.
///
/// # Errors
/// When the store is away.
pub async fn several(store: &Store, hashes: &[KeyHash]) -> Result<Vec<OpenSession>, StoreError> {
    let names: Vec<String> = hashes.iter().map(name).collect();
    let settings = store.settings().several(&names).await?;
    Ok(settings.into_iter().filter_map(read).collect())
}

fn name(hash: &KeyHash) -> String {
    format!("{PREFIX}{hash}")
}

/// The session in a setting.
fn read((name, text): (String, String)) -> Option<OpenSession> {
    let hash = KeyHash::from_text(name.strip_prefix(PREFIX)?);
    let session = serde_json::from_str(&text).ok()?;
    Some(OpenSession::new(hash, session))
}

/// Keeps a session under the hash of its secret, and sweeps away what has ended.
///
/// # Errors
/// When the store is away.
pub async fn keep(
    store: &Store,
    hash: &KeyHash,
    session: &Session,
    now_ms: i64,
) -> Result<(), StoreError> {
    let text = serde_json::to_string(session).unwrap_or_default();
    store.settings().set(&name(hash), &text, now_ms).await?;
    let open = all(store).await?;
    let surplus = open.len().saturating_sub(SESSIONS_MAX);
    for (index, old) in open.iter().enumerate() {
        let has_ended = old.session.expires_at_ms <= now_ms || index < surplus;
        if has_ended && old.hash != *hash {
            close(store, &old.hash, now_ms).await?;
        }
    }
    Ok(())
}

/// Ends a session; whether it was there.
///
/// # Errors
/// When the store is away.
pub async fn close(store: &Store, hash: &KeyHash, now_ms: i64) -> Result<bool, StoreError> {
    store.settings().remove(&name(hash), now_ms).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_amounts_to_a_management_key_that_expires_with_it() {
        let session = Session::new(Proof::Link, "Browser", 1_000);
        let open = OpenSession::new(KeyHash::of("secret"), session);
        assert!(open.facts.key.is_management);
        assert!(!open.facts.key.is_expired(1_000 + LIFE_MS - 1));
        assert!(open.facts.key.is_expired(1_000 + LIFE_MS));
        assert_eq!(open.id().len(), ID_DIGITS);
        assert!(!open.facts.key.hash.as_str().contains(open.hash.as_str()));
    }

    #[test]
    fn a_use_is_written_down_once_a_day() {
        let session = Session::new(Proof::Key, "", 0);
        assert_eq!(session.renewed(RENEW_MS - 1), None);
        let renewed = session.renewed(RENEW_MS).unwrap();
        assert_eq!(renewed.expires_at_ms, RENEW_MS + LIFE_MS);
        assert_eq!(renewed.created_at_ms, 0);
    }
}
