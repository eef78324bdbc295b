//! Parts of a record that stand in its row as they do in the journal: they are written once for both.

use std::ops::Range;

use crate::json::Json;

/// One of these parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Attempts,
    Usage,
    PriceSheet,
    Bill,
    Notes,
    Posting,
}

const PARTS: usize = 6;

/// Where they stand in a text that is being written; empty where there is none.
#[derive(Debug, Clone, Default)]
pub(crate) struct Marks([Range<usize>; PARTS]);

impl Marks {
    /// Writes a part.
    pub(crate) fn write(&mut self, part: Part, json: &mut Json, write: impl FnOnce(&mut Json)) {
        let begin = json.len();
        write(json);
        self.0[part as usize] = begin..json.len();
    }
}

/// The parts of one record, in one text.
#[derive(Debug)]
pub(crate) struct RowTexts {
    all: Box<str>,
    /// Where each ends; the next one begins there.
    ends: [usize; PARTS],
}

impl RowTexts {
    /// The parts that were marked in a record.
    pub(crate) fn of(record: &[u8], marks: &Marks) -> Option<Self> {
        let length = marks.0.iter().map(Range::len).sum();
        let (mut all, mut ends) = (Vec::with_capacity(length), [0; PARTS]);
        for (range, end) in marks.0.iter().zip(&mut ends) {
            all.extend_from_slice(record.get(range.clone())?);
            *end = all.len();
        }
        Some(Self {
            all: String::from_utf8(all).ok()?.into_boxed_str(),
            ends,
        })
    }

    /// A part, if the record has it.
    pub(crate) fn get(&self, part: Part) -> Option<&str> {
        let index = part as usize;
        let begin = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        let text = self.all.get(begin..self.ends[index])?;
        (!text.is_empty()).then_some(text)
    }

    /// Bytes of memory that they take.
    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marked_parts_are_found_again_and_no_others() {
        let mut marks = Marks::default();
        let record = Json::text_of(64, |json| {
            json.object(|json| {
                json.name("one").int(1);
                json.name("notes");
                marks.write(Part::Notes, json, |json| json.object(|_| {}));
                json.name("attempts");
                marks.write(Part::Attempts, json, |json| {
                    json.array(|json| json.text("ü"));
                });
                json.name("bill");
                marks.write(Part::Bill, json, |json| json.int(-7));
                json.name("two").int(2);
            });
        });
        let texts = RowTexts::of(record.as_bytes(), &marks).unwrap();
        for (part, expected) in [
            (Part::Attempts, Some("[\"ü\"]")),
            (Part::Usage, None),
            (Part::PriceSheet, None),
            (Part::Bill, Some("-7")),
            (Part::Notes, Some("{}")),
            (Part::Posting, None),
        ] {
            assert_eq!(texts.get(part), expected, "{part:?}");
        }
        assert_eq!(texts.len(), 10);
    }
}
