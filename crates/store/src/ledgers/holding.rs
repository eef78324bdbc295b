//! Money is held for calls, out of leases in memory; where those do not reach, they wait for the worker.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use ledger::{Admission, Amount, Ask, BooksUnavailable, Exhausted, Hold, Ticket};
use tokio::time;

use super::slot::{self, Answer, Slot};
use super::{CLOSING, Ledgers};

impl Ledgers {
    pub(super) async fn admit(&self, ask: Ask) -> Result<Admission, BooksUnavailable> {
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

    pub(super) async fn raise(
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

    pub(super) fn now_ms(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
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
