//! What a provider attaches to its answer and must get back unchanged: signatures and ciphertext.

use crate::Dialect;

/// Who can read an opaque value, in the words of OpenRouter's `reasoning_details[].format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// Anthropic's thinking signatures and redacted thinking, wherever Claude is hosted.
    AnthropicClaude,
    /// Google's thought signatures.
    GoogleGemini,
    /// OpenAI's encrypted reasoning.
    OpenaiResponses,
    /// xAI's encrypted reasoning.
    XaiResponses,
    /// Nobody has said.
    Unknown,
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 5] = [
        Self::AnthropicClaude,
        Self::GoogleGemini,
        Self::OpenaiResponses,
        Self::XaiResponses,
        Self::Unknown,
    ];

    /// The word on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::AnthropicClaude => "anthropic-claude-v1",
            Self::GoogleGemini => "google-gemini-v1",
            Self::OpenaiResponses => "openai-responses-v1",
            Self::XaiResponses => "xai-responses-v1",
            Self::Unknown => "unknown",
        }
    }

    /// Reads the word back. Words of hosts (`azure-openai-responses-v1`) mean the family.
    #[must_use]
    pub fn from_name(name: &str) -> Self {
        match name {
            _ if name.ends_with("xai-responses-v1") => Self::XaiResponses,
            _ if name.ends_with("openai-responses-v1") => Self::OpenaiResponses,
            "anthropic-claude-v1" => Self::AnthropicClaude,
            "google-gemini-v1" => Self::GoogleGemini,
            _ => Self::Unknown,
        }
    }

    /// The family that makes opaque values in a dialect; Converse carries Claude's.
    #[must_use]
    pub const fn of(dialect: Dialect) -> Self {
        match dialect {
            Dialect::AnthropicMessages | Dialect::BedrockConverse => Self::AnthropicClaude,
            Dialect::Gemini | Dialect::Vertex => Self::GoogleGemini,
            Dialect::OpenaiResponses => Self::OpenaiResponses,
            Dialect::OpenaiChat
            | Dialect::OpenaiCompletions
            | Dialect::OpenaiEmbeddings
            | Dialect::Rerank
            | Dialect::AzureOpenai
            | Dialect::Cohere => Self::Unknown,
        }
    }
}

/// What kind of opaque value it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Seal {
    /// Vouches for the visible text of its block.
    Signature,
    /// Stands for reasoning whose text is not shown.
    Encrypted,
}

/// A value that only its own family can read. It goes back to that family byte for byte, and is
/// never shown to another: that is refused by the other, at best.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Opaque {
    /// Who can read it.
    pub format: Format,
    /// What kind it is.
    pub seal: Seal,
    /// The value.
    pub value: String,
    /// The provider's id of the item it belongs to, where there is one (`rs_…`).
    pub id: Option<String>,
}
