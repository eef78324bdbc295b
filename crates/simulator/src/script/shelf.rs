//! Which script holds for a call: the queue of single-use scripts, the standing ones, and who counts "every Nth".

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, PoisonError, RwLock};

use super::Script;

/// Scripts given from outside, by model name; `*` is any model.
#[derive(Default)]
pub(crate) struct Shelf {
    inner: RwLock<Inner>,
}

#[derive(Default)]
struct Inner {
    once: HashMap<String, VecDeque<Arc<Script>>>,
    standing: HashMap<String, Arc<Script>>,
    counters: HashMap<String, u64>,
}

/// Most single-use scripts that wait for one model; later ones are refused.
const QUEUE_MAX: usize = 100_000;
/// Most different "every Nth" scripts that are counted; the counts start again after that many.
const COUNTERS_MAX: usize = 4096;
/// The name that stands for any model.
const ANY: &str = "*";

impl Shelf {
    /// Puts down a script that holds until it is replaced.
    pub(crate) fn put(&self, model: &str, script: Script) {
        self.write(|inner| {
            inner.standing.insert(model.to_owned(), Arc::new(script));
        });
    }

    /// Queues a script for one call; `false` when the queue is full.
    pub(crate) fn put_once(&self, model: &str, script: Script) -> bool {
        self.write(|inner| {
            let queue = inner.once.entry(model.to_owned()).or_default();
            let fits = queue.len() < QUEUE_MAX;
            if fits {
                queue.push_back(Arc::new(script));
            }
            fits
        })
    }

    /// Forgets every script and count.
    pub(crate) fn clear(&self) {
        self.write(|inner| *inner = Inner::default());
    }

    /// The next single-use script for any of these names of a model.
    pub(crate) fn take_once(&self, names: &[&str]) -> Option<Arc<Script>> {
        if self.read(|inner| inner.once.is_empty()) {
            return None;
        }
        self.write(|inner| {
            for name in names.iter().copied().chain([ANY]) {
                if let Some(queue) = inner.once.get_mut(name) {
                    let script = queue.pop_front();
                    if queue.is_empty() {
                        inner.once.remove(name);
                    }
                    if script.is_some() {
                        return script;
                    }
                }
            }
            None
        })
    }

    /// The standing script for any of these names of a model.
    pub(crate) fn standing(&self, names: &[&str]) -> Option<Arc<Script>> {
        self.read(|inner| {
            if inner.standing.is_empty() {
                return None;
            }
            names
                .iter()
                .copied()
                .chain([ANY])
                .find_map(|name| inner.standing.get(name).cloned())
        })
    }

    /// Counts a call for an "every Nth" script and says whether this is an Nth one.
    pub(crate) fn is_nth(&self, place: &str, script: &Script) -> bool {
        if script.every <= 1 {
            return true;
        }
        self.write(|inner| {
            let key = format!("{place}!{}", script.label);
            if inner.counters.len() >= COUNTERS_MAX && !inner.counters.contains_key(&key) {
                inner.counters.clear();
            }
            let count = inner.counters.entry(key).or_insert(0);
            *count += 1;
            count.is_multiple_of(script.every)
        })
    }

    fn read<T>(&self, look: impl FnOnce(&Inner) -> T) -> T {
        look(&self.inner.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn write<T>(&self, change: impl FnOnce(&mut Inner) -> T) -> T {
        change(&mut self.inner.write().unwrap_or_else(PoisonError::into_inner))
    }
}
