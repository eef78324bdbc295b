//! How long answers were of late, per key and model: the first guess at what a stream will cost.
//!
//! A table of fixed size. Two pairs that fall on one slot take turns in it, which costs nothing but
//! a guess; a guess that is wrong costs nothing but a top-up.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Mutex, PoisonError};

/// How many pairs of key and model are remembered; 140 kB in all.
const SLOTS: usize = 1024;

/// How many recent answers of a pair are remembered.
const ANSWERS: usize = 32;

/// Fewer answers than this teach nothing.
const ANSWERS_MIN: usize = 4;

/// What a stream is taken for before anything was learned, in tokens of output.
pub(super) const TOKENS_UNKNOWN: u64 = 1024;

/// A guess is never less than this.
const TOKENS_MIN: u64 = 64;

/// The lengths of recent answers.
#[derive(Debug)]
pub(crate) struct Learned(Mutex<Box<[Slot]>>);

#[derive(Debug, Clone, Copy, Default)]
struct Slot {
    pair: u64,
    seen: usize,
    tokens: [u32; ANSWERS],
}

impl Default for Learned {
    fn default() -> Self {
        Self(Mutex::new(vec![Slot::default(); SLOTS].into()))
    }
}

impl Learned {
    /// The 95th percentile of the recent answers, in tokens; a constant while too little is known.
    pub(crate) fn estimate(&self, key: &str, model: &str) -> u64 {
        let pair = hash(key, model);
        let slot = self.with(pair, |slot| (slot.pair == pair).then_some(*slot));
        let Some(slot) = slot.filter(|slot| slot.seen >= ANSWERS_MIN) else {
            return TOKENS_UNKNOWN;
        };
        let known = slot.seen.min(ANSWERS);
        let mut tokens = slot.tokens;
        let tokens = &mut tokens[..known];
        tokens.sort_unstable();
        let rank = (known * 95).div_ceil(100) - 1;
        u64::from(tokens[rank]).max(TOKENS_MIN)
    }

    /// The median of the recent answers, in tokens; absent while too little is known.
    pub(crate) fn typical(&self, key: &str, model: &str) -> Option<u64> {
        let pair = hash(key, model);
        let slot = self.with(pair, |slot| (slot.pair == pair).then_some(*slot))?;
        let known = slot.seen.min(ANSWERS);
        let mut tokens = slot.tokens;
        let tokens = tokens.get_mut(..known).filter(|_| known >= ANSWERS_MIN)?;
        tokens.sort_unstable();
        tokens.get(known / 2).map(|tokens| u64::from(*tokens))
    }

    /// Takes note of an answer of so many tokens.
    pub(crate) fn note(&self, key: &str, model: &str, tokens: u64) {
        let pair = hash(key, model);
        self.with(pair, |slot| {
            if slot.pair != pair {
                *slot = Slot {
                    pair,
                    ..Slot::default()
                };
            }
            slot.tokens[slot.seen % ANSWERS] = u32::try_from(tokens).unwrap_or(u32::MAX);
            slot.seen = slot.seen.wrapping_add(1).max(1);
        });
    }

    fn with<T>(&self, pair: u64, work: impl FnOnce(&mut Slot) -> T) -> T {
        let mut slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let slots_len = u64::try_from(slots.len()).unwrap_or(u64::MAX).max(1);
        let at = usize::try_from(pair % slots_len).unwrap_or(0);
        work(&mut slots[at])
    }
}

fn hash(key: &str, model: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    (key, model).hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nineteen_of_twenty_recent_answers_are_shorter_than_the_estimate() {
        let learned = Learned::default();
        assert_eq!(learned.estimate("k", "m"), TOKENS_UNKNOWN);
        (0..3).for_each(|_| learned.note("k", "m", 5000));
        assert_eq!(learned.estimate("k", "m"), TOKENS_UNKNOWN);
        (1..=100).for_each(|tokens| learned.note("k", "m", tokens * 10));
        assert_eq!(learned.estimate("k", "m"), 990);
        assert_eq!(learned.typical("k", "m"), Some(850));
        assert_eq!(learned.typical("k", "other"), None);
        assert_eq!(learned.estimate("k", "other"), TOKENS_UNKNOWN);
        assert_eq!(learned.estimate("other", "m"), TOKENS_UNKNOWN);
    }

    #[test]
    fn short_answers_are_not_taken_for_a_rule_to_be_cut_by() {
        let learned = Learned::default();
        (0..9).for_each(|_| learned.note("k", "m", 1));
        assert_eq!(learned.estimate("k", "m"), TOKENS_MIN);
    }
}
