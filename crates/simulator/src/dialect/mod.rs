//! The wire formats the simulator speaks, one module each, and the table of where they are reached.
//!
//! A dialect reads a request into an [`Ask`], and writes an [`Answer`] whole or as a stream of [`Event`]s.
//! What is answered, when it leaves and what goes wrong is decided elsewhere and once for all dialects.

mod anthropic_messages;
mod ask;
mod openai_chat;

use std::sync::Arc;

use bytes::Bytes;
use serde_json::Value;

use crate::answer::Answer;
use crate::ledger::Usage;
use crate::script::Script;

pub(crate) use ask::{Ask, Format, Problem, Tool, ToolRule};

/// One piece of an answer's body that is scheduled as a unit.
pub(crate) struct Event {
    /// The bytes, framing included.
    pub(crate) bytes: Bytes,
    /// Completion tokens that these bytes carry.
    pub(crate) tokens: u64,
    /// The usage that these bytes report.
    pub(crate) usage: Option<Usage>,
    /// Whether the event carries content (only those count for `error=N`).
    pub(crate) is_content: bool,
}

impl Event {
    /// An event that carries nothing countable.
    pub(crate) fn bare(bytes: impl Into<Bytes>) -> Self {
        Self {
            bytes: bytes.into(),
            tokens: 0,
            usage: None,
            is_content: false,
        }
    }
}

/// The events of a streamed answer, made one at a time.
pub(crate) type Events = Box<dyn Iterator<Item = Event> + Send>;

/// An answer on its way to the wire, with everything that shapes it.
pub(crate) struct Rendering {
    pub(crate) ask: Ask,
    pub(crate) answer: Answer,
    pub(crate) script: Arc<Script>,
}

/// One wire format.
pub(crate) trait Dialect: Sync {
    /// Reads a request body.
    fn read(&self, body: &Value) -> Result<Ask, Problem>;
    /// The body of a whole answer.
    fn whole(&self, rendering: &Rendering) -> Vec<u8>;
    /// The events of a streamed answer, the dialect's own ending included unless the script drops it.
    fn stream(&self, rendering: Arc<Rendering>) -> Events;
    /// The body of an error.
    fn error(&self, problem: &Problem) -> Value;
    /// An error as an event of a stream.
    fn error_event(&self, problem: &Problem) -> Event;
    /// An event that is not JSON.
    fn malformed_event(&self) -> Event;
}

/// Every dialect by the path below a persona's root.
const DIALECTS: [(&str, &dyn Dialect); 2] = [
    ("/v1/chat/completions", &openai_chat::OpenaiChat),
    ("/v1/messages", &anthropic_messages::AnthropicMessages),
];

/// The dialect spoken at a path.
pub(crate) fn at_path(path: &str) -> Option<&'static dyn Dialect> {
    DIALECTS
        .iter()
        .find(|(at, _)| *at == path)
        .map(|(_, dialect)| *dialect)
}

/// The dialect whose error shape is used where no dialect is spoken.
pub(crate) fn fallback() -> &'static dyn Dialect {
    &openai_chat::OpenaiChat
}

/// A JSON value as text inside JSON: quoted and escaped, non-ASCII left as it is.
pub(crate) fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}
