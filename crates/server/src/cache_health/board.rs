//! `CacheBoard`: calls under way, what broke, and which goes on with which.

use std::hash::{DefaultHasher, Hasher as _};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use chat::{Unit, Usage};
use foldhash::HashMap;
use ledger::generation::{CallerNote, PrefixBreak};
use ledger::{Amount, Generation, GenerationId, Outcome, UsageSource};
use serde::Serialize;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::spawn_blocking;
use tokio_util::sync::CancellationToken;
use wire::prefix::{Change, Prefix};

use super::conversations::{Conversations, Last};
use super::lineage::Lineage;

/// Prompts shorter than this are cached by nobody: 1,024 tokens are the least that providers cache. Those
/// of sessions are looked at all the same, for who goes on with whom.
const BODY_BYTES_MIN: usize = 4096;

/// Up to here a prompt is hashed where it is taken from the queue, which takes some twenty microseconds: to hand it to
/// another thread and to be woken by that one takes about as long.
const HERE_BYTES_MAX: usize = 64 * 1024;

/// In tokens: less than this is no loss.
const TOKENS_MIN: u64 = 1024;

/// Calls that may wait to be hashed, and be under way; what is more is not looked at.
const WAITING_MAX: usize = 1024;
const UNDERWAY_MAX: usize = 16_384;

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
    /// Where it has one.
    session: Option<u64>,
    body: Bytes,
}

/// What is known of a call under way.
enum Underway {
    Waiting,
    Hashed {
        conversation: u64,
        prefix: Arc<Prefix>,
        continues: Option<GenerationId>,
        body: Bytes,
    },
}

/// What was noticed of a call that has ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen {
    /// Its conversation's cache broke.
    pub broken: Option<PrefixBreak>,
    /// The call whose conversation it goes on with.
    pub continues: Option<GenerationId>,
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
    lineage: Mutex<Lineage>,
    /// Whether anything is looked at.
    is_on: bool,
    closing: CancellationToken,
}

impl CacheBoard {
    /// A board, and who hashes for it: a future that its owner spawns, and that ends after
    /// [`CacheBoard::close`].
    pub fn new(is_on: bool) -> (Arc<Self>, impl Future<Output = ()> + Send + 'static) {
        let (queue, waiting) = channel(WAITING_MAX);
        let board = Arc::new(Self {
            queue,
            underway: Mutex::default(),
            conversations: Mutex::default(),
            lineage: Mutex::default(),
            is_on,
            closing: CancellationToken::new(),
        });
        let hashing = hash_all(Arc::clone(&board), waiting);
        (board, hashing)
    }

    /// Nothing further is hashed: no call will end any more that could be compared.
    pub fn close(&self) {
        self.closing.cancel();
    }

    /// A call has arrived.
    pub fn arrive(&self, asked: &Asked<'_>) {
        let session = asked.caller.session_id.as_deref();
        let is_long = asked.body.len() >= BODY_BYTES_MIN;
        if !self.is_on || !(is_long || session.is_some()) {
            return;
        }
        let name = asked.caller.session_id.as_deref().or(asked.cache_key);
        let waiting = Waiting {
            id: asked.id.clone(),
            scope: hash(&(&asked.caller.workspace_id, asked.model)),
            name: name.map(|name| hash(&name)),
            session: session.map(|id| hash(&(&asked.caller.workspace_id, id))),
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

    /// A call has ended: what its record is to say of it.
    #[must_use]
    pub fn end(&self, generation: &Generation) -> Seen {
        if !self.is_on {
            return Seen::default();
        }
        let underway = lock(&self.underway).remove(&generation.id);
        let Some(Underway::Hashed {
            conversation,
            prefix,
            continues,
            body,
        }) = underway
        else {
            return Seen::default();
        };
        Seen {
            broken: self.broken(generation, conversation, (&prefix, &body)),
            continues,
        }
    }

    fn broken(
        &self,
        generation: &Generation,
        conversation: u64,
        (prefix, body): (&Arc<Prefix>, &Bytes),
    ) -> Option<PrefixBreak> {
        let is_counted = generation.usage_source == UsageSource::Provider;
        let is_long = body.len() >= BODY_BYTES_MIN;
        if generation.outcome != Outcome::Completed || !is_counted || !is_long {
            return None;
        }
        let usage = &generation.usage;
        let read = usage.count(Unit::CacheRead);
        let written = usage
            .count(Unit::CacheWrite)
            .saturating_add(usage.count(Unit::CacheWrite1h));
        let last = Last {
            prefix: Arc::clone(prefix),
            cached_tokens: read.saturating_add(written),
            endpoint: generation.endpoint.clone().unwrap_or_default(),
            generation: generation.id.clone(),
            at_ms: generation.created_at_ms,
        };
        let before = lock(&self.conversations).replace(conversation, last)?;
        if before.cached_tokens < TOKENS_MIN || read >= before.cached_tokens / 2 {
            return None;
        }
        Some(broken(generation, (prefix, body), (&before, read)))
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
) -> PrefixBreak {
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
    PrefixBreak {
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
async fn hash_all(board: Arc<CacheBoard>, mut waiting: Receiver<Waiting>) {
    while let Some(Some(call)) = board.closing.run_until_cancelled(waiting.recv()).await {
        if !lock(&board.underway).contains_key(&call.id) {
            continue; // it has ended already
        }
        let prefix = prefix_of(&call.body).await;
        let prefix = prefix.filter(|prefix| !prefix.is_empty());
        let mut underway = lock(&board.underway);
        match (underway.get_mut(&call.id), prefix) {
            (Some(entry), Some(prefix)) => {
                let name = call.name.unwrap_or_else(|| prefix.opening());
                let continues = call.session.and_then(|session| {
                    let mut lineage = lock(&board.lineage);
                    lineage.place(session, &prefix.stations(), &call.id)
                });
                *entry = Underway::Hashed {
                    conversation: hash(&(call.scope, call.name.is_some(), name)),
                    prefix: Arc::new(prefix),
                    continues,
                    body: call.body,
                };
            }
            _ => drop(underway.remove(&call.id)),
        }
    }
}

async fn prefix_of(body: &Bytes) -> Option<Prefix> {
    if body.len() <= HERE_BYTES_MAX {
        return Prefix::of(body);
    }
    let body = body.clone();
    spawn_blocking(move || Prefix::of(&body))
        .await
        .ok()
        .flatten()
}

fn hash(of: &impl std::hash::Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    of.hash(&mut hasher);
    hasher.finish()
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
