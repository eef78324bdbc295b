//! AWS event streams (`application/vnd.amazon.eventstream`): bytes in any split to messages.
//!
//! Source: the Smithy specification, "Amazon Event Stream Specification", as of 2026. A message is
//!
//! ```text
//! total length  u32 ┐
//! headers length u32├ prelude
//! CRC of both   u32 ┘
//! headers       each: name length u8, name, type u8, value
//! payload
//! CRC of all    u32
//! ```
//!
//! with every number in network order. Both checksums are checked: the first before its lengths are
//! believed, so that a broken stream cannot make us wait for gigabytes.

use bytes::{Buf, BufMut, Bytes, BytesMut};

use super::crc::crc32;

/// The most bytes one message may hold before the stream is given up: 24 MiB, which is where AWS's
/// own clients draw the line.
pub const MESSAGE_BYTES_MAX: usize = 24 * 1024 * 1024;

/// The most bytes the headers of one message may hold: 128 KiB, likewise.
pub const HEADER_BYTES_MAX: usize = 128 * 1024;

/// The two lengths and their checksum.
const PRELUDE_BYTES: usize = 12;

/// Everything in a message that is neither header nor payload.
const FIXED_BYTES: usize = PRELUDE_BYTES + 4;

/// One message of a stream.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// In the order in which they were sent.
    pub headers: Vec<Header>,
    /// The payload; in Bedrock's streams a JSON object.
    pub payload: Bytes,
}

/// One header of a message.
#[derive(Debug, Clone, PartialEq)]
pub struct Header {
    /// Its name, such as `:event-type`.
    pub name: Box<str>,
    /// Its value.
    pub value: Value,
}

/// The value of a header.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Types 0 and 1.
    Bool(bool),
    /// Type 2.
    Byte(i8),
    /// Type 3.
    Short(i16),
    /// Type 4.
    Int(i32),
    /// Type 5.
    Long(i64),
    /// Type 6.
    Bytes(Bytes),
    /// Type 7.
    Text(Box<str>),
    /// Type 8: milliseconds since the Unix epoch.
    Timestamp(i64),
    /// Type 9.
    Uuid([u8; 16]),
}

impl Message {
    /// The text of a header; `None` when it is absent or no text.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        let header = self.headers.iter().find(|header| &*header.name == name)?;
        match &header.value {
            Value::Text(text) => Some(text),
            Value::Bool(_)
            | Value::Byte(_)
            | Value::Short(_)
            | Value::Int(_)
            | Value::Long(_)
            | Value::Bytes(_)
            | Value::Timestamp(_)
            | Value::Uuid(_) => None,
        }
    }

    /// What the message is: the type of an event, or of an exception.
    #[must_use]
    pub fn kind(&self) -> Option<&str> {
        self.text(":event-type")
            .or_else(|| self.text(":exception-type"))
            .or_else(|| self.text(":error-code"))
    }

    /// Whether it says that the stream has failed: `:message-type` is `exception` or `error`.
    #[must_use]
    pub fn is_failure(&self) -> bool {
        matches!(self.text(":message-type"), Some("exception" | "error"))
    }

    /// The message as bytes. Names longer than 255 bytes and values longer than 65,535 are cut
    /// short, as the format has no room for them.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        let mut headers = BytesMut::new();
        for header in &self.headers {
            let name = cut(header.name.as_bytes(), usize::from(u8::MAX));
            headers.put_u8(name.len() as u8);
            headers.put_slice(name);
            put_value(&mut headers, &header.value);
        }
        let total = FIXED_BYTES + headers.len() + self.payload.len();
        let mut all = BytesMut::with_capacity(total);
        all.put_u32(u32::try_from(total).unwrap_or(u32::MAX));
        all.put_u32(u32::try_from(headers.len()).unwrap_or(u32::MAX));
        all.put_u32(crc32(&all));
        all.put_slice(&headers);
        all.put_slice(&self.payload);
        all.put_u32(crc32(&all));
        all.freeze()
    }
}

fn cut(bytes: &[u8], most: usize) -> &[u8] {
    &bytes[..bytes.len().min(most)]
}

fn put_value(out: &mut BytesMut, value: &Value) {
    let mut long = |kind: u8, bytes: &[u8]| {
        let bytes = cut(bytes, usize::from(u16::MAX));
        out.put_u8(kind);
        out.put_u16(bytes.len() as u16);
        out.put_slice(bytes);
    };
    match value {
        Value::Bytes(bytes) => long(6, bytes),
        Value::Text(text) => long(7, text.as_bytes()),
        Value::Bool(flag) => out.put_u8(u8::from(!flag)),
        Value::Byte(number) => {
            out.put_u8(2);
            out.put_i8(*number);
        }
        Value::Short(number) => {
            out.put_u8(3);
            out.put_i16(*number);
        }
        Value::Int(number) => {
            out.put_u8(4);
            out.put_i32(*number);
        }
        Value::Long(number) => {
            out.put_u8(5);
            out.put_i64(*number);
        }
        Value::Timestamp(millis) => {
            out.put_u8(8);
            out.put_i64(*millis);
        }
        Value::Uuid(uuid) => {
            out.put_u8(9);
            out.put_slice(uuid);
        }
    }
}

/// Why a stream cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// A message says that it is longer than this many bytes.
    #[error("a message of the event stream is longer than {0} bytes")]
    TooLong(usize),
    /// The lengths contradict each other.
    #[error("a message of the event stream has impossible lengths")]
    Lengths,
    /// The checksum of the lengths does not fit.
    #[error("the prelude checksum of a message of the event stream does not fit")]
    PreludeChecksum,
    /// The checksum of a message does not fit.
    #[error("the checksum of a message of the event stream does not fit")]
    Checksum,
    /// The headers cannot be read.
    #[error("a message of the event stream has malformed headers")]
    Headers,
    /// The stream ended in the middle of a message.
    #[error("the event stream ended in the middle of a message")]
    Truncated,
}

/// Collects bytes and gives messages. Take every message out after each push: what is kept then is
/// less than one message, and never more than the limit.
#[derive(Debug, Clone)]
pub struct Decoder {
    buffer: BytesMut,
    has_ended: bool,
    is_given_up: bool,
    limit: usize,
}

impl Default for Decoder {
    fn default() -> Self {
        Self::with_limit(MESSAGE_BYTES_MAX)
    }
}

impl Decoder {
    /// A decoder with the standard limit.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A decoder that gives up on messages longer than this many bytes.
    #[must_use]
    pub fn with_limit(message_bytes_max: usize) -> Self {
        Self {
            buffer: BytesMut::new(),
            has_ended: false,
            is_given_up: false,
            limit: message_bytes_max,
        }
    }

    /// Takes the next bytes of the body, however they were split.
    pub fn push(&mut self, bytes: &[u8]) {
        if !self.is_given_up {
            self.buffer.extend_from_slice(bytes);
        }
    }

    /// The body has ended: the rest of a message is a mistake from now on.
    pub fn finish(&mut self) {
        self.has_ended = true;
    }

    /// The next complete message, if there is one.
    ///
    /// # Errors
    /// When the stream is malformed; the decoder says nothing else from then on.
    #[expect(
        clippy::should_implement_trait,
        reason = "not an iterator: more may come after None"
    )]
    pub fn next(&mut self) -> Option<Result<Message, Malformed>> {
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

    fn read(&mut self) -> Result<Option<Message>, Malformed> {
        let Some(prelude) = self.buffer.first_chunk::<PRELUDE_BYTES>() else {
            return self.incomplete();
        };
        let (total, header_bytes) = lengths(prelude, self.limit)?;
        if self.buffer.len() < total {
            return self.incomplete();
        }
        let mut message = self.buffer.split_to(total).freeze();
        let checked = total - 4;
        let stated = message.slice(checked..).get_u32();
        message.truncate(checked);
        if crc32(&message) != stated {
            return Err(Malformed::Checksum);
        }
        message.advance(PRELUDE_BYTES);
        let headers = headers(message.split_to(header_bytes)).ok_or(Malformed::Headers)?;
        Ok(Some(Message {
            headers,
            payload: message,
        }))
    }

    fn incomplete(&self) -> Result<Option<Message>, Malformed> {
        if self.has_ended && !self.buffer.is_empty() {
            return Err(Malformed::Truncated);
        }
        Ok(None)
    }
}

/// The lengths of a message and of its headers, once their checksum says that they are right.
fn lengths(prelude: &[u8; PRELUDE_BYTES], limit: usize) -> Result<(usize, usize), Malformed> {
    let mut numbers = &prelude[..];
    let (total, header_bytes) = (numbers.get_u32() as usize, numbers.get_u32() as usize);
    if crc32(&prelude[..8]) != numbers.get_u32() {
        return Err(Malformed::PreludeChecksum);
    }
    if total > limit {
        return Err(Malformed::TooLong(limit));
    }
    let fits = total
        .checked_sub(FIXED_BYTES)
        .is_some_and(|room| header_bytes <= room);
    if !fits || header_bytes > HEADER_BYTES_MAX {
        return Err(Malformed::Lengths);
    }
    Ok((total, header_bytes))
}

fn headers(mut bytes: Bytes) -> Option<Vec<Header>> {
    let mut headers = Vec::new();
    while !bytes.is_empty() {
        let length = usize::from(bytes.get_u8());
        let name = text(&take(&mut bytes, length)?)?;
        let value = value(&mut bytes)?;
        headers.push(Header { name, value });
    }
    Some(headers)
}

fn value(bytes: &mut Bytes) -> Option<Value> {
    Some(match bytes.try_get_u8().ok()? {
        0 => Value::Bool(true),
        1 => Value::Bool(false),
        2 => Value::Byte(bytes.try_get_i8().ok()?),
        3 => Value::Short(bytes.try_get_i16().ok()?),
        4 => Value::Int(bytes.try_get_i32().ok()?),
        5 => Value::Long(bytes.try_get_i64().ok()?),
        6 => Value::Bytes(long(bytes)?),
        7 => Value::Text(text(&long(bytes)?)?),
        8 => Value::Timestamp(bytes.try_get_i64().ok()?),
        9 => Value::Uuid(take(bytes, 16)?.as_ref().try_into().ok()?),
        _ => return None,
    })
}

fn long(bytes: &mut Bytes) -> Option<Bytes> {
    let length = usize::from(bytes.try_get_u16().ok()?);
    take(bytes, length)
}

fn take(bytes: &mut Bytes, length: usize) -> Option<Bytes> {
    (length <= bytes.len()).then(|| bytes.split_to(length))
}

fn text(bytes: &Bytes) -> Option<Box<str>> {
    std::str::from_utf8(bytes).ok().map(Into::into)
}
