//! A request, independent of any wire: what a caller wants a model to do.
//!
//! It is built only when a call must be translated. A reader puts everything into it that the
//! vocabulary can say and names the rest in [`Request::unsaid`]; a writer says what its dialect can
//! say and names the rest. Nothing is lost in silence.

use serde_json::{Number, Value};

use crate::opaque::Opaque;

/// What a caller wants.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Request {
    /// The conversation, oldest first. System and developer messages stand where the caller put them.
    pub messages: Vec<Message>,
    /// Tools the model may ask to be called.
    pub tools: Vec<Tool>,
    /// Which of them it may or must call; absent means that it decides.
    pub tool_choice: Option<ToolChoice>,
    /// Whether several tools may be called in one turn; absent means the provider's default.
    pub parallel_tool_calls: Option<bool>,
    /// How tokens are chosen.
    pub sampling: Sampling,
    /// The most output tokens, reasoning included.
    pub max_output_tokens: Option<u64>,
    /// The form of the answer; absent means text.
    pub format: Option<Format>,
    /// How much the model is to think; absent means the provider's default.
    pub reasoning: Option<Reasoning>,
    /// How much it is to say: `low`, `medium`, `high` (`xhigh`, `max`).
    pub verbosity: Option<String>,
    /// `auto`, `default`, `flex`, `priority`, …
    pub service_tier: Option<String>,
    /// The caller's own name for its end user.
    pub user: Option<String>,
    /// The caller's labels.
    pub metadata: Vec<(String, String)>,
    /// Caching of the whole prompt as far as it repeats (Anthropic's top-level `cache_control`).
    pub cache: Option<CacheMark>,
    /// The caller's hint for cache affinity.
    pub prompt_cache_key: Option<String>,
    /// Modalities of the answer beyond text: `image`, `audio`.
    pub modalities: Vec<String>,
    /// Voice and format of sound in the answer, in OpenAI's form.
    pub audio: Option<Value>,
    /// Size and shape of pictures in the answer, in OpenRouter's form (`image_config`).
    pub image_config: Option<Value>,
    /// What the caller said in words of the provider's dialect that have none here (Converse's
    /// `guardrailConfig`): name and value, as they are.
    pub native: Vec<(String, Value)>,
    /// Whether the answer is to be streamed.
    pub stream: bool,
    /// Whether the last message is the beginning of the answer, which is to be gone on with. Only
    /// providers that do so are told.
    pub goes_on: bool,
    /// Paths of what the caller said and the vocabulary cannot: `logit_bias`,
    /// `messages[2].content[0].detail`. Whoever writes the request has dropped them.
    pub unsaid: Vec<String>,
}

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// The operator of the application.
    System,
    /// The same, in the word of newer OpenAI models.
    Developer,
    /// The person, or whatever asks.
    User,
    /// The model.
    Assistant,
    /// The tools: its parts are all [`Content::ToolResult`].
    Tool,
}

/// One turn of a conversation.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// Who speaks.
    pub role: Role,
    /// What is said, in order.
    pub parts: Vec<Part>,
    /// A name for the speaker, where several share a role.
    pub name: Option<String>,
}

impl Message {
    /// A message of a role with these parts.
    #[must_use]
    pub fn new(role: Role, parts: Vec<Part>) -> Self {
        Self {
            role,
            parts,
            name: None,
        }
    }
}

/// A piece of a message.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// What it is.
    pub content: Content,
    /// The prompt may be cached up to and including this part.
    pub cache: Option<CacheMark>,
    /// What the provider attached to it when it said it (thought signatures on tool calls and text).
    pub opaque: Option<Opaque>,
}

impl From<Content> for Part {
    fn from(content: Content) -> Self {
        Self {
            content,
            cache: None,
            opaque: None,
        }
    }
}

impl Part {
    /// A part that is text.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        Content::Text(text.into()).into()
    }
}

/// What a part of a message is.
#[derive(Debug, Clone, PartialEq)]
pub enum Content {
    /// Text.
    Text(String),
    /// A picture.
    Image {
        /// Where its bytes are.
        source: Source,
        /// `low`, `high`, `auto`, `original`.
        detail: Option<String>,
    },
    /// Sound.
    Audio {
        /// Base64.
        data: String,
        /// `wav`, `mp3`, …
        format: String,
    },
    /// Moving pictures.
    Video(Source),
    /// A document.
    File {
        /// Where its bytes are.
        source: Source,
        /// Its name, with which some dialects cite it.
        filename: Option<String>,
        /// Whether the answer is to say what it takes from it.
        is_cited: bool,
    },
    /// The model asked for a tool.
    ToolCall {
        /// The id that its result refers to.
        id: String,
        /// The tool.
        name: String,
        /// Its arguments, as JSON text exactly as the model wrote it.
        arguments: String,
    },
    /// What a tool answered.
    ToolResult {
        /// The id of the call.
        call_id: String,
        /// The tool, where the caller says so or the conversation shows it.
        name: Option<String>,
        /// The answer: text, pictures, documents.
        parts: Vec<Part>,
        /// Whether the tool failed.
        is_error: bool,
    },
    /// The model thought aloud; its seal, if any, is the part's `opaque`.
    Reasoning {
        /// The visible text; empty where only ciphertext was given.
        text: String,
        /// Whether the text is a summary of the thoughts, not the thoughts.
        is_summary: bool,
    },
    /// The model refused, in these words.
    Refusal(String),
}

/// Where the bytes of a picture or document are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// At an address that the provider fetches.
    Url(String),
    /// Here.
    Base64 {
        /// MIME type.
        media_type: String,
        /// The bytes, base64.
        data: String,
    },
    /// Here, as text (plain-text documents).
    Text(String),
    /// With the provider, under an id it gave out; only its own dialect can say so.
    Id(String),
}

impl Source {
    /// Reads a URL, taking a `data:` one apart.
    #[must_use]
    pub fn of_url(url: &str) -> Self {
        let data = url
            .strip_prefix("data:")
            .and_then(|rest| rest.split_once(";base64,"));
        match data {
            Some((media_type, data)) => Self::Base64 {
                media_type: media_type
                    .split(';')
                    .next()
                    .unwrap_or(media_type)
                    .to_owned(),
                data: data.to_owned(),
            },
            None => Self::Url(url.to_owned()),
        }
    }

    /// As one URL, a `data:` one where the bytes are here; `None` for ids and plain text.
    #[must_use]
    pub fn to_url(&self) -> Option<String> {
        match self {
            Self::Url(url) => Some(url.clone()),
            Self::Base64 { media_type, data } => Some(format!("data:{media_type};base64,{data}")),
            Self::Text(_) | Self::Id(_) => None,
        }
    }
}

/// How long a cached prefix is to live.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CacheMark {
    /// The provider's default: five minutes at Anthropic, at least thirty at OpenAI.
    Default,
    /// One hour.
    OneHour,
}

/// A tool the model may ask to be called.
#[derive(Debug, Clone, PartialEq)]
pub struct Tool {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// JSON Schema of its arguments; absent where the caller gave none.
    pub parameters: Option<Value>,
    /// Whether arguments must follow the schema exactly.
    pub strict: Option<bool>,
    /// The prompt may be cached up to and including this tool.
    pub cache: Option<CacheMark>,
}

/// Which tools the model may or must call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ToolChoice {
    /// It decides.
    Auto,
    /// None.
    None,
    /// At least one.
    Required,
    /// This one.
    Tool(String),
    /// Only these: `(whether one must be called, names)`.
    Allowed(bool, Vec<String>),
}

/// How tokens are chosen. Numbers are kept as the caller wrote them; absent ones are left to the
/// provider.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Sampling {
    /// 0 to 2.
    pub temperature: Option<Number>,
    /// Above 0, to 1.
    pub top_p: Option<Number>,
    /// A count; 0 is off.
    pub top_k: Option<Number>,
    /// 0 to 1.
    pub min_p: Option<Number>,
    /// 0 to 1.
    pub top_a: Option<Number>,
    /// -2 to 2.
    pub frequency_penalty: Option<Number>,
    /// -2 to 2.
    pub presence_penalty: Option<Number>,
    /// Above 0, to 2.
    pub repetition_penalty: Option<Number>,
    /// An integer.
    pub seed: Option<Number>,
    /// Texts that end the answer.
    pub stop: Vec<String>,
    /// Whether log probabilities are wanted.
    pub logprobs: Option<bool>,
    /// How many alternatives of each token, 0 to 20.
    pub top_logprobs: Option<u64>,
}

/// The form of the answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Format {
    /// Text.
    Text,
    /// Any JSON object.
    JsonObject,
    /// JSON that follows a schema.
    JsonSchema {
        /// Its name.
        name: String,
        /// What it is for.
        description: Option<String>,
        /// The schema.
        schema: Value,
        /// Whether it must be followed exactly.
        strict: Option<bool>,
    },
}

/// How hard the model is to think.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Effort {
    /// Not at all.
    None,
    /// A tenth of the output.
    Minimal,
    /// A fifth.
    Low,
    /// Half.
    Medium,
    /// Four fifths.
    High,
    /// Nearly all.
    Xhigh,
    /// As much as it can.
    Max,
}

impl Effort {
    /// Every effort, weakest first.
    pub const ALL: [Self; 7] = [
        Self::None,
        Self::Minimal,
        Self::Low,
        Self::Medium,
        Self::High,
        Self::Xhigh,
        Self::Max,
    ];

    /// The word on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Minimal => "minimal",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Xhigh => "xhigh",
            Self::Max => "max",
        }
    }

    /// Reads the word back; `None` when it is not one.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|effort| effort.name() == name)
    }

    /// The share of the output limit that goes to thinking, percent. Source: section 20.1 of our
    /// digest of OpenRouter's API.
    #[must_use]
    pub const fn percent(self) -> u64 {
        match self {
            Self::None => 0,
            Self::Minimal => 10,
            Self::Low => 20,
            Self::Medium => 50,
            Self::High => 80,
            Self::Xhigh | Self::Max => 95,
        }
    }

    /// The effort whose share of `limit` tokens is nearest to a budget, never [`Effort::None`].
    #[must_use]
    pub fn of_budget(budget: u64, limit: u64) -> Self {
        let share = budget.saturating_mul(100) / limit.max(1);
        match share {
            0..15 => Self::Minimal,
            15..35 => Self::Low,
            35..65 => Self::Medium,
            65..88 => Self::High,
            _ => Self::Xhigh,
        }
    }
}

/// What the caller wants of the model's thinking.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reasoning {
    /// How hard; absent where a budget is given or only `enabled`.
    pub effort: Option<Effort>,
    /// The most tokens.
    pub max_tokens: Option<u64>,
    /// Whether at all; absent means as the other two imply.
    pub enabled: Option<bool>,
    /// Whether it is to be kept from the answer.
    pub exclude: bool,
    /// Whether the caller asks to see it, by what its dialect has for that.
    pub show: bool,
    /// `auto`, `concise`, `detailed`.
    pub summary: Option<String>,
    /// Whether the model decides itself how much to think (Anthropic's adaptive thinking).
    pub adaptive: bool,
}

impl Reasoning {
    /// Whether thinking is asked for.
    #[must_use]
    pub fn is_on(&self) -> bool {
        let implied = self.max_tokens.is_some_and(|most| most > 0)
            || self.adaptive
            || self.effort.is_some_and(|effort| effort != Effort::None);
        match (self.enabled, self.effort) {
            (Some(false), _) | (_, Some(Effort::None)) => false,
            (Some(true), _) => true,
            (None, _) => implied,
        }
    }

    /// Whether thinking is forbidden, which is more than not asking for it.
    #[must_use]
    pub fn is_off(&self) -> bool {
        self.enabled == Some(false) || self.effort == Some(Effort::None)
    }

    /// The effort that is meant, where one is: `enabled` alone means medium.
    #[must_use]
    pub fn effort_meant(&self, output_limit: u64) -> Option<Effort> {
        if self.effort.is_some() {
            return self.effort;
        }
        match (self.max_tokens, self.enabled) {
            (Some(budget), _) => Some(Effort::of_budget(budget, output_limit)),
            (None, Some(true)) => Some(Effort::Medium),
            (None, Some(false)) => Some(Effort::None),
            (None, None) => None,
        }
    }

    /// The budget that is meant out of an output limit, tokens, where thinking is on.
    #[must_use]
    pub fn budget_meant(&self, output_limit: u64) -> Option<u64> {
        if !self.is_on() {
            return None;
        }
        if self.max_tokens.is_some() {
            return self.max_tokens;
        }
        let percent = self.effort.unwrap_or(Effort::Medium).percent();
        Some(output_limit.saturating_mul(percent) / 100)
    }
}
