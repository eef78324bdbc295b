//! How often calls met a limit in money; read by whoever shows metrics.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Counts since the relay began.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Calls whose provider was told to stop where the money ends.
    pub clamped: u64,
    /// Calls refused because money or a price was lacking.
    pub refused: u64,
    /// Streams ended because no more money could be held.
    pub cut: u64,
    /// Answers read to their end after their caller had left.
    pub drained: u64,
    /// Answers of callers that had left which were let go, because too many were being read or one
    /// of the bounds was reached.
    pub drains_cut: u64,
    /// Calls that cost more than was held for them.
    pub overages: u64,
    /// Calls for which the provider reported another cost than ours.
    pub cost_gaps: u64,
}

/// The counters themselves.
#[derive(Debug, Default)]
pub(crate) struct Tallies {
    pub(crate) clamped: AtomicU64,
    pub(crate) refused: AtomicU64,
    pub(crate) cut: AtomicU64,
    pub(crate) drained: AtomicU64,
    pub(crate) drains_cut: AtomicU64,
    pub(crate) overages: AtomicU64,
    pub(crate) cost_gaps: AtomicU64,
}

impl Tallies {
    /// One more.
    pub(crate) fn count(tally: &AtomicU64) {
        tally.fetch_add(1, Relaxed);
    }

    /// All of them.
    pub(crate) fn read(&self) -> Counts {
        let read = |tally: &AtomicU64| tally.load(Relaxed);
        Counts {
            clamped: read(&self.clamped),
            refused: read(&self.refused),
            cut: read(&self.cut),
            drained: read(&self.drained),
            drains_cut: read(&self.drains_cut),
            overages: read(&self.overages),
            cost_gaps: read(&self.cost_gaps),
        }
    }
}
