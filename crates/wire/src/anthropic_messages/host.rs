//! What differs where a request goes: Anthropic itself, Vertex and Bedrock wrap the same body.
//!
//! | | model | version | betas | stream |
//! |---|---|---|---|---|
//! | Anthropic | in the body | header | header | in the body |
//! | Vertex | in the path | in the body | header | in the body |
//! | Bedrock | in the path | in the body | in the body | in the path |
//!
//! What Bedrock is told besides stands in headers of its own (`invoke.rs`).
//!
//! Sources: <https://docs.claude.com/en/api/claude-on-vertex-ai>,
//! <https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-anthropic-claude-messages.html>
//! (2026). Only Bedrock lacks the top-level `cache_control` (section 14 of our digest).

use chat::Dialect;

use crate::outgoing::Outgoing;

/// The version of the dialect that we speak.
const VERSION: &str = "2023-06-01";

/// A way of wrapping a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Host {
    /// Anthropic, and whoever copied it.
    Anthropic,
    /// Google Vertex AI.
    Vertex,
    /// Amazon Bedrock's InvokeModel.
    Bedrock,
}

impl Host {
    /// The host of an endpoint.
    pub(super) const fn of(to: &Outgoing<'_>) -> Self {
        match to.dialect {
            Dialect::Vertex => Self::Vertex,
            Dialect::BedrockConverse => Self::Bedrock,
            Dialect::AnthropicMessages
            | Dialect::OpenaiChat
            | Dialect::OpenaiResponses
            | Dialect::Gemini
            | Dialect::AzureOpenai
            | Dialect::Cohere
            | Dialect::OpenaiCompletions
            | Dialect::OpenaiEmbeddings
            | Dialect::Rerank => Self::Anthropic,
        }
    }

    /// The body's `anthropic_version`, where the version stands there.
    pub(super) const fn version(self) -> Option<&'static str> {
        match self {
            Self::Anthropic => None,
            Self::Vertex => Some("vertex-2023-10-16"),
            Self::Bedrock => Some("bedrock-2023-05-31"),
        }
    }

    /// Whether `model` stands in the body.
    pub(super) const fn names_model(self) -> bool {
        matches!(self, Self::Anthropic)
    }

    /// Whether `stream` stands in the body.
    pub(super) const fn names_stream(self) -> bool {
        !matches!(self, Self::Bedrock)
    }

    /// Whether the whole prompt can be marked for caching at once.
    pub(super) const fn takes_cache_control(self) -> bool {
        !matches!(self, Self::Bedrock)
    }

    /// The headers that go with a request.
    pub(super) fn headers(self, betas: Option<&str>) -> Vec<(&'static str, String)> {
        let mut headers = Vec::new();
        if self == Self::Anthropic {
            headers.push(("anthropic-version", VERSION.to_owned()));
        }
        if let Some(betas) = betas.filter(|_| self != Self::Bedrock) {
            headers.push(("anthropic-beta", betas.to_owned()));
        }
        headers
    }
}

/// The betas in a header, one by one.
pub(super) fn betas(header: &str) -> impl Iterator<Item = &str> {
    header
        .split(',')
        .map(str::trim)
        .filter(|beta| !beta.is_empty())
}

/// The output limit where nobody has set one: as much as coding agents ask for, or what the
/// endpoint can give; where that is not known, what the oldest models in use can.
pub(super) fn default_limit(to: &Outgoing<'_>) -> u64 {
    const SANE: u64 = 32_000;
    const UNKNOWN: u64 = 8_192;
    to.output_most.map_or(UNKNOWN, |most| most.min(SANE))
}
