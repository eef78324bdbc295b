//! Callers who speak Chat Completions, where the provider does not: requests into the vocabulary,
//! answers out of it.
//!
//! | file | does |
//! |---|---|
//! | `options.rs` | everything of a request but its messages |
//! | `conversation.rs`, `parts.rs`, `thoughts.rs` | messages, their content, and their reasoning |
//! | `writer.rs`, `chunk.rs` | events → chunks |
//! | `whole.rs` | a whole answer → one object |

mod chunk;
mod conversation;
pub(crate) mod options;
mod parts;
mod thoughts;
mod whole;
mod writer;

pub(crate) use chunk::{citation as annotation, head, push_finish};

use chat::{Error, Kind, Request};
use serde_json::Value;

use super::tap::OpenaiChat;
use crate::codec::{Asked, Inbound, Writer};
use crate::incoming::Incoming;
use crate::tree::Cursor;

impl Inbound for OpenaiChat {
    fn parse(&self, body: &[u8], request: &Incoming) -> Result<Request, Error> {
        let tree: Value = serde_json::from_slice(body).map_err(|error| {
            let message = format!("the request body cannot be read: {error}");
            Error::caller(Kind::InvalidRequest, message)
        })?;
        let top = Cursor::new(&tree);
        let mut parsed = options::read(&top, request)?;
        parsed.messages = conversation::read(&top, &mut parsed.unsaid)?;
        Ok(parsed)
    }

    fn writer(&self, asked: &Asked<'_>) -> Box<dyn Writer> {
        Box::new(writer::Chunks::new(asked))
    }
}
