//! What our answers are stamped with.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// What our answers are stamped with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamp {
    /// Our generation id.
    pub id: String,
    /// The slug of the concrete model.
    pub model: String,
    /// The provider's display name.
    pub provider: String,
    /// Seconds since 1970 UTC, for answers that lack their own.
    pub created: i64,
    /// Numbers the events of the call's stream, whoever writes them.
    pub sequence: Sequence,
}

/// Numbers the events of one call's stream, for dialects that want them numbered: signs of life and
/// the frames of several attempts draw from the same one. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Sequence(Arc<AtomicU64>);

impl Sequence {
    /// The next number, from 0.
    #[must_use]
    pub fn next(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed)
    }

    /// How many events have been written.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl PartialEq for Sequence {
    fn eq(&self, other: &Self) -> bool {
        self.count() == other.count()
    }
}

impl Eq for Sequence {}

/// What a call cost, in USD as exact decimal text; `None` when unpriced.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CostText {
    /// The whole.
    pub total: Option<String>,
    /// The part for the prompt.
    pub prompt: Option<String>,
    /// The part for the completion.
    pub completion: Option<String>,
    /// What each counted unit cost, by its name; those that cost something.
    pub components: Vec<(&'static str, String)>,
    /// Whether the caller's own credential was used.
    pub is_byok: bool,
}
