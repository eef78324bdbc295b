//! `Ledgers`: the books of one node. Holds money for calls out of leases that are in memory, and has
//! finished calls recorded together with the budget windows they count in.
//!
//! In the steady state a call is arithmetic on atomics: no database, no queue. One worker does all
//! that needs the database, many budgets at a time: it leases what calls wait for, renews slices
//! before they run out, follows changes of budgets, and gives back what is not needed. It alone adds
//! leases to memory, so that a caller who leaves while waiting loses nothing.

mod holding;
mod slot;
mod slots;
mod worker;

use std::fmt;
use std::future::Future;
use std::sync::atomic::{AtomicI64, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ledger::books::BoxFuture;
use ledger::{
    Admission, Amount, Ask, Books, BooksUnavailable, Budget, BudgetWindow, Enforcement, Exhausted,
    Generation, Ticket,
};
use tokio::sync::Notify;
use tokio::time::{self, Instant};

use crate::posting::cost_of;
use crate::{Posting, PostingLine, Recorder, Settled, Store, StoreError};
use slot::Slot;
use slots::Slots;

/// How the leases of a node are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LedgerLimits {
    /// How long a call waits for a lease before the books count as unavailable.
    pub reserve_max: Duration,
    /// How often changes of budgets are looked for; how fast a new limit holds.
    pub follow_every: Duration,
    /// How often leases that are not needed are given back.
    pub return_every: Duration,
    /// How long a refusal of the database is believed.
    pub refusal_for: Duration,
}

impl Default for LedgerLimits {
    fn default() -> Self {
        Self {
            reserve_max: Duration::from_secs(5),
            follow_every: Duration::from_millis(500),
            return_every: Duration::from_secs(10),
            refusal_for: Duration::from_millis(200),
        }
    }
}

/// How the leases of a node are doing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LedgerFigures {
    /// Calls that were given a ticket.
    pub admitted: u64,
    /// Calls that were refused.
    pub exhausted: u64,
    /// Times that a call had to wait for the database.
    pub waits: u64,
    /// Transactions for leases: asked for, renewed ahead of need, and given back.
    pub round_trips: u64,
    /// Budget windows in memory.
    pub windows: u64,
    /// Charged above what was held, nano-USD since the start.
    pub overage_nanos: u64,
    /// Leased or given back without knowing whether the database did it; held until the next start.
    pub adrift_nanos: u64,
}

#[derive(Debug, Default)]
struct Counters {
    admitted: AtomicU64,
    exhausted: AtomicU64,
    waits: AtomicU64,
    round_trips: AtomicU64,
    overage_nanos: AtomicU64,
    adrift_nanos: AtomicU64,
}

/// The books of one node.
pub struct Ledgers {
    store: Store,
    recorder: Arc<Recorder>,
    node: String,
    limits: LedgerLimits,
    slots: Slots,
    /// Windows that calls wait for, or that run low.
    queue: Mutex<Vec<Arc<Slot>>>,
    work: Notify,
    /// The worker has done something that somebody may wait for.
    worked: Notify,
    state: AtomicU32,
    /// The latest second that a call began in: what time it is, as far as windows are concerned.
    latest: AtomicI64,
    nodes: AtomicU32,
    counters: Counters,
    began: Instant,
}

const STARTING: u32 = 0;
const OPEN: u32 = 1;
const CLOSING: u32 = 2;
const CLOSED: u32 = 3;

impl Ledgers {
    /// The books of a node over a recorder of the same store, and their worker: a future that the
    /// owner spawns and that ends after [`Ledgers::close`]. The recorder has to run as well.
    ///
    /// The worker begins by writing what the recorder's journal holds and giving back what this node
    /// had leased before; until then calls under budgets wait.
    pub fn new(
        store: Store,
        recorder: Arc<Recorder>,
        node: String,
        limits: LedgerLimits,
    ) -> (Arc<Self>, impl Future<Output = ()> + Send + 'static) {
        let ledgers = Arc::new(Self {
            store,
            recorder,
            node,
            limits,
            slots: Slots::default(),
            queue: Mutex::default(),
            work: Notify::new(),
            worked: Notify::new(),
            state: AtomicU32::new(STARTING),
            latest: AtomicI64::new(i64::MIN),
            nodes: AtomicU32::new(2),
            counters: Counters::default(),
            began: Instant::now(),
        });
        let worker = ledgers.clone();
        (ledgers, async move { worker.work().await })
    }

    /// The shutdown, after the recorder was drained: gives back every lease and lets the worker end.
    /// Whether that was done within the time.
    pub async fn close(&self, within: Duration) -> bool {
        let _ = self.state.fetch_max(CLOSING, Ordering::AcqRel);
        self.work.notify_one();
        let closed = async {
            loop {
                let worked = self.worked.notified();
                tokio::pin!(worked);
                worked.as_mut().enable();
                if self.state.load(Ordering::Acquire) == CLOSED {
                    return;
                }
                worked.await;
            }
        };
        time::timeout(within, closed).await.is_ok()
    }

    /// The name of the node.
    #[must_use]
    pub fn node(&self) -> &str {
        &self.node
    }

    /// How it is doing.
    #[must_use]
    pub fn figures(&self) -> LedgerFigures {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        LedgerFigures {
            admitted: read(&self.counters.admitted),
            exhausted: read(&self.counters.exhausted),
            waits: read(&self.counters.waits),
            round_trips: read(&self.counters.round_trips),
            windows: self.slots.len(),
            overage_nanos: read(&self.counters.overage_nanos),
            adrift_nanos: read(&self.counters.adrift_nanos),
        }
    }

    /// What a budget has left for further calls of this node at an instant (Unix seconds): its limit
    /// less what was spent, what is held for calls under way, and what other nodes have leased.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn remaining(&self, budget: &Budget, at: i64) -> Result<Amount, StoreError> {
        let state = self.store.budgets().state(budget, at).await?;
        let slot = self.slots.get(&budget.window_at(at));
        let free = slot.map_or(Amount::ZERO, |slot| slot.free());
        let used = state.posted.nanos().saturating_add(state.leased.nanos());
        let left = budget.limit.nanos().saturating_sub(used);
        let left = left.saturating_add(free.nanos());
        Ok(Amount::from_nanos(
            left.clamp(0, budget.limit.nanos().max(0)),
        ))
    }

    async fn close_ticket(
        &self,
        ticket: Ticket,
        generation: Arc<Generation>,
    ) -> Result<(), BooksUnavailable> {
        if ticket.holds.is_empty() {
            return self.recorder.settle(generation).await;
        }
        let cost = cost_of(&generation);
        let slots: Vec<Option<Arc<Slot>>> = ticket
            .holds
            .iter()
            .map(|hold| self.slots.get(&hold.window))
            .collect();
        let mut lines = Vec::with_capacity(slots.len());
        for (hold, slot) in ticket.holds.iter().zip(&slots) {
            let covered = cost.min(hold.amount);
            let above = cost.checked_sub(covered).unwrap_or(Amount::ZERO);
            // What was not held is taken from what is free, and from the limit where that is not
            // enough; a window that only warns has neither.
            let taken = slot.as_ref().map_or(Amount::ZERO, |slot| slot.take(above));
            if hold.amount > Amount::ZERO && above > Amount::ZERO {
                let nanos = u64::try_from(above.nanos()).unwrap_or(0);
                self.counters
                    .overage_nanos
                    .fetch_add(nanos, Ordering::Relaxed);
            }
            lines.push(PostingLine {
                window: hold.window.clone(),
                held: hold.amount,
                topped_up: hold.topped_up,
                drawn: covered.checked_add(taken).unwrap_or(covered),
            });
        }
        let posting = Posting {
            node: self.node.clone(),
            lines,
        };
        self.recorder
            .settle_posted(Settled::new(generation, Some(Arc::new(posting))))
            .await?;
        for (hold, slot) in ticket.holds.iter().zip(&slots) {
            if let Some(slot) = slot {
                slot.close(hold.amount, cost);
            }
        }
        Ok(())
    }
}

impl Books for Ledgers {
    fn settle(&self, generation: Arc<Generation>) -> BoxFuture<'_, Result<(), BooksUnavailable>> {
        self.recorder.settle(generation)
    }

    fn reserve(&self, ask: Ask) -> BoxFuture<'_, Result<Admission, BooksUnavailable>> {
        Box::pin(self.admit(ask))
    }

    fn top_up<'a>(
        &'a self,
        ticket: &'a mut Ticket,
        total: Amount,
    ) -> BoxFuture<'a, Result<Option<Exhausted>, BooksUnavailable>> {
        Box::pin(self.raise(ticket, total))
    }

    fn settle_reserved(
        &self,
        ticket: Ticket,
        generation: Arc<Generation>,
    ) -> BoxFuture<'_, Result<(), BooksUnavailable>> {
        Box::pin(self.close_ticket(ticket, generation))
    }

    fn release(&self, ticket: Ticket) {
        for hold in &ticket.holds {
            if let Some(slot) = self.slots.get(&hold.window) {
                slot.close(hold.amount, Amount::ZERO);
            }
        }
    }
}

impl fmt::Debug for Ledgers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ledgers")
            .field("node", &self.node)
            .field("figures", &self.figures())
            .finish_non_exhaustive()
    }
}

/// Whether a budget refuses at its limit.
fn is_hard(budget: &Budget) -> bool {
    budget.enforcement == Enforcement::Hard
}

/// The key of a window in memory.
type Key = BudgetWindow;
