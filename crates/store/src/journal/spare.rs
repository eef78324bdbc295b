//! The next segment, written beforehand: zeros to its full length, durable, under a name of its own.
//!
//! A thread of its own writes it, as far as it is told to, so that no record waits for it.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

use super::disk::{Disk, SegmentFile};

/// How much is written at a time, in bytes.
const PIECE_BYTES: usize = 1 << 20;

type File = Box<dyn SegmentFile>;

/// At most one segment ahead of the one that is being written.
pub(super) struct Spare {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    /// Its full length, in bytes.
    whole: u64,
    state: State,
}

enum State {
    None,
    Writing(Writing),
    Ready(File),
    /// The disk did not take it; there is another try after the next segment has begun.
    Failed,
}

/// The thread at work.
struct Writing {
    /// One for each piece that may be written; without it the thread ends.
    pieces: SyncSender<()>,
    /// How much may be written by now.
    to: u64,
    thread: JoinHandle<io::Result<File>>,
}

impl Spare {
    pub(super) fn new(disk: Arc<dyn Disk>, path: PathBuf, whole: u64) -> Self {
        Self {
            disk,
            path,
            whole,
            state: State::None,
        }
    }

    /// Has it written up to there at least, and begun if need be.
    pub(super) fn write_to(&mut self, to: u64) {
        if matches!(self.state, State::None) {
            self.state = self.begin().map_or(State::Failed, State::Writing);
        }
        let State::Writing(writing) = &mut self.state else {
            return;
        };
        while writing.to < to.min(self.whole) {
            // There is room for all of them; a thread that failed needs none.
            let _ = writing.pieces.try_send(());
            writing.to += PIECE_BYTES as u64;
        }
    }

    fn begin(&self) -> io::Result<Writing> {
        let count = self.whole.div_ceil(PIECE_BYTES as u64);
        let (pieces, allowed) = sync_channel(usize::try_from(count).unwrap_or(usize::MAX));
        let (disk, path, whole) = (self.disk.clone(), self.path.clone(), self.whole);
        let run = move || {
            let written = write(&*disk, &path, whole, &allowed);
            if written.is_err() {
                let _ = std::fs::remove_file(&path);
            }
            written
        };
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
                Ok(file) => State::Ready(file),
                Err(error) => {
                    tracing::warn!(
                        segment = %self.path.display(), %error,
                        "the next journal segment cannot be written beforehand; records go on without"
                    );
                    State::Failed
                }
            };
        }
        matches!(self.state, State::Ready(_))
    }

    /// The whole one, if there is one; whoever takes it gives it another name.
    pub(super) fn take(&mut self) -> Option<File> {
        let _ = self.is_ready();
        match std::mem::replace(&mut self.state, State::None) {
            State::Ready(file) => Some(file),
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
            State::None => return,
            State::Failed => {}
            State::Ready(file) => drop(file),
            State::Writing(writing) => drop(writing.end()),
        }
        let _ = std::fs::remove_file(&self.path);
    }
}

impl Drop for Spare {
    fn drop(&mut self) {
        self.abandon();
    }
}

impl Writing {
    /// Lets the thread write no further, and waits for it.
    fn end(self) -> io::Result<File> {
        drop(self.pieces);
        let panicked = |_| Err(io::Error::other("the thread that wrote it has died"));
        self.thread.join().unwrap_or_else(panicked)
    }
}

/// Writes a file of zeros, a piece for each that is allowed.
fn write(disk: &dyn Disk, path: &Path, whole: u64, allowed: &Receiver<()>) -> io::Result<File> {
    // What somebody may have left there.
    let _ = std::fs::remove_file(path);
    let mut file = disk.create(path)?;
    let zeros = vec![0; PIECE_BYTES];
    let mut at = 0;
    while at < whole {
        if allowed.recv().is_err() {
            return Err(io::Error::other("it is needed no more"));
        }
        let piece = usize::try_from(whole - at).map_or(PIECE_BYTES, |rest| rest.min(PIECE_BYTES));
        file.write_at(at, &zeros[..piece])?;
        file.sync()?;
        at += piece as u64;
    }
    Ok(file)
}
