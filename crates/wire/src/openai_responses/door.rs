//! The dialect `openai-responses`, on all of its sides.

use bytes::Bytes;
use chat::{Error, Request};

use super::reader::ResponsesReader;
use super::shell::{self, Echo};
use super::tap::Same;
use super::writer::ResponsesWriter;
use super::{envelope, parse, request, splice, write};
use crate::codec::{Asked, Door, Inbound, Outbound, Reader, Tap, Transparent, Writer};
use crate::incoming::{Beside, Incoming};
use crate::openai_chat::OF_OPENAI;
use crate::outgoing::{Outgoing, Written};
use crate::stamp::Stamp;

/// The dialect `openai-responses`.
#[derive(Debug, Clone, Copy)]
pub struct OpenaiResponses;

impl Door for OpenaiResponses {
    fn read_request(&self, body: &[u8], beside: Beside) -> Result<Incoming, Error> {
        let mut request = request::read_request(body)?;
        request.beside = beside;
        Ok(request)
    }

    /// An event with data: the idle timers of this dialect's clients do not hear comments.
    fn sign_of_life(&self, stamp: &Stamp) -> Bytes {
        let mut out = String::new();
        let echo = Echo::empty();
        match stamp.sequence.open_by_sign() {
            true => shell::write_opening(stamp, &echo, &mut out),
            false => shell::write_progress(stamp, &echo, &mut out),
        }
        out.into()
    }

    fn error_frame(&self, stamp: &Stamp, error: &Error) -> Bytes {
        let (mut out, echo) = (String::new(), Echo::empty());
        if stamp.sequence.open_by_sign() {
            shell::write_opening(stamp, &echo, &mut out);
        }
        shell::write_failure(stamp, &echo, error, &mut out);
        out.into()
    }

    fn write_error(&self, error: &Error, generation: Option<&str>) -> (u16, Bytes) {
        envelope::write_error(error, generation)
    }

    fn instead_of_error(&self, stamp: &Stamp, error: &Error) -> Option<Bytes> {
        let echo = Echo::empty();
        envelope::is_cut(error.kind)
            .then(|| shell::response(stamp, &echo, shell::of_error(error), ("", "null")).into())
    }
}

impl Inbound for OpenaiResponses {
    fn parse(&self, body: &[u8], request: &Incoming) -> Result<Request, Error> {
        parse::parse(body, request)
    }

    fn writer(&self, asked: &Asked<'_>) -> Box<dyn Writer> {
        Box::new(ResponsesWriter::new(asked))
    }
}

impl Outbound for OpenaiResponses {
    fn write(&self, request: &Request, to: &Outgoing<'_>) -> Result<Written, Error> {
        write::write(request, to)
    }

    fn own_fields(&self) -> &'static [&'static str] {
        OF_OPENAI
    }

    fn reader(&self) -> Box<dyn Reader> {
        Box::new(ResponsesReader::default())
    }
}

impl Transparent for OpenaiResponses {
    fn splice(
        &self,
        (body, request): (&[u8], &Incoming),
        to: &Outgoing<'_>,
    ) -> Result<Written, Error> {
        Ok(splice::write_request(body, request, to))
    }

    fn tap(&self, asked: &Asked<'_>) -> Box<dyn Tap> {
        Box::new(Same::new(asked))
    }
}
