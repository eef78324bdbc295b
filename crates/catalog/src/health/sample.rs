//! What one attempt tells of its endpoint.

/// How the tool calls of an answer stood up to their definitions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ToolCalls {
    /// Each was for a tool of the request, with arguments that fit.
    Valid,
    /// At least one was not.
    Invalid,
}

/// An answer that came to its end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Served {
    /// From sending to the first token, milliseconds; absent for a whole answer.
    pub first_token_ms: Option<u32>,
    /// From sending to the end, milliseconds.
    pub total_ms: u32,
    /// Tokens of the answer, reasoning included.
    pub output_tokens: u64,
    /// Tokens of the prompt, cached ones included.
    pub prompt_tokens: u64,
    /// Those of them that came from the endpoint's prompt cache.
    pub cached_tokens: u64,
    /// How its tool calls stood up; absent when it made none.
    pub tool_calls: Option<ToolCalls>,
}

/// How an attempt ended, as far as that says anything of the endpoint. What the caller did wrong
/// (400, 413, moderation) and callers that left say nothing and are not samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sample {
    /// It answered.
    Served(Served),
    /// It failed by its own fault: 401, 402, 404, 5xx, silence, a broken stream.
    Failed {
        /// How long it asks to be left alone, milliseconds.
        retry_after_ms: Option<i64>,
    },
    /// It was asked too often (429). No failure, but it is left alone for a while.
    Limited {
        /// How long it asks to be left alone, milliseconds.
        retry_after_ms: Option<i64>,
    },
}

/// What a call waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// The first token of a stream.
    FirstToken,
    /// The whole answer.
    WholeAnswer,
}

/// What a provider says is left of its rate limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Headroom {
    /// Requests left, of how many.
    pub requests: Option<(u64, u64)>,
    /// Tokens left, of how many.
    pub tokens: Option<(u64, u64)>,
    /// When the limit is full again, Unix milliseconds.
    pub resets_ms: i64,
}
