//! A small set: the modalities, parameters or features of a request or an endpoint.

use std::fmt;
use std::marker::PhantomData;

/// A thing that can be in a [`Set`]: one of at most 32, each with a position and a name.
pub trait Member: Copy + 'static {
    /// Every member, in declaration order; at most 32.
    const ALL: &'static [Self];

    /// Position in [`Member::ALL`].
    fn position(self) -> u32;

    /// The word for it in rows, records and explanations.
    fn word(self) -> &'static str;
}

/// A set of members, in one word of memory.
pub struct Set<T>(u32, PhantomData<T>);

impl<T> Set<T> {
    /// The set with nothing in it.
    pub const EMPTY: Self = Self(0, PhantomData);

    /// The set whose bits are given; for constants.
    pub(crate) const fn of_bits(bits: u32) -> Self {
        Self(bits, PhantomData)
    }

    /// Those in either set.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0, PhantomData)
    }

    /// Those of `self` that are not in `other`.
    #[must_use]
    pub const fn minus(self, other: Self) -> Self {
        Self(self.0 & !other.0, PhantomData)
    }

    /// Whether nothing is in the set.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl<T: Member> Set<T> {
    /// Adds one.
    pub fn insert(&mut self, member: T) {
        self.0 |= 1 << member.position();
    }

    /// The same set with one more.
    #[must_use]
    pub fn with(mut self, member: T) -> Self {
        self.insert(member);
        self
    }

    /// Whether one is in the set.
    #[must_use]
    pub fn contains(self, member: T) -> bool {
        self.0 & (1 << member.position()) != 0
    }

    /// The members, in declaration order.
    pub fn iter(self) -> impl Iterator<Item = T> {
        T::ALL
            .iter()
            .copied()
            .filter(move |member| self.contains(*member))
    }
}

impl<T> Clone for Set<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Set<T> {}

impl<T> Default for Set<T> {
    fn default() -> Self {
        Self::EMPTY
    }
}

impl<T> PartialEq for Set<T> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<T> Eq for Set<T> {}

impl<T> std::hash::Hash for Set<T> {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl<T: Member> FromIterator<T> for Set<T> {
    fn from_iter<I: IntoIterator<Item = T>>(members: I) -> Self {
        let mut set = Self::default();
        members.into_iter().for_each(|member| set.insert(member));
        set
    }
}

impl<T: Member> fmt::Debug for Set<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set()
            .entries(self.iter().map(Member::word))
            .finish()
    }
}
