//! What a simulated provider is told to do with a call: one plain value, written by hand, as text or as JSON.

mod grammar;
mod item;
mod raw;
mod shelf;

use std::time::Duration;

use crate::ledger::Usage;

pub use grammar::{GRAMMAR, GrammarRow};
pub use item::ScriptError;
pub use raw::Raw;
pub(crate) use raw::order_from_json;
pub(crate) use shelf::Shelf;

/// How a call is answered. The default answers plainly, at full speed, one socket write per chunk.
///
/// Written as text (`"delay=200ms,chunks=100"`) it is parsed by [`Script::parse`]; [`GRAMMAR`] lists every word.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Script {
    /// What the ledger calls this script; the text itself when it was parsed from text.
    pub label: String,
    /// When the bytes leave.
    pub pace: Pace,
    /// What the answer says.
    pub content: Content,
    /// What goes wrong.
    pub trouble: Trouble,
    /// An exact answer that replaces everything the simulator would have said.
    pub raw: Option<Raw>,
    /// Acts on every Nth call only (1 and 0: on every call); the calls between are answered plainly.
    pub every: u64,
}

/// When the bytes of an answer leave, and in which pieces.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pace {
    /// Wait before the status line.
    pub delay: Duration,
    /// Wait between the headers and the first byte of the body.
    pub first_token: Duration,
    /// Wait between two events of a stream.
    pub gap: Duration,
    /// Most bytes per socket write; `None` writes an event at a time.
    pub write: Option<usize>,
    /// Exact sizes of the first socket writes, in bytes; `write` rules after the last one.
    pub writes: Vec<usize>,
    /// Wait between two socket writes inside one event.
    pub write_gap: Duration,
    /// Ends a socket write after the first byte of every multi-byte character.
    pub split_utf8: bool,
    /// Lets several chunks share a socket write.
    pub burst: bool,
    /// Sends an SSE comment each time this long a wait has passed without an event.
    pub comment: Option<Duration>,
}

/// What an answer says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Content {
    /// Streamed pieces of the text; `None` makes one per token.
    pub chunks: Option<usize>,
    /// Length of the text in tokens of four bytes.
    pub tokens: Option<u64>,
    /// The text itself, instead of the simulated sentence.
    pub text: Option<String>,
    /// Adds characters of two, three and four bytes to the text.
    pub utf8: bool,
    /// How many tools are called, when the request offers any; 0 forbids it, `None` obeys `tool_choice`.
    pub tools: Option<usize>,
    /// The arguments of every tool call, instead of ones that fit the tool's schema.
    pub arguments: Option<String>,
    /// Tokens of reasoning before the answer.
    pub reasoning: Option<u64>,
    /// The field reasoning is shown in (`reasoning_content` unless told; `none` counts it without showing it).
    pub reasoning_field: Option<String>,
    /// Prompt tokens reported as read from a cache, at most the prompt; `None` asks the simulated cache.
    pub cached: Option<u64>,
    /// Prompt tokens reported as written to a cache; `None` asks the simulated cache.
    pub cache_written: Option<u64>,
    /// Fewest tokens of a prompt's beginning that the simulated cache holds (1024 unless told).
    pub cache_min: Option<u64>,
    /// A thinking block that is redacted, in dialects that have it.
    pub redacted: bool,
    /// Refuses to answer, in the dialect's own way.
    pub refusal: bool,
    /// An answer without any content.
    pub empty: bool,
    /// The finish reason.
    pub finish: FinishRule,
    /// The model name in the answer, instead of the one asked for.
    pub served_model: Option<String>,
    /// One single event that carries this many bytes of text.
    pub huge: Option<usize>,
    /// How usage is reported.
    pub usage: UsageRule,
}

/// Which finish reason an answer gives.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum FinishRule {
    /// The true one.
    #[default]
    True,
    /// None at all.
    Missing,
    /// This one, in the provider's own words.
    Exactly(String),
}

/// When usage is reported, and how truthfully.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UsageRule {
    /// When.
    pub when: UsageWhen,
    /// Thousandths by which every reported count is multiplied, rounded down; `None` tells the truth.
    pub permille: Option<u64>,
}

impl UsageRule {
    /// A usage as it is reported: true, wrong by the factor, or left out.
    pub(crate) fn reported(&self, usage: Usage) -> Option<Usage> {
        (self.when != UsageWhen::Missing).then(|| self.scaled(usage))
    }

    /// A usage multiplied by the factor.
    pub(crate) fn scaled(&self, usage: Usage) -> Usage {
        let Some(permille) = self.permille else {
            return usage;
        };
        let scaled = |count: u64| count.saturating_mul(permille) / 1000;
        Usage {
            prompt: scaled(usage.prompt),
            completion: scaled(usage.completion),
            cached: scaled(usage.cached),
            cache_written: scaled(usage.cache_written),
            cache_written_one_hour: scaled(usage.cache_written_one_hour),
            reasoning: scaled(usage.reasoning),
        }
    }
}

/// When usage is reported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UsageWhen {
    /// As the dialect has it: in a stream, only when the request asks.
    #[default]
    Asked,
    /// Never, not even in a whole answer.
    Missing,
    /// On every chunk of a stream, as a running count.
    EveryChunk,
    /// In a chunk of its own, asked for or not.
    Always,
    /// On the chunk that carries the finish reason, asked for or not.
    OnFinish,
}

/// What goes wrong with an answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Trouble {
    /// The HTTP status; 400 and above come with an error body in the dialect's shape.
    pub status: Option<u16>,
    /// The `retry-after` header, as it stands.
    pub retry_after: Option<String>,
    /// `error.code` of an error body.
    pub code: Option<String>,
    /// `error.message` of an error body.
    pub message: Option<String>,
    /// More response headers.
    pub headers: Vec<(String, String)>,
    /// Request fields that are refused with 400, and roles as `role:developer`.
    pub refuses: Vec<String>,
    /// An error event instead of this content event of a stream (0: the first); the stream ends there.
    pub error_at: Option<u64>,
    /// Status 200 and an error inside.
    pub error_200: Option<Error200>,
    /// Broken JSON: one extra event of a stream, or the whole body.
    pub malformed: bool,
    /// Tool-call arguments that stop half-way, while the rest of the answer goes on as if all were well.
    pub unclosed_tool: bool,
    /// No `[DONE]`, or whatever the dialect ends with.
    pub no_done: bool,
    /// `\r\n` at the ends of a stream's lines.
    pub crlf: bool,
    /// Where the answer breaks off.
    pub cut: Option<Cut>,
    /// Where the answer falls silent for good.
    pub hang: Option<Hang>,
}

/// How a 200 carries an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error200 {
    /// As the form that was asked for: a JSON body, or the first event of a stream.
    AsAsked,
    /// As a JSON body, even when a stream was asked for.
    Json,
}

/// Where and how an answer breaks off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    /// Body bytes that still leave; `None` breaks off before the status line.
    pub at: Option<u64>,
    /// How.
    pub how: Sever,
}

/// How an answer breaks off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sever {
    /// The body ends properly, only too early.
    Clean,
    /// The connection is closed (FIN) in the middle of the body.
    Abort,
    /// The connection is reset (RST) in the middle of the body.
    Reset,
}

/// Where an answer falls silent, with the connection left open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hang {
    /// Before the status line.
    Silent,
    /// After the headers.
    Headers,
    /// After this many events of a stream.
    Events(u64),
}

impl Script {
    /// Reads a script from text, such as `delay=200ms,chunks=100,usage=missing`.
    ///
    /// # Errors
    /// The first item that is unknown or has an unusable value, with what was expected.
    pub fn parse(text: &str) -> Result<Self, ScriptError> {
        grammar::parse(text)
    }

    /// A script that sends exactly this answer.
    #[must_use]
    pub fn raw(raw: Raw) -> Self {
        Self {
            label: "raw".to_owned(),
            raw: Some(raw),
            ..Self::default()
        }
    }

    /// Whether the script does nothing at all.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        *self
            == Self {
                label: self.label.clone(),
                ..Self::default()
            }
    }
}

impl std::str::FromStr for Script {
    type Err = ScriptError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}
