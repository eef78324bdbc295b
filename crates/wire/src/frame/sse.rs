//! Server-sent events: bytes in any split to frames.

use bytes::Bytes;

/// The most bytes one frame may hold before the stream is given up: 8 MiB.
pub const FRAME_BYTES_MAX: usize = 8 * 1024 * 1024;

/// One event of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// The `event:` field, when the sender named the event.
    pub event: Option<Bytes>,
    /// The `data:` lines, joined with line feeds.
    pub data: Bytes,
}

/// A frame grew beyond the limit, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a frame of the stream is longer than {0} bytes")]
pub struct TooLong(pub usize);

/// Collects bytes and gives frames.
#[derive(Debug, Default)]
pub struct Decoder {}

impl Decoder {
    /// A decoder with the standard limit.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A decoder that gives up on frames longer than this many bytes.
    #[must_use]
    pub fn with_limit(_frame_bytes_max: usize) -> Self {
        Self::default()
    }

    /// Takes the next bytes of the body, however they were split.
    pub fn push(&mut self, _bytes: &[u8]) {}

    /// The body has ended: an unterminated last frame becomes available.
    pub fn finish(&mut self) {}

    /// The next complete frame, if there is one. Comments are not frames.
    ///
    /// # Errors
    /// [`TooLong`] when a frame exceeds the limit; the decoder is of no more use then.
    #[expect(
        clippy::should_implement_trait,
        reason = "not an iterator: more may come after None"
    )]
    pub fn next(&mut self) -> Option<Result<Frame, TooLong>> {
        None
    }
}
