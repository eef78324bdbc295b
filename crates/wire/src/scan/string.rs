//! A JSON string where it stands, and what it says.

use std::borrow::Cow;

use super::Span;

/// A string as it stands in the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Text<'a> {
    /// Where it stands, quotes included.
    pub span: Span,
    /// What stands between the quotes, escapes and all.
    pub raw: &'a str,
    /// Whether there is any escape to decode.
    pub has_escapes: bool,
}

impl<'a> Text<'a> {
    /// What the string says. A lone surrogate, which no Rust string can hold, becomes U+FFFD.
    #[must_use]
    pub fn decode(&self) -> Cow<'a, str> {
        if self.has_escapes {
            Cow::Owned(unescape(self.raw))
        } else {
            Cow::Borrowed(self.raw)
        }
    }

    /// Whether the string says exactly this.
    #[must_use]
    pub fn is(&self, other: &str) -> bool {
        if self.has_escapes {
            self.decode() == other
        } else {
            self.raw == other
        }
    }
}

fn unescape(raw: &str) -> String {
    let mut said = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = memchr::memchr(b'\\', rest.as_bytes()) {
        said.push_str(rest.get(..at).unwrap_or(""));
        let escape = rest.as_bytes().get(at + 1).copied().unwrap_or(b'\\');
        let mut length = 2;
        match escape {
            b'b' => said.push('\u{8}'),
            b'f' => said.push('\u{c}'),
            b'n' => said.push('\n'),
            b'r' => said.push('\r'),
            b't' => said.push('\t'),
            b'u' => {
                let (letter, read) = unescape_unicode(rest.get(at..).unwrap_or(""));
                said.push(letter);
                length = read;
            }
            other => said.push(char::from(other)),
        }
        rest = rest.get(at + length..).unwrap_or("");
    }
    said.push_str(rest);
    said
}

/// Reads `\uXXXX`, or a pair of them; says how many bytes that took.
fn unescape_unicode(escape: &str) -> (char, usize) {
    let unit = |at: usize| {
        escape
            .get(at..at + 6)
            .filter(|six| six.starts_with("\\u"))
            .and_then(|six| six.get(2..))
            .and_then(|hex| u32::from_str_radix(hex, 16).ok())
    };
    let first = unit(0).unwrap_or(0xFFFD);
    if (0xD800..0xDC00).contains(&first)
        && let Some(second) = unit(6)
        && (0xDC00..0xE000).contains(&second)
    {
        let code = 0x1_0000 + ((first - 0xD800) << 10) + (second - 0xDC00);
        return (
            char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER),
            12,
        );
    }
    (
        char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER),
        6,
    )
}
