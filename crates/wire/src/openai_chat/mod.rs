//! OpenAI's Chat Completions, as OpenRouter speaks it to callers and providers speak it to us.

use bytes::Bytes;
use chat::{Error, Event, Kind, Needs, Parameters, Usage};

use crate::Quirk;

/// A caller's request: validated, the spans of its top-level fields known; the bytes stay as they are.
#[derive(Debug, Clone, Default)]
pub struct Incoming {
    /// The model asked for first.
    pub model: Option<String>,
    /// Further models, in the caller's order (without `model`).
    pub models: Vec<String>,
    /// All that routing may know.
    pub needs: Needs,
    /// The `provider` object, parsed; its content is the catalog's to judge.
    pub provider: Option<serde_json::Value>,
    /// The deprecated `route`: `fallback` or `sort`.
    pub route: Option<String>,
    /// Groups calls; at most 256 characters.
    pub session_id: Option<String>,
    /// The caller's own name for its end user.
    pub user: Option<String>,
    /// The caller's hint for cache affinity.
    pub prompt_cache_key: Option<String>,
    /// The service tier asked for.
    pub service_tier: Option<String>,
    /// The preset asked for.
    pub preset: Option<String>,
}

/// Reads and checks a caller's request in one pass.
///
/// # Errors
/// [`Kind::InvalidRequest`] with the field at fault in `metadata.field`.
pub fn read_request(_body: &[u8]) -> Result<Incoming, Error> {
    Err(Error::gateway(
        Kind::Server,
        "reading requests is not written yet",
    ))
}

/// What one endpoint needs to see.
#[derive(Debug, Clone, Copy)]
pub struct Outgoing<'a> {
    /// The provider's own name of the model.
    pub native_model: &'a str,
    /// The provider's habits.
    pub quirks: &'a [&'static Quirk],
    /// The parameters the endpoint supports; `None` when unknown (then nothing is dropped).
    pub supported: Option<Parameters>,
}

/// A request as one endpoint is to see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The bytes to send.
    pub body: Bytes,
    /// Names of fields the caller set and this endpoint will not see.
    pub dropped: Vec<String>,
}

/// Writes the request for one endpoint: edits between untouched slices.
#[must_use]
pub fn write_request(body: &[u8], _request: &Incoming, _to: &Outgoing<'_>) -> Written {
    Written {
        body: Bytes::copy_from_slice(body),
        dropped: Vec::new(),
    }
}

/// What our answers are stamped with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamp {
    /// Our generation id.
    pub id: String,
    /// The slug of the concrete model.
    pub model: String,
    /// The provider's display name.
    pub provider: String,
    /// Seconds since 1970 UTC, for answers that lack their own.
    pub created: i64,
}

/// What a call cost, in USD as exact decimal text; `None` when unpriced.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CostText {
    /// The whole.
    pub total: Option<String>,
    /// The part for the prompt.
    pub prompt: Option<String>,
    /// The part for the completion.
    pub completion: Option<String>,
    /// Whether the caller's own credential was used.
    pub is_byok: bool,
}

/// The terminator of a stream.
pub const DONE: &[u8] = b"data: [DONE]\n\n";
/// A comment that keeps the connection alive while the provider is silent.
pub const KEEP_ALIVE: &[u8] = b": WAYBILL PROCESSING\n\n";

/// What becomes of one frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Passed {
    /// Send this whole SSE frame.
    Forward(Bytes),
    /// Send nothing: the frame was for us.
    Swallow,
    /// The provider said `[DONE]`.
    Done,
}

/// Listens to one attempt's stream and stamps its frames.
#[derive(Debug)]
pub struct StreamTap {
    stamp: Stamp,
}

impl StreamTap {
    /// A tap for one attempt's stream.
    #[must_use]
    pub fn new(stamp: Stamp) -> Self {
        Self { stamp }
    }

    /// Takes one SSE data payload, tells every event, returns what to forward.
    ///
    /// # Errors
    /// A failure that the provider put into the stream, or a frame that is not JSON.
    pub fn frame(
        &mut self,
        _data: &[u8],
        _listen: &mut dyn FnMut(Event<'_>),
    ) -> Result<Passed, Error> {
        Err(Error::gateway(
            Kind::Server,
            "reading streams is not written yet",
        ))
    }

    /// The upstream body ended.
    ///
    /// # Errors
    /// When a choice has no finish reason, a tool call is open, or nothing came at all.
    pub fn end(&self) -> Result<(), Error> {
        Ok(())
    }

    /// The last data frame, with usage and cost.
    #[must_use]
    pub fn usage_frame(&self, _usage: &Usage, _cost: &CostText) -> Bytes {
        Bytes::copy_from_slice(self.stamp.id.as_bytes())
    }

    /// The frame that tells the caller that the answer broke off.
    #[must_use]
    pub fn error_frame(&self, _error: &Error) -> Bytes {
        Bytes::new()
    }
}

/// Reads a whole answer and tells its events.
///
/// # Errors
/// An error in a 200 body, a body that is not an answer, or an empty answer.
pub fn read_whole(_body: &[u8], _listen: &mut dyn FnMut(Event<'_>)) -> Result<(), Error> {
    Err(Error::gateway(
        Kind::Server,
        "reading answers is not written yet",
    ))
}

/// Stamps a whole answer.
///
/// # Errors
/// When the body is not an answer.
pub fn stamp_whole(
    body: &[u8],
    _stamp: &Stamp,
    _usage: &Usage,
    _cost: &CostText,
) -> Result<Bytes, Error> {
    Ok(Bytes::copy_from_slice(body))
}

/// Classifies a provider's error answer.
#[must_use]
pub fn read_error(_status: u16, _body: &[u8]) -> Error {
    Error::provider(Kind::ProviderUnavailable, "the provider failed")
}

/// Writes an error as the caller sees it: status and JSON envelope.
#[must_use]
pub fn write_error(error: &Error, _generation: Option<&str>) -> (u16, Bytes) {
    (error.kind.status(), Bytes::new())
}
