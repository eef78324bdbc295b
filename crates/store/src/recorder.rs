//! `Recorder`: takes the records of finished calls at once and writes them in batches.
//!
//! A record is readable from the moment [`Recorder::settle`](ledger::Books::settle) returns: it lies
//! in memory until it is in the database, and [`Recorder::get`] looks there first. One writer takes
//! what has gathered, up to a number of rows or for a moment, and inserts it in one transaction;
//! while the database is away it tries again, for as long as it takes. The memory for waiting
//! records is bounded by number and by bytes; when it is full, settling waits a stated time for room
//! and then says that the books are unavailable.
//!
//! What lies in memory is lost when the process is killed. A journal belongs between `room` and
//! `Waiting::push`: a record would be appended to it before it counts as settled.

use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ledger::books::BoxFuture;
use ledger::{Books, BooksUnavailable, Generation, GenerationId};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time;

use crate::{Store, StoreError};

/// Bytes are counted in these, so that the count fits a semaphore.
const BYTES_PER_PERMIT: usize = 1024;

/// How much may wait, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecorderLimits {
    /// Records that may wait for the database.
    pub records_max: u32,
    /// Memory that they may take, about, in bytes.
    pub bytes_max: usize,
    /// How long settling waits for room before it gives up.
    pub settle_max: Duration,
    /// Rows per transaction.
    pub batch_rows: usize,
    /// How long a record waits for company before its batch is written.
    pub batch_wait: Duration,
    /// The first pause when the database is away; doubles up to `retry_max`.
    pub retry_min: Duration,
    /// The longest pause.
    pub retry_max: Duration,
}

impl Default for RecorderLimits {
    fn default() -> Self {
        Self {
            records_max: 50_000,
            bytes_max: 128 * 1024 * 1024,
            settle_max: Duration::from_secs(5),
            batch_rows: 512,
            batch_wait: Duration::from_millis(20),
            retry_min: Duration::from_millis(50),
            retry_max: Duration::from_secs(2),
        }
    }
}

/// How the recorder is doing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Figures {
    /// Records that are not in the database yet.
    pub pending: u64,
    /// Records written since the start.
    pub written: u64,
    /// Records that the database refused for good since the start; each was logged as an error.
    pub refused: u64,
    /// Failed tries since the last success; more than zero means that the database is away.
    pub failures_in_a_row: u64,
}

/// The shutdown came to its end before everything was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{pending} records could not be written to the database in time")]
pub struct NotDrained {
    /// Records that were left.
    pub pending: u64,
}

/// Keeps the books in a store.
#[derive(Debug)]
pub struct Recorder {
    store: Store,
    limits: RecorderLimits,
    waiting: Mutex<Waiting>,
    records: Arc<Semaphore>,
    kibibytes: Arc<Semaphore>,
    kibibytes_max: u32,
    /// Wakes the writer: there is a first record, a whole batch, or somebody who wants it done now.
    work: Notify,
    /// Wakes those who wait for records to be written.
    written_some: Notify,
    written: AtomicU64,
    refused: AtomicU64,
    failures_in_a_row: AtomicU64,
}

/// Records in memory: all by id, and in order those that the writer has not taken.
#[derive(Debug, Default)]
struct Waiting {
    by_id: HashMap<GenerationId, Held>,
    queue: VecDeque<Arc<Generation>>,
    /// Counts up with each record, and with each that is done.
    taken_in: u64,
    done: u64,
    /// Somebody waits for everything up to here, so batches do not wait for company.
    wanted: u64,
    is_closing: bool,
    is_closed: bool,
}

/// A record and the room that it takes.
#[derive(Debug)]
struct Held {
    generation: Arc<Generation>,
    _room: Room,
}

type Room = (OwnedSemaphorePermit, OwnedSemaphorePermit);

impl Recorder {
    /// A recorder, and its writer: a future that its owner spawns and that ends after
    /// [`Recorder::drain`]. Nothing is written unless it runs.
    pub fn new(
        store: Store,
        limits: RecorderLimits,
    ) -> (Arc<Self>, impl Future<Output = ()> + Send + 'static) {
        let kibibytes_max = u32::try_from(limits.bytes_max / BYTES_PER_PERMIT)
            .unwrap_or(u32::MAX)
            .max(1);
        let recorder = Arc::new(Self {
            store,
            limits,
            waiting: Mutex::default(),
            records: Arc::new(Semaphore::new(limits.records_max.max(1) as usize)),
            kibibytes: Arc::new(Semaphore::new(kibibytes_max as usize)),
            kibibytes_max,
            work: Notify::new(),
            written_some: Notify::new(),
            written: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            failures_in_a_row: AtomicU64::new(0),
        });
        let writer = recorder.clone();
        (recorder, async move { writer.write().await })
    }

    /// The record of that id, in memory or in the database.
    ///
    /// # Errors
    /// As [`crate::Generations::by_id`].
    pub async fn get(&self, id: &GenerationId) -> Result<Option<Arc<Generation>>, StoreError> {
        let in_memory = self
            .waiting()
            .by_id
            .get(id)
            .map(|held| held.generation.clone());
        if in_memory.is_some() {
            return Ok(in_memory);
        }
        Ok(self.store.generations().by_id(id).await?.map(Arc::new))
    }

    /// Waits until every record settled so far is in the database (or was refused by it), however
    /// long that takes. For whoever reads sums right after a call.
    pub async fn flush(&self) {
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

    /// The shutdown: takes no more records, writes all there are and lets the writer end.
    ///
    /// # Errors
    /// [`NotDrained`] when that took longer than `within`; the writer goes on trying.
    pub async fn drain(&self, within: Duration) -> Result<(), NotDrained> {
        self.waiting().is_closing = true;
        time::timeout(within, self.flush())
            .await
            .map_err(|_| NotDrained {
                pending: self.figures().pending,
            })
    }

    /// How it is doing.
    #[must_use]
    pub fn figures(&self) -> Figures {
        Figures {
            pending: u64::try_from(self.waiting().by_id.len()).unwrap_or(u64::MAX),
            written: self.written.load(Ordering::Relaxed),
            refused: self.refused.load(Ordering::Relaxed),
            failures_in_a_row: self.failures_in_a_row.load(Ordering::Relaxed),
        }
    }

    // === Settling ===

    async fn take_in(&self, generation: Arc<Generation>) -> Result<(), BooksUnavailable> {
        if self.waiting().by_id.contains_key(&generation.id) {
            return Ok(());
        }
        let room = time::timeout(self.limits.settle_max, self.room(&generation)).await;
        let room = room.map_err(|_| {
            BooksUnavailable(format!(
                "{} records wait for the database, and there is no room for more",
                self.figures().pending
            ))
        })??;
        let mut waiting = self.waiting();
        if waiting.is_closed || waiting.is_closing {
            return Err(BooksUnavailable("shutting down".to_owned()));
        }
        if waiting.push(generation, room) {
            let length = waiting.queue.len();
            drop(waiting);
            if length == 1 || length == self.limits.batch_rows {
                self.work.notify_one();
            }
        }
        Ok(())
    }

    /// Waits for room in memory. A record larger than all of it takes all of it.
    async fn room(&self, generation: &Generation) -> Result<Room, BooksUnavailable> {
        let kibibytes = u32::try_from(weight(generation) / BYTES_PER_PERMIT)
            .unwrap_or(u32::MAX)
            .saturating_add(1)
            .min(self.kibibytes_max);
        // The semaphores are never closed.
        let closed = |_| BooksUnavailable("shutting down".to_owned());
        let record = self.records.clone().acquire_owned().await.map_err(closed)?;
        let bytes = self
            .kibibytes
            .clone()
            .acquire_many_owned(kibibytes)
            .await
            .map_err(closed)?;
        Ok((record, bytes))
    }

    // === Writing ===

    async fn write(&self) {
        while let Some(batch) = self.next_batch().await {
            self.write_batch(&batch).await;
            self.waiting().forget(&batch);
            self.written_some.notify_waiters();
        }
    }

    /// Waits for records and takes a batch of them; `None` after the last one.
    async fn next_batch(&self) -> Option<Vec<Arc<Generation>>> {
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
        // Either way the batch is written now.
        let _ = time::timeout(self.limits.batch_wait, company).await;
        let mut waiting = self.waiting();
        let size = waiting.queue.len().min(self.limits.batch_rows.max(1));
        Some(waiting.queue.drain(..size).collect())
    }

    /// Writes a batch, trying until every record is stored or refused for good.
    async fn write_batch(&self, batch: &[Arc<Generation>]) {
        match self.insert(batch).await {
            Ok(()) => {}
            Err(_) if batch.len() > 1 => {
                // One of them is at fault: the others must not suffer for it.
                for one in batch.chunks(1) {
                    if let Err(error) = self.insert(one).await {
                        self.refuse(one, &error);
                    }
                }
            }
            Err(error) => self.refuse(batch, &error),
        }
    }

    /// Inserts records, waiting out the time in which the database is away.
    ///
    /// # Errors
    /// When the database refuses them for good.
    async fn insert(&self, batch: &[Arc<Generation>]) -> Result<(), StoreError> {
        let mut pause = self.limits.retry_min;
        let rows: Vec<&Generation> = batch.iter().map(AsRef::as_ref).collect();
        loop {
            match self.store.generations().insert(&rows).await {
                Ok(new) => {
                    self.written.fetch_add(new, Ordering::Relaxed);
                    self.failures_in_a_row.store(0, Ordering::Relaxed);
                    return Ok(());
                }
                Err(error) if error.is_temporary() => {
                    self.failures_in_a_row.fetch_add(1, Ordering::Relaxed);
                    tracing::warn!(%error, records = rows.len(), "records wait for the database");
                }
                Err(error) => return Err(error),
            }
            time::sleep(pause).await;
            pause = pause.saturating_mul(2).min(self.limits.retry_max);
        }
    }

    /// Gives up a record that the database will never take, with all that matters in the log.
    fn refuse(&self, records: &[Arc<Generation>], error: &StoreError) {
        for record in records {
            self.refused.fetch_add(1, Ordering::Relaxed);
            let cost_nanos = record.charge.as_ref().ok().map(|bill| bill.total.nanos());
            tracing::error!(
                generation.id = %record.id,
                key_hash = record.caller.key_hash,
                cost_nanos,
                %error,
                "a record was refused by the database and is lost"
            );
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        // Nothing panics while it is held, and a record is never half pushed.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    /// Takes a record in unless it is there; whether it was taken.
    fn push(&mut self, generation: Arc<Generation>, room: Room) -> bool {
        if self.by_id.contains_key(&generation.id) {
            return false;
        }
        self.queue.push_back(generation.clone());
        self.by_id.insert(
            generation.id.clone(),
            Held {
                generation,
                _room: room,
            },
        );
        self.taken_in += 1;
        true
    }

    fn forget(&mut self, batch: &[Arc<Generation>]) {
        for generation in batch {
            if self.by_id.remove(&generation.id).is_some() {
                self.done += 1;
            }
        }
    }

    /// Whether the batch may wait for company.
    fn may_gather(&self, rows: usize) -> bool {
        self.queue.len() < rows && self.wanted <= self.done && !self.is_closing
    }
}

impl Books for Recorder {
    fn settle(&self, generation: Arc<Generation>) -> BoxFuture<'_, Result<(), BooksUnavailable>> {
        Box::pin(self.take_in(generation))
    }
}

/// About how many bytes of memory a record takes.
fn weight(generation: &Generation) -> usize {
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
}
