//! A request, independent of any wire: what a caller wants a model to do.
//!
//! It is built only when a call must be translated. A reader puts everything into it that the
//! vocabulary can say and names the rest in [`Request::unsaid`]; a writer says what its dialect can
//! say and names the rest. Nothing is lost in silence.

use serde_json::{Number, Value};

pub use crate::content::{CacheMark, Content, Message, Part, Role, Source};
pub use crate::search_result::SearchResult;

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
    /// How many answers are wanted, at least 2; absent means one.
    pub choices: Option<u32>,
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
    /// Paths of what the caller said and the vocabulary cannot: `prediction`,
    /// `messages[2].content[0].detail`. Whoever writes the request has dropped them.
    pub unsaid: Vec<String>,
}

/// A tool the model may ask to be called.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Tool {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// JSON Schema of its arguments; absent where the caller gave none.
    pub parameters: Option<Value>,
    /// Set where it is called with free text. [`Tool::parameters`] then say that for who knows
    /// arguments alone: an object whose only member is the text.
    pub free_text: Option<FreeText>,
    /// Whether arguments must follow the schema exactly.
    pub strict: Option<bool>,
    /// The prompt may be cached up to and including this tool.
    pub cache: Option<CacheMark>,
}

/// What the free text that a tool is called with must look like.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FreeText {
    /// The grammar that it must follow; absent where anything goes.
    pub grammar: Option<Grammar>,
}

/// A grammar, which OpenAI's models follow exactly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grammar {
    /// What it is written in: `lark`, `regex`.
    pub syntax: String,
    /// The grammar itself.
    pub definition: String,
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
    /// By how much tokens are to be likelier, -100 to 100, each by its id in the model's vocabulary.
    pub logit_bias: Vec<(String, Number)>,
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
