//! The books, with a counter at the window: every finished call is counted, then recorded.

use std::sync::Arc;

use ledger::books::BoxFuture;
use ledger::{Admission, Amount, Ask, Books, BooksUnavailable, Exhausted, Generation, Ticket};
use relay::Clock;
use store::{KeyHash, Ledgers};
use tokio::sync::mpsc::Sender;

use crate::api::metrics::Metrics;
use crate::broadcast::Broadcast;
use crate::cache::ResponseCache;
use crate::cache_health::CacheBoard;
use crate::content::Keeper;
use crate::limits::{AtProviders, Gate, Velocity};
use crate::tracer::Tracer;

/// Counts a record and hands it on.
pub struct CountedBooks {
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// Rate limits, which learn here that a call has ended.
    pub gate: Arc<Gate>,
    /// Watches for keys that spend too fast, and where they are reported.
    pub velocity: Option<(Arc<Velocity>, Sender<KeyHash>)>,
    /// Tells a collector of calls, where there is one.
    pub tracer: Option<Arc<Tracer>>,
    /// Tells destinations of workspaces of calls.
    pub broadcast: Arc<Broadcast>,
    /// Keeps the content of calls.
    pub content: Arc<Keeper>,
    /// Watches providers' caches.
    pub caches: Arc<CacheBoard>,
    /// Keeps answers, and learns here which of them are whole.
    pub response_cache: Arc<ResponseCache>,
    /// The calendar time.
    pub clock: Arc<dyn Clock>,
    /// Who keeps the books.
    pub ledgers: Arc<Ledgers>,
}

impl CountedBooks {
    /// The limits of providers, counted by the same gate.
    #[must_use]
    pub fn at_providers(&self) -> AtProviders {
        AtProviders {
            gate: Arc::clone(&self.gate),
            clock: Arc::clone(&self.clock),
            metrics: Arc::clone(&self.metrics),
        }
    }

    fn count(&self, generation: &Arc<Generation>) {
        let parent = self
            .tracer
            .as_ref()
            .and_then(|tracer| tracer.end(generation));
        self.broadcast.offer(generation, parent.as_ref());
        self.metrics.observe(generation);
        self.response_cache.note(generation);
        self.metrics.in_flight.down();
        let now_ms = self.clock.now_ms();
        let usage = &generation.usage;
        let tokens = usage
            .prompt_tokens()
            .saturating_add(usage.completion_tokens());
        self.gate.settle(&generation.id, tokens, now_ms);
        if let (Some((velocity, fast)), Ok(bill)) = (&self.velocity, &generation.charge) {
            let key = &generation.caller.key_hash;
            if velocity.spend(key, bill.total, now_ms)
                && fast.try_send(KeyHash::from_text(key)).is_err()
            {
                tracing::error!(
                    key,
                    "too many keys wait to be frozen; this one is refused here"
                );
            }
        }
    }
}

impl Books for CountedBooks {
    fn notice(&self, generation: &mut Generation) {
        generation.noticed.content = self.content.note_of(&generation.id);
        let seen = self.caches.end(generation);
        generation.noticed.prefix_break = seen.broken;
        generation.noticed.continues = seen.continues;
    }

    fn settle(&self, generation: Arc<Generation>) -> BoxFuture<'_, Result<(), BooksUnavailable>> {
        self.count(&generation);
        self.ledgers.settle(generation)
    }

    fn reserve(&self, ask: Ask) -> BoxFuture<'_, Result<Admission, BooksUnavailable>> {
        self.ledgers.reserve(ask)
    }

    fn top_up<'a>(
        &'a self,
        ticket: &'a mut Ticket,
        total: Amount,
    ) -> BoxFuture<'a, Result<Option<Exhausted>, BooksUnavailable>> {
        self.ledgers.top_up(ticket, total)
    }

    fn settle_reserved(
        &self,
        ticket: Ticket,
        generation: Arc<Generation>,
    ) -> BoxFuture<'_, Result<(), BooksUnavailable>> {
        self.count(&generation);
        self.ledgers.settle_reserved(ticket, generation)
    }

    fn release(&self, ticket: Ticket) {
        self.ledgers.release(ticket);
    }
}
