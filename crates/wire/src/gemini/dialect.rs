//! `generateContent` as a dialect, on both sides.

use bytes::Bytes;
use chat::{Error, Request};

use super::frames::Frames;
use super::{count, envelope, inbound, outbound, request, same, splice};
use crate::codec::{Asked, Door, Inbound, Outbound, Reader, Tap, Transparent, Writer};
use crate::incoming::{Beside, Incoming};
use crate::outgoing::{Outgoing, Written};
use crate::stamp::Stamp;

/// The dialect `gemini`, at one of its two doors.
#[derive(Debug, Clone, Copy)]
pub struct Gemini {
    is_array: bool,
}

impl Gemini {
    /// Streams are server-sent events (`alt=sse`).
    pub const EVENTS: Self = Self { is_array: false };
    /// Streams are one JSON array.
    pub const ARRAY: Self = Self { is_array: true };
}

impl Door for Gemini {
    fn read_request(&self, body: &[u8], beside: Beside) -> Result<Incoming, Error> {
        request::read_request(body, beside)
    }

    /// Blank lines: they are nothing between events, and nothing between the elements of an array.
    /// A comment is not: Google's own clients take any line for JSON.
    fn sign_of_life(&self, _stamp: &Stamp) -> Bytes {
        Bytes::from_static(b"\n\n")
    }

    fn error_frame(&self, _stamp: &Stamp, error: &Error) -> Bytes {
        let mut out = String::new();
        let mut frames = Frames::new(self.is_array);
        frames.push(&envelope::stream_error(error), &mut out);
        frames.close(&mut out);
        out.into()
    }

    fn write_error(&self, error: &Error, generation: Option<&str>) -> (u16, Bytes) {
        envelope::write_error(error, generation)
    }

    fn stream_type(&self, request: &Incoming) -> &'static str {
        match request.beside.as_array {
            true => "application/json",
            false => "text/event-stream",
        }
    }

    fn write_count(&self, tokens: u64) -> Bytes {
        count::write(tokens)
    }
}

impl Inbound for Gemini {
    fn parse(&self, body: &[u8], request: &Incoming) -> Result<Request, Error> {
        inbound::parse(body, request)
    }

    fn writer(&self, asked: &Asked<'_>) -> Box<dyn Writer> {
        Box::new(inbound::Answers::new(asked))
    }
}

impl Outbound for Gemini {
    fn write(&self, request: &Request, to: &Outgoing<'_>) -> Result<Written, Error> {
        outbound::write(request, to)
    }

    fn reader(&self) -> Box<dyn Reader> {
        Box::new(outbound::Answer::default())
    }
}

impl Transparent for Gemini {
    fn splice(
        &self,
        (body, request): (&[u8], &Incoming),
        to: &Outgoing<'_>,
    ) -> Result<Written, Error> {
        Ok(splice::write_request(body, request, to))
    }

    fn tap(&self, asked: &Asked<'_>) -> Box<dyn Tap> {
        Box::new(same::Same::new(asked))
    }

    fn splice_count(
        &self,
        asked: (&[u8], &Incoming),
        to: &Outgoing<'_>,
    ) -> Result<Option<Written>, Error> {
        Ok(count::splice(asked, to))
    }

    fn read_count(&self, body: &[u8]) -> Option<u64> {
        count::read(body)
    }
}
