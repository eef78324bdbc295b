//! models.dev's own formats: `api.json` (providers with their models), `models.json` (facts about
//! models alone) and `catalog.json` (both).
//!
//! Source: <https://github.com/anomalyco/models.dev>, `packages/core/src/schema.ts`, July 2026.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::value::RawValue;

use super::assemble::{self, Source};
use super::facts;
use super::naming::Matcher;
use super::offer::{Cost, Limit, Modalities, Offer, ReasoningOption, modalities, reasoning_row};
use crate::LoadError;
use crate::rows::{AbilitiesRow, ModelRow, OneOrMany, ProviderRow, Rows};

#[derive(Deserialize)]
struct Provider {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    env: Vec<String>,
    #[serde(default)]
    npm: Option<String>,
    #[serde(default)]
    api: Option<String>,
    #[serde(default)]
    doc: Option<String>,
    models: BTreeMap<String, Box<RawValue>>,
}

#[derive(Deserialize)]
struct Model {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    family: Option<String>,
    #[serde(default)]
    release_date: Option<String>,
    #[serde(default)]
    knowledge: Option<String>,
    #[serde(default)]
    open_weights: Option<bool>,
    #[serde(default)]
    modalities: Option<Modalities>,
    #[serde(default)]
    limit: Option<Limit>,
    #[serde(default)]
    reasoning: Option<bool>,
    #[serde(default)]
    tool_call: Option<bool>,
    #[serde(default)]
    structured_output: Option<bool>,
    #[serde(default)]
    temperature: Option<bool>,
    #[serde(default)]
    reasoning_options: Vec<ReasoningOption>,
    #[serde(default)]
    cost: Option<Cost>,
    #[serde(default)]
    status: Option<String>,
    #[serde(default)]
    provider: Option<ModelProvider>,
}

#[derive(Deserialize)]
struct ModelProvider {
    #[serde(default)]
    npm: Option<String>,
    #[serde(default)]
    api: Option<String>,
    #[serde(default)]
    shape: Option<String>,
}

type Raw = BTreeMap<String, Box<RawValue>>;

/// Brings `base` up to date with what models.dev publishes. Providers it does not list stay as
/// they are; of those it lists, endpoints it no longer lists go.
///
/// # Errors
/// Every entry that cannot be read, by path. Nothing is half imported.
pub fn models_dev(text: &str, base: &Rows) -> Result<Rows, Vec<LoadError>> {
    let top: Raw = read("models.dev", text).map_err(|e| vec![e])?;
    let mut errors = Vec::new();
    let (providers, models) = match (top.get("providers"), top.get("models")) {
        (Some(providers), Some(models)) => (
            read_or_note("providers", providers.get(), &mut errors),
            read_or_note("models", models.get(), &mut errors),
        ),
        _ if is_models(&top) => (Raw::new(), top),
        _ => (top, Raw::new()),
    };
    let mut import = Import {
        matcher: Matcher::new(base),
        source: Source {
            rows: base.clone(),
            covered: BTreeSet::new(),
            keep: true,
            ..Source::default()
        },
        errors,
    };
    for (id, raw) in &models {
        import.facts(id, raw);
    }
    for (id, raw) in &providers {
        import.provider(id, raw);
    }
    if providers.is_empty() && models.is_empty() && import.errors.is_empty() {
        let message = "neither providers nor models are in it";
        import.errors.push(LoadError::new("models.dev", message));
    }
    if import.errors.is_empty() {
        Ok(assemble::assemble(import.source))
    } else {
        Err(import.errors)
    }
}

/// `models.json` maps `author/name` to facts; `api.json` maps a provider's id to a provider.
fn is_models(top: &Raw) -> bool {
    !top.is_empty() && top.keys().all(|key| key.contains('/'))
}

struct Import {
    matcher: Matcher,
    source: Source,
    errors: Vec<LoadError>,
}

impl Import {
    /// Takes over facts about a model we know; a model nobody serves is of no use.
    fn facts(&mut self, id: &str, raw: &RawValue) {
        let Some(model) = read_or(&format!("models.{id}"), raw.get(), &mut self.errors) else {
            return;
        };
        let model: Model = model;
        let (slug, _) = self.matcher.find("", id);
        let Some(row) = self.source.rows.models.get_mut(&slug) else {
            return;
        };
        row.released = model.release_date.or(row.released.take());
        row.knowledge_cutoff = model.knowledge.or(row.knowledge_cutoff.take());
        if model.open_weights == Some(true) {
            row.open_weights = Some(true);
        }
    }

    fn provider(&mut self, id: &str, raw: &RawValue) {
        let Some(slug) = facts::provider_slug(id) else {
            return;
        };
        let path = format!("providers.{id}");
        let Some(provider) = read_or::<Provider>(&path, raw.get(), &mut self.errors) else {
            return;
        };
        let known = self.source.rows.provider_slug(slug).map(str::to_owned);
        let slug = match known {
            Some(slug) => slug,
            None => {
                let Some(row) = provider_row(slug, &provider) else {
                    return;
                };
                self.source.rows.providers.insert(slug.to_owned(), row);
                slug.to_owned()
            }
        };
        self.source.covered.insert(slug.clone());
        for (model_id, raw) in &provider.models {
            let path = format!("{path}.models.{model_id}");
            if let Some(model) = read_or(&path, raw.get(), &mut self.errors) {
                self.offer(&slug, &provider, model_id, model);
            }
        }
    }

    fn offer(&mut self, provider: &str, published: &Provider, id: &str, model: Model) {
        let own = model.provider.as_ref();
        let npm = own
            .and_then(|own| own.npm.as_deref())
            .or(published.npm.as_deref());
        let shape = own.and_then(|own| own.shape.as_deref());
        let Some(dialect) = dialect(npm.unwrap_or_default(), shape) else {
            return;
        };
        let (slug, marks) = self.matcher.find(provider, id);
        let known = self.source.rows.models.get(&slug);
        let kind = known.map_or_else(
            || guess_kind(id, model.modalities.as_ref()).to_owned(),
            |row| row.kind.clone().unwrap_or_else(|| "chat".to_owned()),
        );
        let abilities = abilities(&model, &kind);
        if known.is_none() {
            let row = new_model(&slug, &kind, &model, abilities.clone());
            self.source.rows.models.insert(slug.clone(), row);
        }
        self.source.offers.push(Offer {
            provider: provider.to_owned(),
            upstream_model: id.to_owned(),
            model: slug,
            dialect: Some(dialect),
            base_url: own.and_then(|own| own.api.clone()),
            marks,
            price: model.cost.as_ref().and_then(Cost::row),
            status: model.status,
            billing: None,
            abilities,
        });
    }
}

fn new_model(slug: &str, kind: &str, model: &Model, abilities: AbilitiesRow) -> ModelRow {
    let mut row = ModelRow {
        slug: slug.to_owned(),
        name: model.name.clone(),
        kind: (kind != "chat").then(|| kind.to_owned()),
        family: model.family.clone(),
        released: model.release_date.clone(),
        knowledge_cutoff: model.knowledge.clone(),
        open_weights: model.open_weights.filter(|open| *open),
        ..ModelRow::default()
    };
    row.set_abilities(abilities);
    row
}

fn abilities(model: &Model, kind: &str) -> AbilitiesRow {
    let mut abilities = AbilitiesRow {
        tools: model.tool_call,
        structured_outputs: model.structured_output,
        temperature: model.temperature,
        reasoning: model.reasoning,
        reasoning_options: reasoning_row(&model.reasoning_options),
        ..AbilitiesRow::default()
    };
    if let Some(published) = &model.modalities {
        let (input, output) = modalities(published, kind);
        (abilities.input, abilities.output) = (Some(input), Some(output));
    }
    model.limit.unwrap_or_default().fill(&mut abilities);
    abilities
}

/// A provider that is new to us can be used only when it says where it is and speaks a dialect of
/// ours with a plain key.
fn provider_row(slug: &str, provider: &Provider) -> Option<ProviderRow> {
    let dialect = dialect(provider.npm.as_deref()?, None)?;
    let base_url = provider.api.clone()?;
    let auth = match dialect {
        "openai-chat" | "openai-responses" => "bearer",
        "anthropic-messages" => "header:x-api-key",
        _ => return None,
    };
    let in_url = |name: &String| base_url.contains(&format!("${{{name}}}"));
    let env = provider
        .env
        .iter()
        .filter(|name| !in_url(name))
        .cloned()
        .collect();
    Some(ProviderRow {
        slug: slug.to_owned(),
        name: provider.name.clone(),
        dialects: Some(vec![dialect.to_owned()]),
        auth: Some(auth.to_owned()),
        env: Some(OneOrMany::Many(env)),
        docs: provider.doc.clone(),
        base_url: Some(base_url),
        ..ProviderRow::default()
    })
}

/// The dialect behind an AI SDK package; `None` when it is one of its own.
fn dialect(npm: &str, shape: Option<&str>) -> Option<&'static str> {
    let dialect = match (npm, shape) {
        (_, Some("responses")) => chat::Dialect::OpenaiResponses,
        (_, Some("completions")) => chat::Dialect::OpenaiChat,
        ("@ai-sdk/openai", _) => chat::Dialect::OpenaiResponses,
        ("@ai-sdk/anthropic", _) => chat::Dialect::AnthropicMessages,
        ("@ai-sdk/google", _) => chat::Dialect::Gemini,
        ("@ai-sdk/google-vertex" | "@ai-sdk/google-vertex/anthropic", _) => chat::Dialect::Vertex,
        ("@ai-sdk/amazon-bedrock", _) => chat::Dialect::BedrockConverse,
        ("@ai-sdk/azure", _) => chat::Dialect::AzureOpenai,
        ("@ai-sdk/cohere", _) => chat::Dialect::Cohere,
        ("@gitlab/gitlab-ai-provider" | "@jerome-benoit/sap-ai-provider-v2", _) => return None,
        _ => chat::Dialect::OpenaiChat,
    };
    Some(dialect.name())
}

/// What a model is for, from its name and what it gives; models.dev does not say.
fn guess_kind(id: &str, modalities: Option<&Modalities>) -> &'static str {
    let id = id.to_ascii_lowercase();
    let output = modalities.map_or(&[][..], |published| published.output.as_slice());
    let has = |words: &[&str]| words.iter().any(|word| id.contains(word));
    match output {
        [only] if only == "image" => "image",
        [only] if only == "video" => "video",
        [only] if only == "audio" => "speech",
        _ if has(&["embed"]) => "embedding",
        _ if has(&["rerank"]) => "rerank",
        _ if has(&["-tts"]) => "speech",
        _ if has(&["whisper", "transcribe"]) => "transcription",
        _ if has(&["realtime"]) => "realtime",
        _ if has(&["moderation", "-guard"]) => "moderation",
        _ => "chat",
    }
}

fn read<'a, T: Deserialize<'a>>(path: &str, text: &'a str) -> Result<T, LoadError> {
    serde_json::from_str(text).map_err(|e| LoadError::new(path, &e.to_string()))
}

fn read_or<'a, T: Deserialize<'a>>(
    path: &str,
    text: &'a str,
    errors: &mut Vec<LoadError>,
) -> Option<T> {
    read(path, text).map_err(|error| errors.push(error)).ok()
}

fn read_or_note(path: &str, text: &str, errors: &mut Vec<LoadError>) -> Raw {
    read_or(path, text, errors).unwrap_or_default()
}
