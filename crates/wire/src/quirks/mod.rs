//! Named habits of providers, as edits of a request: the only place that knows what a name does.
//!
//! A provider row lists names; both the catalog and operators' own rows use them. Most habits are
//! edits of top-level fields and cost nothing to speak of. Those of [`Habit::Messages`] walk every
//! message once more (one scan of the conversation, no tree); the table marks them.
//!
//! To add one: a row in [`TABLE`], and a before/after case in `tests/it/quirks.rs` (a test fails
//! without it).

mod apply;
mod known;
mod messages;
mod order;
mod reasoning;
mod recall;

use crate::continuation::{GoesOn, Mark};

pub(crate) use apply::{apply, apply_to_fields};
pub use known::goes_on;
pub(crate) use known::{
    is_openrouter, knows_free_text, name_once, reasoning_form, recall, refuses, renamed,
    takes_cache_control, takes_stream_options,
};
pub(crate) use reasoning::Form;
pub(crate) use recall::extra_content;

/// One habit, named in provider rows.
#[derive(Debug)]
pub struct Quirk {
    /// The name in provider rows, such as `max-completion-tokens`.
    pub name: &'static str,
    /// What it does, for people.
    pub summary: &'static str,
    habit: Habit,
}

/// What a habit does to a request.
#[derive(Debug)]
enum Habit {
    /// A field has another name here.
    Rename(&'static str, &'static str),
    /// These fields are refused here.
    Drop(&'static [&'static str]),
    /// A number may not be larger.
    Cap(&'static str, f64, &'static str),
    /// `stream_options` is refused here.
    NoStreamOptions,
    /// How reasoning is asked for.
    Reasoning(Form),
    /// `cache_control` is understood, in parts and tools too; only translation asks.
    CacheControl,
    /// Something of the dialect is known here that is not known everywhere; only planning and
    /// translation ask (see [`chat::habit`]).
    Expresses,
    /// A message of the assistant that stands last is gone on with, by these models; only recovery
    /// of a broken stream asks.
    GoesOn(GoesOn, Models),
    /// Every message needs an edit; costs one more scan of the conversation.
    Messages(messages::MessageEdit),
    /// The same, for what the model thought before.
    Recall(Recall, messages::MessageEdit),
}

/// Which of its earlier reasoning a provider gets back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Recall {
    /// None.
    Nothing,
    /// Plain text, in `reasoning_content`.
    Text,
    /// What vouches for texts and calls, in `extra_content`.
    Signatures,
    /// All of it, in `reasoning` and `reasoning_details`.
    Details,
}

/// Which of a provider's models have a habit.
#[derive(Debug)]
enum Models {
    All,
    /// Those whose native names have one of these in them.
    Named(&'static [&'static str]),
}

impl Models {
    fn include(&self, native_model: &str) -> bool {
        match self {
            Self::All => true,
            Self::Named(parts) => parts.iter().any(|part| native_model.contains(part)),
        }
    }
}

/// Claude up to 4.5 goes on with what it is given; later ones refuse (400, "prefilling assistant
/// messages is not supported for this model"). https://docs.claude.com/en/docs/build-with-claude/prompt-engineering/prefill-claudes-response (2026)
const CLAUDE_THAT_GOES_ON: &[&str] = &[
    "claude-2",
    "claude-3",
    "claude-haiku-4-5",
    "claude-opus-4-0",
    "claude-opus-4-1",
    "claude-opus-4-2025",
    "claude-opus-4-5",
    "claude-opus-4@2025",
    "claude-sonnet-4-0",
    "claude-sonnet-4-2025",
    "claude-sonnet-4-5",
    "claude-sonnet-4@2025",
];

/// Whose partial mode is documented; models that think refuse it while they do.
/// <https://www.alibabacloud.com/help/en/model-studio/partial-mode> (2026-03)
const MODELS_WITH_PARTS: &[&str] = &["kimi", "qwen"];

const fn goes_on_by(mark: Mark, repeats: bool) -> GoesOn {
    GoesOn { mark, repeats }
}

const fn quirk(name: &'static str, summary: &'static str, habit: Habit) -> Quirk {
    Quirk {
        name,
        summary,
        habit,
    }
}

/// The table.
const TABLE: &[Quirk] = &[
    quirk(
        "max-completion-tokens",
        "the output limit is called max_completion_tokens (OpenAI's reasoning models, Groq)",
        Habit::Rename("max_tokens", "max_completion_tokens"),
    ),
    quirk(
        "max-tokens",
        "the output limit is called max_tokens",
        Habit::Rename("max_completion_tokens", "max_tokens"),
    ),
    quirk(
        "seed-as-random-seed",
        "the seed is called random_seed (Mistral)",
        Habit::Rename("seed", "random_seed"),
    ),
    quirk(
        "no-stream-options",
        "refuses stream_options",
        Habit::NoStreamOptions,
    ),
    quirk(
        "no-logprobs",
        "refuses logprobs and top_logprobs",
        Habit::Drop(&["logprobs", "top_logprobs"]),
    ),
    quirk(
        "no-logit-bias",
        "refuses logit_bias",
        Habit::Drop(&["logit_bias"]),
    ),
    quirk(
        "no-parallel-tool-calls",
        "refuses parallel_tool_calls",
        Habit::Drop(&["parallel_tool_calls"]),
    ),
    quirk("no-seed", "refuses seed", Habit::Drop(&["seed"])),
    quirk("no-stop", "refuses stop", Habit::Drop(&["stop"])),
    quirk(
        "no-n",
        "gives one choice and refuses n",
        Habit::Drop(&["n"]),
    ),
    quirk(
        "no-penalties",
        "refuses frequency_penalty and presence_penalty",
        Habit::Drop(&["frequency_penalty", "presence_penalty"]),
    ),
    quirk(
        "no-extra-sampling",
        "refuses sampling parameters that OpenAI does not have",
        Habit::Drop(&["top_k", "min_p", "top_a", "repetition_penalty"]),
    ),
    quirk(
        "no-rare-sampling",
        "refuses min_p, top_a and repetition_penalty, but takes top_k (Mistral)",
        Habit::Drop(&["min_p", "top_a", "repetition_penalty"]),
    ),
    quirk("no-user", "refuses user", Habit::Drop(&["user"])),
    quirk(
        "no-metadata",
        "refuses metadata",
        Habit::Drop(&["metadata"]),
    ),
    quirk("no-store", "refuses store", Habit::Drop(&["store"])),
    quirk(
        "no-service-tier",
        "refuses service_tier",
        Habit::Drop(&["service_tier"]),
    ),
    quirk(
        "no-verbosity",
        "refuses verbosity",
        Habit::Drop(&["verbosity"]),
    ),
    quirk(
        "no-reasoning-summary",
        "refuses reasoning.summary in Responses (OpenAI, for accounts that are not verified)",
        Habit::Drop(&["reasoning.summary"]),
    ),
    quirk(
        "no-prediction",
        "refuses prediction",
        Habit::Drop(&["prediction"]),
    ),
    quirk(
        "no-prompt-cache-key",
        "refuses prompt_cache_key and prompt_cache_options",
        Habit::Drop(&["prompt_cache_key", "prompt_cache_options"]),
    ),
    quirk(
        "no-cache-control",
        "refuses cache_control",
        Habit::Drop(&["cache_control"]),
    ),
    quirk(
        "cache-control",
        "understands cache_control on parts and tools (OpenRouter)",
        Habit::CacheControl,
    ),
    quirk(
        "free-text-tools",
        "knows tools that are called with free text, their grammars, and lists of the tools allowed",
        Habit::Expresses,
    ),
    quirk(
        "free-text-tools-gpt-5",
        "the same, but for models before GPT-5 (OpenAI, Azure)",
        Habit::Expresses,
    ),
    quirk(
        "temperature-max-1",
        "temperature goes up to 1 only (Moonshot)",
        Habit::Cap("temperature", 1.0, "1"),
    ),
    quirk(
        "reasoning-effort",
        "reasoning is asked for with reasoning_effort (OpenAI)",
        Habit::Reasoning(Form::Effort),
    ),
    quirk(
        "reasoning-effort-basic",
        "as reasoning-effort, but knows low, medium and high only",
        Habit::Reasoning(Form::BasicEffort),
    ),
    quirk(
        "openrouter-reasoning",
        "takes OpenRouter's own reasoning object",
        Habit::Reasoning(Form::Keep),
    ),
    quirk(
        "thinking-type",
        "reasoning is switched with thinking: {type} (Z.ai, Moonshot, DeepSeek, Volcengine)",
        Habit::Reasoning(Form::ThinkingType),
    ),
    quirk(
        "enable-thinking",
        "reasoning is switched with enable_thinking and thinking_budget (Alibaba, SiliconFlow)",
        Habit::Reasoning(Form::EnableThinking),
    ),
    quirk(
        "goes-on",
        "goes on with a message of the assistant that stands last",
        Habit::GoesOn(goes_on_by(Mark::None, false), Models::All),
    ),
    quirk(
        "goes-on-claude",
        "the same, but for models after Claude 4.5 (Anthropic)",
        Habit::GoesOn(
            goes_on_by(Mark::None, false),
            Models::Named(CLAUDE_THAT_GOES_ON),
        ),
    ),
    quirk(
        "goes-on-prefix",
        "the same, where the message is marked prefix: true (DeepSeek under /beta)",
        Habit::GoesOn(goes_on_by(Mark::Prefix, false), Models::All),
    ),
    quirk(
        "goes-on-prefix-repeated",
        "the same, and the answer repeats the message first (Mistral)",
        Habit::GoesOn(goes_on_by(Mark::Prefix, true), Models::All),
    ),
    quirk(
        "goes-on-partial",
        "the same, where the message is marked partial: true (Qwen at Alibaba, Kimi)",
        Habit::GoesOn(
            goes_on_by(Mark::Partial, false),
            Models::Named(MODELS_WITH_PARTS),
        ),
    ),
    quirk(
        "goes-on-final-message",
        "the same, by continue_final_message (vLLM, SGLang)",
        Habit::GoesOn(goes_on_by(Mark::FinalMessage, false), Models::All),
    ),
    quirk(
        "developer-as-system",
        "does not know the role developer; scans the messages",
        Habit::Messages(messages::developer_as_system),
    ),
    quirk(
        "system-as-developer",
        "wants developer where others have system; scans the messages",
        Habit::Messages(messages::system_as_developer),
    ),
    quirk(
        "no-message-names",
        "refuses name in messages (Groq); scans the messages",
        Habit::Messages(messages::without_names),
    ),
    quirk(
        "no-message-reasoning",
        "refuses earlier reasoning in messages (Mistral, Cerebras); scans the messages",
        Habit::Messages(recall::nothing),
    ),
    quirk(
        "message-reasoning-content",
        "wants earlier reasoning back as reasoning_content, even if empty (DeepSeek); scans the messages",
        Habit::Recall(Recall::Text, recall::as_content),
    ),
    quirk(
        "message-reasoning-content-or-blank",
        "as message-reasoning-content, beside tool calls only, and takes no empty text (Moonshot)",
        Habit::Recall(Recall::Text, recall::as_content_or_blank),
    ),
    quirk(
        "google-thought-signatures",
        "wants thought signatures back in extra_content (Google); scans the messages",
        Habit::Recall(Recall::Signatures, recall::as_google),
    ),
    quirk(
        "nine-letter-tool-ids",
        "takes ids of tool calls of nine letters and digits only (Mistral); scans the messages",
        Habit::Messages(order::nine_letter_ids),
    ),
    quirk(
        "assistant-after-tool",
        "wants the model between a tool's answer and a user (Mistral); scans the messages",
        Habit::Messages(order::model_between),
    ),
    quirk(
        "last-assistant-as-prefix",
        "marks an answer to go on with as prefix (Mistral); scans the messages",
        Habit::Messages(order::last_as_prefix),
    ),
    quirk(
        "last-assistant-as-partial",
        "marks an answer to go on with as partial (Moonshot, Alibaba); scans the messages",
        Habit::Messages(order::last_as_partial),
    ),
    quirk(
        "text-parts-as-string",
        "takes content as one string only; scans the messages",
        Habit::Messages(messages::text_parts_as_string),
    ),
];

impl Quirk {
    /// Every quirk, in the order of the table.
    pub const ALL: &'static [Self] = TABLE;

    /// Finds a quirk by the name that provider rows use.
    #[must_use]
    pub fn from_name(name: &str) -> Option<&'static Self> {
        Self::ALL.iter().find(|quirk| quirk.name == name)
    }
}
