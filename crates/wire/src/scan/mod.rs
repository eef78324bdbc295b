//! A validating pull scanner over JSON text: one pass, no tree, exact grammar.
//!
//! Readers walk objects and arrays with closures and get *spans*, so that what they do not
//! understand stays bytes. The grammar is that of RFC 8259, accepted exactly where `serde_json`
//! accepts it as raw text: numbers of any size, lone surrogate escapes, no control characters in
//! strings, nesting up to [`DEPTH_MAX`]. Text is checked to be UTF-8 once, by [`text`].

mod scanner;
mod string;

pub use scanner::Scanner;
pub use string::Text;
pub(crate) use string::plain_run;

/// The deepest nesting that is read; the limit `serde_json` has for trees.
pub const DEPTH_MAX: u8 = 127;

/// A range of bytes in the text that was scanned.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Span {
    /// The first byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

impl Span {
    /// The text the span covers; empty when it does not fit the text.
    #[must_use]
    pub fn of(self, text: &str) -> &str {
        text.get(self.start..self.end).unwrap_or("")
    }
}

/// The text is not JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("malformed JSON at byte {at}: expected {expected}")]
pub struct Malformed {
    /// Where, in bytes from the start of the text.
    pub at: usize,
    /// What should have been there.
    pub expected: &'static str,
}

/// What a value is, told from its first byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueKind {
    /// `{…}`
    Object,
    /// `[…]`
    Array,
    /// `"…"`
    String,
    /// A number.
    Number,
    /// `true` or `false`.
    Bool,
    /// `null`
    Null,
}

impl ValueKind {
    /// The kind with its article, for messages.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Object => "an object",
            Self::Array => "an array",
            Self::String => "a string",
            Self::Number => "a number",
            Self::Bool => "a boolean",
            Self::Null => "null",
        }
    }
}

/// The bytes as text.
///
/// # Errors
/// [`Malformed`] at the first byte that is not UTF-8.
pub fn text(bytes: &[u8]) -> Result<&str, Malformed> {
    std::str::from_utf8(bytes).map_err(|error| Malformed {
        at: error.valid_up_to(),
        expected: "UTF-8",
    })
}
