//! The retry budget: further attempts are a share of the traffic, model by model, so that trouble
//! at the providers never becomes a storm.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicI64, Ordering};

/// What a call earns for further attempts, thousandths: one for every ten calls.
const EARNED: i64 = 100;

/// What a further attempt costs.
const COST: i64 = 1_000;

/// What a model begins with and can save, in further attempts: enough for a small house, and for the
/// first seconds of an outage, until health has noticed.
const SAVED_MAX: i64 = 30 * COST;

/// How many models are counted apart. Two that fall on one slot share a budget.
const SLOTS: usize = 1024;

/// The budgets of all models.
#[derive(Debug)]
pub(crate) struct Retries(Box<[AtomicI64]>);

impl Default for Retries {
    fn default() -> Self {
        Self((0..SLOTS).map(|_| AtomicI64::new(SAVED_MAX)).collect())
    }
}

impl Retries {
    /// A call to this model begins.
    pub(crate) fn earn(&self, model: &str) {
        let earn = |saved: i64| Some(saved.saturating_add(EARNED).min(SAVED_MAX));
        if let Some(slot) = self.slot(model) {
            // The closure never refuses.
            let _ = slot.fetch_update(Ordering::Relaxed, Ordering::Relaxed, earn);
        }
    }

    /// A further attempt is wanted; says whether there is budget for it, and takes it.
    pub(crate) fn spend(&self, model: &str) -> bool {
        let spend = |saved: i64| (saved >= COST).then(|| saved - COST);
        self.slot(model).is_some_and(|slot| {
            slot.fetch_update(Ordering::Relaxed, Ordering::Relaxed, spend)
                .is_ok()
        })
    }

    fn slot(&self, model: &str) -> Option<&AtomicI64> {
        let mut hasher = DefaultHasher::new();
        model.hash(&mut hasher);
        let slots = u64::try_from(self.0.len()).ok()?.max(1);
        self.0.get(usize::try_from(hasher.finish() % slots).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn when_everything_fails_attempts_grow_by_a_fifth_at_most() {
        let retries = Retries::default();
        let mut attempts = 0;
        for _ in 0..1_000 {
            retries.earn("m");
            attempts += 1;
            for _ in 0..3 {
                attempts += i32::from(retries.spend("m"));
            }
        }
        assert!((1_100..=1_200).contains(&attempts), "{attempts}");
        // Another model has its own.
        assert!(retries.spend("other"));
    }
}
