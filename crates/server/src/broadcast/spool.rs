//! What waits for one destination, bounded in bytes, and what it never took.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use telemetry::call::Told;

/// So many bytes of records may wait for one destination.
pub const BYTES_MAX: usize = 8 << 20;

/// So many calls that it never took are kept, to be looked at and sent again.
pub const DEAD_MAX: usize = 500;

/// A call that waits.
#[derive(Debug, Clone)]
pub struct Waiting {
    /// The call.
    pub told: Told,
    /// The name of its key.
    pub key_name: String,
    bytes: usize,
}

impl Waiting {
    /// A call and the name of its key.
    #[must_use]
    pub fn new(told: Told, key_name: String) -> Self {
        let bytes = weight(&told) + key_name.len();
        Self {
            told,
            key_name,
            bytes,
        }
    }
}

/// A call that was never taken.
#[derive(Debug, Clone)]
pub struct Dead {
    /// The call.
    pub waiting: Waiting,
    /// Why, in words.
    pub why: String,
    /// How often it was tried.
    pub tries: u32,
    /// When it was given up, Unix milliseconds.
    pub at_ms: i64,
}

/// What became of the calls of one destination.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Figures {
    /// Calls that it has taken.
    pub delivered: u64,
    /// Calls that it never took.
    pub failed: u64,
    /// Calls that did not fit into its spool.
    pub dropped: u64,
    /// Calls that wait.
    pub waiting: usize,
    /// What they weigh, bytes.
    pub waiting_bytes: usize,
}

#[derive(Debug, Default)]
struct Inner {
    waiting: VecDeque<Waiting>,
    dead: VecDeque<Dead>,
    figures: Figures,
    is_served: bool,
    last: Option<(i64, Option<String>)>,
}

/// The spool of one destination.
#[derive(Debug, Default)]
pub struct Spool(Mutex<Inner>);

impl Spool {
    fn with<T>(&self, work: impl FnOnce(&mut Inner) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes a call, if it fits; whether somebody must begin to serve the spool.
    pub fn put(&self, waiting: Waiting) -> bool {
        self.with(|inner| {
            if inner.figures.waiting_bytes + waiting.bytes > BYTES_MAX {
                inner.figures.dropped += 1;
                return false;
            }
            inner.figures.waiting_bytes += waiting.bytes;
            inner.waiting.push_back(waiting);
            !std::mem::replace(&mut inner.is_served, true)
        })
    }

    /// The next calls, at most so many; none, and the spool is served no more.
    pub fn take(&self, most: usize) -> Vec<Waiting> {
        self.with(|inner| {
            let count = inner.waiting.len().min(most);
            let taken: Vec<Waiting> = inner.waiting.drain(..count).collect();
            let bytes: usize = taken.iter().map(|waiting| waiting.bytes).sum();
            inner.figures.waiting_bytes -= bytes;
            inner.is_served = !taken.is_empty();
            taken
        })
    }

    /// They were taken by the destination.
    pub fn delivered(&self, calls: &[Waiting], at_ms: i64) {
        self.with(|inner| {
            inner.figures.delivered += u64::try_from(calls.len()).unwrap_or(0);
            inner.last = Some((at_ms, None));
        });
    }

    /// They were given up; the oldest of those that were given up before make room.
    pub fn given_up(&self, calls: Vec<Waiting>, why: &str, (tries, at_ms): (u32, i64)) {
        self.with(|inner| {
            inner.figures.failed += u64::try_from(calls.len()).unwrap_or(0);
            inner.last = Some((at_ms, Some(why.to_owned())));
            for waiting in calls {
                if inner.dead.len() >= DEAD_MAX {
                    inner.dead.pop_front();
                }
                inner.dead.push_back(Dead {
                    waiting,
                    why: why.to_owned(),
                    tries,
                    at_ms,
                });
            }
        });
    }

    /// Puts everything that was given up back; how many calls, and whether somebody must begin to
    /// serve the spool.
    pub fn revive(&self) -> (usize, bool) {
        let dead: Vec<Dead> = self.with(|inner| inner.dead.drain(..).collect());
        let count = dead.len();
        let mut begin = false;
        for dead in dead {
            begin |= self.put(dead.waiting);
        }
        (count, begin)
    }

    /// What became of its calls.
    #[must_use]
    pub fn figures(&self) -> Figures {
        self.with(|inner| Figures {
            waiting: inner.waiting.len(),
            ..inner.figures
        })
    }

    /// What it never took, the newest first.
    #[must_use]
    pub fn dead(&self) -> Vec<Dead> {
        self.with(|inner| inner.dead.iter().rev().cloned().collect())
    }

    /// When it was last asked, Unix milliseconds, and what went wrong then.
    #[must_use]
    pub fn last(&self) -> Option<(i64, Option<String>)> {
        self.with(|inner| inner.last.clone())
    }
}

/// What a record weighs, about.
fn weight(told: &Told) -> usize {
    const FIXED: usize = 1024;
    const EACH_ATTEMPT: usize = 256;
    let generation = &*told.generation;
    let texts = [
        generation.caller.session_id.as_deref(),
        generation.caller.external_user.as_deref(),
        generation.caller.user_agent.as_deref(),
        generation.usage.native.as_deref(),
        generation.plan.as_deref(),
    ];
    let texts: usize = texts.iter().flatten().map(|text| text.len()).sum();
    FIXED + texts + generation.requested_model.len() + EACH_ATTEMPT * generation.attempts.len()
}
