//! What our answers are stamped with, and the fixed pieces of a stream.

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

/// A comment that keeps the connection alive while the provider is silent. It ends in a blank line,
/// as OpenRouter's does; the parsers of the OpenAI SDKs pass over it.
pub const KEEP_ALIVE: &[u8] = b": WAYBILL PROCESSING\n\n";
