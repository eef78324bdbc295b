//! The thread that owns the journal: everything that waits in one write and one `fdatasync`.

use std::fs::File;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Receiver;
use std::time::Duration;

use ledger::BooksUnavailable;
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::open::Place;
use super::segment::{FRAME_BYTES, HEADER_BYTES};
use super::writer::{Writer, Written};

/// How much is written before one `fdatasync`, at most, in bytes; one record may exceed it.
const BATCH_BYTES_MAX: u64 = 4 << 20;

/// How long a batch waits for company when the one before it had some. Where calls come one after the
/// other nobody waits; where many come at once, a few hundred syncs a second are spared, for each of
/// which the disk, a thread and those it wakes would be at work.
const GATHER: Duration = Duration::from_micros(500);

/// Lets so much time pass.
pub(super) type Pause = Box<dyn FnMut(Duration) + Send>;

/// What the thread is asked to do.
pub(super) enum Order {
    Append(Append),
    /// Segments may have become superfluous.
    Tidy,
    /// The end. The sender is told when the files are closed.
    Close(oneshot::Sender<()>),
}

/// A record on its way.
pub(super) struct Append {
    pub(super) payload: Vec<u8>,
    /// Called on the thread when the record is durable, before whoever waits is told.
    pub(super) deliver: Box<dyn FnOnce(Place) + Send>,
    pub(super) told: oneshot::Sender<Result<(), Refusal>>,
    /// Its place in the queue.
    pub(super) _room: OwnedSemaphorePermit,
}

/// Why a record was not appended.
pub(super) enum Refusal {
    /// The journal has reached its bound; the payload comes back, for another try.
    Full(Vec<u8>),
    /// The disk does not take it.
    Broken(BooksUnavailable),
}

/// The thread's own.
pub(super) struct Keeper {
    pub(super) pause: Pause,
    pub(super) orders: Receiver<Order>,
    pub(super) is_tidy_due: Arc<AtomicBool>,
    pub(super) writer: Writer,
    /// The disk did not take the last records. Calls are refused meanwhile, so that somebody has to
    /// try again: see `probe`.
    pub(super) is_failing: Arc<AtomicBool>,
    /// Locked as long as this process uses the folder, so it is the last to be dropped.
    pub(super) _lock: File,
}

impl Keeper {
    /// Works until the end; whoever wants to know of it is to be told after all is dropped.
    pub(super) fn run(&mut self) -> Option<oneshot::Sender<()>> {
        let batch_max = self.writer.options.segment_bytes.min(BATCH_BYTES_MAX);
        let mut has_company = false;
        while let Ok(first) = self.orders.recv() {
            if has_company {
                (self.pause)(GATHER);
            }
            let mut batch = Vec::new();
            let mut bytes = 0;
            let mut end = None;
            let mut next = Some(first);
            while let Some(order) = next {
                match order {
                    Order::Append(append) => {
                        bytes += framed(&append);
                        batch.push(append);
                    }
                    Order::Tidy => {
                        self.is_tidy_due.store(false, Ordering::Relaxed);
                        self.writer.tidy();
                        self.probe();
                    }
                    Order::Close(told) => end = Some(told),
                }
                let is_enough = bytes >= batch_max || end.is_some();
                next = if is_enough {
                    None
                } else {
                    self.orders.try_recv().ok()
                };
            }
            has_company = batch.len() > 1;
            self.commit(batch);
            if end.is_some() {
                self.writer.seal();
                return end;
            }
        }
        None
    }

    /// Makes records durable, or says why it cannot.
    fn commit(&mut self, mut batch: Vec<Append>) {
        let refused = self.refuse_beyond_bound(&mut batch);
        if !batch.is_empty() {
            match self.writer.write(&batch) {
                Ok(written) => self.deliver(batch, written),
                Err(error) => self.fail(batch, &error),
            }
            // They have their answer: what comes next can be made ready.
            self.writer.prepare();
        }
        if !refused.is_empty() {
            // The database may have caught up: then there is room the next time.
            self.writer.seal();
        }
        for append in refused {
            // Whoever has gone needs no answer, here and below.
            let _ = append.told.send(Err(Refusal::Full(append.payload)));
        }
    }

    /// Takes the records out that would make the journal too large.
    fn refuse_beyond_bound(&self, batch: &mut Vec<Append>) -> Vec<Append> {
        // A new segment may be needed for them.
        let mut bytes = self.writer.tally.bytes() + HEADER_BYTES as u64;
        let mut refused = Vec::new();
        let exceeds = |append: &mut Append| {
            let with_it = bytes + framed(append);
            let is_too_much = with_it > self.writer.options.bytes_max;
            if !is_too_much {
                bytes = with_it;
            }
            is_too_much
        };
        refused.extend(batch.extract_if(.., exceeds));
        refused
    }

    fn deliver(&self, batch: Vec<Append>, written: Written) {
        self.works_again();
        let mut at = written.at;
        for append in batch {
            let place = Place {
                segment: written.segment,
                at,
                framed: framed(&append),
            };
            at += place.framed;
            (append.deliver)(place);
            let _ = append.told.send(Ok(()));
        }
    }

    fn fail(&mut self, batch: Vec<Append>, error: &io::Error) {
        if !self.is_failing.swap(true, Ordering::AcqRel) {
            tracing::error!(
                folder = %self.writer.options.dir.display(),
                %error,
                "the journal cannot be written; calls cannot be settled"
            );
        }
        for append in batch {
            let reason = BooksUnavailable(format!("the journal cannot be written: {error}"));
            let _ = append.told.send(Err(Refusal::Broken(reason)));
        }
    }

    /// Whether the disk takes something again: a segment's beginning, durable.
    fn probe(&mut self) {
        if !self.is_failing.load(Ordering::Acquire) {
            return;
        }
        if self.writer.begin_anew().is_ok() {
            self.works_again();
        }
    }

    fn works_again(&self) {
        if self.is_failing.swap(false, Ordering::AcqRel) {
            tracing::info!("the journal works again");
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        // Without its thread the journal takes nothing more.
        if std::thread::panicking() {
            self.is_failing.store(true, Ordering::Release);
        }
    }
}

/// What a record takes in a segment.
pub(super) fn framed(append: &Append) -> u64 {
    (append.payload.len() + FRAME_BYTES) as u64
}
