//! Counters of windows and of live calls: many small locks, a bounded number of counters.

use std::hash::BuildHasher as _;
use std::sync::{Mutex, MutexGuard, PoisonError};

use foldhash::HashMap;
use foldhash::quality::RandomState;

use super::count::{Bounds, Count, Need, Reach, Terms, Verdict};

/// Parts with a lock each; held for a few instructions and never across an await.
const SHARDS: usize = 64;

/// The most counters of one part. Above it those whose window is over go first.
const COUNTERS_PER_SHARD_MAX: usize = 4096;

/// How long a window has been over before its counter goes although there is room, milliseconds: a
/// clock that steps back finds it still there.
const OVER_MS: i64 = 10 * 60 * 1000;

/// A counter's name in this process: sixty-four bits of a seeded hash. What it is made of are ids and
/// hashes of ours, which nobody outside chooses; by chance two of a million names meet once in some
/// ten million runs.
pub type CounterId = u64;

/// One counter, and what it counts.
#[derive(Debug, Clone)]
struct Entry {
    count: Count,
    terms: Terms,
    /// What all replicas call it; empty while there is only one.
    name: Box<str>,
}

/// What is to be asked of Valkey about one counter.
#[derive(Debug, Clone)]
pub struct Question {
    /// The counter.
    pub id: CounterId,
    /// What all replicas call it.
    pub name: Box<str>,
    /// What it counts.
    pub terms: Terms,
    /// What is told and asked.
    pub need: Need,
}

/// All counters.
#[derive(Debug)]
pub struct Counters {
    names: RandomState,
    shards: Box<[Mutex<HashMap<CounterId, Entry>>]>,
}

impl Default for Counters {
    fn default() -> Self {
        Self {
            names: RandomState::default(),
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
        }
    }
}

impl Counters {
    /// The counter of that rule for that subject; `place` tells rules of one name apart.
    #[must_use]
    pub fn id(&self, place: usize, rule: &str, subject: &str) -> CounterId {
        self.names.hash_one((place, rule, subject))
    }

    /// Counts `amount` in a window if this replica may. `name` is what all replicas call the counter.
    pub fn take(
        &self,
        (id, name): (CounterId, impl Fn() -> String),
        (at, amount): (Bounds, u64),
        terms: &Terms,
        moment: (i64, Reach),
    ) -> Verdict {
        let mut shard = self.shard(id);
        make_room(&mut shard, id, moment.0);
        let named = || {
            let name = moment.1.is_shared().then(&name);
            name.unwrap_or_default().into_boxed_str()
        };
        let entry = shard.entry(id).or_insert_with(|| Entry {
            count: Count::default(),
            terms: *terms,
            name: named(),
        });
        if entry.terms != *terms {
            entry.terms = *terms; // a key's own limit was changed
            entry.name = named();
        }
        entry.count.take(at, amount, terms, moment)
    }

    /// Corrects what was counted in a window, from what it was to what it turned out to be. Of a
    /// window that is over nothing is taken back, and what is more goes into the present one.
    pub fn correct(&self, id: CounterId, taken_in: Bounds, now: Bounds, change: (u64, u64)) {
        if let Some(entry) = self.shard(id).get_mut(&id) {
            entry.count.correct(taken_in, now, change);
        }
    }

    /// One live call less.
    pub fn leave(&self, id: CounterId) {
        self.correct(id, Bounds::ALWAYS, Bounds::ALWAYS, (1, 0));
    }

    /// What is counted in a window, without counting.
    #[must_use]
    pub fn used(&self, id: CounterId, at: Bounds) -> u64 {
        let shard = self.shard(id);
        shard.get(&id).map_or(0, |entry| entry.count.used_in(at))
    }

    /// The question that would let a counter count `amount` more.
    #[must_use]
    pub fn ask(&self, id: CounterId, amount: u64, reach: Reach) -> Option<Question> {
        let mut shard = self.shard(id);
        let entry = shard.get_mut(&id)?;
        let need = entry.count.ask(amount, &entry.terms, reach);
        Some(question(id, entry, need))
    }

    /// Everything that is to be told or asked without anybody waiting for it.
    #[must_use]
    pub fn tend(&self, now_ms: i64, state: (Reach, u64)) -> Vec<Question> {
        self.questions(|count, terms| count.tend(terms, now_ms, state))
    }

    /// Gives back everything that was leased and not used.
    #[must_use]
    pub fn give_back(&self, now_ms: i64) -> Vec<Question> {
        self.questions(|count, _| count.give_back(now_ms))
    }

    fn questions(&self, ask: impl Fn(&mut Count, &Terms) -> Option<Need>) -> Vec<Question> {
        let mut questions = Vec::new();
        for shard in &self.shards {
            let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            for (id, entry) in shard.iter_mut() {
                if let Some(need) = ask(&mut entry.count, &entry.terms) {
                    questions.push(question(*id, entry, need));
                }
            }
        }
        questions
    }

    /// Takes over an answer of Valkey's.
    pub fn leased(&self, question: &Question, leased: cluster::Leased, moment: (i64, u64)) {
        if let Some(entry) = self.shard(question.id).get_mut(&question.id) {
            entry.count.leased(&question.need, leased, moment);
        }
    }

    fn shard(&self, id: CounterId) -> MutexGuard<'_, HashMap<CounterId, Entry>> {
        let index = usize::try_from(id % SHARDS as u64).unwrap_or(0);
        self.shards[index]
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

fn question(id: CounterId, entry: &Entry, need: Need) -> Question {
    Question {
        id,
        name: entry.name.clone(),
        terms: entry.terms,
        need,
    }
}

/// Forgets counters that are over before a part would grow for one more, so that its size follows
/// those that are in use; and others when there are too many.
fn make_room(shard: &mut HashMap<CounterId, Entry>, id: CounterId, now_ms: i64) {
    let has_room = shard.len() < shard.capacity().min(COUNTERS_PER_SHARD_MAX);
    if has_room || shard.contains_key(&id) {
        return;
    }
    let over_ms = now_ms.saturating_sub(OVER_MS);
    shard.retain(|_, entry| !entry.count.is_over(over_ms));
    if shard.len() < COUNTERS_PER_SHARD_MAX {
        // Room for as many again, so that the next search is paid for by many.
        shard.reserve(shard.len());
        return;
    }
    shard.retain(|_, entry| !entry.count.is_over(now_ms));
    if shard.len() < COUNTERS_PER_SHARD_MAX {
        return;
    }
    // All at once, so that the search is paid for by many. Nobody outside chooses subjects: this
    // takes a quarter of a million busy keys.
    let is_kept = |entry: &Entry| entry.terms.is_live && entry.count.used_here() > 0;
    let idle = shard.values().filter(|entry| !is_kept(entry));
    let least = idle.map(|entry| entry.count.used_here()).min().unwrap_or(0);
    shard.retain(|_, entry| is_kept(entry) || entry.count.used_here() > least);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::rule::WithoutValkey;

    const FIRST: Bounds = Bounds { start: 0, end: 10 };
    const SECOND: Bounds = Bounds { start: 10, end: 20 };

    fn terms(limit: u64, is_live: bool) -> Terms {
        Terms {
            limit,
            is_live,
            without: WithoutValkey::Share,
        }
    }

    /// What is counted then, or what was counted already.
    fn take(
        counters: &Counters,
        id: CounterId,
        at: Bounds,
        amount: u64,
        limit: u64,
    ) -> Result<u64, u64> {
        let name = || String::new();
        let moment = (0, Reach::Alone);
        match counters.take((id, name), (at, amount), &terms(limit, false), moment) {
            Verdict::Taken { used, .. } => Ok(used),
            Verdict::Full { used } => Err(used),
            Verdict::Short => panic!("there is nobody to ask"),
        }
    }

    fn enter(counters: &Counters, id: CounterId, limit: u64) -> bool {
        let (name, moment) = (|| String::new(), (0, Reach::Alone));
        let at = Bounds::ALWAYS;
        let verdict = counters.take((id, name), (at, 1), &terms(limit, true), moment);
        matches!(verdict, Verdict::Taken { .. })
    }

    #[test]
    fn a_window_takes_its_limit_and_the_next_one_begins_empty() {
        let counters = Counters::default();
        let id = counters.id(0, "rule", "me");
        assert_eq!(take(&counters, id, FIRST, 2, 3), Ok(2));
        assert_eq!(take(&counters, id, FIRST, 2, 3), Err(2));
        assert_eq!(take(&counters, id, FIRST, 1, 3), Ok(3));
        assert_eq!(take(&counters, id, SECOND, 3, 3), Ok(3));
        assert_eq!(counters.used(id, FIRST), 0);
    }

    #[test]
    fn a_clock_that_steps_back_gives_nothing_away() {
        let counters = Counters::default();
        let id = counters.id(0, "rule", "me");
        assert_eq!(take(&counters, id, SECOND, 3, 3), Ok(3));
        assert_eq!(take(&counters, id, FIRST, 1, 3), Err(3));
    }

    #[test]
    fn corrections_go_back_within_a_window_and_forward_across_windows() {
        let counters = Counters::default();
        let id = counters.id(0, "rule", "me");
        take(&counters, id, FIRST, 10, 100).unwrap();
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
        assert!(enter(&counters, id, 2) && enter(&counters, id, 2));
        assert!(!enter(&counters, id, 2));
        counters.leave(id);
        assert!(enter(&counters, id, 2));
    }

    #[test]
    fn the_number_of_counters_is_bounded_and_live_ones_stay() {
        let counters = Counters::default();
        let live = counters.id(0, "live", "");
        assert!(enter(&counters, live, 1));
        let many = SHARDS * COUNTERS_PER_SHARD_MAX * 5 / 4;
        for number in 0..many {
            let id = counters.id(0, "rule", &number.to_string());
            take(&counters, id, FIRST, 1, 1).unwrap();
        }
        let kept: usize = counters
            .shards
            .iter()
            .map(|s| s.lock().unwrap().len())
            .sum();
        assert!(kept <= SHARDS * COUNTERS_PER_SHARD_MAX, "{kept}");
        assert!(!enter(&counters, live, 1));
    }

    #[test]
    fn counters_whose_windows_are_over_make_room_for_others() {
        let counters = Counters::default();
        let many = i64::from(u16::MAX);
        for number in 0..many {
            let id = counters.id(0, "rule", &number.to_string());
            let (start, end) = (number * 1000, number * 1000 + 60_000);
            let moment = (start, Reach::Alone);
            let at = (Bounds { start, end }, 1);
            counters.take((id, String::new), at, &terms(1, false), moment);
        }
        let in_use = usize::try_from((OVER_MS + 60_000) / 1000).unwrap();
        let kept = counters.shards.iter().map(|s| s.lock().unwrap().len());
        let kept: usize = kept.sum();
        assert!((in_use..8 * in_use).contains(&kept), "{kept} for {in_use}");
    }

    #[test]
    fn parallel_calls_never_take_more_than_the_limit() {
        let counters = Counters::default();
        let id = counters.id(0, "rule", "me");
        let taken: usize = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4)
                .map(|_| {
                    let take = || take(&counters, id, FIRST, 1, 1000).is_ok();
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
