//! `Positions`: where the records of a facet in one minute stand, and their text in deltas and in what was
//! gathered.

use crate::StoreError;

use super::delta::MS_PER_MINUTE;
use super::month::start_of;

/// Positions of one minute, ascending, each once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Positions(Vec<i64>);

impl Positions {
    /// How many there are.
    pub(super) const fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = i64> {
        self.0.iter().copied()
    }

    /// Adds one, as a rule the last.
    pub(super) fn add(&mut self, position: i64) {
        if self.0.last().is_none_or(|last| *last < position) {
            self.0.push(position);
        } else if let Err(at) = self.0.binary_search(&position) {
            self.0.insert(at, position);
        }
    }

    /// Adds others, as a rule later ones.
    pub(super) fn merge(&mut self, mut others: Self) {
        if self.0.is_empty() {
            *self = others;
            return;
        }
        let is_later = others.is_empty() || self.0.last() < others.0.first();
        self.0.append(&mut others.0);
        if !is_later {
            self.0.sort_unstable();
            self.0.dedup();
        }
    }

    /// Adds them to a text, as differences in decimal with spaces between: the first from the first
    /// position of their minute.
    pub(super) fn write(&self, minute: i64, text: &mut String) {
        let mut before = first_of(minute);
        let mut number = itoa::Buffer::new();
        for (index, position) in self.0.iter().enumerate() {
            if index > 0 {
                text.push(' ');
            }
            text.push_str(number.format(position.saturating_sub(before)));
            before = *position;
        }
    }

    /// Reads what [`Positions::write`] wrote.
    ///
    /// # Errors
    /// [`StoreError::Unreadable`].
    pub(super) fn read(minute: i64, text: &str) -> Result<Self, StoreError> {
        if text.is_empty() {
            return Ok(Self::default());
        }
        let mut position = first_of(minute);
        let mut positions = Vec::new();
        for difference in text.split(' ') {
            let difference: u64 = difference.parse().map_err(|_| unreadable())?;
            let next = position.checked_add_unsigned(difference);
            position = next.ok_or_else(unreadable)?;
            if positions.last().is_some_and(|last| *last == position) {
                return Err(unreadable());
            }
            positions.push(position);
        }
        Ok(Self(positions))
    }
}

/// The first position of a minute since 1970.
pub(super) fn first_of(minute: i64) -> i64 {
    start_of(minute.saturating_mul(MS_PER_MINUTE))
}

fn unreadable() -> StoreError {
    StoreError::Unreadable("positions of records".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 29_543_346;

    fn of(offsets: &[i64]) -> Positions {
        let mut positions = Positions::default();
        for offset in offsets {
            positions.add(first_of(MINUTE) + offset);
        }
        positions
    }

    #[test]
    fn texts_are_differences_and_read_back() {
        for (offsets, expected) in [
            (vec![], ""),
            (vec![0], "0"),
            (vec![62_914_559_999], "62914559999"),
            (vec![5, 6, 1_000_000], "5 1 999994"),
            // Whatever order they come in, and however often.
            (vec![1_000_000, 6, 5, 6], "5 1 999994"),
        ] {
            let positions = of(&offsets);
            let mut text = String::new();
            positions.write(MINUTE, &mut text);
            assert_eq!(text, expected);
            assert_eq!(Positions::read(MINUTE, &text), Ok(positions));
        }
    }

    #[test]
    fn what_nobody_wrote_is_not_read() {
        let long = "9223372036854775807 9223372036854775807";
        for text in [" ", "1 ", "1  2", "-1", "1 0", "x", "1,2", long] {
            assert!(Positions::read(MINUTE, text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn others_are_added_once_wherever_they_stand() {
        for (mine, others, expected) in [
            (vec![], vec![1, 2], vec![1, 2]),
            (vec![1, 2], vec![], vec![1, 2]),
            (vec![1, 2], vec![3], vec![1, 2, 3]),
            (vec![2, 4], vec![1, 2, 3], vec![1, 2, 3, 4]),
        ] {
            let mut positions = of(&mine);
            positions.merge(of(&others));
            assert_eq!(positions, of(&expected));
        }
    }
}
