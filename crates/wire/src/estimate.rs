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
}

impl Default for Prompt {
    fn default() -> Self {
        Self {
            tokens: PER_PROMPT,
            input: Modalities::TEXT,
            features: Features::default(),
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
    let (mut ascii, mut alphabets, mut east_asian, mut beyond) = (0_u64, 0_u64, 0_u64, 0_u64);
    for byte in text.as_bytes() {
        ascii += u64::from(*byte < 0x80);
        alphabets += u64::from((0xC2..=0xDF).contains(byte));
        east_asian += u64::from((0xE0..=0xEF).contains(byte));
        beyond += u64::from(*byte >= 0xF0);
    }
    ascii.div_ceil(4) + alphabets.div_ceil(2) + east_asian + 2 * beyond
}
