//! Messages on both sides, for whoever relays.

use bytes::Bytes;
use chat::{Error, Request};

use super::events::Answer;
use super::tap::Same;
use super::writer::Telling;
use super::{count, envelope, invoke, parse, request, same, write};
use crate::codec::{Asked, Door, Inbound, Outbound, Reader, Tap, Transparent, Writer};
use crate::incoming::{Beside, Incoming};
use crate::outgoing::{Outgoing, Written};
use crate::stamp::Stamp;

/// The sign of life of this dialect: its clients pass over it.
const PING: &[u8] = b"event: ping\ndata: {\"type\": \"ping\"}\n\n";

/// The dialect `anthropic-messages`.
#[derive(Debug, Clone, Copy)]
pub struct AnthropicMessages;

impl Door for AnthropicMessages {
    fn read_request(&self, body: &[u8], beside: Beside) -> Result<Incoming, Error> {
        request::read_request(body, beside)
    }

    fn sign_of_life(&self, _stamp: &Stamp) -> Bytes {
        Bytes::from_static(PING)
    }

    fn error_frame(&self, stamp: &Stamp, error: &Error) -> Bytes {
        envelope::error_frame(error, &stamp.id).into()
    }

    fn write_error(&self, error: &Error, generation: Option<&str>) -> (u16, Bytes) {
        envelope::write_error(error, generation)
    }
}

impl Inbound for AnthropicMessages {
    fn parse(&self, body: &[u8], request: &Incoming) -> Result<Request, Error> {
        parse::parse(body, request)
    }

    fn writer(&self, asked: &Asked<'_>) -> Box<dyn Writer> {
        Box::new(Telling::new(asked))
    }
}

impl Outbound for AnthropicMessages {
    fn write(&self, request: &Request, to: &Outgoing<'_>) -> Result<Written, Error> {
        write::write(request, to)
    }

    fn own_fields(&self) -> &'static [&'static str] {
        invoke::OWN
    }

    fn reader(&self) -> Box<dyn Reader> {
        Box::new(Answer::default())
    }
}

impl Transparent for AnthropicMessages {
    fn splice(
        &self,
        (body, request): (&[u8], &Incoming),
        to: &Outgoing<'_>,
    ) -> Result<Written, Error> {
        same::write(body, request, to)
    }

    fn tap(&self, asked: &Asked<'_>) -> Box<dyn Tap> {
        Box::new(Same::new(asked))
    }

    fn splice_count(
        &self,
        (body, request): (&[u8], &Incoming),
        to: &Outgoing<'_>,
    ) -> Result<Option<Written>, Error> {
        count::write(body, request, to)
    }

    fn read_count(&self, body: &[u8]) -> Option<u64> {
        count::read(body)
    }
}
