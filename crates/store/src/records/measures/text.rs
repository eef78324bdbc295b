//! Counts as text: `index:value`, with commas between them, for what waits to be merged and for sketches.

use super::{Measure, Measures, Sketched};
use crate::StoreError;

/// About what all that was counted of some calls takes as text.
const TEXT_BYTES: usize = 200;

impl Measures {
    /// A sketch, as `bucket:count`.
    pub(crate) fn sketch_text(&self, sketched: Sketched) -> String {
        let mut text = String::new();
        self.write_sketch(sketched, &mut text);
        text
    }

    /// All of it, as [`Measures::write`] writes it.
    pub(crate) fn to_text(&self) -> String {
        let mut text = String::with_capacity(TEXT_BYTES);
        self.write(&mut text);
        text
    }

    /// Writes all of it: the things that are not 0, and each sketch, with semicolons between them.
    pub(crate) fn write(&self, text: &mut String) {
        self.write_values(text);
        for sketched in Sketched::ALL {
            text.push(';');
            self.write_sketch(sketched, text);
        }
    }

    fn write_values(&self, text: &mut String) {
        let filled = self.values.iter().copied().enumerate();
        write_pairs(text, filled.filter(|(_, value)| *value != 0));
    }

    fn write_sketch(&self, sketched: Sketched, text: &mut String) {
        let filled = self.sketch(sketched).filled();
        write_pairs(
            text,
            filled.map(|(bucket, count)| (bucket, i64::from(count))),
        );
    }

    /// Adds what [`Measures::write`] wrote.
    pub(crate) fn add_text(&mut self, text: &str) -> Result<(), StoreError> {
        let mut parts = text.split(';');
        self.add_values(parts.next().unwrap_or_default())?;
        for (sketched, part) in Sketched::ALL.into_iter().zip(parts) {
            self.add_sketch(sketched, part)?;
        }
        Ok(())
    }

    /// Adds the things that are not 0.
    pub(crate) fn add_values(&mut self, text: &str) -> Result<(), StoreError> {
        for pair in read_pairs(text) {
            let (index, value) = pair?;
            if let Some(measure) = Measure::ALL.get(index) {
                self.add(*measure, value);
            }
        }
        Ok(())
    }

    /// Adds what [`Measures::sketch_text`] wrote.
    pub(crate) fn add_sketch(&mut self, sketched: Sketched, text: &str) -> Result<(), StoreError> {
        if let Some(sketch) = self.sketches.get_mut(sketched as usize) {
            for pair in read_pairs(text) {
                let (bucket, count) = pair?;
                sketch.count_many(bucket, u32::try_from(count).unwrap_or(u32::MAX));
            }
        }
        Ok(())
    }
}

/// Adds `index:value`, with commas between them.
fn write_pairs(text: &mut String, all: impl Iterator<Item = (usize, i64)>) {
    let mut digits = itoa::Buffer::new();
    for (number, (index, value)) in all.enumerate() {
        if number > 0 {
            text.push(',');
        }
        text.push_str(digits.format(index));
        text.push(':');
        text.push_str(digits.format(value));
    }
}

/// Octet by octet, for each call of a batch has some twenty of them where thousands of keys are in use.
fn read_pairs(text: &str) -> impl Iterator<Item = Result<(usize, i64), StoreError>> {
    let mut left = text.as_bytes();
    std::iter::from_fn(move || {
        if left.is_empty() {
            return None;
        }
        let read = read_pair(left);
        left = read.map_or(&[], |(_, after)| after);
        let wrong = || StoreError::Unreadable(format!("counts \"{text}\" of a roll-up"));
        Some(read.map(|(pair, _)| pair).ok_or_else(wrong))
    })
}

/// Reads a pair, and the comma behind it.
fn read_pair(bytes: &[u8]) -> Option<((usize, i64), &[u8])> {
    let (index, after) = read_number(bytes)?;
    let (value, after) = read_number(after.strip_prefix(b":")?)?;
    let after = match after {
        [] => after,
        [b',', after @ ..] => after,
        _ => return None,
    };
    Some(((usize::try_from(index).ok()?, value), after))
}

/// Reads a number.
fn read_number(bytes: &[u8]) -> Option<(i64, &[u8])> {
    let (sign, digits) = match bytes {
        [b'-', digits @ ..] => (-1, digits),
        digits => (1, digits),
    };
    let count = digits.iter().take_while(|one| one.is_ascii_digit()).count();
    let (digits, after) = digits.split_at_checked(count).filter(|_| count > 0)?;
    let number = digits.iter().try_fold(0_i64, |number, digit| {
        let digit = i64::from(digit - b'0');
        number.checked_mul(10)?.checked_add(sign * digit)
    });
    Some((number?, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_read_as_they_were_written() {
        let pairs = [(0, 1), (7, -30), (41, i64::MIN), (99, i64::MAX)];
        let mut text = String::new();
        write_pairs(&mut text, pairs.into_iter());
        let read: Result<Vec<_>, _> = read_pairs(&text).collect();
        assert_eq!(read.unwrap(), pairs);
        assert_eq!(read_pairs("").count(), 0);
    }

    #[test]
    fn what_is_no_pair_is_unreadable() {
        for text in [
            "1",
            "1:",
            ":1",
            "1:2;",
            "1:2 ",
            "1:2,,3:4",
            "x:1",
            "-1:2",
            "1:--2",
            "1:9223372036854775808",
        ] {
            let read: Result<Vec<_>, _> = read_pairs(text).collect();
            let error = read.unwrap_err().to_string();
            assert!(error.contains(text), "{error}");
        }
    }
}
