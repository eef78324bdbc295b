//! The next segment, written beforehand: zeros to its full length, and when these are durable its header and
//! its name.
//!
//! A thread of its own does all of it, as far as it is told to, so that no record waits for it: to go on with
//! the next segment is to take it.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

use super::disk::{Disk, SegmentFile};
use super::segment::Header;
use super::tally::{path, spare_path};

/// How much is written at a time, in bytes.
const PIECE_BYTES: usize = 1 << 20;

/// The number of the next segment: none is used twice.
#[derive(Clone)]
pub(super) struct Numbers(Arc<AtomicU64>);

impl Numbers {
    pub(super) fn from(next: u64) -> Self {
        Self(Arc::new(AtomicU64::new(next)))
    }

    pub(super) fn next(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed)
    }
}

/// A segment without records, durable to its full length.
pub(super) struct Made {
    pub(super) number: u64,
    pub(super) file: Box<dyn SegmentFile>,
}

/// What it is made of.
#[derive(Clone)]
pub(super) struct Plan {
    pub(super) disk: Arc<dyn Disk>,
    /// Where segments lie.
    pub(super) folder: PathBuf,
    pub(super) node: [u8; 16],
    /// Its full length, in bytes.
    pub(super) whole: u64,
    pub(super) numbers: Numbers,
}

/// At most one segment ahead of the one that is being written.
pub(super) struct Spare {
    plan: Plan,
    state: State,
}

enum State {
    None,
    Writing(Writing),
    Ready(Made),
    /// The disk did not take it; there is another try after the next segment has begun.
    Failed,
}

/// The thread at work.
struct Writing {
    /// One for each piece that may be written; without it the thread ends.
    pieces: SyncSender<()>,
    /// How much may be written by now.
    to: u64,
    thread: JoinHandle<io::Result<Made>>,
}

impl Spare {
    pub(super) const fn new(plan: Plan) -> Self {
        let state = State::None;
        Self { plan, state }
    }

    /// Has it written up to there at least, and begun if need be.
    pub(super) fn write_to(&mut self, to: u64) {
        if matches!(self.state, State::None) {
            self.state = self.begin().map_or(State::Failed, State::Writing);
        }
        let State::Writing(writing) = &mut self.state else {
            return;
        };
        while writing.to < to.min(self.plan.whole) {
            // There is room for all of them; a thread that failed needs none.
            let _ = writing.pieces.try_send(());
            writing.to += PIECE_BYTES as u64;
        }
    }

    fn begin(&self) -> io::Result<Writing> {
        let count = self.plan.whole.div_ceil(PIECE_BYTES as u64);
        let (pieces, allowed) = sync_channel(usize::try_from(count).unwrap_or(usize::MAX));
        let plan = self.plan.clone();
        let run = move || plan.make(&allowed);
        let thread = thread::Builder::new().name("spare".to_owned()).spawn(run)?;
        Ok(Writing {
            pieces,
            to: 0,
            thread,
        })
    }

    /// Whether there is a whole one.
    pub(super) fn is_ready(&mut self) -> bool {
        let is_done =
            |state: &State| matches!(state, State::Writing(it) if it.thread.is_finished());
        if is_done(&self.state)
            && let State::Writing(writing) = std::mem::replace(&mut self.state, State::Failed)
        {
            self.state = match writing.end() {
                Ok(made) => State::Ready(made),
                Err(error) => {
                    tracing::warn!(
                        folder = %self.plan.folder.display(), %error,
                        "the next journal segment cannot be written beforehand; records go on without"
                    );
                    State::Failed
                }
            };
        }
        matches!(self.state, State::Ready(_))
    }

    /// The whole one, if there is one whose number comes after that of the newest segment. One that does not (a
    /// segment was begun while it got its name) is given up: order comes from numbers.
    pub(super) fn take(&mut self, newest: u64) -> Option<Made> {
        let _ = self.is_ready();
        match std::mem::replace(&mut self.state, State::None) {
            State::Ready(made) if made.number > newest => Some(made),
            State::Ready(made) => {
                self.remove(&made);
                None
            }
            State::None | State::Failed => None,
            writing @ State::Writing(_) => {
                self.state = writing;
                None
            }
        }
    }

    /// Gives up what there is and removes it.
    pub(super) fn abandon(&mut self) {
        match std::mem::replace(&mut self.state, State::None) {
            State::None | State::Failed => {}
            State::Ready(made) => self.remove(&made),
            State::Writing(writing) => {
                if let Ok(made) = writing.end() {
                    self.remove(&made);
                }
            }
        }
    }

    fn remove(&self, made: &Made) {
        // If it stays, the next start removes it.
        let _ = std::fs::remove_file(path(&self.plan.folder, made.number));
    }
}

impl Drop for Spare {
    fn drop(&mut self) {
        self.abandon();
    }
}

impl Writing {
    /// Lets the thread write no further, and waits for it.
    fn end(self) -> io::Result<Made> {
        drop(self.pieces);
        let panicked = |_| Err(io::Error::other("the thread that wrote it has died"));
        self.thread.join().unwrap_or_else(panicked)
    }
}

impl Plan {
    /// Makes a segment, a piece for each that is allowed; leaves nothing behind where it cannot.
    fn make(&self, allowed: &Receiver<()>) -> io::Result<Made> {
        let spare = spare_path(&self.folder);
        // What somebody may have left there.
        let _ = std::fs::remove_file(&spare);
        let written = self.write(&spare, allowed);
        let named = written.and_then(|file| self.name(&spare, file));
        if named.is_err() {
            let _ = std::fs::remove_file(&spare);
        }
        named
    }

    /// Writes a file of zeros.
    fn write(&self, spare: &Path, allowed: &Receiver<()>) -> io::Result<Box<dyn SegmentFile>> {
        let mut file = self.disk.create(spare)?;
        let zeros = vec![0; PIECE_BYTES];
        let mut at = 0;
        while at < self.whole {
            if allowed.recv().is_err() {
                return Err(io::Error::other("it is needed no more"));
            }
            let rest = self.whole - at;
            let piece = usize::try_from(rest).map_or(PIECE_BYTES, |rest| rest.min(PIECE_BYTES));
            file.write_at(at, &zeros[..piece])?;
            file.sync()?;
            at += piece as u64;
        }
        Ok(file)
    }

    /// Makes it the segment of the next number. A start that finds it finds no records in it.
    fn name(&self, spare: &Path, mut file: Box<dyn SegmentFile>) -> io::Result<Made> {
        let number = self.numbers.next();
        let header = Header {
            number,
            node: self.node,
        };
        file.write_at(0, &header.write())?;
        file.sync()?;
        let path = path(&self.folder, number);
        self.disk.rename(spare, &path)?;
        if let Err(error) = self.disk.sync_folder(&self.folder) {
            let _ = std::fs::remove_file(&path);
            return Err(error);
        }
        Ok(Made { number, file })
    }
}
