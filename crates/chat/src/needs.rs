//! What a request requires of an endpoint: all that routing may know about it.

use crate::Dialect;
use crate::set::{Member, Set};

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

impl Member for Modality {
    const ALL: &'static [Self] = &Self::ALL;

    fn position(self) -> u32 {
        self as u32
    }

    fn word(self) -> &'static str {
        self.name()
    }
}

/// A set of modalities.
pub type Modalities = Set<Modality>;

impl Modalities {
    /// The set with just text in it.
    pub const TEXT: Self = Self::of_bits(1);
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

impl Member for Parameter {
    const ALL: &'static [Self] = Self::ALL;

    fn position(self) -> u32 {
        self as u32
    }

    fn word(self) -> &'static str {
        self.name()
    }
}

/// A set of parameters.
pub type Parameters = Set<Parameter>;

macro_rules! features {
    ($($(#[$doc:meta])* $variant:ident = $name:literal),+ $(,)?) => {
        /// Something in a request that only some dialects can say, and that must not be dropped: an
        /// endpoint that cannot be told so cannot serve the call.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Feature {
            $($(#[$doc])* $variant),+
        }

        impl Feature {
            /// The word in explanations.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }
        }

        impl Member for Feature {
            const ALL: &'static [Self] = &[$(Self::$variant),+];

            fn position(self) -> u32 {
                self as u32
            }

            fn word(self) -> &'static str {
                self.name()
            }
        }
    };
}

features! {
    /// More than one choice is asked for (`n`).
    Choices = "choices",
    /// Log probabilities of the tokens are asked for.
    Logprobs = "logprobs",
    /// A tool that the provider itself runs: search, code, files, a computer, MCP.
    ServerTools = "server_tools",
    /// A tool whose input is free text or follows a grammar, not JSON.
    CustomTools = "custom_tools",
    /// Tools in a namespace.
    Namespaces = "namespaces",
    /// A file or image that is named by an id the provider gave out.
    StoredFiles = "stored_files",
    /// State that the provider keeps between calls: a stored conversation, a container, a prompt.
    StoredState = "stored_state",
    /// Content that this dialect alone knows and that changes what the model sees.
    NativeContent = "native_content",
    /// An answer that follows a grammar other than JSON Schema.
    Grammar = "grammar",
    /// Sound in the answer.
    AudioOutput = "audio_output",
    /// Pictures in the answer.
    ImageOutput = "image_output",
    /// Prompts that are token ids instead of text.
    TokenPrompt = "token_prompt",
    /// Pictures, films or documents at an address, which the provider must fetch: we never do.
    RemoteMedia = "remote_media",
}

/// A set of features.
pub type Features = Set<Feature>;

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
    /// What only some dialects can say and must not be dropped.
    pub features: Features,
    /// What only some dialects can say, and what is given up, or said otherwise, where no endpoint
    /// of a model can be told so.
    pub preferred: Features,
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
            features: Features::default(),
            preferred: Features::default(),
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
