//! The bounded list of entries, its exact totals, and the ways to look at both.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::entry::{End, Entry};
use super::exchange::Live;

/// How much the ledger keeps. Totals are exact whatever is dropped.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Most entries; older ones are dropped.
    pub entries: usize,
    /// Most bytes of one request body; the rest is cut off.
    pub body_bytes: usize,
    /// Most bytes of all request bodies together; the oldest bodies are dropped.
    pub bodies_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            entries: 10_000,
            body_bytes: 8 << 20,
            bodies_bytes: 256 << 20,
        }
    }
}

/// Sums over all calls since the start or the last `clear`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Requests whose head has arrived.
    pub requests: u64,
    /// Calls that ended with everything written.
    pub finished: u64,
    /// Calls that the script broke off.
    pub severed: u64,
    /// Calls that the client left.
    pub disconnected: u64,
    /// Bytes of body written, added when a call ends.
    pub bytes_written: u64,
    /// Socket writes, added when a call ends.
    pub chunks_written: u64,
    /// Prompt tokens of calls that were answered with a completion, added when a call ends.
    pub prompt_tokens: u64,
    /// Completion tokens written, added when a call ends.
    pub completion_tokens: u64,
    /// Calls whose usage was reported, added when a call ends.
    pub usage_sent: u64,
    /// Answers by status.
    pub by_status: BTreeMap<u16, u64>,
}

impl Totals {
    /// Calls that have begun and not ended.
    #[must_use]
    pub fn in_flight(&self) -> u64 {
        self.requests - self.finished - self.severed - self.disconnected
    }
}

/// The simulator's ledger.
pub struct Ledger {
    pub(super) limits: Limits,
    started: Instant,
    changed: Notify,
    book: Mutex<Book>,
}

#[derive(Default)]
pub(super) struct Book {
    slots: VecDeque<Slot>,
    last_seq: u64,
    /// First sequence number after the last `clear`; calls before it no longer count.
    first_seq: u64,
    held_bytes: usize,
    /// Entries before this index have no body any more.
    bodiless: usize,
    totals: Totals,
}

struct Slot {
    entry: Entry,
    live: Option<Arc<Live>>,
}

impl Slot {
    fn refresh(&mut self) -> &Entry {
        if let Some(live) = &self.live {
            live.copy_to(&mut self.entry);
        }
        &self.entry
    }
}

/// Which entries `GET /ledger` is to show.
pub(crate) struct Shown<'a> {
    /// Those with a greater number.
    pub(crate) after: u64,
    /// Those for this model.
    pub(crate) model: Option<&'a str>,
    /// Those whose request body holds this text.
    pub(crate) holding: Option<&'a str>,
    /// At most so many.
    pub(crate) limit: usize,
}

impl Shown<'_> {
    fn has(&self, entry: &Entry) -> bool {
        let holds = |text: &str| String::from_utf8_lossy(&entry.body).contains(text);
        entry.seq > self.after
            && self.model.is_none_or(|model| entry.model == model)
            && self.holding.is_none_or(holds)
    }
}

impl Ledger {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            limits,
            started: Instant::now(),
            changed: Notify::new(),
            book: Mutex::default(),
        }
    }

    /// Every entry that is kept, oldest first, with its counts as of now.
    #[must_use]
    pub fn entries(&self) -> Vec<Entry> {
        self.book()
            .slots
            .iter_mut()
            .map(|slot| slot.refresh().clone())
            .collect()
    }

    /// The newest entry.
    #[must_use]
    pub fn last(&self) -> Option<Entry> {
        self.book()
            .slots
            .back_mut()
            .map(|slot| slot.refresh().clone())
    }

    /// The entry with this sequence number, if it is kept.
    #[must_use]
    pub fn entry(&self, seq: u64) -> Option<Entry> {
        self.book().slot(seq).map(|slot| slot.refresh().clone())
    }

    /// The totals as of now.
    #[must_use]
    pub fn totals(&self) -> Totals {
        self.book().totals.clone()
    }

    /// Forgets entries and totals; calls in flight no longer count.
    pub fn clear(&self) {
        let mut book = self.book();
        let last_seq = book.last_seq;
        *book = Book {
            last_seq,
            first_seq: last_seq + 1,
            ..Book::default()
        };
    }

    /// Waits until an entry satisfies the predicate and returns it (the newest, if several do), or
    /// `None` after `timeout`. Looks again whenever a call begins, is answered, writes or ends.
    pub async fn wait_for(
        &self,
        predicate: impl Fn(&Entry) -> bool,
        timeout: Duration,
    ) -> Option<Entry> {
        let until = Instant::now() + timeout;
        loop {
            let mut changed = std::pin::pin!(self.changed.notified());
            changed.as_mut().enable();
            if let Some(entry) = self.find(&predicate) {
                return Some(entry);
            }
            if tokio::time::timeout_at(until, changed).await.is_err() {
                return self.find(&predicate);
            }
        }
    }

    fn find(&self, predicate: &impl Fn(&Entry) -> bool) -> Option<Entry> {
        let mut book = self.book();
        book.slots.iter_mut().rev().find_map(|slot| {
            let entry = slot.refresh();
            predicate(entry).then(|| entry.clone())
        })
    }

    /// What `GET /ledger` answers: totals, and the entries that are asked for.
    pub(crate) fn shown(&self, asked: &Shown<'_>) -> Value {
        let totals = self.totals();
        let entries: Vec<Value> = self
            .entries()
            .iter()
            .filter(|entry| asked.has(entry))
            .take(asked.limit)
            .map(|entry| entry.shown(self.started))
            .collect();
        let by_status: serde_json::Map<String, Value> = totals
            .by_status
            .iter()
            .map(|(s, n)| (s.to_string(), Value::from(*n)))
            .collect();
        json!({
            "simulated": true,
            "totals": {
                "requests": totals.requests,
                "in_flight": totals.in_flight(),
                "finished": totals.finished,
                "severed": totals.severed,
                "disconnected": totals.disconnected,
                "bytes_written": totals.bytes_written,
                "chunks_written": totals.chunks_written,
                "prompt_tokens": totals.prompt_tokens,
                "completion_tokens": totals.completion_tokens,
                "usage_sent": totals.usage_sent,
                "by_status": by_status,
            },
            "entries": entries,
        })
    }

    // === Writing, for exchanges only ===

    pub(super) fn begin(&self, make: impl FnOnce(u64) -> Entry, live: Arc<Live>) -> u64 {
        let seq = {
            let mut book = self.book();
            book.last_seq += 1;
            book.totals.requests += 1;
            let seq = book.last_seq;
            if self.limits.entries > 0 {
                book.slots.push_back(Slot {
                    entry: make(seq),
                    live: Some(live),
                });
            }
            while book.slots.len() > self.limits.entries {
                book.drop_oldest();
            }
            seq
        };
        self.changed.notify_waiters();
        seq
    }

    pub(super) fn update(&self, seq: u64, change: impl FnOnce(&mut Entry)) {
        {
            let mut book = self.book();
            if let Some(slot) = book.slot(seq) {
                let before = slot.entry.body.len();
                change(&mut slot.entry);
                let grown = slot.entry.body.len() - before;
                book.held_bytes += grown;
                let first = book.slots.front().map_or(seq, |slot| slot.entry.seq);
                let index = usize::try_from(seq - first).unwrap_or(usize::MAX);
                book.bodiless = book.bodiless.min(index);
                book.drop_bodies(self.limits.bodies_bytes);
            }
        }
        self.changed.notify_waiters();
    }

    pub(super) fn wrote(&self) {
        self.changed.notify_waiters();
    }

    pub(super) fn close(&self, seq: u64, end: End, live: &Live) {
        {
            let mut book = self.book();
            if seq >= book.first_seq {
                live.add_to(&mut book.totals, end);
            }
            if let Some(slot) = book.slot(seq) {
                slot.refresh();
                slot.entry.end = Some(end);
                slot.entry.ended_at = Some(Instant::now());
                slot.live = None;
            }
        }
        self.changed.notify_waiters();
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Book {
    fn slot(&mut self, seq: u64) -> Option<&mut Slot> {
        let first = self.slots.front()?.entry.seq;
        self.slots
            .get_mut(usize::try_from(seq.checked_sub(first)?).ok()?)
    }

    fn drop_oldest(&mut self) {
        if let Some(slot) = self.slots.pop_front() {
            self.held_bytes -= slot.entry.body.len();
            self.bodiless = self.bodiless.saturating_sub(1);
        }
    }

    fn drop_bodies(&mut self, most: usize) {
        while self.held_bytes > most {
            let Some(slot) = self.slots.get_mut(self.bodiless) else {
                return;
            };
            self.held_bytes -= std::mem::take(&mut slot.entry.body).len();
            self.bodiless += 1;
        }
    }
}
