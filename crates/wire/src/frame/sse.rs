//! Server-sent events: bytes in any split to frames.
//!
//! Source: WHATWG HTML, "Server-sent events", as of 2026. Two deliberate differences: an unterminated
//! last frame is given out at the end of the body (providers forget the final blank line), and
//! `id:` and `retry:` are ignored (nobody reconnects to a completion).

use bytes::{Buf, Bytes, BytesMut};

/// The most bytes one frame may hold before the stream is given up: 8 MiB.
pub const FRAME_BYTES_MAX: usize = 8 * 1024 * 1024;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

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

/// Collects bytes and gives frames. Take every frame out after each push: what is kept then is less
/// than one frame, and never more than the limit.
#[derive(Debug, Clone)]
pub struct Decoder {
    buffer: BytesMut,
    /// How much of the buffer has no line end in it.
    searched: usize,
    /// The last line ended in CR, so an LF that comes next belongs to it.
    after_return: bool,
    at_start: bool,
    has_ended: bool,
    is_given_up: bool,
    event: Option<Bytes>,
    data: Option<Data>,
    limit: usize,
}

/// The data lines of a frame so far. One line is the rule and needs no copy.
#[derive(Debug, Clone)]
enum Data {
    One(Bytes),
    Many(BytesMut),
}

impl Data {
    fn len(&self) -> usize {
        match self {
            Self::One(line) => line.len(),
            Self::Many(lines) => lines.len(),
        }
    }
}

impl Default for Decoder {
    fn default() -> Self {
        Self::with_limit(FRAME_BYTES_MAX)
    }
}

impl Decoder {
    /// A decoder with the standard limit.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A decoder that gives up on frames longer than this many bytes.
    #[must_use]
    pub fn with_limit(frame_bytes_max: usize) -> Self {
        Self {
            buffer: BytesMut::new(),
            searched: 0,
            after_return: false,
            at_start: true,
            has_ended: false,
            is_given_up: false,
            event: None,
            data: None,
            limit: frame_bytes_max,
        }
    }

    /// Takes the next bytes of the body, however they were split.
    pub fn push(&mut self, bytes: &[u8]) {
        if !self.is_given_up {
            self.buffer.extend_from_slice(bytes);
        }
    }

    /// The body has ended: an unterminated last frame becomes available.
    pub fn finish(&mut self) {
        self.has_ended = true;
    }

    /// The next complete frame, if there is one. Comments are not frames.
    ///
    /// # Errors
    /// [`TooLong`] when a frame exceeds the limit; the decoder says nothing else from then on.
    #[expect(
        clippy::should_implement_trait,
        reason = "not an iterator: more may come after None"
    )]
    pub fn next(&mut self) -> Option<Result<Frame, TooLong>> {
        if self.is_given_up {
            return None;
        }
        loop {
            let held = self.data.as_ref().map_or(0, Data::len);
            let line = self.line();
            let more = line.as_ref().map_or(self.searched, Bytes::len);
            if held.saturating_add(more) > self.limit {
                self.buffer = BytesMut::new();
                self.data = None;
                self.is_given_up = true;
                return Some(Err(TooLong(self.limit)));
            }
            match line {
                Some(line) if line.is_empty() => {
                    if let Some(frame) = self.dispatch() {
                        return Some(Ok(frame));
                    }
                }
                Some(line) => self.field(&line),
                None if self.has_ended => return self.dispatch().map(Ok),
                None => return None,
            }
        }
    }

    /// Takes one line without its end.
    fn line(&mut self) -> Option<Bytes> {
        if self.at_start {
            if self.buffer.starts_with(BYTE_ORDER_MARK) {
                self.buffer.advance(BYTE_ORDER_MARK.len());
            } else if BYTE_ORDER_MARK.starts_with(&self.buffer) && !self.has_ended {
                return None;
            }
            self.at_start = false;
        }
        if self.after_return && !self.buffer.is_empty() {
            self.after_return = false;
            if self.buffer.first() == Some(&b'\n') {
                self.buffer.advance(1);
            }
        }
        let unsearched = self.buffer.get(self.searched..).unwrap_or_default();
        let Some(found) = memchr::memchr2(b'\n', b'\r', unsearched) else {
            self.searched = self.buffer.len();
            if !self.has_ended || self.buffer.is_empty() {
                return None;
            }
            self.searched = 0;
            return Some(self.buffer.split().freeze());
        };
        let line = self.buffer.split_to(self.searched + found).freeze();
        self.after_return = self.buffer.first() == Some(&b'\r');
        self.buffer.advance(1);
        self.searched = 0;
        Some(line)
    }

    fn field(&mut self, line: &Bytes) {
        let colon = memchr::memchr(b':', line).unwrap_or(line.len());
        let mut value = line.slice((colon + 1).min(line.len())..);
        if value.first() == Some(&b' ') {
            value.advance(1);
        }
        match line.get(..colon) {
            Some(b"data") => self.add_data(value),
            Some(b"event") => self.event = Some(value),
            _ => {}
        }
    }

    fn add_data(&mut self, line: Bytes) {
        self.data = Some(match self.data.take() {
            None => Data::One(line),
            Some(Data::One(first)) => {
                let mut lines = BytesMut::with_capacity(first.len() + 1 + line.len());
                lines.extend_from_slice(&first);
                Data::Many(join(lines, &line))
            }
            Some(Data::Many(lines)) => Data::Many(join(lines, &line)),
        });
    }

    fn dispatch(&mut self) -> Option<Frame> {
        let event = self.event.take();
        let data = match self.data.take()? {
            Data::One(line) => line,
            Data::Many(lines) => lines.freeze(),
        };
        Some(Frame { event, data })
    }
}

fn join(mut lines: BytesMut, line: &[u8]) -> BytesMut {
    lines.extend_from_slice(b"\n");
    lines.extend_from_slice(line);
    lines
}
