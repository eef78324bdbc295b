//! The velocity guard: what each key has spent within the last hour, and which one was too fast.
//!
//! Counted in slices of five minutes; the oldest reaches further back than the hour, so a key that
//! spends more than the limit in any hour is always caught, and one that stays below it in every 65
//! minutes never is.

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
    slices: [i64; SLICES],
    /// Number of the latest slice.
    latest: i64,
    is_over: bool,
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
        let spent = hour
            .slices
            .iter()
            .fold(0_i64, |sum, part| sum.saturating_add(*part));
        let is_new = !hour.is_over && spent > self.limit.nanos();
        hour.is_over |= is_new;
        is_new
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
    fn advance(&mut self, slice: i64) {
        let passed = slice.saturating_sub(self.latest);
        if passed <= 0 {
            return; // the same slice, or a clock that stepped back
        }
        let passed = usize::try_from(passed).unwrap_or(SLICES).min(SLICES);
        self.slices.rotate_right(passed % SLICES);
        self.slices[..passed].fill(0);
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
