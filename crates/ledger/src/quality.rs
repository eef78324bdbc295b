//! Signs in a record that an answer is not what it should be.
//!
//! They follow from the record alone, so that every record has them, old ones too. A sign is no
//! failure: an answer may be short because it was asked to be.

use chat::{Dialect, Reason};

use crate::{Generation, Outcome};

/// What is remarkable about an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Sign {
    /// Complete, and there is nothing in it.
    Empty,
    /// It met an output limit.
    CutShort,
    /// It broke off after tokens had come.
    BrokenOff,
    /// The provider withheld the rest.
    Withheld,
    /// It calls a tool that it was not given, or with arguments that do not fit.
    InvalidTools,
}

impl Sign {
    /// Every sign.
    pub const ALL: [Self; 5] = [
        Self::Empty,
        Self::CutShort,
        Self::BrokenOff,
        Self::Withheld,
        Self::InvalidTools,
    ];

    /// The word in answers and labels.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::CutShort => "cut_short",
            Self::BrokenOff => "broken_off",
            Self::Withheld => "withheld",
            Self::InvalidTools => "invalid_tools",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|sign| sign.name() == name)
    }

    /// Whether an answer has it.
    #[must_use]
    pub fn is_of(self, generation: &Generation) -> bool {
        let reason = generation.finish.as_ref().map(|finish| finish.reason);
        let has_answer = generation.endpoint.is_some();
        let is_complete = generation.outcome == Outcome::Completed;
        let said = generation.usage.completion_tokens();
        match self {
            Self::Empty => {
                let is_silent = matches!(reason, None | Some(Reason::Stop)) && said == 0;
                has_answer && is_complete && is_silent && speaks(generation.dialect)
            }
            Self::CutShort => is_complete && reason == Some(Reason::Length),
            Self::BrokenOff => {
                let is_broken = matches!(generation.outcome, Outcome::Failed { .. });
                has_answer && is_broken && generation.first_token_ms.is_some()
            }
            Self::Withheld => reason == Some(Reason::ContentFilter),
            Self::InvalidTools => generation.noticed.has_invalid_tools,
        }
    }

    /// The signs of an answer.
    pub fn of(generation: &Generation) -> impl Iterator<Item = Self> + '_ {
        let all = Self::ALL.into_iter();
        all.filter(move |sign| sign.is_of(generation))
    }
}

/// Whether answers of a dialect have tokens of their own.
#[must_use]
pub const fn speaks(dialect: Dialect) -> bool {
    match dialect {
        Dialect::OpenaiEmbeddings | Dialect::Rerank => false,
        Dialect::OpenaiChat
        | Dialect::OpenaiResponses
        | Dialect::AnthropicMessages
        | Dialect::Gemini
        | Dialect::Vertex
        | Dialect::BedrockConverse
        | Dialect::AzureOpenai
        | Dialect::Cohere
        | Dialect::OpenaiCompletions => true,
    }
}
