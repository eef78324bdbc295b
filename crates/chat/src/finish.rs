//! Why an answer ended: the unified reason, and the provider's own word beside it.

/// The unified reasons. Source: the `finish_reason` vocabulary of OpenRouter's chat API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The model said all it wanted, or met a stop sequence.
    Stop,
    /// The output limit was reached.
    Length,
    /// The model asks for tools to be called.
    ToolCalls,
    /// The provider withheld the rest.
    ContentFilter,
    /// The answer broke off; what was sent so far is all there is.
    Error,
}

impl Reason {
    /// The word on the wire and in records.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Length => "length",
            Self::ToolCalls => "tool_calls",
            Self::ContentFilter => "content_filter",
            Self::Error => "error",
        }
    }

    /// Reads the word back; `None` for a word that is not in the vocabulary.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [
            Self::Stop,
            Self::Length,
            Self::ToolCalls,
            Self::ContentFilter,
            Self::Error,
        ]
        .into_iter()
        .find(|reason| reason.name() == name)
    }
}

/// A unified reason and exactly what the provider said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FinishReason {
    /// The unified reason.
    pub reason: Reason,
    /// The provider's own word; absent when the provider said nothing.
    pub native: Option<String>,
}
