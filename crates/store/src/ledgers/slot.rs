//! What a node has of one budget window.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ledger::lease::{READ_AHEAD, low_water, surplus};
use ledger::{Amount, Budget, Holding};
use tokio::sync::Notify;

use super::{Key, is_hard};

/// A slice is meant to last so long, milliseconds.
const SLICE_LASTS_MS: u64 = 1000;

/// How many times larger the next slice is after one that did not.
const GROWTH: i64 = 4;

/// What the database said last.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) enum Answer {
    #[default]
    None,
    Granted,
    Short,
    /// The budget limits nothing.
    Gone,
    Failed(String),
}

/// One budget window.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) window: Key,
    pub(super) budget: Arc<Budget>,
    pub(super) holding: Holding,
    /// Wakes those who wait for a lease.
    pub(super) answered: Notify,
    answer: Mutex<Answer>,
    is_gone: AtomicBool,
    is_enforced: AtomicBool,
    /// What is wanted of the database; -1 when the worker has nothing to do here.
    wanted: AtomicI64,
    last_slice: AtomicI64,
    /// When it was leased, milliseconds after the start.
    leased_ms: AtomicU64,
    /// What was left in the database when it was last asked; for one that only warns, of its limit.
    left: AtomicI64,
    /// When it refused, milliseconds after the start; 0 when it did not.
    refused_ms: AtomicU64,
    /// Charged here since `left` was read, for one that only warns.
    charged: AtomicI64,
    /// Used since it was last counted, for one that only warns.
    is_used: AtomicBool,
    /// `Holding::spent` when leases were last given back.
    spent_before: AtomicI64,
}

impl Slot {
    pub(super) fn new(budget: Arc<Budget>, window: Key) -> Self {
        Self {
            window,
            is_enforced: AtomicBool::new(is_hard(&budget)),
            budget,
            holding: Holding::default(),
            answered: Notify::new(),
            answer: Mutex::default(),
            is_gone: AtomicBool::new(false),
            wanted: AtomicI64::new(-1),
            last_slice: AtomicI64::new(0),
            leased_ms: AtomicU64::new(0),
            left: AtomicI64::new(i64::MAX),
            refused_ms: AtomicU64::new(0),
            charged: AtomicI64::new(0),
            is_used: AtomicBool::new(true),
            spent_before: AtomicI64::new(0),
        }
    }

    /// Whether it refuses, as the budget says now.
    pub(super) fn enforce(&self, is_enforced: bool) {
        if self.is_enforced.load(Ordering::Acquire) != is_enforced {
            self.is_enforced.store(is_enforced, Ordering::Release);
        }
    }

    pub(super) fn is_gone(&self) -> bool {
        self.is_gone.load(Ordering::Acquire)
    }

    pub(super) fn is_hard(&self) -> bool {
        self.is_enforced.load(Ordering::Acquire) && !self.is_gone()
    }

    pub(super) fn is_warning(&self) -> bool {
        !self.is_enforced.load(Ordering::Acquire) && !self.is_gone()
    }

    /// Whether it has never been asked how much of its limit is left.
    pub(super) fn is_uncounted(&self) -> bool {
        self.left.load(Ordering::Acquire) == i64::MAX
    }

    pub(super) fn ends_at(&self) -> Option<i64> {
        self.budget.window.ends_at(self.window.window)
    }

    /// What this node has leased and neither holds for a call nor has spent.
    pub(super) fn free(&self) -> Amount {
        self.holding.free()
    }

    /// What this node could still hold, as far as it knows.
    pub(super) fn reachable(&self) -> Amount {
        let left = self.left.load(Ordering::Acquire);
        let left = if left == i64::MAX { 0 } else { left };
        let free = self.holding.free().nanos().max(0);
        Amount::from_nanos(free.saturating_add(left).max(0))
    }

    /// Whether a call brings a window that only warns to its limit.
    pub(super) fn is_reached_by(&self, amount: Amount) -> bool {
        self.is_used.store(true, Ordering::Release);
        let charged = self.charged.load(Ordering::Acquire);
        let left = self.left.load(Ordering::Acquire);
        amount.nanos().max(1) > left.saturating_sub(charged)
    }

    // === Asking ===

    /// Notes that so much is wanted; whether the worker has to be told.
    pub(super) fn want(&self, amount: Amount) -> bool {
        self.wanted
            .fetch_max(amount.nanos().max(0), Ordering::AcqRel)
            < 0
    }

    /// What is wanted, which is now being looked after.
    pub(super) fn take_wanted(&self) -> Amount {
        Amount::from_nanos(self.wanted.swap(-1, Ordering::AcqRel).max(0))
    }

    /// Whether the last slice is nearly used up and a further one can be had.
    pub(super) fn runs_low(&self, now_ms: u64, refusal_for: Duration) -> bool {
        let last = Amount::from_nanos(self.last_slice.load(Ordering::Acquire));
        self.is_hard()
            && last > Amount::ZERO
            && self.holding.free() < low_water(last)
            && self.left.load(Ordering::Acquire) > 0
            && !self.has_refused(now_ms, refusal_for)
    }

    /// What to ask for ahead of need: a small part of a slice, of which the database makes more. A
    /// slice that did not last makes the next one larger, so that renewals stay rare however fast
    /// calls come.
    pub(super) fn ahead(&self, now_ms: u64) -> Amount {
        let last = self.last_slice.load(Ordering::Acquire);
        let leased_ms = self.leased_ms.load(Ordering::Acquire);
        let lasted = now_ms.saturating_sub(leased_ms) >= SLICE_LASTS_MS;
        let part = last.checked_div(READ_AHEAD).unwrap_or(0);
        let part = if lasted {
            part
        } else {
            part.saturating_mul(GROWTH)
        };
        Amount::from_nanos(part.max(1))
    }

    /// Whether the database has just said that there is not as much.
    pub(super) fn refuses(&self, amount: Amount, now_ms: u64, refusal_for: Duration) -> bool {
        self.has_refused(now_ms, refusal_for) && amount > self.reachable()
    }

    fn has_refused(&self, now_ms: u64, refusal_for: Duration) -> bool {
        let refused = self.refused_ms.load(Ordering::Acquire);
        let passed = now_ms.saturating_sub(refused);
        refused > 0 && u128::from(passed) <= refusal_for.as_millis()
    }

    // === Answers ===

    pub(super) fn answer(&self) -> Answer {
        self.answer
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Takes the worker's answer in and wakes those who wait for it.
    pub(super) fn tell(&self, answer: Answer) {
        *self.answer.lock().unwrap_or_else(PoisonError::into_inner) = answer;
        self.answered.notify_waiters();
    }

    pub(super) fn granted(&self, amount: Amount, left: Amount, now_ms: u64) {
        self.leased_ms.store(now_ms, Ordering::Release);
        self.holding.top_up(amount);
        self.is_gone.store(false, Ordering::Release);
        self.last_slice.store(amount.nanos(), Ordering::Release);
        self.left.store(left.nanos(), Ordering::Release);
        self.refused_ms.store(0, Ordering::Release);
        self.tell(Answer::Granted);
    }

    pub(super) fn refused(&self, left: Amount, now_ms: u64) {
        self.is_gone.store(false, Ordering::Release);
        self.left.store(left.nanos(), Ordering::Release);
        self.refused_ms.store(now_ms.max(1), Ordering::Release);
        self.tell(Answer::Short);
    }

    pub(super) fn gone(&self) {
        self.is_gone.store(true, Ordering::Release);
        self.tell(Answer::Gone);
    }

    /// Whether it was used since this was last asked.
    pub(super) fn take_used(&self) -> bool {
        self.is_used.swap(false, Ordering::AcqRel)
    }

    /// What is left of the limit of a window that only warns.
    pub(super) fn counted(&self, left: i64) {
        self.charged.store(0, Ordering::Release);
        self.left.store(left, Ordering::Release);
    }

    /// Forgets what the database said: the budget has changed.
    pub(super) fn forget_answers(&self) {
        self.is_gone.store(false, Ordering::Release);
        self.refused_ms.store(0, Ordering::Release);
    }

    // === Giving back ===

    /// Takes out all that is free, to be given back to the database.
    pub(super) fn take_back_unused(&self) -> Amount {
        self.will_have_more();
        self.holding.take_back_unused()
    }

    /// Takes out so much of what is free, to be given back to the database.
    pub(super) fn take_back(&self, amount: Amount) -> Amount {
        if amount > Amount::ZERO {
            self.will_have_more();
        }
        self.holding.take_back(amount)
    }

    /// That the database has just refused says nothing any more: it gets something back. A call that comes
    /// until it has it waits for its answer, rather than being refused for want of what is on its way.
    fn will_have_more(&self) {
        self.refused_ms.store(0, Ordering::Release);
    }

    // === Closing ===

    /// Takes up to so much of what is free, for overage.
    pub(super) fn take(&self, at_most: Amount) -> Amount {
        self.holding.take_back(at_most)
    }

    /// Closes a call for which so much was held.
    pub(super) fn close(&self, held: Amount, cost: Amount) {
        self.charged.fetch_add(cost.nanos(), Ordering::AcqRel);
        self.is_used.store(true, Ordering::Release);
        self.holding.settle(held, cost.min(held));
    }

    /// What is free and not needed, judged by what was spent since it was last asked.
    pub(super) fn surplus(&self) -> Amount {
        let spent = self.holding.spent().nanos();
        let before = self.spent_before.swap(spent, Ordering::AcqRel);
        let since = Amount::from_nanos(spent.saturating_sub(before));
        surplus(self.holding.free(), since)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.holding.free() == Amount::ZERO && self.holding.held() == Amount::ZERO
    }
}

/// Holds an amount in all windows that refuse, or in none; how much was held in each.
///
/// # Errors
/// The position of the first that does not have as much.
pub(super) fn reserve_all(slots: &[Arc<Slot>], amount: Amount) -> Result<Vec<Amount>, usize> {
    let mut held = Vec::with_capacity(slots.len());
    for (position, slot) in slots.iter().enumerate() {
        if !slot.is_hard() {
            held.push(Amount::ZERO);
        } else if slot.holding.try_reserve(amount) {
            held.push(amount);
        } else {
            for (slot, held) in slots.iter().zip(&held) {
                slot.holding.give_back(*held);
            }
            return Err(position);
        }
    }
    Ok(held)
}

#[cfg(test)]
mod tests {
    use ledger::{BudgetId, BudgetWindow, Enforcement, Subject, Window};

    use super::*;

    const REFUSAL_FOR: Duration = Duration::from_secs(1);

    fn slot() -> Slot {
        let budget = Budget {
            id: BudgetId::from_text("key:1"),
            subject: Subject::Key("1".to_owned()),
            workspace_id: None,
            limit: Amount::from_nanos(1_000),
            window: Window::from_text("lifetime").unwrap(),
            enforcement: Enforcement::Hard,
            counts_byok: false,
        };
        let window: BudgetWindow = budget.window_at(0);
        Slot::new(Arc::new(budget), window)
    }

    #[test]
    fn what_is_given_back_is_asked_for_again_and_not_refused_meanwhile() {
        let amount = Amount::from_nanos(10);
        for taken in [Slot::take_back_unused, |slot: &Slot| {
            slot.take_back(Amount::from_nanos(1_000))
        }] {
            let slot = slot();
            slot.granted(Amount::from_nanos(1_000), Amount::ZERO, 1);
            // Somebody else has asked while that was under way, and there was nothing more.
            slot.refused(Amount::ZERO, 2);
            assert!(slot.holding.try_reserve(amount));
            assert_eq!(taken(&slot), Amount::from_nanos(990));
            assert!(!slot.holding.try_reserve(amount));
            assert!(!slot.refuses(amount, 3, REFUSAL_FOR));
            // Where nothing is given back, what was refused stays refused.
            slot.refused(Amount::ZERO, 4);
            slot.take_back(Amount::ZERO);
            assert!(slot.refuses(amount, 5, REFUSAL_FOR));
        }
    }
}
