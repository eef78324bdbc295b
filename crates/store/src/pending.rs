//! Records that are not in the database yet: readable by id, and in order for the writer.
//!
//! With a journal each of them is on the disk, and memory holds what fits within its bounds; the
//! rest is read back when it is asked for. Without one, all of them are in memory.

use std::collections::VecDeque;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use foldhash::HashMap;
use ledger::{BooksUnavailable, Generation, GenerationId};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::{self, Instant};

use crate::journal::Place;
use crate::{RecorderLimits, Settled};

/// Bytes are counted in these, so that the count fits a semaphore.
const BYTES_PER_PERMIT: usize = 1024;

/// How often a batch is written without waiting for company, at the most: readers want what has just ended
/// in the database, and each batch is a commit, which syncs a disk that calls wait for as well.
const HURRIED_EVERY: Duration = Duration::from_millis(25);

/// Records that the writer touches at once: the journal, and every call, waits for the same lock.
const AT_ONCE: usize = 32;

/// All of them, and who waits for what.
#[derive(Debug)]
pub(crate) struct Pending {
    limits: RecorderLimits,
    waiting: Mutex<Waiting>,
    records: Arc<Semaphore>,
    kibibytes: Arc<Semaphore>,
    kibibytes_max: u32,
    /// Wakes the writer: there is a first record, a whole batch, or somebody who wants it done now.
    work: Notify,
    /// Wakes those who wait for records to be written.
    written_some: Notify,
}

/// Records by id, and in order those that the writer has not taken.
#[derive(Debug, Default)]
struct Waiting {
    by_id: HashMap<GenerationId, Held>,
    queue: VecDeque<GenerationId>,
    /// Counts up with each record, and with each that is done.
    taken_in: u64,
    done: u64,
    /// Somebody waits for everything up to here, so batches do not wait for company.
    wanted: u64,
    /// When the last batch was taken.
    taken_at: Option<Instant>,
    is_closing: bool,
    is_closed: bool,
}

/// A record that is not in the database yet.
#[derive(Debug, Clone)]
pub(crate) struct Record {
    pub(crate) body: Body,
    /// Where it lies in the journal, if there is one.
    pub(crate) place: Option<Place>,
}

/// Where what it says is to be found.
#[derive(Debug, Clone)]
pub(crate) enum Body {
    InMemory(Settled),
    InJournal(Place),
}

#[derive(Debug)]
struct Held {
    record: Record,
    _room: Option<Room>,
}

/// What a record takes of the bounded memory, until it is dropped.
#[derive(Debug)]
pub(crate) struct Room {
    _record: OwnedSemaphorePermit,
    _bytes: OwnedSemaphorePermit,
}

impl Pending {
    pub(crate) fn new(limits: RecorderLimits) -> Self {
        let kibibytes_max = u32::try_from(limits.bytes_max / BYTES_PER_PERMIT)
            .unwrap_or(u32::MAX)
            .max(1);
        Self {
            limits,
            waiting: Mutex::default(),
            records: Arc::new(Semaphore::new(limits.records_max.max(1) as usize)),
            kibibytes: Arc::new(Semaphore::new(kibibytes_max as usize)),
            kibibytes_max,
            work: Notify::new(),
            written_some: Notify::new(),
        }
    }

    pub(crate) fn get(&self, id: &GenerationId) -> Option<Body> {
        let waiting = self.waiting();
        waiting.by_id.get(id).map(|held| held.record.body.clone())
    }

    pub(crate) fn contains(&self, id: &GenerationId) -> bool {
        self.waiting().by_id.contains_key(id)
    }

    pub(crate) fn len(&self) -> usize {
        self.waiting().by_id.len()
    }

    pub(crate) fn is_closing(&self) -> bool {
        let waiting = self.waiting();
        waiting.is_closing || waiting.is_closed
    }

    // === Room ===

    /// Room in memory, if there is some now.
    pub(crate) fn room_now(&self, settled: &Settled) -> Option<Room> {
        let record = self.records.clone().try_acquire_owned().ok()?;
        let bytes = self.kibibytes.clone();
        let bytes = bytes.try_acquire_many_owned(self.kibibytes_of(settled));
        Some(Room {
            _record: record,
            _bytes: bytes.ok()?,
        })
    }

    /// Waits for room in memory, for a stated time.
    pub(crate) async fn room(&self, settled: &Settled) -> Result<Room, BooksUnavailable> {
        // The semaphores are never closed.
        let closed = |_| BooksUnavailable("shutting down".to_owned());
        let room = async {
            let record = self.records.clone().acquire_owned().await.map_err(closed)?;
            let bytes = self.kibibytes.clone();
            let bytes = bytes.acquire_many_owned(self.kibibytes_of(settled));
            Ok(Room {
                _record: record,
                _bytes: bytes.await.map_err(closed)?,
            })
        };
        let room = time::timeout(self.limits.settle_max, room).await;
        room.unwrap_or_else(|_| {
            Err(BooksUnavailable(format!(
                "{} records wait for the database, and there is no room for more",
                self.len()
            )))
        })
    }

    /// A record larger than all memory takes all of it.
    fn kibibytes_of(&self, settled: &Settled) -> u32 {
        u32::try_from(weight(settled) / BYTES_PER_PERMIT)
            .unwrap_or(u32::MAX)
            .saturating_add(1)
            .min(self.kibibytes_max)
    }

    // === Coming and going ===

    /// Takes a record in; whether it was not there before.
    pub(crate) fn push(&self, id: GenerationId, record: Record, room: Option<Room>) -> bool {
        let mut waiting = self.waiting();
        if waiting.by_id.contains_key(&id) {
            return false;
        }
        waiting.queue.push_back(id.clone());
        let held = Held {
            record,
            _room: room,
        };
        waiting.by_id.insert(id, held);
        waiting.taken_in += 1;
        let length = waiting.queue.len();
        drop(waiting);
        if length == 1 || length == self.limits.batch_rows {
            self.work.notify_one();
        }
        true
    }

    /// Waits for records and takes a batch of them; `None` after the last one.
    pub(crate) async fn next_batch(&self) -> Option<Vec<(GenerationId, Record)>> {
        loop {
            let has_ended = {
                let mut waiting = self.waiting();
                if !waiting.queue.is_empty() {
                    break;
                }
                waiting.is_closed = waiting.is_closing;
                waiting.is_closed
            };
            if has_ended {
                return None;
            }
            self.work.notified().await;
        }
        let company = async {
            while self.waiting().may_gather(self.limits.batch_rows) {
                self.work.notified().await;
            }
        };
        let _ = time::timeout(self.limits.batch_wait, company).await;
        let rests_until = self.waiting().rests_until(self.limits);
        if let Some(until) = rests_until {
            time::sleep_until(until).await;
        }
        let mut ids = self.take_ids().into_iter();
        let mut batch = Vec::with_capacity(ids.len());
        while !ids.as_slice().is_empty() {
            let waiting = self.waiting();
            for id in ids.by_ref().take(AT_ONCE) {
                if let Some(held) = waiting.by_id.get(&id) {
                    batch.push((id, held.record.clone()));
                }
            }
        }
        Some(batch)
    }

    fn take_ids(&self) -> Vec<GenerationId> {
        let mut waiting = self.waiting();
        waiting.taken_at = Some(Instant::now());
        let size = waiting.queue.len().min(self.limits.batch_rows.max(1));
        waiting.queue.drain(..size).collect()
    }

    /// Records that are done with.
    pub(crate) fn forget(&self, batch: &[(GenerationId, Record)]) {
        for some in batch.chunks(AT_ONCE) {
            let mut waiting = self.waiting();
            let gone = some.iter().map(|(id, _)| waiting.by_id.remove_entry(id));
            let gone: Vec<_> = gone.flatten().collect();
            waiting.done += u64::try_from(gone.len()).unwrap_or(u64::MAX);
            // Whoever waits need not wait for memory to be given back.
            drop(waiting);
            drop(gone);
        }
        self.written_some.notify_waiters();
    }

    /// Waits until every record taken in so far is done with, however long that takes.
    pub(crate) async fn flush(&self) {
        let goal = {
            let mut waiting = self.waiting();
            waiting.wanted = waiting.taken_in;
            waiting.taken_in
        };
        self.work.notify_one();
        loop {
            let written_some = self.written_some.notified();
            tokio::pin!(written_some);
            written_some.as_mut().enable();
            if self.waiting().done >= goal {
                return;
            }
            written_some.await;
        }
    }

    /// Takes no more, writes all there is.
    pub(crate) fn drain(&self, within: Duration) -> impl Future<Output = bool> {
        self.waiting().is_closing = true;
        async move { time::timeout(within, self.flush()).await.is_ok() }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        // Nothing panics while it is held, and a record is never half pushed.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    /// Whether the batch may wait for company.
    fn may_gather(&self, rows: usize) -> bool {
        self.queue.len() < rows && self.wanted <= self.done && !self.is_closing
    }

    /// When the next batch may be taken that is not full.
    fn rests_until(&self, limits: RecorderLimits) -> Option<Instant> {
        if self.queue.len() >= limits.batch_rows || self.is_closing {
            return None;
        }
        Some(self.taken_at? + HURRIED_EVERY.min(limits.batch_wait))
    }
}

/// About how many bytes of memory a record takes.
fn weight(settled: &Settled) -> usize {
    let generation = settled.generation.as_ref();
    let length = |text: &Option<String>| text.as_ref().map_or(0, String::len);
    let caller = &generation.caller;
    let attempts = generation.attempts.len() * size_of::<ledger::Attempt>()
        + generation
            .attempts
            .iter()
            .map(|attempt| match &attempt.outcome {
                ledger::Outcome::Failed { message, .. } => message.len() + 128,
                ledger::Outcome::Completed | ledger::Outcome::Cancelled => 128,
            })
            .sum::<usize>();
    let overrides = generation
        .price_sheet
        .as_ref()
        .map_or(0, |sheet| sheet.overrides.len() * 256);
    size_of::<Generation>()
        + attempts
        + overrides
        + length(&caller.http_referer)
        + length(&caller.app_title)
        + length(&caller.user_agent)
        + length(&caller.session_id)
        + length(&caller.external_user)
        + generation.requested_model.len()
        + generation
            .usage
            .native
            .as_ref()
            .map_or(0, |native| native.len())
        + generation.dropped.iter().map(String::len).sum::<usize>()
        + generation.plan.as_ref().map_or(0, |plan| plan.len())
        + settled.texts.as_ref().map_or(0, |texts| texts.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_that_readers_hurry_is_not_taken_right_after_another() {
        let limits = RecorderLimits {
            batch_rows: 2,
            ..RecorderLimits::default()
        };
        let now = Instant::now();
        let after = Some(now + HURRIED_EVERY);
        let id = |text: &str| GenerationId::from_text(text);
        let (one, two) = (vec![id("gen-1")], vec![id("gen-1"), id("gen-2")]);
        for (queue, taken_at, is_closing, expected) in [
            (one.clone(), None, false, None),
            (one.clone(), Some(now), false, after),
            (one, Some(now), true, None),
            (two, Some(now), false, None),
        ] {
            let waiting = Waiting {
                queue: queue.into(),
                taken_at,
                is_closing,
                wanted: 1,
                ..Waiting::default()
            };
            assert_eq!(waiting.rests_until(limits), expected);
        }
    }
}
