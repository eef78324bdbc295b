//! Leases: slices of a budget window that a node may spend without asking the database.
//!
//! The database keeps `limit >= posted + leased` by one conditional update. [`slice`] says how much
//! to lease next; a [`Holding`] is what a node has of one budget window, spent by many calls at once
//! without a lock. For every holding, at rest: `granted = free + held + spent + taken back`.

#[cfg(not(test))]
use std::sync::atomic::{AtomicI64, Ordering};

// Unit tests of this file run under loom, which tries every interleaving.
#[cfg(test)]
use loom::sync::atomic::{AtomicI64, Ordering};

use crate::Amount;

/// How many times the money wanted now a slice holds, when there is plenty.
pub const READ_AHEAD: i64 = 64;

/// One renewal takes at most this part of each node's fair share of what is available, so that
/// slices shrink as the limit comes near.
const SHARE_DIVISOR: i64 = 2;

/// A holding is renewed when less than this part of its last slice is free.
const LOW_WATER_DIVISOR: i64 = 4;

/// How much to lease of a budget window to a node that wants `wanted` now.
///
/// With plenty it is [`READ_AHEAD`] times what is wanted, near the limit half of the node's fair
/// share, but what is wanted if there is as much, and never more than there is: 0 when the window
/// is used up. Near the limit a grant may be smaller than `wanted`; together with what the node
/// already has free it may do, and if not the node gives it back.
#[must_use]
pub fn slice(window: WindowState, wanted: Amount, nodes_hint: u32) -> Amount {
    let available = window.available().nanos();
    let parts = i64::from(nodes_hint.max(1)).saturating_mul(SHARE_DIVISOR);
    let fair = available.checked_div(parts).unwrap_or(0);
    let wanted = wanted.nanos().max(0);
    let ahead = wanted.saturating_mul(READ_AHEAD);
    Amount::from_nanos(fair.min(ahead).max(wanted).min(available))
}

/// The counters of a budget window in the database, as [`slice`] needs them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct WindowState {
    /// The most that may be spent; nano-USD.
    pub limit: Amount,
    /// What was spent and folded; of a rolling window the sum over the counted buckets.
    pub posted: Amount,
    /// What all nodes together hold in leases; of a rolling window the sum likewise.
    pub leased: Amount,
}

impl WindowState {
    /// What may still be leased; never negative.
    #[must_use]
    pub fn available(self) -> Amount {
        self.limit
            .saturating_sub(self.posted.max(Amount::ZERO))
            .saturating_sub(self.leased.max(Amount::ZERO))
            .max(Amount::ZERO)
    }
}

/// The mark below which a holding whose last slice was `slice` is renewed ahead of need.
#[must_use]
pub fn low_water(slice: Amount) -> Amount {
    Amount::from_nanos(slice.nanos().checked_div(LOW_WATER_DIVISOR).unwrap_or(0))
}

/// What a node gives back of `free` after a period in which it spent `spent` of this budget: all but
/// enough for two more such periods. An idle node keeps nothing, so that the others can spend all
/// of the limit.
#[must_use]
pub fn surplus(free: Amount, spent: Amount) -> Amount {
    let kept = Amount::from_nanos(spent.nanos().max(0).saturating_mul(2));
    free.saturating_sub(kept).max(Amount::ZERO)
}

/// What one node has of one budget window. All operations are lock-free and may be called by many
/// threads at once; amounts are not negative.
#[derive(Debug)]
pub struct Holding {
    /// Spendable; negative only by overage that no slice has covered yet.
    free: AtomicI64,
    /// Reserved by calls under way.
    held: AtomicI64,
    /// Settled here, ever.
    spent: AtomicI64,
}

impl Default for Holding {
    fn default() -> Self {
        Self::new(Amount::ZERO)
    }
}

impl Holding {
    /// A holding that starts with a slice.
    #[must_use]
    pub fn new(granted: Amount) -> Self {
        Self {
            free: AtomicI64::new(granted.nanos()),
            held: AtomicI64::new(0),
            spent: AtomicI64::new(0),
        }
    }

    /// Moves an amount from free to held, or does nothing when there is not as much. Zero always
    /// succeeds.
    #[must_use]
    pub fn try_reserve(&self, amount: Amount) -> bool {
        let wanted = amount.nanos();
        if wanted <= 0 {
            return wanted == 0;
        }
        let taken = self
            .free
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |free| {
                free.checked_sub(wanted).filter(|rest| *rest >= 0)
            });
        if taken.is_err() {
            return false;
        }
        self.held.fetch_add(wanted, Ordering::AcqRel);
        true
    }

    /// Moves an amount from free to held even where that is not there: for budgets that only warn.
    /// Whether it was there.
    pub fn reserve_anyway(&self, amount: Amount) -> bool {
        let wanted = amount.nanos().max(0);
        let before = self
            .free
            .fetch_add(wanted.saturating_neg(), Ordering::AcqRel);
        self.held.fetch_add(wanted, Ordering::AcqRel);
        before >= wanted
    }

    /// Moves a reserved amount back to free: the call cost nothing.
    pub fn give_back(&self, reserved: Amount) {
        self.settle(reserved, Amount::ZERO);
    }

    /// Closes a reservation at its real cost. What exceeds the reservation is taken from free, below
    /// zero if need be, and returned: the overage, zero in most cases.
    pub fn settle(&self, reserved: Amount, cost: Amount) -> Amount {
        let rest = reserved.saturating_sub(cost);
        self.spent.fetch_add(cost.nanos(), Ordering::AcqRel);
        self.free.fetch_add(rest.nanos(), Ordering::AcqRel);
        self.held
            .fetch_add(reserved.nanos().saturating_neg(), Ordering::AcqRel);
        cost.saturating_sub(reserved).max(Amount::ZERO)
    }

    /// Adds a further slice.
    pub fn top_up(&self, granted: Amount) {
        self.free
            .fetch_add(granted.nanos().max(0), Ordering::AcqRel);
    }

    /// Takes out up to so much of what is free, to be returned to the database; says how much it was.
    /// Reservations stay untouched.
    #[must_use = "what was taken back must be returned to the database"]
    pub fn take_back(&self, at_most: Amount) -> Amount {
        let at_most = at_most.nanos().max(0);
        let before = self
            .free
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |free| {
                free.checked_sub(free.min(at_most)).filter(|_| free > 0)
            });
        before.map_or(Amount::ZERO, |free| Amount::from_nanos(free.min(at_most)))
    }

    /// Takes out all that is free. Call it again when calls that were under way have ended.
    #[must_use = "what was taken back must be returned to the database"]
    pub fn take_back_unused(&self) -> Amount {
        self.take_back(Amount::from_nanos(i64::MAX))
    }

    /// What can be reserved now; negative while overage is not covered.
    #[must_use]
    pub fn free(&self) -> Amount {
        Amount::from_nanos(self.free.load(Ordering::Acquire))
    }

    /// What calls under way have reserved.
    #[must_use]
    pub fn held(&self) -> Amount {
        Amount::from_nanos(self.held.load(Ordering::Acquire))
    }

    /// What was settled here since the beginning.
    #[must_use]
    pub fn spent(&self) -> Amount {
        Amount::from_nanos(self.spent.load(Ordering::Acquire))
    }
}

/// Reserves an amount in all holdings or in none.
///
/// While one call tries and rolls back, another may find less than there will be and be refused:
/// near the limit a refusal can be early, an admission is never wrong. Who is refused may renew and
/// try again.
///
/// # Errors
/// The position of the first holding that does not have as much.
pub fn reserve_all(holdings: &[&Holding], amount: Amount) -> Result<(), usize> {
    for (position, holding) in holdings.iter().enumerate() {
        if !holding.try_reserve(amount) {
            for reserved in holdings.iter().take(position) {
                reserved.give_back(amount);
            }
            return Err(position);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use loom::sync::Arc;
    use loom::thread;

    use super::*;

    const fn nanos(n: i64) -> Amount {
        Amount::from_nanos(n)
    }

    /// What is in a holding, wherever it is.
    fn inside(holding: &Holding) -> i64 {
        [holding.free(), holding.held(), holding.spent()]
            .iter()
            .fold(0, |sum: i64, part| sum.saturating_add(part.nanos()))
    }

    #[test]
    fn two_calls_never_spend_the_same_money() {
        loom::model(|| {
            let holding = Arc::new(Holding::new(nanos(100)));
            let other = {
                let holding = Arc::clone(&holding);
                thread::spawn(move || holding.try_reserve(nanos(60)))
            };
            let mine = holding.try_reserve(nanos(60));
            let theirs = other.join().unwrap();
            assert!(mine != theirs, "one and only one of them");
            assert_eq!((holding.free(), holding.held()), (nanos(40), nanos(60)));
        });
    }

    #[test]
    fn all_or_none_over_two_budgets_in_any_order() {
        loom::model(|| {
            let key = Arc::new(Holding::new(nanos(100)));
            let workspace = Arc::new(Holding::new(nanos(100)));
            let other = {
                let (key, workspace) = (Arc::clone(&key), Arc::clone(&workspace));
                thread::spawn(move || reserve_all(&[&workspace, &key], nanos(60)).is_ok())
            };
            let mine = reserve_all(&[&key, &workspace], nanos(60)).is_ok();
            let theirs = other.join().unwrap();
            assert!(!(mine && theirs));
            let held = if mine || theirs { 60 } else { 0 };
            for holding in [&key, &workspace] {
                assert_eq!(holding.held(), nanos(held));
                assert_eq!(inside(holding), 100);
            }
        });
    }

    #[test]
    fn taking_back_never_takes_what_a_call_has_reserved() {
        loom::model(|| {
            let holding = Arc::new(Holding::new(nanos(100)));
            let call = {
                let holding = Arc::clone(&holding);
                thread::spawn(move || {
                    if holding.try_reserve(nanos(60)) {
                        assert_eq!(holding.settle(nanos(60), nanos(50)), nanos(0));
                    }
                })
            };
            let taken = holding.take_back_unused();
            call.join().unwrap();
            assert_eq!(taken.nanos().saturating_add(inside(&holding)), 100);
            assert!(holding.free() >= nanos(0));
            assert_eq!(holding.held(), nanos(0));
        });
    }

    #[test]
    fn overage_is_paid_before_anything_else_is_admitted() {
        loom::model(|| {
            let holding = Arc::new(Holding::new(nanos(100)));
            assert!(holding.try_reserve(nanos(80)));
            let settling = {
                let holding = Arc::clone(&holding);
                thread::spawn(move || holding.settle(nanos(80), nanos(130)))
            };
            let admitted = holding.try_reserve(nanos(20));
            holding.top_up(nanos(10));
            assert_eq!(settling.join().unwrap(), nanos(50));
            let held = if admitted { 20 } else { 0 };
            assert_eq!(holding.held(), nanos(held));
            assert_eq!(inside(&holding), 110);
            assert!(!holding.try_reserve(nanos(1)));
        });
    }

    #[test]
    fn three_calls_of_which_two_fit() {
        loom::model(|| {
            let holding = Arc::new(Holding::new(nanos(100)));
            let calls: Vec<_> = (0..2)
                .map(|_| {
                    let holding = Arc::clone(&holding);
                    thread::spawn(move || holding.try_reserve(nanos(50)))
                })
                .collect();
            let mine = holding.try_reserve(nanos(50));
            let admitted = calls
                .into_iter()
                .map(|call| call.join().unwrap())
                .chain([mine])
                .filter(|admitted| *admitted)
                .count();
            assert_eq!(admitted, 2);
            assert_eq!((holding.free(), holding.held()), (nanos(0), nanos(100)));
        });
    }
}
