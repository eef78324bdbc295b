//! The wire formats that callers and providers speak.

use std::fmt;
use std::str::FromStr;

use crate::needs::{Feature, Features};

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
    /// OpenAI's legacy text completions; callers only.
    OpenaiCompletions,
    /// OpenAI's embeddings; callers only: providers take it beside their chat dialect.
    OpenaiEmbeddings,
    /// Reranking as Cohere, Jina and OpenRouter spell it; callers only, likewise.
    Rerank,
}

impl Dialect {
    /// Every dialect, the ones that providers speak first.
    pub const ALL: [Self; 11] = [
        Self::OpenaiChat,
        Self::OpenaiResponses,
        Self::AnthropicMessages,
        Self::Gemini,
        Self::Vertex,
        Self::BedrockConverse,
        Self::AzureOpenai,
        Self::Cohere,
        Self::OpenaiCompletions,
        Self::OpenaiEmbeddings,
        Self::Rerank,
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
            Self::OpenaiCompletions => "openai-completions",
            Self::OpenaiEmbeddings => "openai-embeddings",
            Self::Rerank => "rerank",
        }
    }

    /// The dialects in which a provider of this dialect takes the body for a model, the most
    /// faithful one first: hosts wrap dialects that are not theirs. None for callers' dialects.
    #[must_use]
    pub fn bodies(self, native_model: &str) -> &'static [Self] {
        match self {
            Self::OpenaiChat => &[Self::OpenaiChat],
            Self::OpenaiResponses => &[Self::OpenaiResponses],
            Self::AnthropicMessages => &[Self::AnthropicMessages],
            Self::Gemini => &[Self::Gemini],
            Self::Cohere => &[Self::Cohere],
            Self::AzureOpenai => &[Self::OpenaiChat, Self::OpenaiResponses],
            Self::Vertex if native_model.contains('/') => &[Self::OpenaiChat],
            Self::Vertex if native_model.starts_with("claude") => &[Self::AnthropicMessages],
            Self::Vertex => &[Self::Gemini],
            Self::BedrockConverse if native_model.contains("anthropic.claude") => {
                &[Self::BedrockConverse, Self::AnthropicMessages]
            }
            Self::BedrockConverse => &[Self::BedrockConverse],
            Self::OpenaiCompletions | Self::OpenaiEmbeddings | Self::Rerank => &[],
        }
    }

    /// The body in which a provider of this dialect is asked for a model, on behalf of a caller who
    /// speaks `from` and needs these features, of which the provider's habits say some: the caller's
    /// own dialect where it can be, else the first that can say it all. `None` where none can.
    #[must_use]
    pub fn body_for(
        self,
        native_model: &str,
        from: Self,
        features: Features,
        by_habit: Features,
    ) -> Option<Self> {
        let bodies = self.bodies(native_model);
        if features.contains(Feature::RemoteMedia) && !self.fetches() {
            return None;
        }
        let says = |body: &Self| from.says(*body, features, by_habit);
        if bodies.contains(&from) && says(&from) {
            return Some(from);
        }
        bodies.iter().copied().find(says)
    }

    /// Whether a call in this dialect that has these features can be said in bodies of another to a
    /// provider whose habits say some of them. Of the same dialect everything can, but for what
    /// OpenAI alone has added to its own.
    #[must_use]
    pub fn says(self, body: Self, features: Features, by_habit: Features) -> bool {
        let rest = features.minus(by_habit);
        if self == body {
            return body != Self::OpenaiChat || !rest.contains(Feature::CustomTools);
        }
        self.reaches(body, rest)
    }

    /// Whether providers of a dialect fetch what stands at an address. Amazon Bedrock takes bytes,
    /// whichever body they are wrapped in.
    /// <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ImageSource.html> (2026)
    #[must_use]
    pub const fn fetches(self) -> bool {
        !matches!(self, Self::BedrockConverse)
    }

    /// Whether a call in this dialect that has these features can be served by a provider that is
    /// sent bodies of another. The same dialect carries everything.
    #[must_use]
    pub fn reaches(self, body: Self, features: Features) -> bool {
        if self == body {
            return true;
        }
        match self {
            Self::OpenaiEmbeddings => match body {
                Self::OpenaiChat => true,
                // Vectors of token ids are for those who know the tokens.
                Self::Gemini | Self::Cohere => !features.contains(Feature::TokenPrompt),
                _ => false,
            },
            Self::Rerank => matches!(body, Self::OpenaiChat | Self::Cohere),
            Self::OpenaiChat
            | Self::OpenaiCompletions
            | Self::OpenaiResponses
            | Self::AnthropicMessages
            | Self::Gemini => features.minus(body.expresses()).is_empty(),
            // Nobody calls us in these.
            Self::Vertex | Self::BedrockConverse | Self::AzureOpenai | Self::Cohere => false,
        }
    }

    /// What can be said in a dialect by translating into it. A test of `wire` holds the writers to
    /// this table.
    #[must_use]
    pub fn expresses(self) -> Features {
        let features: &[Feature] = match self {
            Self::OpenaiChat => &[
                Feature::Choices,
                Feature::Logprobs,
                Feature::AudioOutput,
                Feature::ImageOutput,
                Feature::RemoteMedia,
            ],
            Self::OpenaiResponses => &[
                Feature::Logprobs,
                Feature::CustomTools,
                Feature::Namespaces,
                Feature::RemoteMedia,
            ],
            Self::Gemini => &[
                Feature::Choices,
                Feature::Logprobs,
                Feature::ImageOutput,
                Feature::RemoteMedia,
            ],
            Self::Cohere => &[Feature::Logprobs, Feature::RemoteMedia],
            Self::AnthropicMessages => &[Feature::RemoteMedia],
            Self::Vertex
            | Self::BedrockConverse
            | Self::AzureOpenai
            | Self::OpenaiCompletions
            | Self::OpenaiEmbeddings
            | Self::Rerank => &[],
        };
        features.iter().copied().collect()
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
    fn hosts_take_the_callers_own_dialect_where_they_can() {
        let none = Features::default();
        let claude = "eu.anthropic.claude-sonnet-4-5-20250929-v1:0";
        for (host, model, from, body) in [
            (
                Dialect::AzureOpenai,
                "gpt-4o",
                Dialect::OpenaiResponses,
                Some(Dialect::OpenaiResponses),
            ),
            (
                Dialect::AzureOpenai,
                "gpt-4o",
                Dialect::Gemini,
                Some(Dialect::OpenaiChat),
            ),
            (
                Dialect::Vertex,
                "claude-sonnet-4-5@20250929",
                Dialect::OpenaiChat,
                Some(Dialect::AnthropicMessages),
            ),
            (
                Dialect::BedrockConverse,
                claude,
                Dialect::AnthropicMessages,
                Some(Dialect::AnthropicMessages),
            ),
            (
                Dialect::BedrockConverse,
                "amazon.nova-pro-v1:0",
                Dialect::AnthropicMessages,
                Some(Dialect::BedrockConverse),
            ),
            (Dialect::OpenaiEmbeddings, "x", Dialect::OpenaiChat, None),
        ] {
            assert_eq!(
                host.body_for(model, from, none, none),
                body,
                "{host} {model}"
            );
        }
    }

    #[test]
    fn what_a_dialect_cannot_say_it_does_not_reach() {
        let choices = Features::default().with(Feature::Choices);
        let (chat, claude) = (Dialect::OpenaiChat, Dialect::AnthropicMessages);
        assert!(chat.reaches(chat, choices));
        assert!(chat.reaches(claude, Features::default()));
        assert!(!chat.reaches(claude, choices));
        assert!(!Dialect::Rerank.reaches(claude, Features::default()));
        let none = Features::default();
        // Bedrock fetches nothing, not even for callers whose bytes would travel.
        let remote = Features::default().with(Feature::RemoteMedia);
        let (host, model) = (Dialect::BedrockConverse, "anthropic.claude-sonnet-4-5-v1:0");
        assert_eq!(host.body_for(model, claude, remote, none), None);
        assert_eq!(claude.body_for(model, claude, remote, none), Some(claude));
    }

    #[test]
    fn free_text_is_said_in_chat_where_a_habit_says_so() {
        let free = Features::default().with(Feature::CustomTools);
        let none = Features::default();
        let (chat, responses) = (Dialect::OpenaiChat, Dialect::OpenaiResponses);
        for (from, habits, says) in [
            (chat, none, false),
            (chat, free, true),
            (responses, none, false),
            (responses, free, true),
        ] {
            assert_eq!(from.says(chat, free, habits), says, "{from} {habits:?}");
            assert!(from.says(responses, free, habits), "{from}");
        }
        // A host of both is asked in the one that says it.
        let azure = |habits| Dialect::AzureOpenai.body_for("gpt-5", chat, free, habits);
        assert_eq!((azure(none), azure(free)), (Some(responses), Some(chat)));
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
