//! An offer: one model at one provider, as published, before it becomes a row.

use chat::Unit;

use super::decimal::{self, Number};
use crate::rows::{AbilitiesRow, PriceRow, ReasoningRow, TierRow};

/// One model at one provider.
#[derive(Debug, Clone, Default)]
pub(super) struct Offer {
    /// Our slug of the provider.
    pub(super) provider: String,
    /// The provider's own name of the model.
    pub(super) upstream_model: String,
    /// Canonical slug of the model.
    pub(super) model: String,
    /// The dialect it is published for.
    pub(super) dialect: Option<&'static str>,
    /// A base URL of its own.
    pub(super) base_url: Option<String>,
    /// What the name says about it beyond the model: `free`, `fp8`, `region:eu`, …
    pub(super) marks: Vec<String>,
    /// Prices.
    pub(super) price: Option<PriceRow>,
    /// `alpha`, `beta`, `deprecated`.
    pub(super) status: Option<String>,
    /// `free_tier`, `local`.
    pub(super) billing: Option<String>,
    /// Limits and abilities, all that are known.
    pub(super) abilities: AbilitiesRow,
}

/// Prices as both formats publish them, USD per million tokens.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
pub(super) struct Cost {
    pub(super) input: Option<Number>,
    pub(super) output: Option<Number>,
    pub(super) reasoning: Option<Number>,
    pub(super) cache_read: Option<Number>,
    pub(super) cache_write: Option<Number>,
    pub(super) input_audio: Option<Number>,
    pub(super) output_audio: Option<Number>,
    pub(super) context_over_200k: Option<Box<Cost>>,
    pub(super) tiers: Vec<Cost>,
    /// The curated format's threshold of a tier.
    pub(super) context_over: Option<u64>,
    /// models.dev's threshold of a tier.
    pub(super) tier: Option<Tier>,
}

/// models.dev's condition of a tier.
#[derive(Debug, serde::Deserialize)]
pub(super) struct Tier {
    size: u64,
    #[serde(default)]
    r#type: Option<String>,
}

/// The threshold that `context_over_200k` names.
const LONG_CONTEXT: u64 = 200_000;

impl Cost {
    /// The prices as a row. `None` when no price is stated.
    pub(super) fn row(&self) -> Option<PriceRow> {
        let mut row = PriceRow {
            prices: self.prices(),
            tiers: Vec::new(),
        };
        for tier in &self.tiers {
            let above = match (&tier.tier, tier.context_over) {
                (Some(named), _) if named.r#type.as_deref().unwrap_or("context") == "context" => {
                    Some(named.size)
                }
                (_, above) => above,
            };
            if let Some(above) = above {
                row.tiers.push(tier_row(above, tier));
            }
        }
        if let (Some(long), true) = (&self.context_over_200k, row.tiers.is_empty()) {
            row.tiers.push(tier_row(LONG_CONTEXT, long));
        }
        row.tiers.retain(|tier| !tier.prices.is_empty());
        row.tiers.sort_by_key(|tier| tier.above_prompt_tokens);
        (!row.prices.is_empty()).then_some(row)
    }

    fn prices(&self) -> Vec<(Unit, Box<str>)> {
        let mut row = PriceRow::default();
        for (unit, published) in [
            (Unit::Input, &self.input),
            (Unit::CacheRead, &self.cache_read),
            (Unit::CacheWrite, &self.cache_write),
            (Unit::InputAudio, &self.input_audio),
            (Unit::Output, &self.output),
            (Unit::Reasoning, &self.reasoning),
            (Unit::OutputAudio, &self.output_audio),
        ] {
            if let Some(text) = published.as_ref().and_then(|number| decimal::clean(number)) {
                row.set(unit, &text);
            }
        }
        row.prices
    }
}

fn tier_row(above: u64, cost: &Cost) -> TierRow {
    TierRow {
        above_prompt_tokens: Some(above),
        prices: cost.prices(),
        ..TierRow::default()
    }
}

/// Limits as both formats publish them; zero means unknown.
#[derive(Debug, Default, Clone, Copy, serde::Deserialize)]
#[serde(default)]
pub(super) struct Limit {
    pub(super) context: u64,
    pub(super) input: u64,
    pub(super) output: u64,
}

/// Modalities as both formats publish them.
#[derive(Debug, Default, Clone, serde::Deserialize)]
#[serde(default)]
pub(super) struct Modalities {
    pub(super) input: Vec<String>,
    pub(super) output: Vec<String>,
}

/// One way to steer reasoning, as both formats publish it.
#[derive(Debug, Default, Clone, serde::Deserialize)]
#[serde(default)]
pub(super) struct ReasoningOption {
    r#type: String,
    values: Vec<Option<String>>,
    min: Option<i64>,
    max: Option<i64>,
}

/// The reasoning options as a row; `None` when nothing is said.
pub(super) fn reasoning_row(options: &[ReasoningOption]) -> Option<ReasoningRow> {
    let mut row = ReasoningRow::default();
    for option in options {
        match option.r#type.as_str() {
            "effort" => row.efforts = option.values.iter().flatten().cloned().collect(),
            "toggle" => row.toggle = true,
            "budget_tokens" => {
                row.budget = true;
                row.budget_min = option.min.and_then(|min| u64::try_from(min).ok());
                row.budget_max = option.max.and_then(|max| u64::try_from(max).ok());
            }
            _ => {}
        }
    }
    (row != ReasoningRow::default()).then_some(row)
}

impl Limit {
    /// Writes the known limits into `abilities`.
    pub(super) fn fill(self, abilities: &mut AbilitiesRow) {
        let known = |limit: u64| (limit > 0).then_some(limit);
        abilities.context_length = known(self.context);
        abilities.max_prompt_tokens = known(self.input);
        abilities.max_completion_tokens = known(self.output);
    }
}

/// Names of modalities in the catalog's words; `kind` decides what an answer is made of where the
/// published formats only say "text".
pub(super) fn modalities(published: &Modalities, kind: &str) -> (Vec<String>, Vec<String>) {
    let word = |name: &String| match name.as_str() {
        "pdf" => "file".to_owned(),
        _ => name.clone(),
    };
    let input: Vec<String> = published.input.iter().map(word).collect();
    let output: Vec<String> = match kind {
        "embedding" => vec!["embeddings".to_owned()],
        "rerank" => vec!["rerank".to_owned()],
        "speech" => vec!["speech".to_owned()],
        "transcription" => vec!["transcription".to_owned()],
        _ => published.output.iter().map(word).collect(),
    };
    (canonical(&input), canonical(&output))
}

/// The known ones, each once, in the order of the vocabulary.
fn canonical(names: &[String]) -> Vec<String> {
    chat::Modality::ALL
        .iter()
        .map(|modality| modality.name())
        .filter(|name| names.iter().any(|given| given == name))
        .map(str::to_owned)
        .collect()
}
