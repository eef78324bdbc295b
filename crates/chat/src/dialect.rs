//! The wire formats that callers and providers speak.

use std::fmt;
use std::str::FromStr;

/// A wire format. The name is the one used in config files, catalog rows and records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Dialect {
    /// OpenAI's Chat Completions; the base URL ends before `/chat/completions`.
    OpenaiChat,
    /// OpenAI's Responses; the base URL ends before `/responses`.
    OpenaiResponses,
    /// Anthropic's Messages; the base URL ends before `/messages`.
    AnthropicMessages,
    /// Google AI Studio; the base URL ends before `/models/…`.
    Gemini,
    /// Google Vertex AI (Gemini and Claude models behind Google credentials).
    Vertex,
    /// Amazon Bedrock's Converse; the base URL ends before `/model/…`.
    BedrockConverse,
    /// Azure OpenAI with deployments and an API version.
    AzureOpenai,
    /// Cohere's v2 API; the base URL ends in `/v2`.
    Cohere,
}

impl Dialect {
    /// Every dialect, in the order of the table in DESIGN.
    pub const ALL: [Self; 8] = [
        Self::OpenaiChat,
        Self::OpenaiResponses,
        Self::AnthropicMessages,
        Self::Gemini,
        Self::Vertex,
        Self::BedrockConverse,
        Self::AzureOpenai,
        Self::Cohere,
    ];

    /// The name in config files, catalog rows and records.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::OpenaiChat => "openai-chat",
            Self::OpenaiResponses => "openai-responses",
            Self::AnthropicMessages => "anthropic-messages",
            Self::Gemini => "gemini",
            Self::Vertex => "vertex",
            Self::BedrockConverse => "bedrock-converse",
            Self::AzureOpenai => "azure-openai",
            Self::Cohere => "cohere",
        }
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The text is not the name of a dialect that Waybill knows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown dialect \"{0}\"; known are {known}", known = Dialect::ALL.map(Dialect::name).join(", "))]
pub struct UnknownDialect(pub String);

impl FromStr for Dialect {
    type Err = UnknownDialect;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|dialect| dialect.name() == text)
            .ok_or_else(|| UnknownDialect(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_reads_back_as_its_dialect() {
        for dialect in Dialect::ALL {
            assert_eq!(dialect.name().parse(), Ok(dialect));
        }
    }

    #[test]
    fn an_unknown_name_lists_the_known_ones() {
        let error = "openai".parse::<Dialect>().unwrap_err().to_string();
        assert!(
            error.contains("\"openai\"") && error.contains("openai-chat"),
            "{error}"
        );
    }
}
