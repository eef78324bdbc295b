//! How those who read much rest for a moment, again and again, so that calls find a processor.
//!
//! A thread of a call may be queued behind another one while the next processor runs a reader. A processor
//! with nothing to do would take it over at once; one that runs a reader in spare time is busy in the eyes of
//! the kernel, and looks for such threads with the clock only, every few milliseconds (Linux balances when a
//! processor becomes idle). So a reader sleeps for a moment after each fifth of a millisecond: the processor
//! is idle then, and takes over who waits. And one that has a share, where the machine is full, keeps a
//! processor for no longer than that, and not for a slice of some milliseconds.

use std::cell::Cell;
use std::thread;
use std::time::{Duration, Instant};

/// For how long a reader runs before it rests: about what a thread of a call takes for its part of a call.
const AWAKE: Duration = Duration::from_micros(200);

/// How long it rests. The kernel wakes it up to its timer's slack later (50 microseconds, unless told
/// otherwise), which is what it costs: a quarter to a third of the reader's speed.
const MOMENT: Duration = Duration::from_micros(30);

thread_local! {
    /// Since when this thread has not rested; nothing where it is not one of readers.
    static AWAKE_SINCE: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// From now on this thread is one of readers.
#[expect(
    clippy::disallowed_methods,
    reason = "how long a thread has run is nothing that a test would replay"
)]
pub(super) fn begin() {
    AWAKE_SINCE.set(Some(Instant::now()));
}

/// Rests where it is time to: to be called again and again by whatever reads much, and by what
/// makes something of much that was read ([`crate::Store::rollups_as`]). Threads that are not
/// readers' never rest.
pub fn now_and_then() {
    if AWAKE_SINCE
        .get()
        .is_some_and(|since| since.elapsed() >= AWAKE)
    {
        thread::sleep(MOMENT);
        begin();
    }
}

/// The same for a thread that was not told: it is one of readers.
pub(super) fn one_who_reads() {
    if AWAKE_SINCE.get().is_none() {
        begin();
    }
    now_and_then();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_readers_rest_and_then_begin_anew() {
        now_and_then();
        assert!(AWAKE_SINCE.get().is_none(), "nobody was told");
        one_who_reads();
        let begun = AWAKE_SINCE.get();
        assert!(begun.is_some(), "from now on it is known");
        thread::sleep(AWAKE);
        now_and_then();
        assert!(AWAKE_SINCE.get() > begun, "it has rested");
    }
}
