//! `Ledgers`: the books of one node. Holds money for calls out of leases that are in memory, and has
//! finished calls recorded together with the budget windows they count in.
//!
//! In the steady state a call is arithmetic on atomics: no database, no queue. One worker does all
//! that needs the database, many budgets at a time: it leases what calls wait for, renews slices
//! before they run out, follows changes of budgets, and gives back what is not needed. It alone adds
//! leases to memory, so that a caller who leaves while waiting loses nothing.

mod slot;
mod worker;

use std::fmt;
use std::future::Future;
use std::sync::atomic::{AtomicI64, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ledger::books::BoxFuture;
use ledger::{
    Admission, Amount, Ask, Books, BooksUnavailable, Budget, BudgetWindow, Enforcement, Exhausted,
    Generation, Hold, Ticket,
};
use tokio::sync::Notify;
use tokio::time::{self, Instant};

use crate::posting::cost_of;
use crate::{Posting, PostingLine, Recorder, Settled, Store, StoreError};
use slot::{Answer, Slot, Slots};

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

    // === Holding ===

    async fn admit(&self, ask: Ask) -> Result<Admission, BooksUnavailable> {
        if ask.budgets.is_empty() {
            return Ok(Admission::Admitted(Ticket::ungoverned(ask.generation)));
        }
        let _ = self.latest.fetch_max(ask.at, Ordering::AcqRel);
        let slots: Vec<Arc<Slot>> = ask
            .budgets
            .iter()
            .map(|budget| self.slots.open(budget, budget.window_at(ask.at)))
            .collect();
        let held = match self.hold(&slots, ask.amount).await? {
            Ok(held) => held,
            Err(exhausted) => {
                self.counters.exhausted.fetch_add(1, Ordering::Relaxed);
                return Ok(Admission::Exhausted(exhausted));
            }
        };
        self.counters.admitted.fetch_add(1, Ordering::Relaxed);
        let mut warned = Vec::new();
        let mut holds = Vec::with_capacity(slots.len());
        for (slot, amount) in slots.iter().zip(held) {
            if slot.is_warning() {
                if slot.is_reached_by(ask.amount) {
                    warned.push(slot.window.budget.clone());
                }
                if slot.is_uncounted() && slot.want(Amount::ZERO) {
                    self.enqueue(slot.clone());
                }
            }
            if amount > Amount::ZERO || !slot.is_gone() {
                holds.push(Hold::new(slot.window.clone(), amount));
            }
        }
        Ok(Admission::Admitted(Ticket {
            generation: ask.generation,
            amount: ask.amount,
            holds,
            warned,
        }))
    }

    async fn raise(
        &self,
        ticket: &mut Ticket,
        total: Amount,
    ) -> Result<Option<Exhausted>, BooksUnavailable> {
        let more = total.checked_sub(ticket.amount).unwrap_or(Amount::ZERO);
        if more <= Amount::ZERO {
            return Ok(None);
        }
        let slots: Vec<Arc<Slot>> = ticket
            .holds
            .iter()
            .filter_map(|hold| self.slots.get(&hold.window))
            .collect();
        let held = match self.hold(&slots, more).await? {
            Ok(held) => held,
            Err(exhausted) => return Ok(Some(exhausted)),
        };
        for (slot, held) in slots.iter().zip(held) {
            let its = |hold: &&mut Hold| hold.window == slot.window;
            if let Some(hold) = ticket.holds.iter_mut().find(its) {
                hold.amount = hold.amount.checked_add(held).unwrap_or(hold.amount);
                hold.topped_up = hold.topped_up.checked_add(held).unwrap_or(hold.amount);
            }
        }
        ticket.amount = total;
        Ok(None)
    }

    /// Holds an amount in all windows or in none. Nothing is held while it waits for the database.
    async fn hold(&self, slots: &[Arc<Slot>], amount: Amount) -> Result<Held, BooksUnavailable> {
        let lacking = match slot::reserve_all(slots, amount) {
            Ok(held) => {
                self.renew_ahead(slots);
                return Ok(Ok(held));
            }
            Err(lacking) => lacking,
        };
        self.counters.waits.fetch_add(1, Ordering::Relaxed);
        let waiting = self.hold_patiently(slots, amount, lacking);
        match time::timeout(self.limits.reserve_max, waiting).await {
            Ok(answer) => answer,
            Err(_) => Err(BooksUnavailable(
                "the database takes too long to lease money of a budget".to_owned(),
            )),
        }
    }

    async fn hold_patiently(
        &self,
        slots: &[Arc<Slot>],
        amount: Amount,
        mut lacking: usize,
    ) -> Result<Held, BooksUnavailable> {
        loop {
            if let Some(slot) = slots.get(lacking) {
                if slot.refuses(amount, self.now_ms(), self.limits.refusal_for) {
                    return Ok(Err(exhausted(slots, slot)));
                }
                self.wait_for_lease(slot, amount).await?;
            }
            match slot::reserve_all(slots, amount) {
                Ok(held) => return Ok(Ok(held)),
                Err(position) => lacking = position,
            }
        }
    }

    /// Asks the worker for money and waits for its answer, whatever it is.
    async fn wait_for_lease(
        &self,
        slot: &Arc<Slot>,
        amount: Amount,
    ) -> Result<(), BooksUnavailable> {
        let answered = slot.answered.notified();
        tokio::pin!(answered);
        answered.as_mut().enable();
        if self.state.load(Ordering::Acquire) >= CLOSING {
            return Err(BooksUnavailable("shutting down".to_owned()));
        }
        if slot.want(amount) {
            self.enqueue(slot.clone());
        }
        answered.await;
        match slot.answer() {
            Answer::Failed(reason) => Err(BooksUnavailable(reason)),
            Answer::None | Answer::Granted | Answer::Short | Answer::Gone => Ok(()),
        }
    }

    /// Has slices renewed that run low, before anybody waits for them.
    fn renew_ahead(&self, slots: &[Arc<Slot>]) {
        let now_ms = self.now_ms();
        for slot in slots {
            if slot.runs_low(now_ms, self.limits.refusal_for) && slot.want(slot.ahead(now_ms)) {
                self.enqueue(slot.clone());
            }
        }
    }

    fn enqueue(&self, slot: Arc<Slot>) {
        // Bounded by the number of windows: `Slot::want` says yes once until the worker has looked.
        self.queue
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(slot);
        self.work.notify_one();
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    // === Closing ===

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

/// What was held in each window, or who refused.
type Held = Result<Vec<Amount>, Exhausted>;

fn exhausted(slots: &[Arc<Slot>], refusing: &Slot) -> Exhausted {
    let available = slots
        .iter()
        .filter(|slot| slot.is_hard() && !slot.is_uncounted())
        .map(|slot| slot.reachable())
        .min();
    Exhausted {
        budget: refusing.window.budget.clone(),
        available: available.unwrap_or(Amount::ZERO),
        ends_at: refusing.ends_at(),
    }
}

/// Whether a budget refuses at its limit.
fn is_hard(budget: &Budget) -> bool {
    budget.enforcement == Enforcement::Hard
}

/// The key of a window in memory.
type Key = BudgetWindow;
