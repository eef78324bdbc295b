//! The parts of a request, each as a few hashes.

use std::borrow::Cow;
use std::fmt;
use std::hash::{DefaultHasher, Hasher as _};

use crate::members::Members;
use crate::scan::{Malformed, Scanner, Span, ValueKind};

/// Fields that hold instructions apart from the messages.
const INSTRUCTIONS: [&str; 4] = [
    "system",
    "instructions",
    "system_instruction",
    "systemInstruction",
];

/// Fields that hold the messages.
const MESSAGES: [&str; 3] = ["messages", "input", "contents"];

/// The member that marks where a prompt may be cached. It is no content: caches do not go by it.
const MARK: &str = "\"cache_control\"";

/// Parts of one request that are remembered.
const PARTS_MAX: usize = 1024;

/// A hash is kept for each so many bytes, of so many pieces from either end of a part.
pub(super) const PIECE_BYTES: usize = 128;
const PIECES_MAX: usize = 96;

/// Which part of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Tool(usize),
    Instructions,
    Message(usize),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tool(index) => write!(f, "tools[{index}]"),
            Self::Instructions => f.write_str("system"),
            Self::Message(index) => write!(f, "messages[{index}]"),
        }
    }
}

/// One part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) place: Place,
    pub(super) content: u64,
    pub(super) is_marked: bool,
    /// Without marks.
    pub(super) length: usize,
    /// Pieces from the beginning on, and from the end backwards.
    pub(super) head: Box<[u32]>,
    pub(super) tail: Box<[u32]>,
}

/// The parts of a request in the order in which a provider's cache reads them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Prefix {
    pub(super) parts: Vec<Part>,
}

impl Prefix {
    /// Those of a request's body; `None` where it is no object.
    #[must_use]
    pub fn of(body: &[u8]) -> Option<Self> {
        let mut parts = Vec::new();
        each(body, |place, text| {
            parts.push(fingerprint(place, text));
            parts.len() < PARTS_MAX
        })?;
        Some(Self { parts })
    }

    /// Whether it has no parts.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// A number that stays the same while a conversation grows: of its instructions and its first
    /// message, or of its first two where the instructions are one of them.
    #[must_use]
    pub fn opening(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        let mut has_instructions = false;
        for part in &self.parts {
            let is_opening = match part.place {
                Place::Tool(_) => false,
                Place::Instructions => true,
                Place::Message(index) => index == 0 || (index == 1 && !has_instructions),
            };
            has_instructions |= part.place == Place::Instructions;
            if is_opening {
                hasher.write_u64(part.content);
            }
        }
        hasher.finish()
    }

    /// What it takes in memory, about, in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let hashes = self
            .parts
            .iter()
            .map(|part| part.head.len() + part.tail.len());
        size_of::<Self>() + self.parts.len() * size_of::<Part>() + hashes.sum::<usize>() * 4
    }
}

/// Calls `visit` with each part of a body, in order, until it says that it has enough.
pub(super) fn each(body: &[u8], mut visit: impl FnMut(Place, &str) -> bool) -> Option<()> {
    let text = std::str::from_utf8(body).ok()?;
    let members = Members::of_text(text).ok()?;
    if let Some(tools) = members.present("tools") {
        for (index, span) in elements(text, tools.value).into_iter().enumerate() {
            if !visit(Place::Tool(index), span.of(text)) {
                return Some(());
            }
        }
    }
    for name in INSTRUCTIONS {
        if let Some(member) = members.present(name)
            && !visit(Place::Instructions, member.value.of(text))
        {
            return Some(());
        }
    }
    let Some(messages) = MESSAGES.into_iter().find_map(|name| members.present(name)) else {
        return Some(());
    };
    if messages.kind != ValueKind::Array {
        visit(Place::Message(0), messages.value.of(text));
        return Some(());
    }
    for (index, span) in elements(text, messages.value).into_iter().enumerate() {
        if !visit(Place::Message(index), span.of(text)) {
            break;
        }
    }
    Some(())
}

fn elements(text: &str, array: Span) -> Vec<Span> {
    let mut spans = Vec::new();
    // The walk of the members has read all of it.
    let _ = Scanner::within(text, array).array(|scanner, _| {
        spans.push(scanner.skip()?);
        Ok::<(), Malformed>(())
    });
    spans
}

fn fingerprint(place: Place, text: &str) -> Part {
    let plain = without_marks(text);
    let bytes = plain.as_bytes();
    Part {
        place,
        content: hash(bytes),
        is_marked: matches!(plain, Cow::Owned(_)),
        length: bytes.len(),
        head: bytes
            .chunks(PIECE_BYTES)
            .take(PIECES_MAX)
            .map(short)
            .collect(),
        tail: bytes
            .rchunks(PIECE_BYTES)
            .take(PIECES_MAX)
            .map(short)
            .collect(),
    }
}

fn hash(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(bytes);
    hasher.finish()
}

fn short(bytes: &[u8]) -> u32 {
    let hash = hash(bytes);
    (hash ^ (hash >> 32)) as u32
}

/// A part without its marks; owned where there were any.
pub(super) fn without_marks(text: &str) -> Cow<'_, str> {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(MARK) {
        let (before, mark) = rest.split_at(at);
        let behind = mark.get(MARK.len()..).unwrap_or_default().trim_start();
        let Some(value) = behind.strip_prefix(':') else {
            // A text that happens to be this word.
            let (kept, after) = rest.split_at(at + MARK.len());
            out.push_str(kept);
            rest = after;
            continue;
        };
        let mut scanner = Scanner::new(value);
        let after = scanner.skip().ok().and_then(|span| value.get(span.end..));
        let after = after.unwrap_or_default().trim_start();
        match after.strip_prefix(',') {
            Some(after) => {
                out.push_str(before);
                rest = after.trim_start();
            }
            None => {
                let before = before.trim_end();
                out.push_str(before.strip_suffix(',').unwrap_or(before));
                rest = after;
            }
        }
    }
    if rest.len() == text.len() {
        return Cow::Borrowed(text);
    }
    out.push_str(rest);
    Cow::Owned(out)
}
