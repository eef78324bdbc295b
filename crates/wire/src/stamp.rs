//! What our answers are stamped with.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// What our answers are stamped with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamp {
    /// Our generation id.
    pub id: String,
    /// The slug of the concrete model.
    pub model: String,
    /// The provider's own name of the model; empty where it does not matter.
    pub native_model: String,
    /// The provider's display name.
    pub provider: String,
    /// Seconds since 1970 UTC, for answers that lack their own.
    pub created: i64,
    /// Numbers the events of the call's stream, whoever writes them.
    pub sequence: Sequence,
}

/// Numbers the events of one call's stream, for dialects that want them numbered: signs of life and
/// the frames of several attempts draw from the same one. Clones share it.
///
/// It also remembers whether the stream has been opened with the events that must come first, so that
/// this happens once: by a sign of life, which is sent at once, or by an attempt, whose frames may
/// yet be thrown away.
#[derive(Debug, Clone, Default)]
pub struct Sequence(Arc<State>);

#[derive(Debug, Default)]
struct State {
    next: AtomicU64,
    by_sign: AtomicBool,
    by_attempt: AtomicBool,
}

impl Sequence {
    /// The next number, from 0.
    #[must_use]
    pub fn next(&self) -> u64 {
        self.0.next.fetch_add(1, Ordering::Relaxed)
    }

    /// How many events have been written.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.0.next.load(Ordering::Relaxed)
    }

    /// A sign of life is about to be sent; says whether it has to open the stream.
    #[must_use]
    pub(crate) fn open_by_sign(&self) -> bool {
        !self.0.by_attempt.load(Ordering::Relaxed) && !self.0.by_sign.swap(true, Ordering::Relaxed)
    }

    /// An attempt has its first content; says whether it has to open the stream.
    #[must_use]
    pub(crate) fn open_by_attempt(&self) -> bool {
        self.0.by_attempt.store(true, Ordering::Relaxed);
        !self.0.by_sign.load(Ordering::Relaxed)
    }

    /// Nothing that an attempt has written was sent, and the next one begins.
    pub(crate) fn start_over(&self) {
        self.0.by_attempt.store(false, Ordering::Relaxed);
        if !self.0.by_sign.load(Ordering::Relaxed) {
            self.0.next.store(0, Ordering::Relaxed);
        }
    }
}

impl PartialEq for Sequence {
    fn eq(&self, other: &Self) -> bool {
        self.count() == other.count()
    }
}

impl Eq for Sequence {}

/// What a call cost at list price, in USD as exact decimal text; `None` when unpriced.
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

impl CostText {
    /// What is owed here: nothing where the caller's own credential has paid the provider.
    #[must_use]
    pub fn owed(&self) -> Option<&str> {
        match self.is_byok {
            true => Some("0"),
            false => self.total.as_deref(),
        }
    }
}
