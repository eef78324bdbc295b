//! The wire formats the simulator speaks, one module each.
//!
//! A dialect reads a request into an [`Ask`], and writes an [`Answer`] whole or as a stream of [`Event`]s.
//! What is answered, when it leaves and what goes wrong is decided elsewhere and once for all dialects.
//! Where each is reached is the table in `paths`.

mod anthropic_messages;
mod ask;
mod azure_openai;
mod bedrock_converse;
mod bedrock_error;
mod cited;
mod cohere;
mod embeddings;
mod frames;
mod gemini;
mod lists;
mod openai_chat;
mod openai_completions;
mod openai_responses;
mod paths;
mod problem;
mod received;
mod rerank;
mod weight;

use std::sync::Arc;

use bytes::Bytes;
use serde_json::Value;

use crate::answer::Answer;
use crate::cache::Prompt;
use crate::ledger::Usage;
use crate::script::Script;

pub(crate) use ask::{Ask, Format, Tool, ToolRule};
pub(crate) use cited::Cited;
pub(crate) use paths::{Act, Gate, Route, nearest, route};
pub(crate) use problem::Problem;
pub(crate) use received::{Made, Received};

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

    /// The same event, carrying content of so many tokens.
    pub(crate) fn carrying(self, tokens: u64) -> Self {
        Self {
            tokens,
            is_content: true,
            ..self
        }
    }

    /// The same event, reporting this usage.
    pub(crate) fn reporting(self, usage: Option<Usage>) -> Self {
        Self { usage, ..self }
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

impl Rendering {
    /// The usage as it is reported, or `None` where the script leaves it out.
    pub(crate) fn usage(&self) -> Option<Usage> {
        let answer = &self.answer;
        self.script.content.usage.reported(answer.usage)
    }
}

/// How a stream is framed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    /// Server-sent events.
    Sse,
    /// AWS's binary event stream.
    EventStream,
    /// One JSON array whose items arrive one by one.
    JsonArray,
}

/// One wire format.
pub(crate) trait Dialect: Sync {
    /// Reads a request body.
    fn read(&self, received: &Received<'_>) -> Result<Ask, Problem>;
    /// The prompt as the dialect's cache sees it; `None` where nothing is cached.
    fn prompt(&self, body: &Value) -> Option<Prompt>;
    /// The body of a whole answer.
    fn whole(&self, rendering: &Rendering) -> Vec<u8>;
    /// The events of a streamed answer, the dialect's own ending included unless the script drops it.
    fn stream(&self, rendering: Arc<Rendering>) -> Events;
    /// The body of an error.
    fn error(&self, problem: &Problem) -> Value;
    /// An error as an event of a stream, after so many events.
    fn error_event(&self, problem: &Problem, after: u64) -> Event;
    /// An event that is not JSON.
    fn malformed_event(&self) -> Event;
    /// How streams are framed.
    fn framing(&self) -> Framing {
        Framing::Sse
    }
    /// A header that an error carries beside its body.
    fn error_header(&self, _problem: &Problem) -> Option<(&'static str, String)> {
        None
    }
    /// The answer to a call without a valid key.
    fn denied(&self) -> Problem {
        Problem::new(401, "Incorrect API key provided (simulated).").with_code("invalid_api_key")
    }
}

/// A JSON value as text inside JSON: quoted and escaped, non-ASCII left as it is.
pub(crate) fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}
