//! OpenAI's legacy text completions: callers only. The prompt is what a user says, and the answer is
//! what the model says to it, so that every provider of conversations can serve it.
//!
//! One prompt makes one call. What has no meaning in a conversation (`suffix`, `best_of`, several
//! prompts, token ids) is refused with the field's name.
//!
//! | file | does |
//! |---|---|
//! | `request.rs` | a caller's request, checked, and as a conversation |
//! | `writer.rs` | events → `text_completion` chunks and answers |

mod request;
mod writer;

use bytes::Bytes;
use chat::{Error, Request};

use crate::codec::{Asked, Door, Inbound, Writer};
use crate::incoming::{Beside, Incoming};
use crate::openai_chat::{KEEP_ALIVE, write_error};
use crate::shape::Fault;
use crate::stamp::Stamp;

/// The dialect `openai-completions`.
#[derive(Debug, Clone, Copy)]
pub struct OpenaiCompletions;

impl Door for OpenaiCompletions {
    fn read_request(&self, body: &[u8], beside: Beside) -> Result<Incoming, Error> {
        let mut request = request::read(body).map_err(Fault::into_error)?;
        request.beside = beside;
        Ok(request)
    }

    fn sign_of_life(&self, _stamp: &Stamp) -> Bytes {
        Bytes::from_static(KEEP_ALIVE)
    }

    fn error_frame(&self, stamp: &Stamp, error: &Error) -> Bytes {
        writer::error_frame(stamp, error).into()
    }

    fn write_error(&self, error: &Error, generation: Option<&str>) -> (u16, Bytes) {
        write_error(error, generation)
    }
}

impl Inbound for OpenaiCompletions {
    fn parse(&self, body: &[u8], request: &Incoming) -> Result<Request, Error> {
        request::parse(body, request)
    }

    fn writer(&self, asked: &Asked<'_>) -> Box<dyn Writer> {
        Box::new(writer::Texts::new(asked))
    }
}
