//! `Journal`: opened with a replay, appended to, read back from, closed.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::time::Duration;

use ledger::BooksUnavailable;
use tokio::sync::{Semaphore, oneshot};
use tokio::time::{Instant, timeout_at};

use super::disk::{Disk, RealDisk};
use super::keeper::{Append, Keeper, Order, Pause, Refusal};
use super::replay::{Replay, numbers, replay_one};
use super::segment::{self, PAYLOAD_BYTES_MAX};
use super::tally::{Tally, path, spare_path};
use super::writer::Writer;
use crate::NodeId;

/// Records that wait for the thread take this much memory at most, about; counted in pieces of
/// [`BYTES_PER_PERMIT`], one or more for each, so that their number is bounded too.
const QUEUE_BYTES_MAX: usize = 64 << 20;
const BYTES_PER_PERMIT: usize = 1024;
const PERMITS: usize = QUEUE_BYTES_MAX / BYTES_PER_PERMIT;

/// The longest segment: places in it are numbers of four bytes, and a start reads it as a whole.
const SEGMENT_BYTES_MAX: u64 = 1 << 30;

/// How long a record waits for room in a journal that has reached its bound.
const FULL_WAIT: Duration = Duration::from_secs(1);

/// Where the journal lies and how large it may be.
#[derive(Debug, Clone)]
pub struct JournalOptions {
    /// Its folder; made if it is not there. No other process may use it.
    pub dir: PathBuf,
    /// Who writes it.
    pub node: NodeId,
    /// The length of all segments, at most, in bytes. When it is reached, settling fails until the
    /// database has taken records in.
    pub bytes_max: u64,
    /// The length of one segment, about, in bytes; at most a quarter of `bytes_max` is used. The one
    /// after the one that is being written takes as much already.
    pub segment_bytes: u64,
}

/// What is outside of this process, so that tests can stand in for it.
pub(super) struct Outside {
    pub(super) disk: Arc<dyn Disk>,
    pub(super) pause: Pause,
}

impl JournalOptions {
    /// What one segment holds unless something else is said: the most that a start after a crash
    /// has to read that is in the database already, and what is taken of the disk ahead of need.
    pub const SEGMENT_BYTES: u64 = 8 << 20;

    /// The journal in the data directory of a server.
    #[must_use]
    pub fn in_data_dir(data_dir: &Path, node: NodeId, bytes_max: u64) -> Self {
        Self {
            dir: data_dir.join("journal"),
            node,
            bytes_max,
            segment_bytes: Self::SEGMENT_BYTES,
        }
    }
}

/// The journal cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The disk refuses.
    #[error("the journal {path} cannot be opened: {error}")]
    Disk {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// Another process is at work there.
    #[error(
        "the journal {0} is in use by another process; every running server needs a data \
         directory of its own"
    )]
    InUse(PathBuf),
    /// A newer Waybill wrote it.
    #[error("the journal segment {path} has form {version}; run the newer Waybill that wrote it")]
    Newer {
        /// The segment.
        path: PathBuf,
        /// The version of its form.
        version: u32,
    },
}

/// Where a record lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(super) segment: u64,
    pub(super) at: u64,
    /// Its length with its frame.
    pub(super) framed: u64,
}

/// The open journal.
pub(crate) struct Journal {
    dir: PathBuf,
    bytes_max: u64,
    orders: SyncSender<Order>,
    queue: Arc<Semaphore>,
    tally: Tally,
    is_tidy_due: Arc<AtomicBool>,
    is_failing: Arc<AtomicBool>,
}

impl Journal {
    /// Opens the journal and gives every record in it to `replay`, in order; one that `replay` needs is kept until it
    /// is [released](Self::release). What `replay` says it cannot read counts as damaged. Blocks.
    pub(crate) fn open(
        options: JournalOptions,
        replay: &mut Replay<'_>,
    ) -> Result<Self, JournalError> {
        let outside = Outside {
            disk: Arc::new(RealDisk),
            pause: Box::new(std::thread::sleep),
        };
        Self::open_in(outside, options, replay)
    }

    pub(super) fn open_in(
        outside: Outside,
        mut options: JournalOptions,
        replay: &mut Replay<'_>,
    ) -> Result<Self, JournalError> {
        let segment_max = (options.bytes_max / 4).min(SEGMENT_BYTES_MAX);
        options.segment_bytes = options.segment_bytes.min(segment_max).max(1);
        let (dir, bytes_max) = (options.dir.clone(), options.bytes_max);
        std::fs::create_dir_all(&dir).map_err(failed(&dir))?;
        if let Some(parent) = dir.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            let synced = File::open(parent).and_then(|parent| parent.sync_all());
            synced.map_err(failed(parent))?;
        }
        let lock = lock(&dir)?;
        // Nothing was ever promised of what it holds. If it stays, it is taken for the next one's.
        let _ = std::fs::remove_file(spare_path(&dir));
        let (numbers, next_number) = numbers(&dir).map_err(failed(&dir))?;
        let tally = Tally::default();
        for number in numbers {
            let live = replay_one(&options, number, replay)?;
            tally.add(number, live);
        }
        tally.tidy(&dir);
        let is_tidy_due = Arc::new(AtomicBool::new(false));
        let is_failing = Arc::new(AtomicBool::new(false));
        // Permits bound the appends; besides them there are one `Tidy` and one `Close`.
        let (orders, received) = sync_channel(PERMITS + 2);
        let mut keeper = Keeper {
            pause: outside.pause,
            orders: received,
            is_tidy_due: is_tidy_due.clone(),
            writer: Writer::new(outside.disk, options, tally.clone(), next_number),
            is_failing: is_failing.clone(),
            _lock: lock,
        };
        let run = move || {
            let told = keeper.run();
            drop(keeper);
            if let Some(told) = told {
                let _ = told.send(());
            }
        };
        std::thread::Builder::new()
            .name("journal".to_owned())
            .spawn(run)
            .map_err(failed(&dir))?;
        Ok(Self {
            dir,
            bytes_max,
            orders,
            queue: Arc::new(Semaphore::new(PERMITS)),
            tally,
            is_tidy_due,
            is_failing,
        })
    }

    /// Appends a record, a JSON object. It is durable when this returns; `deliver` was called
    /// before that, even if nobody waits any more. At the bound it waits a moment for the database
    /// to take something in, which slows callers down rather than losing their records.
    pub(crate) async fn append(
        &self,
        mut payload: Vec<u8>,
        deliver: impl FnOnce(Place) + Clone + Send + 'static,
    ) -> Result<(), BooksUnavailable> {
        if payload.len() > PAYLOAD_BYTES_MAX {
            let length = payload.len();
            return Err(BooksUnavailable(format!(
                "a record of {length} bytes is too long for the journal"
            )));
        }
        let deadline = Instant::now() + FULL_WAIT;
        loop {
            let freed = self.tally.freed().notified();
            tokio::pin!(freed);
            freed.as_mut().enable();
            payload = match self.append_once(payload, deliver.clone()).await {
                Ok(()) => return Ok(()),
                Err(Refusal::Broken(reason)) => return Err(reason),
                Err(Refusal::Full(payload)) => payload,
            };
            if timeout_at(deadline, freed).await.is_err() {
                return Err(BooksUnavailable(format!(
                    "the journal has reached its bound of {} bytes; the database has been away or \
                     too slow for too long",
                    self.bytes_max
                )));
            }
        }
    }

    async fn append_once(
        &self,
        payload: Vec<u8>,
        deliver: impl FnOnce(Place) + Send + 'static,
    ) -> Result<(), Refusal> {
        let closed = || Refusal::Broken(BooksUnavailable("the journal is closed".to_owned()));
        let permits = payload.len() / BYTES_PER_PERMIT + 1;
        let permits = u32::try_from(permits).map_err(|_| closed())?;
        let room = self.queue.clone().acquire_many_owned(permits).await;
        let (told, answer) = oneshot::channel();
        let order = Order::Append(Append {
            payload,
            deliver: Box::new(deliver),
            told,
            _room: room.map_err(|_| closed())?,
        });
        self.orders.try_send(order).map_err(|_| closed())?;
        answer.await.unwrap_or_else(|_| Err(closed()))
    }

    /// Reads a record back. Blocks.
    pub(crate) fn read(&self, place: Place) -> io::Result<Vec<u8>> {
        let invalid = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
        let length = usize::try_from(place.framed).map_err(|_| invalid("too long"))?;
        let mut file = File::open(path(&self.dir, place.segment))?;
        file.seek(SeekFrom::Start(place.at))?;
        let mut bytes = vec![0; length];
        file.read_exact(&mut bytes)?;
        let payload = segment::only_record(&bytes, place.segment);
        let payload = payload.ok_or_else(|| invalid("the record is damaged"))?;
        bytes.drain(..payload.start);
        Ok(bytes)
    }

    /// Records that are in the database, so the journal need not keep them.
    pub(crate) fn release(&self, places: impl IntoIterator<Item = Place>) {
        for place in places {
            self.tally.change(place.segment, |live| {
                live.needed = live.needed.saturating_sub(1);
            });
        }
        self.tidy();
    }

    /// A record that cannot be read back: its segment will be put aside, not removed.
    pub(crate) fn condemn(&self, place: Place) {
        self.tally
            .change(place.segment, |live| live.is_damaged = true);
    }

    /// The length of all segments, without what was written beforehand.
    pub(crate) fn bytes(&self) -> u64 {
        self.tally.bytes()
    }

    /// Whether a sixteenth of its bound is still free, for the calls that are under way, and the disk
    /// took what it was given last; where it did not, it is tried again.
    pub(crate) fn has_room(&self) -> bool {
        if self.is_failing.load(Ordering::Acquire) {
            self.tidy();
            return false;
        }
        self.bytes() <= self.bytes_max - self.bytes_max / 16
    }

    /// Writes what was appended before, and closes the files. Later appends fail.
    pub(crate) async fn close(&self) {
        let (told, done) = oneshot::channel();
        if self.orders.try_send(Order::Close(told)).is_ok() {
            // The thread tells, or is gone.
            let _ = done.await;
        }
    }

    /// Asks the thread to remove what nobody needs; it does so with its next work if it is busy.
    fn tidy(&self) {
        if !self.is_tidy_due.swap(true, Ordering::Relaxed) {
            // There is always a place for this one; without a thread nothing is to be tidied.
            let _ = self.orders.try_send(Order::Tidy);
        }
    }
}

/// Keeps other processes out until the file is closed.
fn lock(dir: &Path) -> Result<File, JournalError> {
    let path = dir.join("lock");
    let mut options = OpenOptions::new();
    let file = options.write(true).create(true).truncate(false).open(&path);
    let file = file.map_err(failed(&path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => Err(JournalError::InUse(dir.to_owned())),
        Err(std::fs::TryLockError::Error(error)) => Err(failed(&path)(error)),
    }
}

pub(super) fn failed(path: &Path) -> impl FnOnce(io::Error) -> JournalError {
    let path = path.to_owned();
    |error| JournalError::Disk { path, error }
}
