//! Model: a thing with a slug that users ask for, and the endpoints that serve it.

use std::fmt;
use std::sync::Arc;

use chat::{Dialect, Modalities, Modality, Parameters};

use crate::endpoint::{Endpoint, Status};
use crate::provider::{ProviderKind, slug};

slug! {
    /// Identifies a model: `author/name`, with `:variant` for a static variant.
    ModelSlug
}

/// What a model is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ModelKind {
    /// Conversation.
    Chat,
    /// A model chosen by somebody else's router.
    Router,
    /// Says whether content is harmful; asked like a chat model.
    Moderation,
    /// Text → vectors.
    Embedding,
    /// Query and documents → scores.
    Rerank,
    /// → pictures.
    Image,
    /// → moving pictures.
    Video,
    /// Text → speech.
    Speech,
    /// Speech → text.
    Transcription,
    /// → sound that is not speech.
    Audio,
    /// Speech to speech over its own protocol.
    Realtime,
}

impl ModelKind {
    const NAMES: [(&'static str, Self); 11] = [
        ("chat", Self::Chat),
        ("router", Self::Router),
        ("moderation", Self::Moderation),
        ("embedding", Self::Embedding),
        ("rerank", Self::Rerank),
        ("image", Self::Image),
        ("video", Self::Video),
        ("speech", Self::Speech),
        ("transcription", Self::Transcription),
        ("audio", Self::Audio),
        ("realtime", Self::Realtime),
    ];

    /// Reads the word of a row; `None` when it is not one.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let found = Self::NAMES.iter().find(|(name, _)| *name == text);
        found.map(|(_, kind)| *kind)
    }

    /// Every word of a row.
    pub(crate) fn names() -> impl Iterator<Item = &'static str> {
        Self::NAMES.iter().map(|(name, _)| *name)
    }

    /// The path below `/api/v1` that serves such a model.
    #[must_use]
    pub const fn path(self) -> &'static str {
        match self {
            Self::Chat | Self::Router | Self::Moderation => "/chat/completions",
            Self::Embedding => "/embeddings",
            Self::Rerank => "/rerank",
            Self::Image => "/images",
            Self::Video => "/videos",
            Self::Speech | Self::Audio => "/audio/speech",
            Self::Transcription => "/audio/transcriptions",
            Self::Realtime => "/realtime",
        }
    }

    /// Whether it is asked with messages.
    #[must_use]
    pub const fn takes_messages(self) -> bool {
        matches!(self, Self::Chat | Self::Router | Self::Moderation)
    }
}

/// How a model's reasoning can be steered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reasoning {
    /// Effort levels it knows, strongest first; empty when it has none.
    pub efforts: Vec<Box<str>>,
    /// Whether it can be switched off and on.
    pub toggle: bool,
    /// Whether it takes a token budget.
    pub budget: bool,
    /// The smallest budget, in tokens.
    pub budget_min: Option<u64>,
    /// The largest budget, in tokens.
    pub budget_max: Option<u64>,
}

impl Reasoning {
    /// Whether it cannot be switched off, as far as its options say.
    #[must_use]
    pub fn is_mandatory(&self) -> bool {
        let may_be_none = self.efforts.iter().any(|effort| effort.as_ref() == "none");
        let may_be_zero = self.budget && self.budget_min == Some(0);
        !(self.toggle || may_be_none || may_be_zero)
    }
}

/// What happens when a model's time is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retirement {
    /// From when on nobody serves it, Unix seconds at midnight UTC.
    pub at: i64,
    /// The model that takes its place.
    pub successor: Option<ModelSlug>,
    /// Whether calls go on to the successor by themselves.
    pub redirects: bool,
}

/// A thing with a slug that users ask for. A static variant (`author/name:free`) is a model of its
/// own here, with its own endpoints.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    /// What callers write.
    pub slug: ModelSlug,
    /// The slug that never changes meaning: a dated one where there is one.
    pub canonical_slug: ModelSlug,
    /// Display name.
    pub name: Box<str>,
    /// What it is for.
    pub kind: ModelKind,
    /// The static variant, where it is one: `free`, `thinking`, …
    pub variant: Option<Box<str>>,
    /// Other slugs that mean this model.
    pub aliases: Vec<Box<str>>,
    /// Whether the slug is a name whose model changes (`-latest`).
    pub is_moving_alias: bool,
    /// Family, for example `claude-sonnet`.
    pub family: Option<Box<str>>,
    /// Release date, Unix seconds at midnight UTC; 0 when unknown.
    pub created: i64,
    /// Knowledge cutoff, `YYYY-MM-DD` or `YYYY-MM`.
    pub knowledge_cutoff: Option<Box<str>>,
    /// Whether the weights are public.
    pub has_open_weights: bool,
    /// Repository of the weights.
    pub hugging_face_id: Option<Box<str>>,
    /// What happens when its time is over.
    pub retirement: Option<Retirement>,
    /// What it takes.
    pub input: Modalities,
    /// What it gives.
    pub output: Modalities,
    /// Tokens of prompt and answer together, as its author states them.
    pub context_length: Option<u64>,
    /// How its reasoning can be steered; absent when it does not reason.
    pub reasoning: Option<Reasoning>,
    /// Who serves it, by provider and tag. Never empty.
    pub endpoints: Vec<Arc<Endpoint>>,
}

impl Model {
    /// The author, the part before the slash.
    #[must_use]
    pub fn author(&self) -> &str {
        self.slug.as_str().split('/').next().unwrap_or_default()
    }

    /// `text+image->text`: the form of OpenRouter's `architecture.modality`.
    #[must_use]
    pub fn modality(&self) -> String {
        let side = |set: Modalities| set.iter().map(Modality::name).collect::<Vec<_>>().join("+");
        format!("{}->{}", side(self.input), side(self.output))
    }

    /// The endpoint whose price and limits speak for the model: its author's own if listed, else
    /// the cheapest; one that can be used before one that cannot, a deprecated or unpriced one last.
    #[must_use]
    pub fn top_endpoint(&self) -> Option<&Arc<Endpoint>> {
        self.endpoints.iter().min_by_key(|endpoint| {
            let is_own = endpoint.provider.kind == Some(ProviderKind::FirstParty);
            let price = endpoint.plain_price();
            (
                !endpoint.provider.is_enabled(),
                endpoint.status == Status::Deprecated,
                endpoint.tier.is_some(),
                price.is_none(),
                !is_own,
                price,
            )
        })
    }

    /// The parameters that at least one endpoint supports.
    #[must_use]
    pub fn supported_parameters(&self) -> Parameters {
        let none = Parameters::default();
        self.endpoints
            .iter()
            .fold(none, |all, endpoint| all.union(endpoint.parameters))
    }

    /// The longest context that an endpoint offers, else what the author states.
    #[must_use]
    pub fn context_length(&self) -> Option<u64> {
        let offered = self
            .endpoints
            .iter()
            .filter_map(|endpoint| endpoint.context_length);
        self.top_endpoint()
            .and_then(|endpoint| endpoint.context_length)
            .or_else(|| offered.max())
            .or(self.context_length)
    }

    /// Whether an endpoint of an enabled provider speaks one of these dialects.
    #[must_use]
    pub fn is_served(&self, dialects: &[Dialect]) -> bool {
        let speaks = |endpoint: &Endpoint| dialects.iter().any(|d| endpoint.dialects.contains(d));
        self.endpoints
            .iter()
            .any(|endpoint| endpoint.provider.is_enabled() && speaks(endpoint))
    }

    /// The tokenizer's family in OpenRouter's words, guessed from author and family; `Other` when
    /// there is nothing to go by.
    #[must_use]
    pub fn tokenizer(&self) -> &'static str {
        let family = self.family.as_deref().unwrap_or_default();
        match self.author().trim_start_matches('~') {
            _ if self.kind == ModelKind::Router => "Router",
            _ if !self.output.contains(Modality::Text) => "Media",
            "openai" => "GPT",
            "anthropic" => "Claude",
            "google" if family.starts_with("gemma") => "Gemma",
            "google" => "Gemini",
            "x-ai" => "Grok",
            "cohere" => "Cohere",
            "amazon" => "Nova",
            "deepseek" => "DeepSeek",
            "mistralai" => "Mistral",
            "qwen" if self.slug.as_str().contains("qwen3") => "Qwen3",
            "qwen" => "Qwen",
            "meta-llama" if self.slug.as_str().contains("llama-4") => "Llama4",
            "meta-llama" if self.slug.as_str().contains("llama-3") => "Llama3",
            "meta-llama" if self.slug.as_str().contains("llama-2") => "Llama2",
            _ => "Other",
        }
    }
}

/// Unix seconds at midnight UTC of `YYYY-MM-DD` or `YYYY-MM` (the first of the month). `None` when
/// it is no such date.
pub(crate) fn unix_seconds(date: &str) -> Option<i64> {
    let mut parts = date.split('-');
    let year: i64 = parts.next()?.parse().ok()?;
    let month: i64 = parts.next()?.parse().ok()?;
    let day: i64 = parts.next().map_or(Some(1), |day| day.parse().ok())?;
    let is_date =
        (1970..=9999).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day);
    if !is_date || parts.next().is_some() {
        return None;
    }
    // Days since 1970-01-01 in the proleptic Gregorian calendar, counting years from March.
    let shifted = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (shifted.div_euclid(400), shifted.rem_euclid(400));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468;
    Some(days * 86_400)
}

#[cfg(test)]
mod tests {
    use super::unix_seconds;

    #[test]
    fn dates_become_unix_seconds() {
        for (date, expected) in [
            ("1970-01-01", Some(0)),
            ("2024-05-13", Some(1_715_558_400)),
            ("2024-02-29", Some(1_709_164_800)),
            ("2024-03", Some(1_709_251_200)),
            ("2024", None),
            ("2024-13-01", None),
            ("soon", None),
        ] {
            assert_eq!(unix_seconds(date), expected, "{date}");
        }
    }
}
