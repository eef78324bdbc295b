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

fn read_pairs(text: &str) -> impl Iterator<Item = Result<(usize, i64), StoreError>> {
    let all = text.split(',').filter(|pair| !pair.is_empty());
    all.map(|pair| {
        let wrong = || StoreError::Unreadable(format!("a count \"{pair}\" of a roll-up"));
        read_pair(pair).ok_or_else(wrong)
    })
}

fn read_pair(pair: &str) -> Option<(usize, i64)> {
    let (index, value) = pair.split_once(':')?;
    Some((index.parse().ok()?, value.parse().ok()?))
}
