//! The simulator's token count: simple, the same everywhere, and easy to work out by hand.

/// Tokens a text counts as: one per started group of four UTF-8 bytes, so `""` is 0 and `"hello"` is 2.
#[must_use]
pub fn count_tokens(text: &str) -> u64 {
    (text.len() as u64).div_ceil(BYTES_PER_TOKEN)
}

/// Bytes that make one token.
pub const BYTES_PER_TOKEN: u64 = 4;

/// Tokens every message of a prompt costs on top of its text, for role and borders.
pub const TOKENS_PER_MESSAGE: u64 = 4;

/// Tokens an image, a file or an audio clip in a prompt counts as, whatever its size.
pub const TOKENS_PER_MEDIA: u64 = 85;

/// The largest index not above `index` that is not inside a character.
pub(crate) fn char_border(text: &str, index: usize) -> usize {
    let mut border = index.min(text.len());
    while !text.is_char_boundary(border) {
        border -= 1;
    }
    border
}

/// The tokens of a text, as the simulator counts them.
pub(crate) fn tokens(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let first = rest.chars().next()?;
        let size = first_tokens(rest, 1).len().max(first.len_utf8());
        let (token, after) = rest.split_at(size);
        rest = after;
        Some(token)
    })
}

/// The log probability of every token.
pub(crate) const LOGPROB: f64 = -0.25;

/// The start of `text` that counts as at most `tokens`.
pub(crate) fn first_tokens(text: &str, tokens: u64) -> &str {
    let bytes = usize::try_from(tokens.saturating_mul(BYTES_PER_TOKEN)).unwrap_or(usize::MAX);
    &text[..char_border(text, bytes)]
}
