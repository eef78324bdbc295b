//! `[cache]`: how much of answers may be kept to be told again.

use super::reader::Reader;

/// How much the response cache may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CacheBounds {
    /// All answers together, bytes; 0 keeps none.
    pub bytes_max: usize,
    /// One answer, bytes; what is longer is not kept.
    pub answer_bytes_max: usize,
}

/// Reads `[cache]`.
pub(super) fn cache(reader: &mut Reader<'_>) -> CacheBounds {
    let mut section = reader.section("cache");
    let mut bytes = |key: &'static str, default, range| {
        usize::try_from(section.integer(key, default, range)).unwrap_or(usize::MAX)
    };
    let bounds = CacheBounds {
        bytes_max: bytes("bytes_max", 64 << 20, 0..=1 << 40),
        answer_bytes_max: bytes("answer_bytes_max", 4 << 20, 1024..=1 << 30),
    };
    section.finish();
    bounds
}
