//! Reranking as OpenRouter and Cohere spell it: documents in order of relevance to a query.
//!
//! Hosts of the OpenAI dialects and Cohere take nearly the same request, so one file serves both;
//! their answers differ in names and are written anew, sorted, with the documents beside them.
//! Source: section 24.6 of our digest of OpenRouter's API.

mod answer;
mod request;

use bytes::Bytes;
use chat::Error;

use crate::codec::{Asked, Door, Plain, Tap};
use crate::incoming::{Beside, Incoming};
use crate::openai_chat::{KEEP_ALIVE, StreamTap, write_error};
use crate::outgoing::{Outgoing, Written};
use crate::plain::body;
use crate::plain::tap::PlainTap;
use crate::stamp::Stamp;

/// The dialect `rerank`, on both sides.
#[derive(Debug, Clone, Copy)]
pub struct Rerank;

impl Door for Rerank {
    fn read_request(&self, body: &[u8], beside: Beside) -> Result<Incoming, Error> {
        let mut request = request::read(body).map_err(crate::shape::Fault::into_error)?;
        request.beside = beside;
        Ok(request)
    }

    fn sign_of_life(&self, _stamp: &Stamp) -> Bytes {
        Bytes::from_static(KEEP_ALIVE)
    }

    fn error_frame(&self, stamp: &Stamp, error: &Error) -> Bytes {
        StreamTap::new(stamp.clone()).error_frame(error)
    }

    fn write_error(&self, error: &Error, generation: Option<&str>) -> (u16, Bytes) {
        write_error(error, generation)
    }
}

impl Plain for Rerank {
    fn write(&self, asked: (&[u8], &Incoming), to: &Outgoing<'_>) -> Result<Written, Error> {
        body::spliced(asked, to)
    }

    fn tap(&self, asked: &Asked<'_>) -> Box<dyn Tap> {
        Box::new(PlainTap(answer::Ranked::new(asked)))
    }
}
