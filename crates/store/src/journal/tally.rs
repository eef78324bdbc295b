//! Which segments there are, how long they are, and how many of their records are still needed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// One segment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Live {
    /// Its length, without what was written beforehand.
    pub(super) bytes: u64,
    /// Records that are not in the database yet.
    pub(super) needed: u64,
    /// Nothing will be added.
    pub(super) is_sealed: bool,
    /// Something in it could not be read, so it is put aside rather than removed.
    pub(super) is_damaged: bool,
}

/// All of them by number; one copy is with the thread, one with the handle.
#[derive(Debug, Clone, Default)]
pub(super) struct Tally {
    live: Arc<Mutex<BTreeMap<u64, Live>>>,
    /// The length of all, after every change: each call asks for it, and must not wait while files
    /// are removed.
    bytes: Arc<AtomicU64>,
    freed: Arc<Notify>,
}

impl Tally {
    /// The length of all.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Acquire)
    }

    fn count(&self, live: &BTreeMap<u64, Live>) {
        let bytes = live.values().map(|live| live.bytes).sum();
        self.bytes.store(bytes, Ordering::Release);
    }

    pub(super) fn add(&self, number: u64, new: Live) {
        let mut live = self.live();
        live.insert(number, new);
        self.count(&live);
    }

    /// Changes one segment, if there is such a one.
    pub(super) fn change(&self, number: u64, change: impl FnOnce(&mut Live)) {
        let mut all = self.live();
        if let Some(live) = all.get_mut(&number) {
            change(live);
            self.count(&all);
        }
    }

    /// Removes the segments that nobody needs, from the disk too. One that cannot be removed stays
    /// and is tried again the next time; one that is damaged is kept under another name.
    pub(super) fn tidy(&self, folder: &Path) {
        let mut live = self.live();
        let before = live.len();
        live.retain(|number, live| {
            let is_done = live.is_sealed && live.needed == 0;
            !is_done || !remove(folder, *number, live.is_damaged)
        });
        if live.len() < before {
            self.count(&live);
            self.freed.notify_waiters();
        }
    }

    /// Tells when segments have been removed.
    pub(super) fn freed(&self) -> &Notify {
        &self.freed
    }

    fn live(&self) -> MutexGuard<'_, BTreeMap<u64, Live>> {
        // Numbers only: nothing is half done when somebody panics.
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where the segment lies that is written beforehand and has no number yet.
pub(super) fn spare_path(folder: &Path) -> PathBuf {
    folder.join("spare")
}

/// Where a segment lies.
pub(super) fn path(folder: &Path, number: u64) -> PathBuf {
    folder.join(format!("{number:010}.wal"))
}

fn remove(folder: &Path, number: u64, is_damaged: bool) -> bool {
    let from = path(folder, number);
    let done = if is_damaged {
        std::fs::rename(&from, from.with_extension("wal.corrupt"))
    } else {
        std::fs::remove_file(&from)
    };
    match done {
        Ok(()) => true,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => true,
        Err(error) => {
            tracing::warn!(segment = %from.display(), %error, "a journal segment cannot be removed");
            false
        }
    }
}
