//! The velocity guard: what each key has spent within the last hour, and which one was too fast.
//!
//! Counted in slices of five minutes; the oldest reaches further back than the hour, so a key that
//! spends more than the limit in any hour is always caught, and one that stays below it in every 65
//! minutes never is.
//!
//! Where several replicas run, each tells the others what it has seen a key spend in a slice, and
//! learns what they have seen ([`Velocity::untold`], [`Velocity::learn`]): a key that spends a little
//! everywhere is caught as well, within the time between two rounds.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use ledger::Amount;

const SLICE_MS: i64 = 300_000;

/// An hour of slices and the one that is under way.
const SLICES: usize = 13;

/// Keys that are watched at once; those that spent nothing within the hour go first.
const KEYS_MAX: usize = 100_000;

#[derive(Debug, Default)]
struct Hour {
    /// Spent here, nano-USD, the latest slice first.
    slices: [i64; SLICES],
    /// What of it the other replicas have been told.
    told: [i64; SLICES],
    /// What they have spent, as far as they have told.
    elsewhere: [i64; SLICES],
    /// Number of the latest slice.
    latest: i64,
    is_over: bool,
}

/// What a key has spent here in one slice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spent {
    /// Hash of the key.
    pub key_hash: String,
    /// Number of the slice, the same everywhere.
    pub slice: i64,
    /// All that was spent here in it, nano-USD.
    pub nanos: i64,
}

/// Watches keys.
#[derive(Debug)]
pub struct Velocity {
    limit: Amount,
    keys: Mutex<HashMap<String, Hour>>,
}

impl Velocity {
    /// A guard that lets a key spend this much within an hour.
    #[must_use]
    pub fn new(limit: Amount) -> Self {
        Self {
            limit,
            keys: Mutex::default(),
        }
    }

    /// What a key that was too fast is told.
    #[must_use]
    pub fn reason(&self) -> String {
        format!(
            "it spent more than {} USD within an hour; set \"disabled\" to false to let it go on",
            self.limit
        )
    }

    /// Adds what a key has spent; whether that made it too fast just now.
    pub fn spend(&self, key_hash: &str, amount: Amount, now_ms: i64) -> bool {
        if amount <= Amount::ZERO {
            return false;
        }
        let slice = now_ms.div_euclid(SLICE_MS);
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        if keys.len() >= KEYS_MAX && !keys.contains_key(key_hash) {
            let oldest = slice - SLICES as i64;
            keys.retain(|_, hour| hour.is_over || hour.latest > oldest);
            if keys.len() >= KEYS_MAX {
                return false;
            }
        }
        let hour = keys.entry(key_hash.to_owned()).or_default();
        hour.advance(slice);
        if let Some(present) = hour.slices.first_mut() {
            *present = present.saturating_add(amount.nanos());
        }
        hour.judge(self.limit)
    }

    /// What the other replicas have not been told yet; at most so many slices.
    #[must_use]
    pub fn untold(&self, most: usize) -> Vec<Spent> {
        let keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        let of_key = |(key, hour): (&String, &Hour)| {
            let (key, latest) = (key.clone(), hour.latest);
            let pairs = hour.slices.into_iter().zip(hour.told).zip(0_i64..);
            pairs
                .filter(|((spent, told), _)| spent != told)
                .map(move |((nanos, _), back)| Spent {
                    key_hash: key.clone(),
                    slice: latest - back,
                    nanos,
                })
                .collect::<Vec<_>>()
        };
        keys.iter().flat_map(of_key).take(most).collect()
    }

    /// The others were told, and have spent this much themselves in that slice, nano-USD; whether
    /// that made the key too fast just now.
    pub fn learn(&self, told: &Spent, elsewhere: i64) -> bool {
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(hour) = keys.get_mut(&told.key_hash) else {
            return false;
        };
        let Ok(back) = usize::try_from(hour.latest - told.slice) else {
            return false;
        };
        if let (Some(mark), Some(others)) = (hour.told.get_mut(back), hour.elsewhere.get_mut(back))
        {
            *mark = told.nanos;
            *others = elsewhere.max(*others);
        }
        hour.judge(self.limit)
    }

    /// Whether a key was too fast and nobody has let it go on.
    #[must_use]
    pub fn is_over(&self, key_hash: &str) -> bool {
        let keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        keys.get(key_hash).is_some_and(|hour| hour.is_over)
    }

    /// Lets a key begin anew.
    pub fn forgive(&self, key_hash: &str) {
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        keys.remove(key_hash);
    }
}

impl Hour {
    /// Whether the hour is too dear as of now and was not before.
    fn judge(&mut self, limit: Amount) -> bool {
        let all = self.slices.iter().chain(&self.elsewhere);
        let spent = all.fold(0_i64, |sum, part| sum.saturating_add(*part));
        let is_new = !self.is_over && spent > limit.nanos();
        self.is_over |= is_new;
        is_new
    }

    fn advance(&mut self, slice: i64) {
        let passed = slice.saturating_sub(self.latest);
        if passed <= 0 {
            return; // the same slice, or a clock that stepped back
        }
        let passed = usize::try_from(passed).unwrap_or(SLICES).min(SLICES);
        for slices in [&mut self.slices, &mut self.told, &mut self.elsewhere] {
            slices.rotate_right(passed % SLICES);
            slices[..passed].fill(0);
        }
        self.latest = slice;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60_000;

    fn usd(amount: &str) -> Amount {
        Amount::from_usd(amount).unwrap()
    }

    #[test]
    fn a_key_that_is_too_fast_is_told_once_and_stays_over_until_it_is_forgiven() {
        let guard = Velocity::new(usd("1"));
        assert!(!guard.spend("key", usd("0.6"), 0));
        assert!(!guard.spend("other", usd("0.6"), 0));
        assert!(guard.spend("key", usd("0.6"), 59 * MINUTE));
        assert!(!guard.spend("key", usd("0.6"), 59 * MINUTE));
        assert!(guard.is_over("key") && !guard.is_over("other"));
        guard.forgive("key");
        assert!(!guard.is_over("key"));
        assert!(!guard.spend("key", usd("1"), 59 * MINUTE));
    }

    #[test]
    fn what_is_spent_at_several_replicas_counts_together() {
        let (here, there) = (Velocity::new(usd("1")), Velocity::new(usd("1")));
        assert!(!here.spend("key", usd("0.6"), 0));
        assert!(!there.spend("key", usd("0.3"), 0));
        assert!(!there.spend("key", usd("0.3"), 6 * MINUTE));
        let told = there.untold(10);
        assert_eq!(told.len(), 2, "one for each slice: {told:?}");
        let first = told.iter().find(|spent| spent.slice == 0).unwrap();
        assert!(there.learn(first, usd("0.6").nanos()));
        let told: Vec<_> = told.into_iter().filter(|spent| spent.slice == 1).collect();
        assert_eq!(there.untold(10), told, "what was told is not told again");
        assert!(there.is_over("key") && !here.is_over("key"));
    }

    #[test]
    fn what_was_spent_more_than_an_hour_ago_does_not_count() {
        let guard = Velocity::new(usd("1"));
        for hours in 0..10 {
            assert!(
                !guard.spend("key", usd("0.9"), hours * 66 * MINUTE),
                "{hours}"
            );
        }
    }

    #[test]
    fn a_clock_that_steps_back_forgets_nothing() {
        let guard = Velocity::new(usd("1"));
        assert!(!guard.spend("key", usd("0.9"), 120 * MINUTE));
        assert!(guard.spend("key", usd("0.9"), 60 * MINUTE));
    }
}
