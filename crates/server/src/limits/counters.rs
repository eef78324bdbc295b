//! Counters of windows and of live calls: many small locks, a bounded number of counters.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Parts with a lock each; held for a few instructions and never across an await.
const SHARDS: usize = 64;

/// The most counters of one part. Above it those whose window is over go first.
const COUNTERS_PER_SHARD_MAX: usize = 4096;

/// A counter's name. Sixty-four bits of a keyed hash: nobody outside can make two names meet, and by
/// chance two of a million do once in some ten million runs.
pub type CounterId = u64;

/// One counter.
#[derive(Debug, Clone, Copy, Default)]
struct Count {
    /// The first millisecond of the window that `used` is of.
    window: i64,
    /// When that window ends.
    ends_ms: i64,
    /// Counted in this window.
    used: u64,
    /// Calls that have not ended.
    live: u64,
}

/// All counters.
#[derive(Debug)]
pub struct Counters {
    names: RandomState,
    shards: Box<[Mutex<HashMap<CounterId, Count>>]>,
}

impl Default for Counters {
    fn default() -> Self {
        Self {
            names: RandomState::new(),
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
        }
    }
}

/// A window of time: where it begins and ends, Unix milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Its first millisecond.
    pub start: i64,
    /// The first one after it.
    pub end: i64,
}

impl Counters {
    /// The counter of that rule for that subject; `place` tells rules of one name apart.
    #[must_use]
    pub fn id(&self, place: usize, rule: &str, subject: &str) -> CounterId {
        self.names.hash_one((place, rule, subject))
    }

    /// Counts `amount` in a window if no more than `limit` is counted then; what is counted then,
    /// or what was counted already.
    ///
    /// # Errors
    /// With what was counted already, when that is too much.
    pub fn take(&self, id: CounterId, at: Bounds, amount: u64, limit: u64) -> Result<u64, u64> {
        let mut shard = self.shard(id);
        let count = entry(&mut shard, id, at.start);
        renew(count, at);
        let total = count.used.saturating_add(amount);
        if total > limit {
            return Err(count.used);
        }
        count.used = total;
        Ok(total)
    }

    /// Corrects what was counted in a window, from what it was to what it turned out to be. Of a window that is over
    /// nothing is taken back, and what is more goes into the present one.
    pub fn correct(&self, id: CounterId, taken_in: Bounds, now: Bounds, (was, is): (u64, u64)) {
        let mut shard = self.shard(id);
        let count = entry(&mut shard, id, now.start);
        renew(count, now);
        if is >= was {
            count.used = count.used.saturating_add(is - was);
        } else if taken_in == now {
            count.used = count.used.saturating_sub(was - is);
        }
    }

    /// One live call more if there are no more than `limit` then; how many there are then.
    ///
    /// # Errors
    /// With how many there are, when that is too many.
    pub fn enter(&self, id: CounterId, now_ms: i64, limit: u64) -> Result<u64, u64> {
        let mut shard = self.shard(id);
        let count = entry(&mut shard, id, now_ms);
        if count.live >= limit {
            return Err(count.live);
        }
        count.live += 1;
        Ok(count.live)
    }

    /// One live call less.
    pub fn leave(&self, id: CounterId) {
        if let Some(count) = self.shard(id).get_mut(&id) {
            count.live = count.live.saturating_sub(1);
        }
    }

    /// What is counted in a window, without counting.
    #[must_use]
    pub fn used(&self, id: CounterId, at: Bounds) -> u64 {
        let shard = self.shard(id);
        let count = shard.get(&id).filter(|count| count.window == at.start);
        count.map_or(0, |count| count.used)
    }

    fn shard(&self, id: CounterId) -> MutexGuard<'_, HashMap<CounterId, Count>> {
        let index = usize::try_from(id % SHARDS as u64).unwrap_or(0);
        self.shards[index]
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

fn renew(count: &mut Count, at: Bounds) {
    // A clock that steps back must not open a window anew: the later one stays until it is over.
    if count.window < at.start {
        count.window = at.start;
        count.used = 0;
    }
    count.ends_ms = count.ends_ms.max(at.end);
}

fn entry(shard: &mut HashMap<CounterId, Count>, id: CounterId, now_ms: i64) -> &mut Count {
    if shard.len() >= COUNTERS_PER_SHARD_MAX && !shard.contains_key(&id) {
        shard.retain(|_, count| count.live > 0 || count.ends_ms > now_ms);
        if shard.len() >= COUNTERS_PER_SHARD_MAX {
            // All at once, so that the search is paid for by many. Nobody outside chooses subjects:
            // this takes a quarter of a million busy keys.
            let idle = shard.values().filter(|count| count.live == 0);
            let least = idle.map(|count| count.used).min().unwrap_or(0);
            shard.retain(|_, count| count.live > 0 || count.used > least);
        }
    }
    shard.entry(id).or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: Bounds = Bounds { start: 0, end: 10 };
    const SECOND: Bounds = Bounds { start: 10, end: 20 };

    #[test]
    fn a_window_takes_its_limit_and_the_next_one_begins_empty() {
        let counters = Counters::default();
        let id = counters.id(0, "rule", "me");
        assert_eq!(counters.take(id, FIRST, 2, 3), Ok(2));
        assert_eq!(counters.take(id, FIRST, 2, 3), Err(2));
        assert_eq!(counters.take(id, FIRST, 1, 3), Ok(3));
        assert_eq!(counters.take(id, SECOND, 3, 3), Ok(3));
        assert_eq!(counters.used(id, FIRST), 0);
    }

    #[test]
    fn a_clock_that_steps_back_gives_nothing_away() {
        let counters = Counters::default();
        let id = counters.id(0, "rule", "me");
        assert_eq!(counters.take(id, SECOND, 3, 3), Ok(3));
        assert_eq!(counters.take(id, FIRST, 1, 3), Err(3));
    }

    #[test]
    fn corrections_go_back_within_a_window_and_forward_across_windows() {
        let counters = Counters::default();
        let id = counters.id(0, "rule", "me");
        counters.take(id, FIRST, 10, 100).unwrap();
        counters.correct(id, FIRST, FIRST, (10, 4));
        assert_eq!(counters.used(id, FIRST), 4);
        counters.correct(id, FIRST, SECOND, (4, 2));
        assert_eq!(counters.used(id, SECOND), 0);
        counters.correct(id, FIRST, SECOND, (4, 9));
        assert_eq!(counters.used(id, SECOND), 5);
    }

    #[test]
    fn live_calls_come_and_go() {
        let counters = Counters::default();
        let id = counters.id(0, "rule", "me");
        assert_eq!(counters.enter(id, 0, 2), Ok(1));
        assert_eq!(counters.enter(id, 0, 2), Ok(2));
        assert_eq!(counters.enter(id, 0, 2), Err(2));
        counters.leave(id);
        assert_eq!(counters.enter(id, 0, 2), Ok(2));
    }

    #[test]
    fn the_number_of_counters_is_bounded_and_live_ones_stay() {
        let counters = Counters::default();
        let live = counters.id(0, "live", "");
        counters.enter(live, 0, 1).unwrap();
        let many = SHARDS * COUNTERS_PER_SHARD_MAX * 5 / 4;
        for number in 0..many {
            let id = counters.id(0, "rule", &number.to_string());
            counters.take(id, FIRST, 1, 1).unwrap();
        }
        let kept: usize = counters
            .shards
            .iter()
            .map(|s| s.lock().unwrap().len())
            .sum();
        assert!(kept <= SHARDS * COUNTERS_PER_SHARD_MAX, "{kept}");
        assert_eq!(counters.enter(live, 0, 1), Err(1));
    }

    #[test]
    fn parallel_calls_never_take_more_than_the_limit() {
        let counters = Counters::default();
        let id = counters.id(0, "rule", "me");
        let taken: usize = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4)
                .map(|_| {
                    let take = || counters.take(id, FIRST, 1, 1000).is_ok();
                    scope.spawn(move || (0..1000).filter(|_| take()).count())
                })
                .collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .sum()
        });
        assert_eq!(taken, 1000);
    }
}
