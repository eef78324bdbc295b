//! The books, with a counter at the window: every finished call is counted, then recorded.

use std::sync::Arc;

use ledger::books::BoxFuture;
use ledger::{Books, BooksUnavailable, Generation};
use store::Recorder;

use crate::api::metrics::Metrics;

/// Counts a record and hands it on.
pub struct CountedBooks {
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// Who keeps the books.
    pub recorder: Arc<Recorder>,
}

impl Books for CountedBooks {
    fn settle(&self, generation: Arc<Generation>) -> BoxFuture<'_, Result<(), BooksUnavailable>> {
        self.metrics.observe(&generation);
        self.metrics.in_flight.down();
        self.recorder.settle(generation)
    }
}
