//! Seeded random runs of the reservation machine, with the invariants after every step.

use std::collections::BTreeMap;

use ledger::{Amount, Budget, BudgetId, Enforcement, FreeCalls, GenerationId, Ledgerbook, Verdict};

use crate::random::{Random, for_seeds};
use crate::reservation::{balanced, budget};

const STEPS: usize = 150;

/// What the test itself knows of a call: how it was closed, and how often.
#[derive(Default)]
struct Seen {
    closed: u32,
    late: u32,
}

struct Run {
    random: Random,
    books: Ledgerbook,
    budgets: Vec<Budget>,
    seen: BTreeMap<GenerationId, Seen>,
    now: i64,
}

impl Run {
    fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let mut books = Ledgerbook::new(*random.pick(&[FreeCalls::Pass, FreeCalls::NeedMoney]));
        let windows = ["lifetime", "daily", "weekly:Asia/Tokyo", "rolling:3h"];
        let budgets: Vec<_> = (0..4)
            .map(|n| {
                let enforcement = *random.pick(&[
                    Enforcement::Hard,
                    Enforcement::Hard,
                    Enforcement::Hard,
                    Enforcement::Warn,
                ]);
                let limit = *random.pick(&[0, 1, 500, 1000, 5000]);
                budget(
                    &format!("B{n}"),
                    limit,
                    random.pick::<&str>(&windows),
                    enforcement,
                )
            })
            .collect();
        for budget in &budgets {
            books.set(budget.clone());
        }
        Self {
            random,
            books,
            budgets,
            seen: BTreeMap::new(),
            now: 1_700_000_000,
        }
    }

    fn step(&mut self) {
        self.now += self.random.nanos(2000);
        // Few ids, so that messages repeat and cross each other.
        let id = GenerationId::from_text(format!("G{}", self.random.below(40)));
        let amount = Amount::from_nanos(self.random.nanos(400));
        let before = self.books.clone();
        let operation = self.random.below(10);
        let verdict = match operation {
            0..=3 => {
                let mask = self.random.below(16);
                let of: Vec<BudgetId> = self
                    .budgets
                    .iter()
                    .enumerate()
                    .filter(|(n, _)| mask >> n & 1 == 1)
                    .map(|(_, budget)| budget.id.clone())
                    .collect();
                self.books.reserve(&id, amount, &of, self.now)
            }
            4 => self.books.top_up(&id, amount, self.now),
            5..=7 => self.books.settle(&id, amount, self.now),
            8 => self.books.release(&id, self.now),
            _ => self.books.expire(&id, self.now),
        };
        let seen = self.seen.entry(id).or_default();
        match verdict {
            Verdict::Ok if operation > 4 => seen.closed += 1,
            Verdict::Late => seen.late += 1,
            Verdict::Ok => {}
            _ => assert_eq!(
                before.entries().len(),
                self.books.entries().len(),
                "a refusal changed the books"
            ),
        }
        assert!(seen.closed <= 1 && seen.late <= 1, "closed twice");
        // Limits are judged where money is bound; settling and freeing may not need more.
        if operation <= 4 && verdict == Verdict::Ok && amount > Amount::ZERO {
            self.limits_hold(&before);
        }
        self.counters_hold();
        balanced(&self.books);
    }

    /// No hard budget binds more than its limit, but for overage.
    fn limits_hold(&self, before: &Ledgerbook) {
        for budget in &self.budgets {
            let tally = self.books.counted(budget, self.now);
            let bound = tally.posted.nanos() + tally.reserved.nanos() - tally.overage.nanos();
            let was = before.counted(budget, self.now);
            let grew = tally.reserved > was.reserved;
            if budget.enforcement == Enforcement::Hard && grew {
                let all = tally.posted.nanos() + tally.reserved.nanos();
                assert!(all <= budget.limit.nanos(), "admitted above {}", budget.id);
            }
            if budget.enforcement == Enforcement::Hard {
                assert!(bound <= budget.limit.nanos(), "{bound} in {}", budget.id);
            }
        }
    }

    fn counters_hold(&self) {
        for (window, tally) in self.books.tallies() {
            assert!(tally.reserved >= Amount::ZERO, "{window}");
            assert!(tally.overage >= Amount::ZERO, "{window}");
            assert!(tally.overage <= tally.posted, "{window}");
        }
    }
}

#[test]
fn random_runs_keep_every_invariant() {
    for_seeds(0..150, |seed| {
        let mut run = Run::new(seed);
        for _ in 0..STEPS {
            run.step();
        }
    });
}
