//! The first part of a prompt that differs from the one before, and how.

use super::fingerprint::{PIECE_BYTES, Part, Place, Prefix, each, without_marks};

/// What happened to a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Change {
    /// The same tools in another order.
    Reordered,
    /// It is not there any more; what came after it has moved up.
    Removed,
    /// Something new stands before it.
    Inserted,
    /// The mark that had it cached is gone; the content is the same.
    MarkerDropped,
    /// There is a date or a time in what changed.
    Timestamp,
    /// It has another content.
    Edited,
    /// The conversation ends before it.
    Truncated,
    /// The prompt continues the one before: it was the cache that had forgotten it.
    None,
}

impl Change {
    /// The word in records.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Reordered => "reordered",
            Self::Removed => "removed",
            Self::Inserted => "inserted",
            Self::MarkerDropped => "marker_dropped",
            Self::Timestamp => "timestamp",
            Self::Edited => "edited",
            Self::Truncated => "truncated",
            Self::None => "none",
        }
    }
}

/// How a prompt differs from the one before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The first part that differs: `tools[2]`, `system`, `messages[4]`; empty where none does.
    pub part: String,
    /// What happened to it.
    pub change: Change,
    /// Where in it the change begins and ends: bytes of its JSON without marks, to the piece of 128.
    pub bytes: (usize, usize),
}

impl Prefix {
    /// How this prompt, whose body is given, differs from the one before.
    #[must_use]
    pub fn compare(&self, before: &Self, body: &[u8]) -> Difference {
        let mut pairs = before.parts.iter().zip(&self.parts);
        let differs = |(old, new): (&Part, &Part)| !is_same(old, new);
        let Some(index) = pairs.position(differs) else {
            return self.continued(before);
        };
        let (old, new) = (&before.parts[index], &self.parts[index]);
        let change = self.change(before, index);
        let bytes = match change {
            Change::Edited => edited(old, new),
            _ => (0, new.length),
        };
        let is_time = change == Change::Edited && has_time(body, new.place, bytes);
        Difference {
            part: new.place.to_string(),
            change: if is_time { Change::Timestamp } else { change },
            bytes,
        }
    }

    /// Nothing differs as far as both go.
    fn continued(&self, before: &Self) -> Difference {
        let of = |part: &Part, change| Difference {
            part: part.place.to_string(),
            change,
            bytes: (0, part.length),
        };
        if let Some(missing) = before.parts.get(self.parts.len()) {
            return of(missing, Change::Truncated);
        }
        let is_marked = self.parts.iter().any(|part| part.is_marked);
        let marked = before.parts.iter().find(|part| part.is_marked);
        match marked {
            Some(part) if !is_marked => of(part, Change::MarkerDropped),
            _ => Difference {
                part: String::new(),
                change: Change::None,
                bytes: (0, 0),
            },
        }
    }

    fn change(&self, before: &Self, index: usize) -> Change {
        let (old, new) = (&before.parts[index], &self.parts[index]);
        let of_tools = |prefix: &Self| {
            let tools = prefix
                .parts
                .iter()
                .filter(|part| matches!(part.place, Place::Tool(_)));
            let mut contents: Vec<u64> = tools.map(|part| part.content).collect();
            contents.sort_unstable();
            contents
        };
        if let (Place::Tool(_), Place::Tool(_)) = (old.place, new.place)
            && of_tools(before) == of_tools(self)
        {
            return Change::Reordered;
        }
        let has = |prefix: &Self, content| {
            let rest = prefix.parts.iter().skip(index);
            rest.into_iter().any(|part| part.content == content)
        };
        if has(self, old.content) {
            return Change::Inserted;
        }
        if has(before, new.content) {
            return Change::Removed;
        }
        Change::Edited
    }
}

fn is_same(old: &Part, new: &Part) -> bool {
    let is_alike = std::mem::discriminant(&old.place) == std::mem::discriminant(&new.place);
    is_alike && old.content == new.content
}

/// Where a part was changed, in bytes of the new one.
fn edited(old: &Part, new: &Part) -> (usize, usize) {
    let common = |old: &[u32], new: &[u32]| {
        let same = old.iter().zip(new).take_while(|(old, new)| old == new);
        same.count() * PIECE_BYTES
    };
    let from = common(&old.head, &new.head).min(new.length);
    let to = new.length.saturating_sub(common(&old.tail, &new.tail));
    (from, to.max(from))
}

/// A change that is wider than this is more than a time.
const TIME_BYTES_MAX: usize = 1024;

/// Whether what changed in a part looks like a date, a time of day or a Unix time.
fn has_time(body: &[u8], place: Place, (from, to): (usize, usize)) -> bool {
    if to - from > TIME_BYTES_MAX {
        return false;
    }
    let mut found = false;
    // A time may begin in the piece before.
    let from = from.saturating_sub(PIECE_BYTES / 4);
    each(body, |at, text| {
        if at == place {
            let plain = without_marks(text);
            let bytes = plain.as_bytes();
            found = is_time(bytes.get(from..to.min(bytes.len())).unwrap_or_default());
        }
        at != place
    });
    found
}

fn is_time(text: &[u8]) -> bool {
    let is = |at: usize, form: &[u8]| {
        form.iter().enumerate().all(|(place, wanted)| {
            let byte = text.get(at + place);
            byte.is_some_and(|byte| match wanted {
                b'0' => byte.is_ascii_digit(),
                other => byte == other,
            })
        })
    };
    let run = |at: usize| {
        text[at..]
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count()
    };
    (0..text.len()).any(|at| {
        let begins = at == 0 || !text[at - 1].is_ascii_digit();
        let is_unix = begins && text[at] == b'1' && matches!(run(at), 10 | 13);
        is_unix || is(at, b"0000-00-00") || is(at, b"00:00") || is(at, b"00/00/0000")
    })
}
