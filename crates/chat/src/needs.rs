//! What a request requires of an endpoint: all that routing may know about it.

use std::fmt;

use crate::Dialect;

/// A kind of content that goes into or comes out of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Modality {
    /// Text.
    Text,
    /// Pictures.
    Image,
    /// Sound.
    Audio,
    /// Moving pictures.
    Video,
    /// Documents such as PDF.
    File,
    /// Vectors (output of embedding models).
    Embeddings,
    /// Relevance scores (output of rerank models).
    Rerank,
    /// Spoken text (output of text-to-speech models).
    Speech,
    /// Written speech (output of speech-to-text models).
    Transcription,
}

impl Modality {
    /// Every modality.
    pub const ALL: [Self; 9] = [
        Self::Text,
        Self::Image,
        Self::Audio,
        Self::Video,
        Self::File,
        Self::Embeddings,
        Self::Rerank,
        Self::Speech,
        Self::Transcription,
    ];

    /// The word in OpenRouter's `architecture` object and in catalog rows.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Image => "image",
            Self::Audio => "audio",
            Self::Video => "video",
            Self::File => "file",
            Self::Embeddings => "embeddings",
            Self::Rerank => "rerank",
            Self::Speech => "speech",
            Self::Transcription => "transcription",
        }
    }

    /// Reads a name back; `None` when it is not one of ours.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|modality| modality.name() == name)
    }
}

/// A set of modalities.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Modalities(u16);

impl Modalities {
    /// The set with just text in it.
    pub const TEXT: Self = Self(1);

    /// Adds one.
    pub fn insert(&mut self, modality: Modality) {
        self.0 |= 1 << modality as u16;
    }

    /// Whether one is in the set.
    #[must_use]
    pub const fn contains(self, modality: Modality) -> bool {
        self.0 & (1 << modality as u16) != 0
    }

    /// Those of `self` that are not in `other`.
    #[must_use]
    pub const fn minus(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether nothing is in the set.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The members, in declaration order.
    pub fn iter(self) -> impl Iterator<Item = Modality> {
        Modality::ALL
            .into_iter()
            .filter(move |modality| self.contains(*modality))
    }
}

impl FromIterator<Modality> for Modalities {
    fn from_iter<I: IntoIterator<Item = Modality>>(members: I) -> Self {
        let mut set = Self::default();
        members
            .into_iter()
            .for_each(|modality| set.insert(modality));
        set
    }
}

impl fmt::Debug for Modalities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

macro_rules! parameters {
    ($($variant:ident = $name:literal),+ $(,)?) => {
        /// A request parameter that an endpoint may or may not support.
        ///
        /// Source: the `supported_parameters` vocabulary of OpenRouter's models API.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Parameter {
            $(#[doc = concat!("`", $name, "`")] $variant),+
        }

        impl Parameter {
            /// Every parameter, in declaration order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The name of the request field.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }
        }
    };
}

parameters! {
    Temperature = "temperature",
    TopP = "top_p",
    TopK = "top_k",
    MinP = "min_p",
    TopA = "top_a",
    FrequencyPenalty = "frequency_penalty",
    PresencePenalty = "presence_penalty",
    RepetitionPenalty = "repetition_penalty",
    MaxTokens = "max_tokens",
    MaxCompletionTokens = "max_completion_tokens",
    LogitBias = "logit_bias",
    Logprobs = "logprobs",
    TopLogprobs = "top_logprobs",
    Prediction = "prediction",
    Seed = "seed",
    ResponseFormat = "response_format",
    StructuredOutputs = "structured_outputs",
    Stop = "stop",
    Tools = "tools",
    ToolChoice = "tool_choice",
    ParallelToolCalls = "parallel_tool_calls",
    IncludeReasoning = "include_reasoning",
    Reasoning = "reasoning",
    ReasoningEffort = "reasoning_effort",
    WebSearchOptions = "web_search_options",
    Verbosity = "verbosity",
}

impl Parameter {
    /// Reads a field name; `None` when it is not in the vocabulary.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|parameter| parameter.name() == name)
    }
}

/// A set of parameters.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Parameters(u32);

impl Parameters {
    /// Adds one.
    pub fn insert(&mut self, parameter: Parameter) {
        self.0 |= 1 << parameter as u32;
    }

    /// Whether one is in the set.
    #[must_use]
    pub const fn contains(self, parameter: Parameter) -> bool {
        self.0 & (1 << parameter as u32) != 0
    }

    /// Those in either set.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Those of `self` that are not in `other`.
    #[must_use]
    pub const fn minus(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether nothing is in the set.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The members, in declaration order.
    pub fn iter(self) -> impl Iterator<Item = Parameter> {
        Parameter::ALL
            .iter()
            .copied()
            .filter(move |parameter| self.contains(*parameter))
    }
}

impl FromIterator<Parameter> for Parameters {
    fn from_iter<I: IntoIterator<Item = Parameter>>(members: I) -> Self {
        let mut set = Self::default();
        members
            .into_iter()
            .for_each(|parameter| set.insert(parameter));
        set
    }
}

impl fmt::Debug for Parameters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set()
            .entries(self.iter().map(Parameter::name))
            .finish()
    }
}

/// What one request requires of an endpoint.
#[derive(Debug, Clone, PartialEq)]
pub struct Needs {
    /// The dialect the caller speaks.
    pub dialect: Dialect,
    /// Whether the answer is to be streamed.
    pub stream: bool,
    /// How many prompt tokens this probably is: an estimate, never used for money that is charged
    /// when the provider has counted.
    pub prompt_tokens: u64,
    /// The most output tokens the caller allows; absent when the caller did not say.
    pub max_output_tokens: Option<u64>,
    /// What the messages contain.
    pub input: Modalities,
    /// What the answer is to contain.
    pub output: Modalities,
    /// The parameters that the request sets (to anything but null).
    pub parameters: Parameters,
    /// How many choices are asked for (`n`), at least 1.
    pub choices: u32,
}

impl Default for Needs {
    fn default() -> Self {
        Self {
            dialect: Dialect::OpenaiChat,
            stream: false,
            prompt_tokens: 0,
            max_output_tokens: None,
            input: Modalities::TEXT,
            output: Modalities::TEXT,
            parameters: Parameters::default(),
            choices: 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameter_names_are_distinct_and_read_back() {
        for parameter in Parameter::ALL {
            assert_eq!(Parameter::from_name(parameter.name()), Some(*parameter));
        }
    }

    #[test]
    fn sets_hold_exactly_what_was_put_in() {
        let set: Parameters = [Parameter::Tools, Parameter::Verbosity]
            .into_iter()
            .collect();
        assert_eq!(
            set.iter().collect::<Vec<_>>(),
            [Parameter::Tools, Parameter::Verbosity]
        );
        let media: Modalities = [Modality::Text, Modality::Transcription]
            .into_iter()
            .collect();
        assert_eq!(
            media.minus(Modalities::TEXT).iter().collect::<Vec<_>>(),
            [Modality::Transcription]
        );
    }
}
