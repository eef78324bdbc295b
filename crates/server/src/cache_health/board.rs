//! `CacheBoard`: calls under way, and what broke.

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hasher as _};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use chat::{Unit, Usage};
use foldhash::HashMap;
use ledger::generation::CallerNote;
use ledger::{Amount, Generation, GenerationId, Outcome, UsageSource};
use serde::Serialize;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::spawn_blocking;
use wire::prefix::{Change, Prefix};

use super::conversations::{Conversations, Last};

/// Prompts shorter than this are cached by nobody: 1,024 tokens are the least that providers cache.
const BODY_BYTES_MIN: usize = 4096;

/// The same in tokens: less than this is no loss.
const TOKENS_MIN: u64 = 1024;

/// Calls that may wait to be hashed, and be under way; what is more is not looked at.
const WAITING_MAX: usize = 1024;
const UNDERWAY_MAX: usize = 16_384;

/// Breaks that are remembered, newest first.
const BREAKS_MAX: usize = 500;

/// What a call is, for those who want to compare it with the one before.
pub struct Asked<'c> {
    /// Its id.
    pub id: &'c GenerationId,
    /// Who calls.
    pub caller: &'c CallerNote,
    /// The model as asked for.
    pub model: &'c str,
    /// The caller's name for the conversation, where there is one besides the session.
    pub cache_key: Option<&'c str>,
    /// Its body.
    pub body: &'c Bytes,
}

/// A call that is to be hashed.
struct Waiting {
    id: GenerationId,
    scope: u64,
    name: Option<u64>,
    body: Bytes,
}

/// What is known of a call under way.
enum Underway {
    Waiting,
    Hashed {
        conversation: u64,
        prefix: Arc<Prefix>,
        body: Bytes,
    },
}

/// A conversation whose cache was of much less use than before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Break {
    /// The call.
    pub generation: GenerationId,
    /// When it had arrived, Unix milliseconds.
    pub at_ms: i64,
    /// The workspace that pays.
    pub workspace_id: String,
    /// Its session, where it has one.
    pub session_id: Option<String>,
    /// The model that served.
    pub model: String,
    /// The endpoint that served.
    pub endpoint: String,
    /// What its record says of it: one JSON object.
    pub said: Box<str>,
    /// What it cost more than with the cache.
    pub lost: Amount,
    /// Whether that was because another endpoint served, or the cache had forgotten.
    pub is_switch: bool,
}

/// What was lost, of the breaks that are remembered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Lost {
    /// Because another endpoint served.
    pub to_switches: Amount,
    /// Because the prompt had changed, or the cache forgot.
    pub to_changes: Amount,
}

/// What the record of a call says of it.
#[derive(Serialize)]
struct Said<'a> {
    part: &'a str,
    change: &'static str,
    from_byte: usize,
    to_byte: usize,
    cached_tokens: u64,
    cached_tokens_before: u64,
    generation_before: &'a str,
    endpoint_changed: bool,
}

/// Watches providers' caches.
pub struct CacheBoard {
    queue: Sender<Waiting>,
    underway: Mutex<HashMap<GenerationId, Underway>>,
    conversations: Mutex<Conversations>,
    breaks: Mutex<VecDeque<Break>>,
}

impl CacheBoard {
    /// A board, and who hashes for it: a future that its owner spawns, and that ends with the board.
    pub fn new() -> (Arc<Self>, impl Future<Output = ()> + Send + 'static) {
        let (queue, waiting) = channel(WAITING_MAX);
        let board = Arc::new(Self {
            queue,
            underway: Mutex::default(),
            conversations: Mutex::default(),
            breaks: Mutex::default(),
        });
        let hashing = hash_all(Arc::downgrade(&board), waiting);
        (board, hashing)
    }

    /// A call has arrived.
    pub fn arrive(&self, asked: &Asked<'_>) {
        if asked.body.len() < BODY_BYTES_MIN {
            return;
        }
        let name = asked.caller.session_id.as_deref().or(asked.cache_key);
        let waiting = Waiting {
            id: asked.id.clone(),
            scope: hash(&(&asked.caller.workspace_id, asked.model)),
            name: name.map(|name| hash(&name)),
            body: asked.body.clone(),
        };
        {
            let mut underway = lock(&self.underway);
            if underway.len() >= UNDERWAY_MAX {
                return;
            }
            underway.insert(asked.id.clone(), Underway::Waiting);
        }
        if self.queue.try_send(waiting).is_err() {
            lock(&self.underway).remove(asked.id);
        }
    }

    /// A call has ended without a record.
    pub fn forget(&self, id: &GenerationId) {
        lock(&self.underway).remove(id);
    }

    /// A call has ended: what its record is to say of it, if its conversation's cache broke.
    #[must_use]
    pub fn end(&self, generation: &Generation) -> Option<Box<str>> {
        let underway = lock(&self.underway).remove(&generation.id)?;
        let Underway::Hashed {
            conversation,
            prefix,
            body,
        } = underway
        else {
            return None;
        };
        let is_counted = generation.usage_source == UsageSource::Provider;
        if generation.outcome != Outcome::Completed || !is_counted {
            return None;
        }
        let usage = &generation.usage;
        let read = usage.count(Unit::CacheRead);
        let written = usage
            .count(Unit::CacheWrite)
            .saturating_add(usage.count(Unit::CacheWrite1h));
        let last = Last {
            prefix: Arc::clone(&prefix),
            cached_tokens: read.saturating_add(written),
            endpoint: generation.endpoint.clone().unwrap_or_default(),
            generation: generation.id.clone(),
            at_ms: generation.created_at_ms,
        };
        let before = lock(&self.conversations).replace(conversation, last)?;
        if before.cached_tokens < TOKENS_MIN || read >= before.cached_tokens / 2 {
            return None;
        }
        let broken = broken(generation, (&prefix, &body), (&before, read));
        let said = broken.said.clone();
        let mut breaks = lock(&self.breaks);
        breaks.truncate(BREAKS_MAX - 1);
        breaks.push_front(broken);
        Some(said)
    }

    /// The breaks of a time, of one workspace or of all, newest first, and what they cost.
    #[must_use]
    pub fn breaks(
        &self,
        workspace_id: Option<&str>,
        (from_ms, to_ms): (i64, i64),
    ) -> (Vec<Break>, Lost) {
        let breaks = lock(&self.breaks);
        let found = breaks.iter().filter(|broken| {
            workspace_id.is_none_or(|id| broken.workspace_id == id)
                && (from_ms..to_ms).contains(&broken.at_ms)
        });
        let found: Vec<Break> = found.cloned().collect();
        let mut lost = Lost::default();
        for broken in &found {
            let sum = if broken.is_switch {
                &mut lost.to_switches
            } else {
                &mut lost.to_changes
            };
            *sum = sum.checked_add(broken.lost).unwrap_or(*sum);
        }
        (found, lost)
    }
}

impl std::fmt::Debug for CacheBoard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CacheBoard").finish_non_exhaustive()
    }
}

/// Compares a call with the one before it.
fn broken(
    generation: &Generation,
    (prefix, body): (&Prefix, &[u8]),
    (before, read): (&Last, u64),
) -> Break {
    let found = prefix.compare(&before.prefix, body);
    let endpoint = generation.endpoint.clone().unwrap_or_default();
    let endpoint_changed = before.endpoint != endpoint;
    let said = Said {
        part: &found.part,
        change: found.change.name(),
        from_byte: found.bytes.0,
        to_byte: found.bytes.1,
        cached_tokens: read,
        cached_tokens_before: before.cached_tokens,
        generation_before: before.generation.as_str(),
        endpoint_changed,
    };
    Break {
        generation: generation.id.clone(),
        at_ms: generation.created_at_ms,
        workspace_id: generation.caller.workspace_id.clone(),
        session_id: generation.caller.session_id.clone(),
        model: generation.model.clone(),
        endpoint,
        // Nothing in it can fail to be written.
        said: serde_json::to_string(&said).unwrap_or_default().into(),
        lost: lost(generation, before.cached_tokens.saturating_sub(read)),
        is_switch: endpoint_changed && found.change == Change::None,
    }
}

/// What so many tokens cost more as plain input than from the cache; nothing where no price says so.
fn lost(generation: &Generation, tokens: u64) -> Amount {
    let Some(sheet) = &generation.price_sheet else {
        return Amount::ZERO;
    };
    let at = generation.created_at_ms.div_euclid(1000);
    let cost = |unit| {
        let bill = ledger::cost(&Usage::default().with(unit, tokens), sheet, at);
        bill.ok().map(|bill| bill.total)
    };
    let plain = cost(Unit::Input);
    let pair = plain.zip(cost(Unit::CacheRead));
    pair.and_then(|(plain, cached)| plain.checked_sub(cached))
        .unwrap_or(Amount::ZERO)
        .max(Amount::ZERO)
}

/// Hashes the prompts of calls while their providers are waited for.
async fn hash_all(board: std::sync::Weak<CacheBoard>, mut waiting: Receiver<Waiting>) {
    while let Some(call) = waiting.recv().await {
        let Some(board) = board.upgrade() else { return };
        if !lock(&board.underway).contains_key(&call.id) {
            continue; // it has ended already
        }
        let body = call.body.clone();
        let prefix = spawn_blocking(move || Prefix::of(&body)).await;
        let prefix = prefix.ok().flatten().filter(|prefix| !prefix.is_empty());
        let mut underway = lock(&board.underway);
        match (underway.get_mut(&call.id), prefix) {
            (Some(entry), Some(prefix)) => {
                let name = call.name.unwrap_or_else(|| prefix.opening());
                *entry = Underway::Hashed {
                    conversation: hash(&(call.scope, call.name.is_some(), name)),
                    prefix: Arc::new(prefix),
                    body: call.body,
                };
            }
            _ => drop(underway.remove(&call.id)),
        }
    }
}

fn hash(of: &impl std::hash::Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    of.hash(&mut hasher);
    hasher.finish()
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
