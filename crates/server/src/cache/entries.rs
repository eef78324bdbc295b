//! The answers that are kept, within a bound in bytes: the one that nobody has asked for the longest goes
//! first.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use relay::CacheHit;

use super::asked::Key;

/// What an entry takes beside its answer, roughly, bytes.
const ENTRY_BYTES: usize = 512;

/// One answer that is kept.
#[derive(Debug)]
pub(crate) struct Entry {
    /// Whose answer it was.
    pub(crate) hit: CacheHit,
    /// When it was complete, Unix milliseconds.
    pub(crate) stored_ms: i64,
    /// For how long it may be told, seconds.
    pub(crate) ttl_seconds: u64,
    /// The answer as it went out: a body, or the frames of a stream.
    pub(crate) answer: Bytes,
}

impl Entry {
    fn bytes(&self) -> usize {
        self.answer.len().saturating_add(ENTRY_BYTES)
    }

    /// How old it is, whole seconds.
    pub(crate) fn age_seconds(&self, now_ms: i64) -> u64 {
        let age = now_ms.saturating_sub(self.stored_ms).div_euclid(1000);
        u64::try_from(age).unwrap_or(0)
    }

    /// For how long it may still be told, whole seconds; none when that is over.
    pub(crate) fn left_seconds(&self, now_ms: i64) -> Option<u64> {
        let left = self.ttl_seconds.checked_sub(self.age_seconds(now_ms))?;
        (left > 0).then_some(left)
    }
}

/// The answers that are kept.
#[derive(Debug)]
pub(crate) struct Entries {
    bytes_max: usize,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    by_key: HashMap<Key, (Arc<Entry>, u64)>,
    /// Keys in the order in which they were last asked for.
    by_use: BTreeMap<u64, Key>,
    next_use: u64,
    bytes: usize,
}

impl Kept {
    fn remove(&mut self, key: &Key) {
        if let Some((entry, used)) = self.by_key.remove(key) {
            self.by_use.remove(&used);
            self.bytes = self.bytes.saturating_sub(entry.bytes());
        }
    }

    fn use_now(&mut self, key: Key) -> u64 {
        let now = self.next_use;
        self.next_use += 1;
        self.by_use.insert(now, key);
        now
    }
}

impl Entries {
    /// None yet; together they may take so many bytes.
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self {
            bytes_max,
            kept: Mutex::default(),
        }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is kept under a key, unless its time is over.
    pub(crate) fn get(&self, key: &Key, now_ms: i64) -> Option<Arc<Entry>> {
        let mut kept = self.kept();
        let (entry, used) = kept.by_key.get(key)?;
        let (entry, used) = (Arc::clone(entry), *used);
        if entry.left_seconds(now_ms).is_none() {
            kept.remove(key);
            return None;
        }
        kept.by_use.remove(&used);
        let now = kept.use_now(*key);
        if let Some((_, used)) = kept.by_key.get_mut(key) {
            *used = now;
        }
        Some(entry)
    }

    /// Keeps an answer, in the place of an older one and of those that nobody asks for.
    pub(crate) fn put(&self, key: Key, entry: Entry) {
        let bytes = entry.bytes();
        if bytes > self.bytes_max {
            return;
        }
        let mut kept = self.kept();
        kept.remove(&key);
        while kept.bytes + bytes > self.bytes_max {
            let Some((_, unused)) = kept.by_use.pop_first() else {
                break;
            };
            kept.remove(&unused);
        }
        kept.bytes += bytes;
        let now = kept.use_now(key);
        kept.by_key.insert(key, (Arc::new(entry), now));
    }

    /// Forgets what is kept under a key.
    pub(crate) fn remove(&self, key: &Key) {
        self.kept().remove(key);
    }
}

#[cfg(test)]
mod tests {
    use ledger::GenerationId;

    use super::*;

    fn entry(bytes: usize, stored_ms: i64) -> Entry {
        Entry {
            hit: CacheHit {
                source_id: GenerationId::from_text("gen-1"),
                model: "a/b".to_owned(),
                finish: None,
            },
            stored_ms,
            ttl_seconds: 10,
            answer: vec![b'x'; bytes].into(),
        }
    }

    #[test]
    fn the_longest_unused_goes_first_and_the_bound_holds() {
        let entries = Entries::new(3 * (ENTRY_BYTES + 100));
        for name in 1..=3 {
            entries.put([name; 32], entry(100, 0));
        }
        assert!(entries.get(&[1; 32], 0).is_some());
        entries.put([4; 32], entry(100, 0));
        let there = |name| entries.get(&[name; 32], 0).is_some();
        assert_eq!([1, 2, 3, 4].map(there), [true, false, true, true]);
        // One that takes the place of all, and one for which there is none.
        entries.put([5; 32], entry(2 * (ENTRY_BYTES + 100), 0));
        assert_eq!([1, 3, 4, 5].map(there), [false, false, false, true]);
        entries.put([6; 32], entry(3 * (ENTRY_BYTES + 100), 0));
        assert_eq!([5, 6].map(there), [true, false]);
        // The same key again takes its own place.
        entries.put([5; 32], entry(100, 0));
        entries.put([7; 32], entry(100, 0));
        assert_eq!([5, 7].map(there), [true, true]);
        entries.remove(&[5; 32]);
        assert_eq!([5, 7].map(there), [false, true]);
        assert_eq!(entries.kept().bytes, ENTRY_BYTES + 100);
    }

    #[test]
    fn an_answer_is_told_until_its_time_is_over() {
        let entries = Entries::new(10_000);
        entries.put([1; 32], entry(1, 5_000));
        let left = |now_ms| {
            let entry = entries.get(&[1; 32], now_ms)?;
            Some((entry.age_seconds(now_ms), entry.left_seconds(now_ms)?))
        };
        assert_eq!(left(5_000), Some((0, 10)));
        assert_eq!(left(14_999), Some((9, 1)));
        assert_eq!(left(15_000), None);
        // It is gone, whatever the clock says next.
        assert_eq!(left(5_000), None);
        assert_eq!(entries.kept().bytes, 0);
    }
}
