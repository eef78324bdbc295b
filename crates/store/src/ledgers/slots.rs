//! All budget windows of a node by key.

use std::sync::{Arc, PoisonError, RwLock};

use foldhash::HashMap;
use ledger::Budget;

use super::slot::Slot;
use super::{Key, is_hard};

const SHARDS: usize = 32;

/// All windows by key. Looking one up takes a shared lock on a part of them, opening one an
/// exclusive one; neither is held while anything else is done.
#[derive(Debug)]
pub(super) struct Slots {
    shards: Vec<RwLock<HashMap<Key, Arc<Slot>>>>,
}

impl Default for Slots {
    fn default() -> Self {
        Self {
            shards: (0..SHARDS).map(|_| RwLock::default()).collect(),
        }
    }
}

impl Slots {
    /// The part is chosen by a plain sum over the budget's id: it only decides who may wait for whom.
    fn shard(&self, window: &Key) -> &RwLock<HashMap<Key, Arc<Slot>>> {
        let id = window.budget.as_str().bytes();
        let sum = id.fold(0_u8, u8::wrapping_add);
        &self.shards[usize::from(sum) % SHARDS]
    }

    pub(super) fn get(&self, window: &Key) -> Option<Arc<Slot>> {
        let shard = self.shard(window).read();
        shard
            .unwrap_or_else(PoisonError::into_inner)
            .get(window)
            .cloned()
    }

    /// The slot of a window.
    pub(super) fn open(&self, budget: &Arc<Budget>, window: Key) -> Arc<Slot> {
        if let Some(slot) = self.get(&window) {
            slot.enforce(is_hard(budget));
            return slot;
        }
        let mut shard = self
            .shard(&window)
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        shard
            .entry(window.clone())
            .or_insert_with(|| Arc::new(Slot::new(budget.clone(), window)))
            .clone()
    }

    pub(super) fn all(&self) -> Vec<Arc<Slot>> {
        let shards = self.shards.iter().map(|shard| {
            let shard = shard.read().unwrap_or_else(PoisonError::into_inner);
            shard.values().cloned().collect::<Vec<_>>()
        });
        shards.flatten().collect()
    }

    pub(super) fn len(&self) -> u64 {
        let length = |shard: &RwLock<HashMap<Key, Arc<Slot>>>| {
            shard.read().unwrap_or_else(PoisonError::into_inner).len() as u64
        };
        self.shards.iter().map(length).sum()
    }

    /// Forgets windows that nobody looks at and in which nothing is left.
    pub(super) fn forget(&self, slots: &[Key]) {
        for window in slots {
            let mut shard = self
                .shard(window)
                .write()
                .unwrap_or_else(PoisonError::into_inner);
            let is_idle = shard
                .get(window)
                .is_some_and(|slot| Arc::strong_count(slot) == 1 && slot.is_empty());
            if is_idle {
                shard.remove(window);
            }
        }
    }
}
