//! The thread that owns the journal: everything that waits in one write and one `fdatasync`.

use std::fs::File;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Receiver;
use std::thread;
use std::time::Duration;

use ledger::BooksUnavailable;
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::disk::{Disk, SegmentFile};
use super::open::{JournalOptions, Place};
use super::segment::{FRAME_BYTES, HEADER_BYTES, Header, frame};
use super::tally::{Live, Tally, path};

/// How much is written before one `fdatasync`, at most, in bytes; one record may exceed it.
const BATCH_BYTES_MAX: u64 = 4 << 20;

/// How long a batch waits for company when the one before it had some. Where calls come one after the
/// other nobody waits; where many come at once, a few hundred syncs a second are spared, for each of
/// which the disk, a thread and those it wakes would be at work.
const GATHER: Duration = Duration::from_micros(500);

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
    pub(super) options: JournalOptions,
    pub(super) disk: Box<dyn Disk>,
    pub(super) orders: Receiver<Order>,
    pub(super) tally: Tally,
    pub(super) is_tidy_due: Arc<AtomicBool>,
    pub(super) next_number: u64,
    pub(super) current: Option<Current>,
    /// The disk did not take the last records. Calls are refused meanwhile, so that somebody has to
    /// try again: see `probe`.
    pub(super) is_failing: Arc<AtomicBool>,
    /// Locked as long as this process uses the folder.
    pub(super) _lock: File,
}

/// The segment that is being written.
pub(super) struct Current {
    file: Box<dyn SegmentFile>,
    number: u64,
    /// How much of it is durable.
    bytes: u64,
}

impl Keeper {
    /// Works until the end; whoever wants to know of it is to be told after all is dropped.
    pub(super) fn run(&mut self) -> Option<oneshot::Sender<()>> {
        let batch_max = self.options.segment_bytes.min(BATCH_BYTES_MAX);
        let mut has_company = false;
        while let Ok(first) = self.orders.recv() {
            if has_company {
                thread::sleep(GATHER);
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
                        self.tally.tidy(&self.options.dir);
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
                self.seal();
                return end;
            }
        }
        None
    }

    /// Makes records durable, or says why it cannot.
    fn commit(&mut self, mut batch: Vec<Append>) {
        let refused = self.refuse_beyond_bound(&mut batch);
        let mut bytes = Vec::new();
        for append in &batch {
            frame(&append.payload, &mut bytes);
        }
        let written = if batch.is_empty() {
            Ok(None)
        } else {
            self.write(&bytes).map(Some)
        };
        match written {
            Ok(place) => self.deliver(batch, place),
            Err(error) => self.fail(batch, &error),
        }
        if !refused.is_empty() {
            // The database may have caught up: then there is room the next time.
            self.seal();
        }
        for append in refused {
            // Whoever has gone needs no answer, here and below.
            let _ = append.told.send(Err(Refusal::Full(append.payload)));
        }
    }

    /// Takes the records out that would make the journal too large.
    fn refuse_beyond_bound(&self, batch: &mut Vec<Append>) -> Vec<Append> {
        // A new segment may be needed for them.
        let mut bytes = self.tally.bytes() + HEADER_BYTES as u64;
        let mut refused = Vec::new();
        let exceeds = |append: &mut Append| {
            let with_it = bytes + framed(append);
            let is_too_much = with_it > self.options.bytes_max;
            if !is_too_much {
                bytes = with_it;
            }
            is_too_much
        };
        refused.extend(batch.extract_if(.., exceeds));
        refused
    }

    fn deliver(&mut self, batch: Vec<Append>, place: Option<(u64, u64)>) {
        let Some((segment, start)) = place else {
            return;
        };
        self.works_again();
        let needed = u64::try_from(batch.len()).unwrap_or(u64::MAX);
        let length: u64 = batch.iter().map(framed).sum();
        self.tally.change(segment, |live| {
            live.needed += needed;
            live.bytes = start + length;
        });
        let mut at = start;
        for append in batch {
            let place = Place {
                segment,
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
                folder = %self.options.dir.display(),
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
        self.seal();
        if let Ok(current) = self.create() {
            self.current = Some(current);
            self.works_again();
        }
    }

    fn works_again(&self) {
        if self.is_failing.swap(false, Ordering::AcqRel) {
            tracing::info!("the journal works again");
        }
    }

    // === Files ===

    /// Writes and syncs; the segment and where in it the bytes begin. After an error nothing of
    /// them is left in the segment, or the segment is used no more.
    fn write(&mut self, bytes: &[u8]) -> io::Result<(u64, u64)> {
        let length = bytes.len() as u64;
        let is_full = |current: &Current| {
            current.bytes > HEADER_BYTES as u64
                && current.bytes + length > self.options.segment_bytes
        };
        if self.current.as_ref().is_some_and(is_full) {
            self.seal();
        }
        let mut current = match self.current.take() {
            Some(current) => current,
            None => self.create()?,
        };
        let (number, start) = (current.number, current.bytes);
        if let Err(error) = current.file.write_at(start, bytes) {
            if current.file.cut(start).is_ok() {
                self.current = Some(current);
            } else {
                self.seal_number(number);
            }
            return Err(error);
        }
        if let Err(error) = current.file.sync() {
            // What a failed sync has left on the disk is unknown, and a second one may lie
            // (lwn.net/Articles/752063): this segment takes no more records.
            let _ = current.file.cut(start);
            self.seal_number(number);
            return Err(error);
        }
        current.bytes = start + length;
        self.current = Some(current);
        Ok((number, start))
    }

    fn create(&mut self) -> io::Result<Current> {
        let number = self.next_number;
        self.next_number += 1;
        let path = path(&self.options.dir, number);
        let mut file = self.disk.create(&path)?;
        let header = Header {
            number,
            node: self.options.node.bytes(),
        };
        let made = file
            .write_at(0, &header.write())
            .and_then(|()| file.sync())
            .and_then(|()| self.disk.sync_folder(&self.options.dir));
        if let Err(error) = made {
            // Without records it means nothing; if it stays, the next start removes it.
            let _ = std::fs::remove_file(&path);
            return Err(error);
        }
        let bytes = HEADER_BYTES as u64;
        let live = Live {
            bytes,
            ..Live::default()
        };
        self.tally.add(number, live);
        Ok(Current {
            file,
            number,
            bytes,
        })
    }

    fn seal(&mut self) {
        if let Some(current) = self.current.take() {
            self.seal_number(current.number);
        }
    }

    fn seal_number(&self, number: u64) {
        self.tally.change(number, |live| live.is_sealed = true);
        self.tally.tidy(&self.options.dir);
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
fn framed(append: &Append) -> u64 {
    (append.payload.len() + FRAME_BYTES) as u64
}
