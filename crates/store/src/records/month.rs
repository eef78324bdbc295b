//! `Month` and positions: where the record of a call stands.
//!
//! A position is a number that follows from a generation's id: its milliseconds, then its randomness
//! folded into 20 bits. Records stand in the order of their positions, which is that of time; a
//! record is found by its id without an index on ids; and its month says in which partition. When
//! two ids have the same position, the later record takes the next free one.

use std::fmt;

use sha2::{Digest as _, Sha256};

use crate::statement::civil;

/// Bits of a position below its milliseconds.
const LOW_BITS: u32 = 20;

/// Times that fit a position: until the year 2248.
const TIME_END_MS: i64 = 1 << 43;

/// How many positions a record may stand after the one of its id. Two calls share one about once in
/// a million calls of the same millisecond.
pub(crate) const PROBES: i64 = 16;

const MS_PER_DAY: i64 = 86_400_000;

/// A month of UTC, of the calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month(i64);

impl Month {
    /// The month in which a moment (Unix milliseconds) is. What no position can hold is in the first.
    #[must_use]
    pub fn at(unix_ms: i64) -> Self {
        let in_range = if (0..TIME_END_MS).contains(&unix_ms) {
            unix_ms
        } else {
            0
        };
        let (year, month, _) = civil(in_range.div_euclid(MS_PER_DAY));
        Self((year - 1970) * 12 + month - 1)
    }

    /// The month of a position.
    #[must_use]
    pub(crate) fn of(position: i64) -> Self {
        Self::at(time_of(position))
    }

    /// So many months later.
    #[must_use]
    pub const fn later(self, months: i64) -> Self {
        Self(self.0.saturating_add(months))
    }

    /// The month of that number.
    pub(crate) const fn from_number(number: i64) -> Self {
        Self(number)
    }

    /// Its number, counted from January 1970.
    pub(crate) const fn number(self) -> i64 {
        self.0
    }

    /// When it begins, Unix milliseconds.
    #[must_use]
    pub fn start_ms(self) -> i64 {
        let (year, month) = (self.0.div_euclid(12) + 1970, self.0.rem_euclid(12) + 1);
        days_until(year, month) * MS_PER_DAY
    }

    /// Its positions: from, and until before.
    pub(crate) fn positions(self) -> (i64, i64) {
        (
            start_of(self.start_ms()),
            start_of(self.later(1).start_ms()),
        )
    }

    /// The name of its partition.
    pub(crate) fn table(self) -> String {
        self.named("generations")
    }

    /// The name of the table in which its records stand by facet.
    pub(crate) fn index_table(self) -> String {
        self.named("by_facet")
    }

    fn named(self, first: &str) -> String {
        let (year, month) = (self.0.div_euclid(12) + 1970, self.0.rem_euclid(12) + 1);
        format!("{first}_{year:04}_{month:02}")
    }

    /// Reads [`Month::table`].
    pub(crate) fn from_table(name: &str) -> Option<Self> {
        Self::from_name(name.strip_prefix("generations_")?)
    }

    /// Reads [`Month::index_table`].
    pub(crate) fn from_index_table(name: &str) -> Option<Self> {
        Self::from_name(name.strip_prefix("by_facet_")?)
    }

    fn from_name(rest: &str) -> Option<Self> {
        let (year, month) = rest.split_once('_')?;
        Self::from_parts(year, month)
    }

    /// Reads `2026-03`.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        let (year, month) = text.split_once('-')?;
        Self::from_parts(year, month)
    }

    fn from_parts(year: &str, month: &str) -> Option<Self> {
        let year: i64 = year
            .parse()
            .ok()
            .filter(|year| (1970..2249).contains(year))?;
        let month: i64 = month
            .parse()
            .ok()
            .filter(|month| (1..=12).contains(month))?;
        Some(Self((year - 1970) * 12 + month - 1))
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month) = (self.0.div_euclid(12) + 1970, self.0.rem_euclid(12) + 1);
        write!(f, "{year:04}-{month:02}")
    }
}

/// Days from 1970 to the first of a month; the inverse of [`civil`].
fn days_until(year: i64, month: i64) -> i64 {
    // Years from March on, as there.
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * month + 2) / 5;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// The position that follows from an id. An id that is not of our form stands in the first month.
#[must_use]
pub(crate) fn position_of(id: &str) -> i64 {
    let of_our_form = || {
        let digits = id.strip_prefix("gen-")?;
        let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if digits.len() != 32 || !digits.bytes().all(is_hex) {
            return None;
        }
        let time = i64::from_str_radix(digits.get(..12)?, 16).ok()?;
        let mut low = 0;
        for from in [12, 17, 22, 27] {
            low ^= i64::from_str_radix(digits.get(from..from + 5)?, 16).ok()?;
        }
        (time < TIME_END_MS).then_some(start_of(time) | low)
    };
    of_our_form().unwrap_or_else(|| {
        let hash = Sha256::digest(id.as_bytes());
        let low = hash
            .iter()
            .take(3)
            .fold(0, |low, byte| low << 8 | i64::from(*byte));
        low & ((1 << LOW_BITS) - 1)
    })
}

/// The first position of a moment, Unix milliseconds; of one before or after all, the first or last.
#[must_use]
pub(crate) fn start_of(unix_ms: i64) -> i64 {
    if unix_ms >= TIME_END_MS {
        return i64::MAX;
    }
    unix_ms.max(0) << LOW_BITS
}

/// The moment of a position, Unix milliseconds.
#[must_use]
pub(crate) const fn time_of(position: i64) -> i64 {
    position >> LOW_BITS
}

#[cfg(test)]
mod tests {
    use super::*;
    use ledger::GenerationId;

    #[test]
    fn positions_sort_as_times_do_and_know_them() {
        let now = 1_772_600_767_089;
        let early = GenerationId::new(now, [0xff; 10]);
        let late = GenerationId::new(now + 1, [0; 10]);
        let (first, second) = (position_of(early.as_str()), position_of(late.as_str()));
        assert!(first < second && first >= start_of(now) && second == start_of(now + 1));
        assert_eq!((time_of(first), time_of(second)), (now, now + 1));
        assert_eq!(Month::of(first).to_string(), "2026-03");
    }

    #[test]
    fn any_text_has_a_position_in_some_month() {
        let long = format!("gen-{}", "f".repeat(32));
        for id in ["", "gen-", "gen-nothing", "日本", long.as_str()] {
            let position = position_of(id);
            assert_eq!(Month::of(position).to_string(), "1970-01", "{id}");
        }
        assert_ne!(position_of("gen-a"), position_of("gen-b"));
    }

    #[test]
    fn months_follow_each_other_without_a_gap() {
        let mut month = Month::at(0);
        for _ in 0..278 * 12 {
            let (start, end) = (month.start_ms(), month.later(1).start_ms());
            assert_eq!((Month::at(start), Month::at(end - 1)), (month, month));
            assert_eq!(Month::from_table(&month.table()), Some(month));
            assert_eq!(Month::from_index_table(&month.index_table()), Some(month));
            assert_eq!(Month::from_text(&month.to_string()), Some(month));
            assert!((28..=31).contains(&((end - start) / MS_PER_DAY)), "{month}");
            month = month.later(1);
        }
        for text in ["2026-13", "2026-00", "1969-12", "2026", "x-1"] {
            assert_eq!(Month::from_text(text), None, "{text}");
        }
    }
}
