//! Bytes to frames and back, without meaning.

mod crc;
pub mod eventstream;
pub mod ndjson;
pub mod sse;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::Value;

pub use sse::Frame;

/// How the frames of a stream are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Framing {
    /// Server-sent events.
    Sse,
    /// AWS's binary messages, each with an event of Bedrock's own.
    EventStream,
    /// AWS's binary messages, each with an event of somebody else in base64.
    EventStreamOfBytes,
}

/// Why a stream cannot be read any further.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// A frame is longer than anyone needs.
    #[error(transparent)]
    TooLong(#[from] sse::TooLong),
    /// An AWS message is broken.
    #[error(transparent)]
    EventStream(#[from] eventstream::Malformed),
    /// An AWS message does not hold what it should.
    #[error("a message of the event stream holds no bytes")]
    NoBytes,
}

/// What the name of a frame begins with when an AWS stream reports a failure instead of an event;
/// the kind of failure follows.
pub const EXCEPTION: &str = "exception:";

/// Collects the bytes of a stream and gives its frames, however they are framed.
#[derive(Debug, Clone)]
pub enum Decoder {
    /// Server-sent events.
    Sse(sse::Decoder),
    /// AWS's binary messages.
    EventStream(eventstream::Decoder),
    /// The same around base64.
    EventStreamOfBytes(eventstream::Decoder),
}

impl Decoder {
    /// A decoder for one stream.
    #[must_use]
    pub fn new(framing: Framing) -> Self {
        match framing {
            Framing::Sse => Self::Sse(sse::Decoder::default()),
            Framing::EventStream => Self::EventStream(eventstream::Decoder::default()),
            Framing::EventStreamOfBytes => {
                Self::EventStreamOfBytes(eventstream::Decoder::default())
            }
        }
    }

    /// Takes the next bytes of the body, however they were split.
    pub fn push(&mut self, bytes: &[u8]) {
        match self {
            Self::Sse(decoder) => decoder.push(bytes),
            Self::EventStream(decoder) | Self::EventStreamOfBytes(decoder) => decoder.push(bytes),
        }
    }

    /// The body has ended.
    pub fn finish(&mut self) {
        match self {
            Self::Sse(decoder) => decoder.finish(),
            Self::EventStream(decoder) | Self::EventStreamOfBytes(decoder) => decoder.finish(),
        }
    }

    /// The next complete frame, if there is one. A frame of an AWS stream is named by its kind, and
    /// by [`EXCEPTION`] and its kind where it reports a failure.
    ///
    /// # Errors
    /// When the stream is malformed or a frame too long; nothing more comes then.
    #[expect(
        clippy::should_implement_trait,
        reason = "not an iterator: more may come after None"
    )]
    pub fn next(&mut self) -> Option<Result<Frame, Malformed>> {
        match self {
            Self::Sse(decoder) => Some(decoder.next()?.map_err(Malformed::from)),
            Self::EventStream(decoder) => {
                let message = decoder.next()?.map_err(Malformed::from);
                Some(message.map(|message| named(&message, message.payload.clone())))
            }
            Self::EventStreamOfBytes(decoder) => {
                let message = decoder.next()?.map_err(Malformed::from);
                Some(message.and_then(|message| unwrapped(&message)))
            }
        }
    }
}

fn named(message: &eventstream::Message, data: Bytes) -> Frame {
    let kind = message.kind().unwrap_or_default();
    let event = match message.is_failure() {
        true => format!("{EXCEPTION}{kind}").into(),
        false => Bytes::copy_from_slice(kind.as_bytes()),
    };
    Frame {
        event: Some(event),
        data,
    }
}

/// What InvokeModel puts into its messages: `{"bytes":"…","p":"…"}`.
fn unwrapped(message: &eventstream::Message) -> Result<Frame, Malformed> {
    if message.is_failure() {
        return Ok(named(message, message.payload.clone()));
    }
    let json: Value = serde_json::from_slice(&message.payload).map_err(|_| Malformed::NoBytes)?;
    let bytes = json.get("bytes").and_then(Value::as_str);
    let data = bytes.and_then(|bytes| STANDARD.decode(bytes).ok());
    let data = data.ok_or(Malformed::NoBytes)?;
    Ok(Frame {
        event: None,
        data: data.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: &str, payload: &str, name: &str) -> Bytes {
        let text = |name: &str, value: &str| eventstream::Header {
            name: name.into(),
            value: eventstream::Value::Text(value.into()),
        };
        let headers = vec![text(":message-type", kind), text(name, "chunk")];
        let payload = Bytes::copy_from_slice(payload.as_bytes());
        eventstream::Message { headers, payload }.encode()
    }

    #[test]
    fn bytes_in_messages_are_unwrapped_and_failures_are_named() {
        let mut decoder = Decoder::new(Framing::EventStreamOfBytes);
        decoder.push(&message(
            "event",
            r#"{"bytes":"eyJhIjoxfQ=="}"#,
            ":event-type",
        ));
        decoder.push(&message(
            "exception",
            r#"{"message":"no"}"#,
            ":exception-type",
        ));
        decoder.push(&message("event", r#"{"no":1}"#, ":event-type"));
        let first = decoder.next().unwrap().unwrap();
        assert_eq!((first.event, &*first.data), (None, &b"{\"a\":1}"[..]));
        let second = decoder.next().unwrap().unwrap();
        assert_eq!(second.event.as_deref(), Some(&b"exception:chunk"[..]));
        assert_eq!(decoder.next(), Some(Err(Malformed::NoBytes)));
    }
}
