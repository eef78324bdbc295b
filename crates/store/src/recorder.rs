//! `Recorder`: the books over a store; a record is safe and readable from the moment it is settled.
//!
//! With a journal, settling returns when the record is durable there and readable by its id; the
//! process may be killed at any moment after that. While the database is away the journal grows, up
//! to its bound; then, or when the disk fails, settling says that the books are unavailable.
//!
//! Without a journal (a database in memory, tests) a record lies in memory only, within a bound by
//! number and by bytes; when that is full, settling waits a stated time for room.
//!
//! Either way one writer (`fold.rs`) takes what has gathered (`pending.rs`) into the database.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ledger::books::BoxFuture;
use ledger::{Books, BooksUnavailable, Generation, GenerationId};
use tokio::task::spawn_blocking;
use tokio::time;

use crate::fold::read_one;
use crate::journal::{Journal, JournalError, JournalOptions, Place};
use crate::pending::{Body, Pending, Record};
use crate::row_texts::RowTexts;
use crate::{Settled, Store, StoreError, record};

/// How records are kept until they are in the database.
#[derive(Debug, Clone, Default)]
pub struct RecorderOptions {
    /// Memory, batches and pauses.
    pub limits: RecorderLimits,
    /// The journal on this machine's disk; without one, what is not in the database yet is lost
    /// when the process is killed.
    pub journal: Option<JournalOptions>,
}

/// How much may wait, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecorderLimits {
    /// Records that may wait for the database in memory; with a journal more may wait there.
    pub records_max: u32,
    /// Memory that they may take, about, in bytes.
    pub bytes_max: usize,
    /// How long settling waits for room in memory, or for the disk, before it gives up.
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
            batch_rows: 2048,
            batch_wait: Duration::from_millis(200),
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
    /// Length of the journal, in bytes.
    pub journal_bytes: u64,
    /// Failed tries since the last success; more than zero means that the database is away.
    pub failures_in_a_row: u64,
}

/// The shutdown came to its end before everything was written. With a journal nothing is lost: the
/// next start takes it up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{pending} records could not be written to the database in time")]
pub struct NotDrained {
    /// Records that were left.
    pub pending: u64,
}

/// Keeps the books in a store.
pub struct Recorder {
    pub(crate) store: Store,
    pub(crate) limits: RecorderLimits,
    pub(crate) pending: Arc<Pending>,
    pub(crate) journal: Option<Arc<Journal>>,
    pub(crate) written: AtomicU64,
    pub(crate) refused: AtomicU64,
    pub(crate) failures_in_a_row: AtomicU64,
}

impl Recorder {
    /// A recorder without a journal, and its writer: a future that its owner spawns and that ends
    /// after [`Recorder::drain`]. Nothing is written unless it runs.
    pub fn new(
        store: Store,
        limits: RecorderLimits,
    ) -> (Arc<Self>, impl Future<Output = ()> + Send + 'static) {
        Self::with(store, limits, Arc::new(Pending::new(limits)), None)
    }

    /// The same with a journal, if the options name one. What the journal holds from before is
    /// readable when this returns, and will be written like everything else.
    ///
    /// # Errors
    /// When the journal cannot be opened. Damage in it is no error; it is logged.
    pub async fn open(
        store: Store,
        options: RecorderOptions,
    ) -> Result<(Arc<Self>, impl Future<Output = ()> + Send + 'static), JournalError> {
        let RecorderOptions { limits, journal } = options;
        let pending = Arc::new(Pending::new(limits));
        let journal = match journal {
            Some(options) => {
                let (dir, replayed) = (options.dir.clone(), pending.clone());
                let opened = spawn_blocking(move || open_journal(options, &replayed)).await;
                let stopped = |error| JournalError::Disk {
                    path: dir,
                    error: std::io::Error::other(error),
                };
                Some(Arc::new(opened.map_err(stopped)??))
            }
            None => None,
        };
        Ok(Self::with(store, limits, pending, journal))
    }

    fn with(
        store: Store,
        limits: RecorderLimits,
        pending: Arc<Pending>,
        journal: Option<Arc<Journal>>,
    ) -> (Arc<Self>, impl Future<Output = ()> + Send + 'static) {
        let recorder = Arc::new(Self {
            store,
            limits,
            pending,
            journal,
            written: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            failures_in_a_row: AtomicU64::new(0),
        });
        let writer = recorder.clone();
        (recorder, async move { writer.write().await })
    }

    /// The record of that id, in memory, in the journal or in the database.
    ///
    /// # Errors
    /// As [`crate::Generations::by_id`].
    pub async fn get(&self, id: &GenerationId) -> Result<Option<Arc<Generation>>, StoreError> {
        match self.pending.get(id) {
            Some(Body::InMemory(settled)) => return Ok(Some(settled.generation)),
            Some(Body::InJournal(place)) => {
                if let Some(generation) = self.read_back(place).await {
                    return Ok(Some(generation));
                }
                // It has just been taken into the database.
            }
            None => {}
        }
        Ok(self.store.generations().by_id(id).await?.map(Arc::new))
    }

    async fn read_back(&self, place: Place) -> Option<Arc<Generation>> {
        let journal = self.journal.clone()?;
        let read = spawn_blocking(move || read_one(&journal, place)).await;
        Some(read.ok()?.ok()?.generation)
    }

    /// Waits until every record settled so far is in the database (or was refused by it), however
    /// long that takes. For whoever reads sums right after a call.
    pub async fn flush(&self) {
        self.pending.flush().await;
    }

    /// The shutdown: takes no more records, writes all there are and lets the writer end.
    ///
    /// # Errors
    /// [`NotDrained`] when that took longer than `within`; the writer goes on trying.
    pub async fn drain(&self, within: Duration) -> Result<(), NotDrained> {
        if self.pending.drain(within).await {
            return Ok(());
        }
        Err(NotDrained {
            pending: self.figures().pending,
        })
    }

    /// How it is doing.
    #[must_use]
    pub fn figures(&self) -> Figures {
        Figures {
            pending: u64::try_from(self.pending.len()).unwrap_or(u64::MAX),
            written: self.written.load(Ordering::Relaxed),
            refused: self.refused.load(Ordering::Relaxed),
            journal_bytes: self.journal.as_ref().map_or(0, |journal| journal.bytes()),
            failures_in_a_row: self.failures_in_a_row.load(Ordering::Relaxed),
        }
    }

    /// Whether the records of further calls can be kept safe. Asked before a call is sent, so that
    /// nothing is bought that could not be recorded; false while the journal's disk takes nothing, and
    /// once the database has been away for so long that the journal (or, without one, memory) is
    /// nearly full.
    #[must_use]
    pub fn has_room(&self) -> bool {
        match &self.journal {
            Some(journal) => journal.has_room(),
            None => self.figures().pending < u64::from(self.limits.records_max),
        }
    }

    // === Settling ===

    /// As [`Recorder::settle`](ledger::Books::settle), with the budget windows that the call counts in.
    pub(crate) async fn settle_posted(&self, settled: Settled) -> Result<(), BooksUnavailable> {
        let shutting_down = || BooksUnavailable("shutting down".to_owned());
        if self.pending.contains(&settled.generation.id) {
            return Ok(());
        }
        if self.pending.is_closing() {
            return Err(shutting_down());
        }
        if let Some(journal) = &self.journal {
            return self.append(journal, settled).await;
        }
        let room = self.pending.room(&settled).await?;
        if self.pending.is_closing() {
            return Err(shutting_down());
        }
        let id = settled.generation.id.clone();
        let record = Record {
            body: Body::InMemory(settled),
            place: None,
        };
        self.pending.push(id, record, Some(room));
        Ok(())
    }

    /// Appends to the journal. The record becomes readable when it is durable, before anybody is
    /// told so, and whether or not somebody still waits for that.
    async fn append(
        &self,
        journal: &Arc<Journal>,
        mut settled: Settled,
    ) -> Result<(), BooksUnavailable> {
        let (payload, marks) = record::write(&settled);
        settled.texts = RowTexts::of(&payload, &marks).map(Arc::new);
        let (pending, again) = (self.pending.clone(), Arc::downgrade(journal));
        let deliver = move |place: Place| {
            let is_new = hold(&pending, settled, place);
            if let (false, Some(journal)) = (is_new, again.upgrade()) {
                journal.release([place]);
            }
        };
        let appended = time::timeout(self.limits.settle_max, journal.append(payload, deliver));
        appended.await.unwrap_or_else(|_| {
            Err(BooksUnavailable(
                "the journal's disk takes too long".to_owned(),
            ))
        })
    }
}

/// Opens the journal and takes in what it holds.
fn open_journal(options: JournalOptions, pending: &Pending) -> Result<Journal, JournalError> {
    let mut replayed = 0_u64;
    let journal = Journal::open(options, &mut |payload, place| {
        let settled = record::read(payload).map_err(|error| error.to_string())?;
        let is_new = hold(pending, settled, place);
        replayed += u64::from(is_new);
        Ok(is_new)
    })?;
    if replayed > 0 {
        tracing::info!(records = replayed, "records were taken up from the journal");
    }
    Ok(journal)
}

/// Makes a durable record readable and has it written, from memory if there is room; whether it was
/// not there before.
fn hold(pending: &Pending, settled: Settled, place: Place) -> bool {
    let id = settled.generation.id.clone();
    let room = pending.room_now(&settled);
    let body = match &room {
        Some(_) => Body::InMemory(settled),
        None => Body::InJournal(place),
    };
    let record = Record {
        body,
        place: Some(place),
    };
    pending.push(id, record, room)
}

impl Books for Recorder {
    fn settle(&self, generation: Arc<Generation>) -> BoxFuture<'_, Result<(), BooksUnavailable>> {
        Box::pin(self.settle_posted(Settled::ungoverned(generation)))
    }
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder")
            .field("figures", &self.figures())
            .finish_non_exhaustive()
    }
}
