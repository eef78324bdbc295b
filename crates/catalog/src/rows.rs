//! Rows: the text form of the catalog, the same in the built-in files and in an operator's config.
//!
//! Every field is optional here, so that a row can also say only what differs from the row below
//! it. What is required is checked once, in [`load`](crate::load), after the layers are merged.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use crate::price_row::{PriceRow, TierRow};

/// A layer of the catalog: the built-in files, a config file, or what an operator changed later.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Rows {
    /// Providers by slug.
    pub providers: BTreeMap<String, ProviderRow>,
    /// Models by slug.
    pub models: BTreeMap<String, ModelRow>,
}

impl Rows {
    /// The rows as one JSON document; what `waybill catalog update` keeps.
    ///
    /// # Errors
    /// Never for rows that were read; the signature is that of the JSON writer.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self)
    }

    /// Reads what [`Rows::to_json`] wrote.
    ///
    /// # Errors
    /// When the text is not such a document.
    pub fn from_json(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }

    /// How many endpoints the rows describe.
    #[must_use]
    pub fn endpoint_count(&self) -> usize {
        let of_models = self.models.values().map(|model| model.endpoints.len());
        let of_providers = self.providers.values().map(|row| row.endpoints.len());
        of_models.chain(of_providers).sum()
    }

    /// The slug of the provider that goes by `name`: its slug or one of its aliases.
    #[must_use]
    pub fn provider_slug(&self, name: &str) -> Option<&str> {
        slug_of(&self.providers, name)
    }
}

/// The slug that goes by `name` among `providers`: the name itself, or the owner of that alias.
pub(crate) fn slug_of<'a>(
    providers: &'a BTreeMap<String, ProviderRow>,
    name: &str,
) -> Option<&'a str> {
    if let Some((slug, _)) = providers.get_key_value(name) {
        return Some(slug);
    }
    let goes_by = |row: &ProviderRow| row.aliases.iter().flatten().any(|alias| alias == name);
    let mut found = providers.iter().filter(|(_, row)| goes_by(row));
    found.next().map(|(slug, _)| slug.as_str())
}

/// A provider: a company or host behind one base URL and one credential scheme.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ProviderRow {
    /// Lowercase identifier, as in `provider.order`. The table key in a config file.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub slug: String,
    /// Other slugs it goes by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aliases: Option<Vec<String>>,
    /// Display name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// `first_party`, `host`, `aggregator` or `local`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Where requests go; ends where the dialect's path begins. May contain `${VARIABLE}`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base_url: Option<String>,
    /// The dialects it speaks, the preferred one first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dialects: Option<Vec<String>>,
    /// `bearer`, `header:<name>`, `sigv4`, `google`, `azure` or `none`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth: Option<String>,
    /// Environment variables in which its users keep the credential; the first one set is used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub env: Option<OneOrMany>,
    /// Names of habits, from `wire`'s table of quirks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quirks: Option<Vec<String>>,
    /// Link to its API documentation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub docs: Option<String>,
    /// Whether closing the connection of a stream stops the bill; absent means unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub abort_stops_billing: Option<bool>,
    /// What it does with prompts; what is absent counts as the worst.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data_policy: Option<DataPolicyRow>,
    /// Link to its privacy policy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub privacy_policy_url: Option<String>,
    /// Link to its terms.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub terms_of_service_url: Option<String>,
    /// Link to its status page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status_page_url: Option<String>,
    /// Country, ISO 3166 alpha-2.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub headquarters: Option<String>,
    /// Countries of its data centres, ISO 3166 alpha-2.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub datacenters: Option<Vec<String>>,
    /// What differs when one of its dialects is spoken, by dialect name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub by_dialect: BTreeMap<String, DialectRow>,
    /// What it serves; in config files only (built-in endpoints stand under their model).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub endpoints: Vec<EndpointRow>,
}

/// One name or a list of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum OneOrMany {
    /// A single name.
    One(String),
    /// Several names.
    Many(Vec<String>),
}

impl OneOrMany {
    /// The names.
    #[must_use]
    pub fn as_slice(&self) -> &[String] {
        match self {
            Self::One(name) => std::slice::from_ref(name),
            Self::Many(names) => names,
        }
    }
}

/// What differs from the provider's row when a certain dialect is spoken.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DialectRow {
    /// Another base URL.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base_url: Option<String>,
    /// Another way to present the credential.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth: Option<String>,
    /// Other habits, instead of the provider's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quirks: Option<Vec<String>>,
}

/// What a provider does with prompts. Absent means unknown, and unknown counts as the worst.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DataPolicyRow {
    /// Whether it may train on prompts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub training: Option<bool>,
    /// For how many days it keeps prompts; 0 means not at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retention_days: Option<u32>,
    /// Whether zero data retention is agreed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zdr: Option<bool>,
    /// Where data stays, for example `eu`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
}

/// Declares a row with fields of its own followed by the limits and abilities that models and
/// endpoints both state. (Serde's `flatten` would do the same, but it buffers every row and cannot
/// refuse unknown keys.)
macro_rules! row_with_abilities {
    ($(#[$meta:meta])* pub struct $name:ident { $($own:tt)* }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub struct $name {
            $($own)*
            /// Kinds of content it takes.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub input: Option<Vec<String>>,
            /// Kinds of content it gives.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub output: Option<Vec<String>>,
            /// Tokens of prompt and answer together.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub context_length: Option<u64>,
            /// Tokens of prompt.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub max_prompt_tokens: Option<u64>,
            /// Tokens of answer.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub max_completion_tokens: Option<u64>,
            /// Whether it calls tools.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub tools: Option<bool>,
            /// Whether it holds to a JSON schema.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub structured_outputs: Option<bool>,
            /// Whether it takes a temperature.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub temperature: Option<bool>,
            /// Whether it reasons before it answers.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub reasoning: Option<bool>,
            /// How its reasoning can be steered.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub reasoning_options: Option<ReasoningRow>,
            /// The request parameters it supports; derived from the abilities when absent.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub supported_parameters: Option<Vec<String>>,
        }

        impl $name {
            /// The part of the row that states limits and abilities.
            #[must_use]
            pub fn abilities(&self) -> AbilitiesRow {
                AbilitiesRow {
                    input: self.input.clone(),
                    output: self.output.clone(),
                    context_length: self.context_length,
                    max_prompt_tokens: self.max_prompt_tokens,
                    max_completion_tokens: self.max_completion_tokens,
                    tools: self.tools,
                    structured_outputs: self.structured_outputs,
                    temperature: self.temperature,
                    reasoning: self.reasoning,
                    reasoning_options: self.reasoning_options.clone(),
                    supported_parameters: self.supported_parameters.clone(),
                }
            }

            /// Replaces the part of the row that states limits and abilities.
            pub fn set_abilities(&mut self, abilities: AbilitiesRow) {
                self.input = abilities.input;
                self.output = abilities.output;
                self.context_length = abilities.context_length;
                self.max_prompt_tokens = abilities.max_prompt_tokens;
                self.max_completion_tokens = abilities.max_completion_tokens;
                self.tools = abilities.tools;
                self.structured_outputs = abilities.structured_outputs;
                self.temperature = abilities.temperature;
                self.reasoning = abilities.reasoning;
                self.reasoning_options = abilities.reasoning_options;
                self.supported_parameters = abilities.supported_parameters;
            }
        }
    };
}

row_with_abilities! {
    /// A model and, in the built-in files, the endpoints that serve it.
    pub struct ModelRow {
        /// `author/name`.
        #[serde(skip_serializing_if = "String::is_empty")]
        pub slug: String,
        /// Display name.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub name: Option<String>,
        /// `chat` (when absent), `embedding`, `rerank`, `image`, `video`, `speech`, `transcription`,
        /// `audio`, `moderation`, `realtime` or `router`.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub kind: Option<String>,
        /// Family, for example `claude-sonnet`; what the tokenizer is guessed from.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub family: Option<String>,
        /// Other slugs that mean this model, dated ones included.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub aliases: Option<Vec<String>>,
        /// Whether the slug is a name whose model changes (`-latest`).
        #[serde(skip_serializing_if = "Option::is_none")]
        pub moving_alias: Option<bool>,
        /// Release date, `YYYY-MM-DD` or `YYYY-MM`.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub released: Option<String>,
        /// Knowledge cutoff, `YYYY-MM-DD` or `YYYY-MM`.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub knowledge_cutoff: Option<String>,
        /// Whether the weights are public.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub open_weights: Option<bool>,
        /// Repository of the weights.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub hugging_face_id: Option<String>,
        /// Whether its author lets others train on what it writes.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub distillable: Option<bool>,
        /// The day from which nobody serves it any more, `YYYY-MM-DD`.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub retires: Option<String>,
        /// The model that takes its place then.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub successor: Option<String>,
        /// Whether calls go on to the successor by themselves once it has retired.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub redirects: Option<bool>,
        /// The endpoints that serve it.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        pub endpoints: Vec<EndpointRow>,
    }
}

row_with_abilities! {
    /// One model as served by one provider.
    pub struct EndpointRow {
        /// Slug of the provider; absent where the row stands under its provider.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub provider: Option<String>,
        /// Slug of the model; absent where the row stands under its model.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub model: Option<String>,
        /// The provider's own name of the model.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub upstream_model: Option<String>,
        /// Static variant it belongs to (`free`, `thinking`, …): served as `model:variant` only.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub variant: Option<String>,
        /// What follows the provider's slug in the endpoint's tag; the quantization when absent.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub tag: Option<String>,
        /// Service tier (`flex`, `priority`): used only when a request names it.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub tier: Option<String>,
        /// Region the data stays in, for example `eu`.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub region: Option<String>,
        /// `int4`, `int8`, `fp4`, `mxfp4`, `nvfp4`, `fp6`, `fp8`, `mxfp8`, `fp16`, `bf16` or `fp32`.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub quantization: Option<String>,
        /// The dialects it can be asked in, when not all of its provider's.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub dialects: Option<Vec<String>>,
        /// Where it is, when not at its provider's base URL.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub base_url: Option<String>,
        /// `alpha`, `beta` or `deprecated`.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub status: Option<String>,
        /// Why there is no price although it can be used: `free_tier` or `local`.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub billing: Option<String>,
        /// Prices as decimal strings; absent means unknown, never free.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub price: Option<PriceRow>,
        /// How often it is the first choice beside what its price says, percent: 100 when absent,
        /// 50 for half as often, 0 for never (it still stands in for others).
        #[serde(skip_serializing_if = "Option::is_none")]
        pub weight: Option<u32>,
        /// Exactly this share of the model's calls goes here first, percent, whatever the price; and
        /// no others. For trying out.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub canary: Option<u32>,
        /// How many calls may be under way here at once.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub max_concurrent: Option<u32>,
        /// For how long it keeps a prompt cache after the last use, seconds.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub cache_ttl: Option<u32>,
        /// Whether training on what it writes is allowed, when it differs from its model's.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub distillable: Option<bool>,
    }
}

/// Limits and abilities: stated by a model, and by an endpoint where it differs.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct AbilitiesRow {
    /// Kinds of content it takes.
    pub input: Option<Vec<String>>,
    /// Kinds of content it gives.
    pub output: Option<Vec<String>>,
    /// Tokens of prompt and answer together.
    pub context_length: Option<u64>,
    /// Tokens of prompt.
    pub max_prompt_tokens: Option<u64>,
    /// Tokens of answer.
    pub max_completion_tokens: Option<u64>,
    /// Whether it calls tools.
    pub tools: Option<bool>,
    /// Whether it holds to a JSON schema.
    pub structured_outputs: Option<bool>,
    /// Whether it takes a temperature.
    pub temperature: Option<bool>,
    /// Whether it reasons before it answers.
    pub reasoning: Option<bool>,
    /// How its reasoning can be steered.
    pub reasoning_options: Option<ReasoningRow>,
    /// The request parameters it supports; derived from the abilities when absent.
    pub supported_parameters: Option<Vec<String>>,
}

/// How a model's reasoning can be steered.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ReasoningRow {
    /// Effort levels it knows.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub efforts: Vec<String>,
    /// Whether it can be switched off and on.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub toggle: bool,
    /// Whether it takes a token budget.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub budget: bool,
    /// The smallest budget, in tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget_min: Option<u64>,
    /// The largest budget, in tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget_max: Option<u64>,
}
