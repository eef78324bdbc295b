//! Takes one answer on its way down, and keeps it if the record says that it was whole.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::{Bytes, BytesMut};
use chat::{FinishReason, Reason};
use foldhash::HashMap;
use ledger::{Generation, GenerationId, Outcome};
use relay::{AdmittedBy, CacheHit, Clock, ReplyHead};

use super::asked::{Asked, Key};
use super::entries::{Entries, Entry};
use crate::config::cache::CacheBounds;

/// What is kept of answers, and what is being taken.
pub struct ResponseCache {
    entries: Entries,
    answer_bytes_max: usize,
    bytes_max: usize,
    /// What is taken of answers under way, bytes.
    taken_bytes: AtomicUsize,
    /// Calls whose answers are being taken, and what their records say of them.
    watched: Mutex<HashMap<GenerationId, Option<CacheHit>>>,
    /// How many those are: looked at for every call.
    watched_count: AtomicUsize,
    clock: Arc<dyn Clock>,
}

impl ResponseCache {
    /// An empty one.
    #[must_use]
    pub fn new(bounds: CacheBounds, clock: Arc<dyn Clock>) -> Self {
        Self {
            entries: Entries::new(bounds.bytes_max),
            answer_bytes_max: bounds.answer_bytes_max,
            bytes_max: bounds.bytes_max,
            taken_bytes: AtomicUsize::new(0),
            watched: Mutex::default(),
            watched_count: AtomicUsize::new(0),
            clock,
        }
    }

    /// Whether anything is kept at all.
    pub(crate) fn is_on(&self) -> bool {
        self.bytes_max > 0
    }

    /// What was answered to the same question, if it may still be told. Forgets it where the call asks
    /// for that.
    pub(crate) fn find(&self, asked: &Asked, now_ms: i64) -> Option<Arc<Entry>> {
        if asked.clears {
            self.entries.remove(&asked.key);
            return None;
        }
        self.entries.get(&asked.key, now_ms)
    }

    /// Forgets an answer that cannot be told.
    pub(crate) fn forget(&self, asked: &Asked) {
        self.entries.remove(&asked.key);
    }

    /// Watches a call, to keep its answer.
    pub(crate) fn watch(self: &Arc<Self>, id: &GenerationId, asked: &Asked) -> Keeping {
        self.watched().insert(id.clone(), None);
        self.watched_count.fetch_add(1, Ordering::Relaxed);
        Keeping {
            cache: Arc::clone(self),
            id: id.clone(),
            key: asked.key,
            ttl_seconds: asked.ttl_seconds,
            pieces: Vec::new(),
            bytes: 0,
            is_too_long: false,
            is_clamped: false,
        }
    }

    /// The record of a call: of one that is watched it says whether its answer was whole.
    pub fn note(&self, generation: &Generation) {
        // A call is watched before it can have a record, and both happen in one task's order.
        if self.watched_count.load(Ordering::Relaxed) == 0 {
            return;
        }
        if let Some(said) = self.watched().get_mut(&generation.id) {
            *said = whole(generation);
        }
    }

    fn watched(&self) -> MutexGuard<'_, HashMap<GenerationId, Option<CacheHit>>> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is kept of a call that was answered whole; nothing of errors, and of answers that broke off.
fn whole(generation: &Generation) -> Option<CacheHit> {
    let is_answered = generation.outcome == Outcome::Completed && generation.status == 200;
    let finish = generation.finish.as_ref().filter(|_| is_answered)?;
    match finish.reason {
        Reason::Stop | Reason::ToolCalls | Reason::Length | Reason::ContentFilter => {}
        Reason::Error => return None,
    }
    Some(CacheHit {
        source_id: generation.id.clone(),
        model: generation.model.clone(),
        finish: Some(finish.clone()),
    })
}

/// One answer on its way down. Nothing is copied until it is kept.
pub struct Keeping {
    cache: Arc<ResponseCache>,
    id: GenerationId,
    key: Key,
    ttl_seconds: u64,
    pieces: Vec<Bytes>,
    bytes: usize,
    is_too_long: bool,
    /// Whether the provider was told to stop early for want of money.
    is_clamped: bool,
}

impl Keeping {
    /// What is known of the answer when it begins.
    pub fn begin(&mut self, head: &ReplyHead) {
        self.is_clamped = matches!(head.admission, Some(AdmittedBy::Clamped(_)));
    }

    /// A piece of the answer is on its way.
    pub fn piece(&mut self, piece: &Bytes) {
        if self.is_too_long {
            return;
        }
        let taken = &self.cache.taken_bytes;
        let before = taken.fetch_add(piece.len(), Ordering::Relaxed);
        self.bytes += piece.len();
        if self.bytes > self.cache.answer_bytes_max || before + piece.len() > self.cache.bytes_max {
            self.is_too_long = true;
            self.let_go();
            return;
        }
        self.pieces.push(piece.clone());
    }

    /// All of the answer is on its way: keeps it, if the record says that it is whole.
    pub fn complete(mut self) {
        let said = self
            .cache
            .watched()
            .get_mut(&self.id)
            .and_then(Option::take);
        let Some(hit) = said.filter(|_| !self.is_too_long) else {
            return;
        };
        let is_cut = |finish: &FinishReason| finish.reason == Reason::Length;
        if self.is_clamped && hit.finish.as_ref().is_some_and(is_cut) {
            return;
        }
        let entry = Entry {
            hit,
            stored_ms: self.cache.clock.now_ms(),
            ttl_seconds: self.ttl_seconds,
            answer: joined(&self.pieces, self.bytes),
        };
        self.let_go();
        self.cache.entries.put(self.key, entry);
    }

    fn let_go(&mut self) {
        self.pieces.clear();
        let bytes = std::mem::take(&mut self.bytes);
        self.cache.taken_bytes.fetch_sub(bytes, Ordering::Relaxed);
    }
}

impl Drop for Keeping {
    fn drop(&mut self) {
        self.let_go();
        if self.cache.watched().remove(&self.id).is_some() {
            self.cache.watched_count.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// The pieces as one, of exactly their size: a slice of a larger buffer would keep all of that.
fn joined(pieces: &[Bytes], bytes: usize) -> Bytes {
    let mut joined = BytesMut::with_capacity(bytes);
    for piece in pieces {
        joined.extend_from_slice(piece);
    }
    joined.freeze()
}
