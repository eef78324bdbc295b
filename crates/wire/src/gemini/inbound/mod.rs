//! Callers who speak this dialect, where the provider does not: requests into the vocabulary, answers
//! out of it.
//!
//! | file | does |
//! |---|---|
//! | `options.rs` | everything of a request but its contents |
//! | `schema.rs` | Google's schemas → JSON Schema |
//! | `conversation.rs`, `media.rs` | contents |
//! | `answers.rs`, `parts.rs` | events → answers |

mod answers;
mod conversation;
mod media;
mod options;
mod parts;
mod schema;

use chat::{Error, Kind, Request};
use serde_json::Value;

pub(super) use answers::Answers;

use super::names::to_camel;
use crate::incoming::Incoming;
use crate::tree::Cursor;

/// Reads a request into the vocabulary.
///
/// # Errors
/// The caller's mistake, where only the whole request shows it.
pub(super) fn parse(body: &[u8], request: &Incoming) -> Result<Request, Error> {
    let tree: Value = serde_json::from_slice(body).map_err(|error| {
        let message = format!("the request body cannot be read: {error}");
        Error::caller(Kind::InvalidRequest, message)
    })?;
    let tree = to_camel(tree);
    let top = Cursor::new(&tree);
    let mut parsed = options::read(&top, request)?;
    parsed.messages = conversation::read(&top, &mut parsed.unsaid)?;
    Ok(parsed)
}
