//! What waits for one destination, bounded in bytes, and what it never took.
//!
//! What waits is in memory first. When the destination does not take it, and when the server stops, it
//! goes to the disk ([`super::room`]), where it survives a restart.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use telemetry::call::Told;

/// So many bytes may wait for one destination in memory.
pub const BYTES_MAX: usize = 16 << 20;

/// And so many on the disk.
pub const DISK_BYTES_MAX: u64 = 64 << 20;

/// So many calls that it never took are kept, to be looked at and sent again, and of so many bytes.
pub const DEAD_MAX: usize = 500;
const DEAD_BYTES_MAX: usize = 8 << 20;

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

/// Calls that wait on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parked {
    /// The number that names them there.
    pub number: u64,
    /// How many.
    pub calls: usize,
    /// What they take, bytes.
    pub bytes: u64,
}

/// What is to be sent next.
#[derive(Debug)]
pub enum Next {
    /// What waits on the disk.
    Parked(Parked),
    /// What has just come.
    Fresh(Vec<Waiting>),
}

/// Why calls were given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// In words.
    pub why: String,
    /// How often they were tried.
    pub tries: u32,
    /// When they were given up, Unix milliseconds.
    pub at_ms: i64,
}

/// A call that was never taken.
#[derive(Debug, Clone)]
pub struct Dead {
    /// The call.
    pub waiting: Waiting,
    /// Why.
    pub verdict: Verdict,
    /// The number under which it is on the disk, with those that were given up together.
    pub number: Option<u64>,
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
    /// What they weigh in memory, bytes.
    pub waiting_bytes: usize,
    /// What they take on the disk, bytes.
    pub parked_bytes: u64,
}

impl Figures {
    /// Both together.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self {
            delivered: self.delivered + other.delivered,
            failed: self.failed + other.failed,
            dropped: self.dropped + other.dropped,
            waiting: self.waiting + other.waiting,
            waiting_bytes: self.waiting_bytes + other.waiting_bytes,
            parked_bytes: self.parked_bytes + other.parked_bytes,
        }
    }
}

#[derive(Debug, Default)]
struct Inner {
    fresh: VecDeque<Waiting>,
    parked: VecDeque<Parked>,
    dead: VecDeque<Dead>,
    dead_bytes: usize,
    figures: Figures,
    is_served: bool,
    last: Option<(i64, Option<String>)>,
    last_number: u64,
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
            inner.fresh.push_back(waiting);
            !std::mem::replace(&mut inner.is_served, true)
        })
    }

    /// What has waited longest, at most so many calls and about so many bytes; none, and the spool is
    /// served no more.
    pub fn next(&self, most: (usize, usize)) -> Option<Next> {
        self.with(|inner| {
            if let Some(parked) = inner.parked.pop_front() {
                return Some(Next::Parked(parked));
            }
            let fresh = inner.take_fresh(most);
            inner.is_served = !fresh.is_empty();
            inner.is_served.then_some(Next::Fresh(fresh))
        })
    }

    /// The calls that wait in memory, at most so many and about so many bytes, to be put on the disk.
    pub fn take_fresh(&self, most: (usize, usize)) -> Vec<Waiting> {
        self.with(|inner| inner.take_fresh(most))
    }

    /// A number for calls on the disk that nothing there has.
    pub fn number(&self) -> u64 {
        self.with(|inner| {
            inner.last_number += 1;
            inner.last_number
        })
    }

    /// Makes room for calls on the disk; whether there is any. Those for which there is none are
    /// counted as dropped.
    pub fn admit(&self, parked: Parked) -> bool {
        self.with(|inner| {
            let fits = inner.figures.parked_bytes + parked.bytes <= DISK_BYTES_MAX;
            if fits {
                inner.figures.parked_bytes += parked.bytes;
            } else {
                inner.figures.dropped += count(parked.calls);
            }
            fits
        })
    }

    /// They wait on the disk, behind the others there.
    pub fn parked(&self, parked: Parked) {
        self.with(|inner| inner.parked.push_back(parked));
    }

    /// They are on the disk no more.
    pub fn unparked(&self, parked: Parked) {
        self.with(|inner| {
            inner.figures.parked_bytes = inner.figures.parked_bytes.saturating_sub(parked.bytes);
        });
    }

    /// So many calls are lost: what was on the disk cannot be read, or cannot be put there.
    pub fn lost(&self, calls: usize) {
        self.with(|inner| inner.figures.dropped += count(calls));
    }

    /// Takes over what an earlier life has left on the disk; whether somebody must begin to serve it.
    pub fn restore(&self, parked: Vec<Parked>, dead: Vec<Dead>) -> bool {
        self.with(|inner| {
            let numbers = parked.iter().map(|parked| parked.number);
            let numbers = numbers.chain(dead.iter().filter_map(|dead| dead.number));
            inner.last_number = numbers.max().unwrap_or(0).max(inner.last_number);
            inner.figures.parked_bytes += parked.iter().map(|parked| parked.bytes).sum::<u64>();
            inner.parked.extend(parked);
            inner.bury(dead);
            !inner.parked.is_empty() && !std::mem::replace(&mut inner.is_served, true)
        })
    }

    /// They were taken by the destination.
    pub fn delivered(&self, calls: usize, at_ms: i64) {
        self.with(|inner| {
            inner.figures.delivered += count(calls);
            inner.last = Some((at_ms, None));
        });
    }

    /// They were not taken, and are tried again.
    pub fn refused(&self, why: &str, at_ms: i64) {
        self.with(|inner| inner.last = Some((at_ms, Some(why.to_owned()))));
    }

    /// They were given up; the oldest of those that were given up before make room. The numbers of
    /// those of whom nothing is left.
    pub fn given_up(&self, dead: Vec<Dead>) -> Vec<u64> {
        self.with(|inner| {
            inner.figures.failed += count(dead.len());
            if let Some(last) = dead.last() {
                inner.last = Some((last.verdict.at_ms, Some(last.verdict.why.clone())));
            }
            inner.bury(dead)
        })
    }

    /// Takes out everything that was given up.
    pub fn take_dead(&self) -> Vec<Dead> {
        self.with(|inner| {
            inner.dead_bytes = 0;
            inner.dead.drain(..).collect()
        })
    }

    /// Forgets everything that waits; the numbers of what is on the disk. It is served no more.
    pub fn forget_waiting(&self) -> Vec<u64> {
        self.with(|inner| {
            inner.fresh.clear();
            inner.figures.waiting_bytes = 0;
            inner.figures.parked_bytes = 0;
            inner.is_served = false;
            inner.parked.drain(..).map(|parked| parked.number).collect()
        })
    }

    /// What became of its calls.
    #[must_use]
    pub fn figures(&self) -> Figures {
        self.with(|inner| Figures {
            waiting: inner.fresh.len() + inner.parked.iter().map(|one| one.calls).sum::<usize>(),
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

impl Inner {
    fn take_fresh(&mut self, (calls_max, bytes_max): (usize, usize)) -> Vec<Waiting> {
        let mut taken: Vec<Waiting> = Vec::new();
        let mut bytes = 0;
        while let Some(next) = self.fresh.front() {
            // One is always taken, however long it is.
            let fits = taken.is_empty() || bytes + next.bytes <= bytes_max;
            if taken.len() >= calls_max || !fits {
                break;
            }
            bytes += next.bytes;
            taken.extend(self.fresh.pop_front());
        }
        self.figures.waiting_bytes -= bytes;
        taken
    }

    /// Keeps what was given up within bounds; the numbers of those of whom nothing is left.
    fn bury(&mut self, dead: Vec<Dead>) -> Vec<u64> {
        for one in dead {
            self.dead_bytes += one.waiting.bytes;
            self.dead.push_back(one);
        }
        let mut gone = Vec::new();
        while self.dead.len() > DEAD_MAX || self.dead_bytes > DEAD_BYTES_MAX {
            let Some(oldest) = self.dead.pop_front() else {
                break;
            };
            self.dead_bytes -= oldest.waiting.bytes;
            gone.extend(oldest.number);
        }
        gone.dedup();
        gone.retain(|number| self.dead.iter().all(|dead| dead.number != Some(*number)));
        gone
    }
}

fn count(calls: usize) -> u64 {
    u64::try_from(calls).unwrap_or(0)
}

/// What a record weighs with its content, about.
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
    let content = told.content.as_ref().map_or(0, |content| content.bytes());
    FIXED
        + texts
        + content
        + generation.requested_model.len()
        + EACH_ATTEMPT * generation.attempts.len()
}
