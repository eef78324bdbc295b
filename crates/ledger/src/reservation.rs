//! Reservations as a pure state machine over many budgets: the oracle that the real books are
//! compared with.
//!
//! ```text
//! reserve ──▶ open ──▶ settled | released | expired
//!               └─ top_up ─▶ open
//! ```
//!
//! Every operation is idempotent by generation id and a reservation is closed exactly once: what
//! comes again changes nothing and is told so. One exception is written down: a settlement that
//! arrives after its reservation *expired* is real money that was spent, so it is posted then, all of
//! it as overage, once.
//!
//! Invariants after every step, for each hard budget: `reserved >= 0`, and `limit >= posted +
//! reserved - overage` as long as the limit is not lowered.

use std::collections::BTreeMap;

use crate::books::Hold;
use crate::entry::{self, Entry, Event};
use crate::{Amount, Budget, BudgetId, BudgetWindow, Enforcement, GenerationId, Window, WindowId};

/// What the machine says to an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Done.
    Ok,
    /// Done, though it was late: the reservation had expired, and the whole cost is overage.
    Late,
    /// A hard budget does not have as much; nothing was changed.
    Exhausted {
        /// The first such budget, in the order given.
        budget: BudgetId,
        /// What that budget still has; not negative.
        available: Amount,
    },
    /// Reserved before; nothing was changed.
    AlreadyReserved,
    /// Settled before; nothing was changed.
    AlreadySettled,
    /// Released before; nothing was changed.
    AlreadyReleased,
    /// Expired before; nothing was changed.
    AlreadyExpired,
    /// Nothing was ever reserved under this id; nothing was changed.
    UnknownGeneration,
    /// No such budget; nothing was changed.
    UnknownBudget(BudgetId),
    /// The amount is negative, or sums would not fit; nothing was changed.
    Invalid,
}

/// What calls of no cost need.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FreeCalls {
    /// Nothing: they pass even an exhausted budget.
    #[default]
    Pass,
    /// A budget that still has something.
    NeedMoney,
}

/// What was counted in one budget window.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Spent.
    pub posted: Amount,
    /// Held for calls under way.
    pub reserved: Amount,
    /// How much of `posted` was never reserved.
    pub overage: Amount,
}

/// Where a reservation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Open,
    Settled,
    Released,
    Expired,
}

#[derive(Debug, Clone)]
struct Reservation {
    standing: Standing,
    holds: Vec<Hold>,
}

/// The books as a value: budgets, what was counted, reservations, and every entry.
#[derive(Debug, Clone, Default)]
pub struct Ledgerbook {
    free_calls: FreeCalls,
    budgets: BTreeMap<BudgetId, Budget>,
    tallies: BTreeMap<BudgetWindow, Tally>,
    reservations: BTreeMap<GenerationId, Reservation>,
    entries: Vec<Entry>,
}

impl Ledgerbook {
    /// Empty books.
    #[must_use]
    pub fn new(free_calls: FreeCalls) -> Self {
        Self {
            free_calls,
            ..Self::default()
        }
    }

    /// Adds a budget, or changes it. What was counted stays; a new window starts new counters.
    pub fn set(&mut self, budget: Budget) {
        self.budgets.insert(budget.id.clone(), budget);
    }

    /// What was counted in one budget window.
    #[must_use]
    pub fn tally(&self, window: &BudgetWindow) -> Tally {
        self.tallies.get(window).copied().unwrap_or_default()
    }

    /// What counts against a budget's limit at a time (Unix seconds): its window's tally, or the
    /// sum over the buckets of a rolling window.
    #[must_use]
    pub fn counted(&self, budget: &Budget, at: i64) -> Tally {
        self.counted_in(budget, budget.window.at(at))
    }

    /// What a budget still has at a time; negative after overage.
    #[must_use]
    pub fn available(&self, budget: &Budget, at: i64) -> Amount {
        self.available_in(budget, budget.window.at(at))
    }

    fn counted_in(&self, budget: &Budget, id: WindowId) -> Tally {
        self.tallies
            .iter()
            .filter(|(window, _)| window.budget == budget.id)
            .filter(|(window, _)| budget.window.counts(id, window.window))
            .fold(Tally::default(), |sum, (_, tally)| Tally {
                posted: sum.posted.saturating_add(tally.posted),
                reserved: sum.reserved.saturating_add(tally.reserved),
                overage: sum.overage.saturating_add(tally.overage),
            })
    }

    fn available_in(&self, budget: &Budget, id: WindowId) -> Amount {
        let counted = self.counted_in(budget, id);
        budget
            .limit
            .saturating_sub(counted.posted)
            .saturating_sub(counted.reserved)
    }

    /// Every entry, oldest first.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// What was counted, by budget window.
    pub fn tallies(&self) -> impl Iterator<Item = (&BudgetWindow, &Tally)> {
        self.tallies.iter()
    }

    /// The budgets.
    pub fn budgets(&self) -> impl Iterator<Item = &Budget> {
        self.budgets.values()
    }

    // === Operations ===

    /// Holds an amount for a call in all of these budgets, or in none. The windows are those of
    /// `at` and stay those until the call is closed.
    pub fn reserve(
        &mut self,
        generation: &GenerationId,
        amount: Amount,
        budgets: &[BudgetId],
        at: i64,
    ) -> Verdict {
        if let Some(reservation) = self.reservations.get(generation) {
            return match reservation.standing {
                Standing::Open => Verdict::AlreadyReserved,
                closed => already(closed),
            };
        }
        if amount < Amount::ZERO {
            return Verdict::Invalid;
        }
        let mut holds = Vec::new();
        for id in budgets {
            let Some(budget) = self.budgets.get(id) else {
                return Verdict::UnknownBudget(id.clone());
            };
            let window = budget.window_at(at);
            if let Some(refusal) = self.refusal(budget, amount, window.window) {
                return refusal;
            }
            // A budget that is named twice is still one budget.
            if holds.iter().all(|hold: &Hold| hold.window != window) {
                holds.push(Hold::new(window, amount));
            }
        }
        if !self.fits(&holds, amount) {
            return Verdict::Invalid;
        }
        for hold in &holds {
            self.change(&hold.window, |tally| {
                tally.reserved = tally.reserved.saturating_add(amount);
            });
        }
        let event = Event::of_call(generation, at);
        self.entries.extend(entry::reserve(&event, &holds));
        let standing = Standing::Open;
        let reservation = Reservation { standing, holds };
        self.reservations.insert(generation.clone(), reservation);
        Verdict::Ok
    }

    /// Raises what is held for a call to a new total, in all of its budgets or in none. A total
    /// below what is held changes nothing.
    pub fn top_up(&mut self, generation: &GenerationId, total: Amount, at: i64) -> Verdict {
        let Some(reservation) = self.reservations.get(generation) else {
            return Verdict::UnknownGeneration;
        };
        if reservation.standing != Standing::Open {
            return already(reservation.standing);
        }
        let holds = reservation.holds.clone();
        let more = |hold: &Hold| total.saturating_sub(hold.amount).max(Amount::ZERO);
        for hold in &holds {
            let Some(budget) = self.budgets.get(&hold.window.budget) else {
                return Verdict::UnknownBudget(hold.window.budget.clone());
            };
            if more(hold) == Amount::ZERO {
                continue;
            }
            // Money goes to the window that the call began in, and must be there. In a rolling
            // window what was spent since then counts too.
            let id = match budget.window {
                Window::Rolling { .. } => hold.window.window.max(budget.window.at(at)),
                Window::Calendar { .. } | Window::Lifetime => hold.window.window,
            };
            if let Some(refusal) = self.refusal(budget, more(hold), id) {
                return refusal;
            }
        }
        if !self.fits(&holds, total) {
            return Verdict::Invalid;
        }
        for hold in &holds {
            self.change(&hold.window, |tally| {
                tally.reserved = tally.reserved.saturating_add(more(hold));
            });
        }
        let event = Event::of_call(generation, at);
        self.entries.extend(entry::top_up(&event, &holds, total));
        if let Some(reservation) = self.reservations.get_mut(generation) {
            for hold in &mut reservation.holds {
                hold.amount = hold.amount.max(total);
            }
        }
        Verdict::Ok
    }

    /// Closes a call at its real cost. What exceeds the reservation is posted as overage.
    pub fn settle(&mut self, generation: &GenerationId, cost: Amount, at: i64) -> Verdict {
        if cost < Amount::ZERO {
            return Verdict::Invalid;
        }
        let (verdict, holds) = match self.reservations.get(generation) {
            None => return Verdict::UnknownGeneration,
            Some(Reservation { standing, holds }) => match standing {
                Standing::Open => (Verdict::Ok, holds.clone()),
                Standing::Expired => (Verdict::Late, emptied(holds)),
                Standing::Settled | Standing::Released => return already(*standing),
            },
        };
        if !self.fits(&holds, cost) {
            return Verdict::Invalid;
        }
        for hold in &holds {
            self.change(&hold.window, |tally| {
                tally.reserved = tally.reserved.saturating_sub(hold.amount);
                tally.posted = tally.posted.saturating_add(cost);
                let above = cost.saturating_sub(hold.amount).max(Amount::ZERO);
                tally.overage = tally.overage.saturating_add(above);
            });
        }
        let event = Event::of_call(generation, at);
        self.entries.extend(entry::settle(&event, &holds, cost));
        self.stand(generation, Standing::Settled);
        verdict
    }

    /// Closes a call that cost nothing.
    pub fn release(&mut self, generation: &GenerationId, at: i64) -> Verdict {
        self.free(generation, Standing::Released, at)
    }

    /// Closes a call whose end nobody reported in time.
    pub fn expire(&mut self, generation: &GenerationId, at: i64) -> Verdict {
        self.free(generation, Standing::Expired, at)
    }

    // === Parts of them ===

    fn free(&mut self, generation: &GenerationId, standing: Standing, at: i64) -> Verdict {
        let holds = match self.reservations.get(generation) {
            None => return Verdict::UnknownGeneration,
            Some(reservation) if reservation.standing != Standing::Open => {
                return already(reservation.standing);
            }
            Some(reservation) => reservation.holds.clone(),
        };
        for hold in &holds {
            self.change(&hold.window, |tally| {
                tally.reserved = tally.reserved.saturating_sub(hold.amount);
            });
        }
        let event = Event::of_call(generation, at);
        self.entries.extend(if standing == Standing::Expired {
            entry::expire(&event, &holds)
        } else {
            entry::release(&event, &holds)
        });
        self.stand(generation, standing);
        Verdict::Ok
    }

    /// Why a budget cannot hold so much more in a window, if it cannot.
    fn refusal(&self, budget: &Budget, more: Amount, id: WindowId) -> Option<Verdict> {
        let available = self.available_in(budget, id);
        let passes = match budget.enforcement {
            Enforcement::Warn => true,
            Enforcement::Hard if more == Amount::ZERO => {
                self.free_calls == FreeCalls::Pass || available > Amount::ZERO
            }
            Enforcement::Hard => more <= available,
        };
        (!passes).then(|| Verdict::Exhausted {
            budget: budget.id.clone(),
            available: available.max(Amount::ZERO),
        })
    }

    /// Whether so much more can be counted in each of these windows without leaving the number range.
    fn fits(&self, holds: &[Hold], more: Amount) -> bool {
        holds.iter().all(|hold| {
            let tally = self.tally(&hold.window);
            tally
                .posted
                .checked_add(tally.reserved)
                .and_then(|sum| sum.checked_add(more))
                .is_some()
        })
    }

    fn change(&mut self, window: &BudgetWindow, change: impl FnOnce(&mut Tally)) {
        change(self.tallies.entry(window.clone()).or_default());
    }

    fn stand(&mut self, generation: &GenerationId, standing: Standing) {
        if let Some(reservation) = self.reservations.get_mut(generation) {
            reservation.standing = standing;
        }
    }
}

/// What is said to an operation on a call that is closed, or open where it should not be.
fn already(standing: Standing) -> Verdict {
    match standing {
        Standing::Open => Verdict::AlreadyReserved,
        Standing::Settled => Verdict::AlreadySettled,
        Standing::Released => Verdict::AlreadyReleased,
        Standing::Expired => Verdict::AlreadyExpired,
    }
}

/// The same windows with nothing held in them.
fn emptied(holds: &[Hold]) -> Vec<Hold> {
    let empty = |hold: &Hold| Hold::new(hold.window.clone(), Amount::ZERO);
    holds.iter().map(empty).collect()
}
