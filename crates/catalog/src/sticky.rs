//! Stickiness: a conversation goes where its prompt is cached. Section 13 of the digest.

use std::collections::hash_map::DefaultHasher;
use std::hash::{BuildHasher as _, Hash, Hasher};
use std::sync::{Mutex, MutexGuard, PoisonError};

use chat::Unit;
use foldhash::HashMap;
use foldhash::quality::RandomState;
use serde::{Deserialize, Serialize};

use crate::endpoint::{Endpoint, EndpointId};
use crate::model::ModelSlug;

/// How long a conversation may be silent before its endpoint is forgotten, milliseconds; an
/// endpoint whose cache lives longer is remembered longer. Source: sticky routing of the reference.
pub const IDLE_MS: i64 = 600_000;

/// How many conversations are remembered; beyond that, those that are over go, and if none is, half
/// of all.
const CONVERSATIONS_MAX: usize = 200_000;

/// Where a conversation was last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sticky {
    /// The endpoint.
    pub endpoint: EndpointId,
    /// Prompt tokens that it probably still has in its cache.
    pub cached_tokens: u64,
    /// When it last answered, Unix milliseconds.
    pub used_ms: i64,
}

impl Sticky {
    /// Whether this endpoint's cache is probably still warm, and worth anything: reading it must be
    /// cheaper than sending the prompt again.
    #[must_use]
    pub fn is_warm(&self, endpoint: &Endpoint, now_ms: i64) -> bool {
        let ttl = endpoint.steering.cache_ttl_ms.unwrap_or(0).max(IDLE_MS);
        let age = now_ms.saturating_sub(self.used_ms);
        age < ttl && caches(endpoint)
    }
}

/// Whether reading an endpoint's cache is cheaper than sending the prompt again.
#[must_use]
pub fn caches(endpoint: &Endpoint) -> bool {
    let price = |unit| endpoint.prices.get(unit);
    let pair = price(Unit::CacheRead).zip(price(Unit::Input));
    pair.is_some_and(|(cached, input)| cached < input)
}

/// What tells one conversation of a workspace from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Conversation {
    /// The caller has named it: `session_id`, `x-session-id` or `prompt_cache_key`.
    Named(u64),
    /// Its opening messages are its name.
    Opening(u64),
}

impl Conversation {
    /// One that the caller has named.
    #[must_use]
    pub fn named(name: &str) -> Self {
        let mut hasher = DefaultHasher::new();
        name.hash(&mut hasher);
        Self::Named(hasher.finish())
    }
}

/// Key of a conversation: workspace, model and conversation, hashed twice to 128 bits.
type Key = (u64, u64);

#[derive(Debug, Clone)]
struct Seen {
    sticky: Sticky,
    calls: u64,
    forget_ms: i64,
}

/// Conversations go on for about as long as they have lasted, but nobody reckons further than this.
const FURTHER_CALLS_MAX: u64 = 8;

/// How many more calls a conversation is expected to make that its caller has named, when it begins.
const FURTHER_CALLS_NAMED: u64 = 2;

/// Where conversations were last, in this process. Lost on restart by design: the next call of each
/// conversation costs a cold cache at most.
#[derive(Debug, Default)]
pub struct Conversations {
    seen: Mutex<HashMap<Key, Seen>>,
    /// Of this process: nobody outside can make two conversations have one key.
    hashes: [RandomState; 2],
}

impl Conversations {
    /// Where a conversation of a workspace was last with this model, and how many more calls it will
    /// probably make: as many as it has made, within a bound. One that begins is expected to go on if
    /// its caller took the trouble to name it.
    #[must_use]
    pub fn look_up(
        &self,
        (workspace, model, conversation): (&str, &ModelSlug, Conversation),
    ) -> (Option<Sticky>, u64) {
        let key = self.key(workspace, model, conversation);
        let seen = self.seen();
        let known = seen.get(&key);
        let begun = match conversation {
            Conversation::Named(_) => FURTHER_CALLS_NAMED,
            Conversation::Opening(_) => 0,
        };
        let further = known.map_or(begun, |seen| seen.calls.max(begun).min(FURTHER_CALLS_MAX));
        (known.map(|seen| seen.sticky.clone()), further)
    }

    /// Notes that an endpoint has answered. A conversation that the caller has named is remembered
    /// after any answer, another only once the provider reports a cache hit (section 13).
    pub fn note(
        &self,
        (workspace, conversation): (&str, Conversation),
        endpoint: &Endpoint,
        (sticky, cached_tokens): (Sticky, u64),
    ) {
        let is_named = matches!(conversation, Conversation::Named(_));
        if !is_named && cached_tokens == 0 {
            return;
        }
        let ttl = endpoint.steering.cache_ttl_ms.unwrap_or(0).max(IDLE_MS);
        let forget_ms = sticky.used_ms.saturating_add(ttl);
        let now_ms = sticky.used_ms;
        let mut seen = self.seen();
        if seen.len() >= CONVERSATIONS_MAX {
            make_room(&mut seen, now_ms);
        }
        let key = self.key(workspace, &endpoint.model, conversation);
        let before = seen.get(&key).map_or(0, |seen| seen.calls);
        seen.insert(
            key,
            Seen {
                sticky,
                calls: before + 1,
                forget_ms,
            },
        );
    }

    fn key(&self, workspace: &str, model: &ModelSlug, conversation: Conversation) -> Key {
        let of = (workspace, model, conversation);
        let [first, second] = &self.hashes;
        (first.hash_one(of), second.hash_one(of))
    }

    fn seen(&self) -> MutexGuard<'_, HashMap<Key, Seen>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn make_room(seen: &mut HashMap<Key, Seen>, now_ms: i64) {
    seen.retain(|_, seen| now_ms < seen.forget_ms);
    if seen.len() >= CONVERSATIONS_MAX {
        let mut half = false;
        seen.retain(|_, _| {
            half = !half;
            half
        });
    }
}
