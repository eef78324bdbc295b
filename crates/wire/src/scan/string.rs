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
    /// The string at a span that was scanned before; `None` when the span does not fit the text.
    pub(crate) fn within(text: &'a str, span: Span, has_escapes: bool) -> Option<Self> {
        let raw = text.get(span.start.checked_add(1)?..span.end.checked_sub(1)?)?;
        Some(Self {
            span,
            raw,
            has_escapes,
        })
    }

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

/// Eight times the same byte.
const fn eight(byte: u8) -> u64 {
    u64::from_ne_bytes([byte; 8])
}

/// So many bytes are looked at one by one, as it were; further on a search over long runs is faster.
const NEAR_BYTES: usize = 32;

/// How many bytes at the start of `rest` are plain text in a string for certain: neither its end nor an
/// escape nor a control character. Most strings are names and end here.
pub(super) fn plain_bytes(rest: &[u8]) -> usize {
    let (words, _) = rest.as_chunks::<8>();
    plain_words(words.get(..NEAR_BYTES / 8).unwrap_or(words))
}

/// How many bytes at the start of a text can stand in a JSON string as they are.
pub(crate) fn plain_run(text: &[u8]) -> usize {
    let (words, rest) = text.as_chunks::<8>();
    let plain = plain_words(words);
    if plain < text.len() - rest.len() {
        return plain;
    }
    let is_odd = |byte: &u8| matches!(*byte, b'"' | b'\\') || *byte < b' ';
    plain + rest.iter().position(is_odd).unwrap_or(rest.len())
}

/// Eight bytes are looked at in one word: taking a byte's worth from each byte leaves the top bit set
/// where it was smaller, and the lowest of those is never a mistake (a borrow only goes upwards).
fn plain_words(words: &[[u8; 8]]) -> usize {
    let below = |word: u64, byte: u8| word.wrapping_sub(eight(byte)) & !word & eight(0x80);
    let mut plain = 0;
    for word in words {
        let word = u64::from_le_bytes(*word);
        let is_end = below(word ^ eight(b'"'), 1);
        let is_escape = below(word ^ eight(b'\\'), 1);
        let found = is_end | is_escape | below(word, b' ');
        if found != 0 {
            // A position within a word.
            return plain + usize::try_from(found.trailing_zeros() / 8).unwrap_or(0);
        }
        plain += 8;
    }
    plain
}

/// Whether there is a control character, without early exit, so that the compiler can look at many words
/// at once.
pub(super) fn has_controls(text: &[u8]) -> bool {
    let (words, rest) = text.as_chunks::<8>();
    let found = words.iter().fold(0, |found, word| {
        let word = u64::from_le_bytes(*word);
        found | (word.wrapping_sub(eight(b' ')) & !word & eight(0x80))
    });
    found != 0 || rest.iter().any(|byte| *byte < b' ')
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_run_is_as_long_as_it_can_be() {
        for odd in [0, 0x1f, b'"', b'\\'] {
            for length in 0..=40 {
                let mut text = vec![b'x'; length];
                assert_eq!(plain_run(&text), length);
                text.push(odd);
                text.extend_from_slice(b"yyy\"");
                assert_eq!(plain_run(&text), length, "{odd:#x} at {length}");
            }
        }
        assert_eq!(plain_run("ä\u{7f} [€]".as_bytes()), "ä\u{7f} [€]".len());
    }

    #[test]
    fn a_control_character_is_found_wherever_it_is() {
        for odd in [0, 1, b'\n', 0x1f] {
            for at in 0..=40 {
                let mut text = vec![0xff; 41];
                assert!(!has_controls(&text));
                text[at] = odd;
                assert!(has_controls(&text), "{odd:#x} at {at}");
                text[at] = b' ';
                assert!(!has_controls(&text));
            }
        }
    }

    #[test]
    fn plain_text_ends_at_the_first_byte_that_is_not() {
        for odd in [0, 0x1f, b'"', b'\\'] {
            for at in 0..=40 {
                let mut text = vec![b'x'; 48];
                text[at] = odd;
                text[at + 1..].fill(b'"');
                let expected = at.min(NEAR_BYTES);
                assert_eq!(plain_bytes(&text), expected, "{odd:#x} at {at}");
            }
        }
        for plain in [b' ', b'!', b'#', b'[', b']', 0x7f, 0x80, 0xff] {
            assert_eq!(plain_bytes(&[plain; 48]), NEAR_BYTES, "{plain:#x}");
            assert_eq!(plain_bytes(&[plain; 7]), 0, "less than a word");
        }
    }
}
