//! JSON objects one after another, in bytes of any split: one per line, or as the elements of one
//! array that arrives in pieces (Gemini's stream when nobody asks for `alt=sse`).
//!
//! An object is given out as soon as its last brace is there. Only braces, brackets and strings are
//! looked at; whether the object is valid JSON is for its reader to say.

use bytes::{Buf, Bytes, BytesMut};

/// The most bytes one object may hold before the stream is given up: 8 MiB.
pub const OBJECT_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Why a stream cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// An object grew beyond the limit, in bytes.
    #[error("an object of the stream is longer than {0} bytes")]
    TooLong(usize),
    /// Something stands between the objects that is neither white space, comma nor bracket.
    #[error("the stream holds something other than JSON objects")]
    NotObjects,
    /// The stream ended in the middle of an object, or before its array was closed.
    #[error("the stream ended in the middle of a JSON value")]
    Truncated,
}

/// Collects bytes and gives objects. Take every object out after each push: what is kept then is
/// less than one object, and never more than the limit.
#[derive(Debug, Clone)]
pub struct Decoder {
    buffer: BytesMut,
    /// How much of the buffer has been looked at.
    searched: usize,
    /// Open braces and brackets of the object at the start of the buffer.
    depth: usize,
    in_string: bool,
    after_backslash: bool,
    in_array: bool,
    has_ended: bool,
    is_given_up: bool,
    limit: usize,
}

impl Default for Decoder {
    fn default() -> Self {
        Self::with_limit(OBJECT_BYTES_MAX)
    }
}

impl Decoder {
    /// A decoder with the standard limit.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A decoder that gives up on objects longer than this many bytes.
    #[must_use]
    pub fn with_limit(object_bytes_max: usize) -> Self {
        Self {
            buffer: BytesMut::new(),
            searched: 0,
            depth: 0,
            in_string: false,
            after_backslash: false,
            in_array: false,
            has_ended: false,
            is_given_up: false,
            limit: object_bytes_max,
        }
    }

    /// Takes the next bytes of the body, however they were split.
    pub fn push(&mut self, bytes: &[u8]) {
        if !self.is_given_up {
            self.buffer.extend_from_slice(bytes);
        }
    }

    /// The body has ended: an object or array that is still open is a mistake from now on.
    pub fn finish(&mut self) {
        self.has_ended = true;
    }

    /// The next complete object, if there is one.
    ///
    /// # Errors
    /// When the stream is malformed; the decoder says nothing else from then on.
    #[expect(
        clippy::should_implement_trait,
        reason = "not an iterator: more may come after None"
    )]
    pub fn next(&mut self) -> Option<Result<Bytes, Malformed>> {
        if self.is_given_up {
            return None;
        }
        let read = self.read();
        if let Err(error) = read {
            self.buffer = BytesMut::new();
            self.is_given_up = true;
            return Some(Err(error));
        }
        read.transpose()
    }

    fn read(&mut self) -> Result<Option<Bytes>, Malformed> {
        if self.depth == 0 && !self.begin()? {
            return self.incomplete();
        }
        while let Some(byte) = self.buffer.get(self.searched).copied() {
            self.searched += 1;
            if self.searched > self.limit {
                return Err(Malformed::TooLong(self.limit));
            }
            self.look_at(byte);
            if self.depth == 0 {
                let object = self.buffer.split_to(self.searched).freeze();
                self.searched = 0;
                return Ok(Some(object));
            }
        }
        self.incomplete()
    }

    /// Skips what stands between objects; whether an object begins then.
    fn begin(&mut self) -> Result<bool, Malformed> {
        while let Some(byte) = self.buffer.first() {
            match byte {
                b'{' => return Ok(true),
                b'[' if !self.in_array => self.in_array = true,
                b']' if self.in_array => self.in_array = false,
                b' ' | b'\t' | b'\r' | b'\n' | b',' => {}
                _ => return Err(Malformed::NotObjects),
            }
            self.buffer.advance(1);
        }
        Ok(false)
    }

    fn look_at(&mut self, byte: u8) {
        if self.after_backslash {
            self.after_backslash = false;
            return;
        }
        match byte {
            b'\\' if self.in_string => self.after_backslash = true,
            b'"' => self.in_string = !self.in_string,
            b'{' | b'[' if !self.in_string => self.depth += 1,
            b'}' | b']' if !self.in_string => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
    }

    fn incomplete(&self) -> Result<Option<Bytes>, Malformed> {
        if self.has_ended && (self.depth > 0 || self.in_array) {
            return Err(Malformed::Truncated);
        }
        Ok(None)
    }
}
