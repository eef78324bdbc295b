//! A hash map in parts. A copy shares all parts with the original until it is changed, and then all
//! but the parts that are changed: readers keep a whole map that never moves under them, and a
//! change costs a small part of what there is.

use std::borrow::Borrow;
use std::hash::{BuildHasher as _, Hash};
use std::sync::Arc;

use foldhash::HashMap;
use foldhash::fast::RandomState;

/// With ten thousand entries a change copies forty of them.
const PARTS: usize = 256;

type Part<K, V> = Arc<HashMap<K, V>>;

/// A hash map whose copies are cheap.
#[derive(Debug, Clone)]
pub struct PartedMap<K, V> {
    parts: Arc<[Part<K, V>]>,
    len: usize,
    /// Chooses the part.
    state: RandomState,
}

impl<K, V> Default for PartedMap<K, V> {
    fn default() -> Self {
        let empty = Part::<K, V>::default();
        Self {
            parts: vec![empty; PARTS].into(),
            len: 0,
            state: RandomState::default(),
        }
    }
}

impl<K: Eq + Hash, V> PartedMap<K, V> {
    fn place<Q: Hash + ?Sized>(&self, key: &Q) -> usize {
        let places = self.parts.len() as u64;
        usize::try_from(self.state.hash_one(key) % places).unwrap_or(0)
    }

    /// What stands under this key.
    #[must_use]
    pub fn get<Q>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        if self.len == 0 {
            return None;
        }
        self.parts.get(self.place(key))?.get(key)
    }

    /// Everything, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.parts.iter().flat_map(|part| part.iter())
    }

    /// Whether there is nothing at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}

impl<K: Eq + Hash, V: PartialEq> PartialEq for PartedMap<K, V> {
    fn eq(&self, other: &Self) -> bool {
        self.len == other.len
            && self
                .iter()
                .all(|(key, value)| other.get(key) == Some(value))
    }
}

impl<K: Eq + Hash, V: Eq> Eq for PartedMap<K, V> {}

impl<K: Eq + Hash + Clone, V: Clone> PartedMap<K, V> {
    /// The part of a key, for this map alone.
    fn part(&mut self, place: usize) -> Option<&mut HashMap<K, V>> {
        let part = Arc::make_mut(&mut self.parts).get_mut(place)?;
        Some(Arc::make_mut(part))
    }

    /// Puts a value under a key; what stood there before.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        let place = self.place(&key);
        let before = self.part(place)?.insert(key, value);
        self.len += usize::from(before.is_none());
        before
    }

    /// Takes out what stands under a key, if anything does.
    pub fn remove(&mut self, key: &K) -> Option<V> {
        // Nothing is copied for what is not there.
        self.get(key)?;
        let place = self.place(key);
        let before = self.part(place)?.remove(key);
        self.len -= usize::from(before.is_some());
        before
    }
}

impl<K: Eq + Hash + Clone, V: Clone> PartedMap<K, Vec<V>> {
    /// Changes the list under a key. One that is not there is an empty one, and the other way round.
    pub fn edit(&mut self, key: &K, change: impl FnOnce(&mut Vec<V>)) {
        let mut list = self.remove(key).unwrap_or_default();
        change(&mut list);
        if !list.is_empty() {
            self.insert(key.clone(), list);
        }
    }
}

impl<K: Eq + Hash + Clone, V: Clone> FromIterator<(K, V)> for PartedMap<K, V> {
    fn from_iter<T: IntoIterator<Item = (K, V)>>(entries: T) -> Self {
        let mut map = Self::default();
        for (key, value) in entries {
            map.insert(key, value);
        }
        map
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_goes_its_own_way_and_shares_what_it_did_not_change() {
        let first: PartedMap<u32, u32> = (0..1000).map(|number| (number, number)).collect();
        let mut second = first.clone();
        assert_eq!(second.insert(7, 8), Some(7));
        assert_eq!(second.remove(&8), Some(8));
        assert_eq!(second.remove(&5000), None);
        assert_eq!((first.get(&7), second.get(&7)), (Some(&7), Some(&8)));
        assert_eq!((first.get(&8), second.get(&8)), (Some(&8), None));
        assert_eq!((first.iter().count(), second.iter().count()), (1000, 999));
        assert_eq!((first.len, second.len), (1000, 999));
        let both = first.parts.iter().zip(second.parts.iter());
        let own = both.filter(|(one, other)| !Arc::ptr_eq(one, other)).count();
        assert!((1..=2).contains(&own), "{own}");
    }

    #[test]
    fn an_empty_list_is_as_good_as_none() {
        let mut map: PartedMap<&str, Vec<u32>> = PartedMap::default();
        map.edit(&"a", |list| list.push(1));
        assert_eq!(map.get("a"), Some(&vec![1]));
        map.edit(&"a", Vec::clear);
        assert!(map.is_empty());
        assert_eq!(map.get("a"), None);
    }
}
