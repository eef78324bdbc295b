//! How long a prompt probably is, for those who must know before a provider has counted.
//!
//! No tokenizer fits every model, so prompt tokens are estimated from bytes, in the same pass:
//! one token per 4 ASCII bytes; per 2 letters of other alphabets (Cyrillic, Greek, accents); per
//! Chinese, Japanese or Korean letter; 2 per letter beyond those (emoji); and 4 per message, 3 per
//! prompt. Tools and schemas count as text. An image counts 1,000, a video 10,000, a file 1,000 or
//! one per 32 bytes, sound 100 or one per 3,200 bytes. The estimate only filters endpoints by room
//! and stands in where a provider never counts.

use chat::{Feature, Features, Modalities, Modality};

const PER_MESSAGE: u64 = 4;
const PER_PROMPT: u64 = 3;
const IMAGE: u64 = 1_000;
const VIDEO: u64 = 10_000;
const FILE_LEAST: u64 = 1_000;
const FILE_BYTES_PER_TOKEN: usize = 32;
const AUDIO_LEAST: u64 = 100;
const AUDIO_BYTES_PER_TOKEN: usize = 3_200;

/// What a prompt contains, and how long it probably is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Prompt {
    /// How many tokens it probably is.
    pub(crate) tokens: u64,
    /// What kinds of content it has.
    pub(crate) input: Modalities,
    /// What in it only some dialects can say.
    pub(crate) features: Features,
    /// What only some dialects can say as it is.
    pub(crate) preferred: Features,
}

impl Default for Prompt {
    fn default() -> Self {
        Self {
            tokens: PER_PROMPT,
            input: Modalities::TEXT,
            features: Features::default(),
            preferred: Features::default(),
        }
    }
}

impl Prompt {
    /// A message begins.
    pub(crate) fn add_message(&mut self) {
        self.tokens += PER_MESSAGE;
    }

    /// Text, as it is written in JSON.
    pub(crate) fn add_text(&mut self, raw: &str) {
        self.tokens += estimate(raw);
    }

    /// A picture of whatever size.
    pub(crate) fn add_image(&mut self) {
        self.input.insert(Modality::Image);
        self.tokens += IMAGE;
    }

    /// A film of whatever length.
    pub(crate) fn add_video(&mut self) {
        self.input.insert(Modality::Video);
        self.tokens += VIDEO;
    }

    /// Sound of this many bytes in base64.
    pub(crate) fn add_audio(&mut self, bytes: usize) {
        self.input.insert(Modality::Audio);
        self.tokens += per(bytes, AUDIO_BYTES_PER_TOKEN).max(AUDIO_LEAST);
    }

    /// A document of this many bytes in base64; none where it is somewhere else.
    pub(crate) fn add_file(&mut self, bytes: usize) {
        self.input.insert(Modality::File);
        self.tokens += per(bytes, FILE_BYTES_PER_TOKEN).max(FILE_LEAST);
    }

    /// Where something is, as it is written in JSON; at an address it must be fetched.
    pub(crate) fn add_place(&mut self, url: &str) {
        if url.starts_with("http") {
            self.features.insert(Feature::RemoteMedia);
        }
    }

    /// A part of a kind that nobody here knows: only its own dialect can say it.
    pub(crate) fn add_unknown(&mut self, json: &str) {
        self.features.insert(Feature::NativeContent);
        self.tokens += estimate(json).min(IMAGE);
    }
}

fn per(bytes: usize, divisor: usize) -> u64 {
    u64::try_from(bytes / divisor).unwrap_or(u64::MAX)
}

/// How many tokens a text probably is; escapes count as the bytes they are written with.
pub(crate) fn estimate(text: &str) -> u64 {
    let letters = Letters::of(text);
    letters.ascii.div_ceil(4)
        + letters.alphabets.div_ceil(2)
        + letters.east_asian
        + 2 * letters.beyond
}

/// How many letters of each kind there are in a text, told by their first bytes.
#[derive(Debug, Default, PartialEq, Eq)]
struct Letters {
    ascii: u64,
    alphabets: u64,
    east_asian: u64,
    beyond: u64,
}

/// So many bytes are counted in bytes before the counts are added up: they cannot overflow, and the
/// compiler counts many bytes at once.
const COUNTED_BYTES: usize = 255;

impl Letters {
    fn of(text: &str) -> Self {
        let mut letters = Self::default();
        if text.is_ascii() {
            letters.ascii = text.len() as u64;
            return letters;
        }
        for some in text.as_bytes().chunks(COUNTED_BYTES) {
            letters.add(some);
        }
        letters
    }

    /// Counts up to [`COUNTED_BYTES`].
    fn add(&mut self, some: &[u8]) {
        let (mut ascii, mut alphabets, mut east_asian, mut beyond) = (0_u8, 0_u8, 0_u8, 0_u8);
        for byte in some {
            ascii += u8::from(*byte < 0x80);
            alphabets += u8::from((0xC2..=0xDF).contains(byte));
            east_asian += u8::from((0xE0..=0xEF).contains(byte));
            beyond += u8::from(*byte >= 0xF0);
        }
        self.ascii += u64::from(ascii);
        self.alphabets += u64::from(alphabets);
        self.east_asian += u64::from(east_asian);
        self.beyond += u64::from(beyond);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_counted_by_their_first_bytes_however_long_the_text_is() {
        let one_each = "aяあ😀";
        assert_eq!(estimate(one_each), 1 + 1 + 1 + 2);
        for times in [1_u64, 63, 64, 255, 256, 1_000] {
            let text = one_each.repeat(usize::try_from(times).unwrap());
            let expected = times.div_ceil(4) + times.div_ceil(2) + times + 2 * times;
            assert_eq!(estimate(&text), expected, "{times}");
            let plain = "x".repeat(usize::try_from(times).unwrap());
            assert_eq!(estimate(&plain), times.div_ceil(4));
        }
    }
}
