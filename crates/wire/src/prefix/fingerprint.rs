//! The parts of a request, each as a few hashes.

use std::borrow::Cow;
use std::fmt;
use std::hash::{BuildHasher as _, Hasher as _};

use foldhash::quality::FixedState;
use memchr::memmem;

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
        let mut hasher = HASHES.build_hasher();
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

    /// A number for each beginning of the conversation, up to and including each of its parts: a
    /// request that goes on with another has the other's last number among its own. Tools are no part
    /// of it, for they may come and go.
    #[must_use]
    pub fn stations(&self) -> Vec<u64> {
        let parts = self.parts.iter();
        let parts = parts.filter(|part| !matches!(part.place, Place::Tool(_)));
        let numbers = parts.scan(0_u64, |so_far, part| {
            let mut hasher = HASHES.build_hasher();
            hasher.write_u64(*so_far);
            hasher.write_u64(part.content);
            *so_far = hasher.finish();
            Some(*so_far)
        });
        numbers.collect()
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
    let Found {
        tools,
        instructions,
        messages,
    } = Found::read(text).ok()?;
    let tools = tools.into_iter().enumerate();
    let tools = tools.map(|(index, span)| (Place::Tool(index), span));
    let instructions = instructions.into_iter().flatten();
    let instructions = instructions.map(|span| (Place::Instructions, span));
    let messages = messages.into_iter().flatten().next().unwrap_or_default();
    let messages = messages.into_iter().enumerate();
    let messages = messages.map(|(index, span)| (Place::Message(index), span));
    for (place, span) in tools.chain(instructions).chain(messages) {
        if !visit(place, span.of(text)) {
            break;
        }
    }
    Some(())
}

/// Where the parts of a request stand, found in one walk. Of a repeated field the last one counts, and
/// `null` stands for absent.
#[derive(Default)]
struct Found {
    tools: Vec<Span>,
    instructions: [Option<Span>; INSTRUCTIONS.len()],
    messages: [Option<Vec<Span>>; MESSAGES.len()],
}

impl Found {
    fn read(text: &str) -> Result<Self, Malformed> {
        let mut found = Self::default();
        let mut scanner = Scanner::new(text);
        scanner.object(|scanner, name| {
            let is_there = scanner.peek()? != ValueKind::Null;
            let place = |names: &[&str]| names.iter().position(|known| name.is(known));
            if name.is("tools") {
                found.tools = elements(scanner)?;
            } else if let Some(place) = place(&INSTRUCTIONS) {
                found.instructions[place] = Some(scanner.skip()?).filter(|_| is_there);
            } else if let Some(place) = place(&MESSAGES) {
                found.messages[place] = Some(elements(scanner)?).filter(|_| is_there);
            }
            Ok::<(), Malformed>(())
        })?;
        scanner.finish()?;
        Ok(found)
    }
}

/// Where the elements of an array stand; a value that is no array is its own only one, and nothing has
/// none.
fn elements(scanner: &mut Scanner<'_>) -> Result<Vec<Span>, Malformed> {
    match scanner.peek()? {
        ValueKind::Array => {}
        ValueKind::Null => return scanner.skip().map(|_| Vec::new()),
        _ => return Ok(vec![scanner.skip()?]),
    }
    let mut spans = Vec::new();
    scanner.array(|scanner, _| {
        spans.push(scanner.skip()?);
        Ok::<(), Malformed>(())
    })?;
    Ok(spans)
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

/// Hashes are compared within this process only, and only with those of the same conversation: whoever
/// makes two texts meet is told wrong things about prompts of its own.
const HASHES: FixedState = FixedState::with_seed(0);

fn hash(bytes: &[u8]) -> u64 {
    let mut hasher = HASHES.build_hasher();
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
    while let Some(at) = memmem::find(rest.as_bytes(), MARK.as_bytes()) {
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
