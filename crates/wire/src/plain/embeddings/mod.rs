//! OpenAI's embeddings, as OpenRouter speaks them to callers: texts, token ids or parts to vectors.
//!
//! | file | does |
//! |---|---|
//! | `request.rs` | a caller's request, checked; its inputs, for those who must rewrite them |
//! | `host.rs` | hosts of the same dialect: bytes are spliced both ways |
//! | `cohere.rs`, `gemini.rs` | the others: written and read anew |
//! | `answer.rs` | vectors → the caller's answer |

mod answer;
mod cohere;
mod gemini;
mod host;
mod request;

use bytes::Bytes;
use chat::Error;

use crate::codec::Door;
use crate::incoming::{Beside, Incoming};
use crate::openai_chat::{KEEP_ALIVE, StreamTap, write_error};
use crate::stamp::Stamp;

pub use cohere::Cohere;
pub use gemini::Gemini;
pub(crate) use gemini::purpose_of_google;
pub use host::Host;

/// The dialect `openai-embeddings`.
#[derive(Debug, Clone, Copy)]
pub struct OpenaiEmbeddings;

impl Door for OpenaiEmbeddings {
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
