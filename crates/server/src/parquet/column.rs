//! The cells of a column of one row group, and the page that they become.

use std::borrow::Cow;

use super::thrift::{Struct, varint};

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Texts.
    Text,
    /// Whole numbers.
    Number,
    /// Yes or no.
    Flag,
    /// Moments, Unix milliseconds.
    Moment,
    /// Money, nano-USD: a decimal with nine places, exact.
    Usd,
}

/// One cell; `None` where there is nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cell<'a> {
    /// Of a column of texts.
    Text(Option<Cow<'a, str>>),
    /// Of a column of numbers, moments or money.
    Number(Option<i64>),
    /// Of a column of flags.
    Flag(bool),
}

impl Kind {
    /// The physical type, by its number in the format.
    pub(super) const fn number(self) -> i32 {
        match self {
            Self::Flag => 0,
            Self::Number | Self::Moment | Self::Usd => 2,
            Self::Text => 6,
        }
    }

    /// What it means, put into a column of the schema: for old readers, then for newer ones.
    pub(super) fn describe(self, schema: Struct) -> Struct {
        match self {
            Self::Number | Self::Flag => schema,
            Self::Text => schema
                .i32(6, 0)
                .inner(10, Struct::default().inner(1, Struct::default())),
            Self::Moment => {
                let milliseconds = Struct::default().inner(1, Struct::default());
                let moment = Struct::default().set(1).inner(2, milliseconds);
                schema
                    .i32(6, 9)
                    .inner(10, Struct::default().inner(8, moment))
            }
            Self::Usd => {
                let decimal = Struct::default().i32(1, 9).i32(2, 18);
                schema
                    .i32(6, 5)
                    .i32(7, 9)
                    .i32(8, 18)
                    .inner(10, Struct::default().inner(5, decimal))
            }
        }
    }
}

/// The cells so far.
#[derive(Debug, Default)]
pub(super) struct Cells {
    /// Whether there is something, a bit each.
    present: Bits,
    /// What there is, plainly one after the other; of flags, their bits.
    values: Vec<u8>,
    flags: Bits,
}

impl Cells {
    pub(super) fn push(&mut self, cell: Cell<'_>) {
        let is_there = match cell {
            Cell::Text(text) => {
                if let Some(text) = &text {
                    let length = u32::try_from(text.len()).unwrap_or(u32::MAX);
                    self.values.extend(length.to_le_bytes());
                    self.values.extend(text.as_bytes());
                }
                text.is_some()
            }
            Cell::Number(number) => {
                self.values
                    .extend(number.iter().flat_map(|one| one.to_le_bytes()));
                number.is_some()
            }
            Cell::Flag(flag) => {
                self.flags.push(flag);
                true
            }
        };
        self.present.push(is_there);
    }

    /// The body of the page: which cells there are, as one run of bits, and what they hold.
    pub(super) fn page(self) -> Vec<u8> {
        let mut levels = Vec::new();
        varint(&mut levels, (self.present.bytes.len() as u64) << 1 | 1);
        levels.extend(self.present.bytes);
        let length = u32::try_from(levels.len()).unwrap_or(u32::MAX);
        [
            &length.to_le_bytes()[..],
            &levels,
            &self.values,
            &self.flags.bytes,
        ]
        .concat()
    }
}

/// Bits, the lowest of each byte first.
#[derive(Debug, Default)]
struct Bits {
    bytes: Vec<u8>,
    count: usize,
}

impl Bits {
    fn push(&mut self, bit: bool) {
        if self.count.is_multiple_of(8) {
            self.bytes.push(0);
        }
        if let Some(last) = self.bytes.last_mut() {
            *last |= u8::from(bit) << (self.count % 8);
        }
        self.count += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_says_which_cells_there_are_and_what_they_hold() {
        let mut texts = Cells::default();
        for text in [Some("ab"), None, Some("")] {
            texts.push(Cell::Text(text.map(Cow::Borrowed)));
        }
        let expected = [
            &[2, 0, 0, 0, 3, 0b101][..],
            &[2, 0, 0, 0, b'a', b'b'],
            &[0; 4],
        ];
        assert_eq!(texts.page(), expected.concat());
        let mut flags = Cells::default();
        for number in 0..9 {
            flags.push(Cell::Flag(number % 2 == 0));
        }
        let expected = [3, 0, 0, 0, 5, 0xff, 1, 0b0101_0101, 1];
        assert_eq!(flags.page(), expected);
    }
}
