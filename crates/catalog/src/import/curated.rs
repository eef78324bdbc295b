//! The curated format: `models.json` (models with their endpoints) and `providers.json`.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::assemble::{self, Source};
use super::facts;
use super::offer::{Cost, Limit, Modalities, Offer, ReasoningOption, modalities, reasoning_row};
use crate::LoadError;
use crate::rows::{AbilitiesRow, ModelRow, OneOrMany, ProviderRow, ReasoningRow, Rows};

#[derive(Deserialize)]
struct ModelsFile {
    models: Vec<Model>,
}

#[derive(Deserialize)]
struct Model {
    id: String,
    name: String,
    #[serde(default)]
    family: Option<String>,
    kind: String,
    #[serde(default)]
    moving_alias: bool,
    #[serde(default)]
    release_date: Option<String>,
    #[serde(default)]
    knowledge_cutoff: Option<String>,
    #[serde(default)]
    open_weights: Option<bool>,
    #[serde(default)]
    hugging_face_id: Option<String>,
    #[serde(default)]
    aliases: Vec<String>,
    #[serde(flatten)]
    able: Able,
    endpoints: Vec<Endpoint>,
}

#[derive(Deserialize)]
struct Able {
    #[serde(default)]
    modalities: Option<Modalities>,
    #[serde(default)]
    limit: Limit,
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
}

#[derive(Deserialize)]
struct Endpoint {
    provider: String,
    model_id: String,
    dialect: String,
    #[serde(default)]
    api_base: Option<String>,
    #[serde(default)]
    price: Option<Cost>,
    #[serde(default)]
    variants: Vec<String>,
    #[serde(default)]
    status: Option<String>,
    #[serde(default)]
    billing: Option<String>,
    // Not flattened: a flattened price would lose its raw text.
    #[serde(default)]
    modalities: Option<Modalities>,
    #[serde(default)]
    limit: Limit,
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
}

#[derive(Deserialize)]
struct ProvidersFile {
    providers: Vec<Provider>,
}

#[derive(Deserialize)]
struct Provider {
    id: String,
    name: String,
    api_base: Option<String>,
    env: Vec<String>,
    dialects: Vec<String>,
    auth: Option<String>,
    doc: String,
    kind: String,
}

/// Reads the curated format. Providers that `base` already has keep their row.
///
/// # Errors
/// When a text is not of that format.
pub fn curated(models: &str, providers: &str, base: &Rows) -> Result<Rows, Vec<LoadError>> {
    let wrong = |file: &str, e: &serde_json::Error| vec![LoadError::new(file, &e.to_string())];
    let models: ModelsFile = serde_json::from_str(models).map_err(|e| wrong("models.json", &e))?;
    let providers: ProvidersFile =
        serde_json::from_str(providers).map_err(|e| wrong("providers.json", &e))?;
    let mut source = Source {
        rows: Rows {
            providers: base.providers.clone(),
            ..Rows::default()
        },
        ..Source::default()
    };
    for provider in providers.providers {
        if let Some(row) = provider_row(&provider) {
            source.rows.providers.entry(row.slug.clone()).or_insert(row);
        }
    }
    for model in models.models {
        let slug = model.id.clone();
        let row = model_row(&model);
        source.offers.extend(
            model
                .endpoints
                .into_iter()
                .filter_map(|e| offer(&slug, &row, e)),
        );
        source.rows.models.insert(slug, row);
    }
    Ok(assemble::assemble(source))
}

fn provider_row(provider: &Provider) -> Option<ProviderRow> {
    let slug = facts::provider_slug(&provider.id)?;
    if provider.kind == "subscription" {
        return None;
    }
    let base_url = provider.api_base.as_deref()?;
    let base_url = base_url.trim_end_matches("/chat/completions");
    let mut dialects: Vec<String> = Vec::new();
    for name in provider.dialects.iter().filter_map(|name| dialect(name)) {
        if dialects.iter().all(|listed| listed != name) {
            dialects.push(name.to_owned());
        }
    }
    let aliases = facts::published_ids(slug);
    let in_url = |name: &String| base_url.contains(&format!("${{{name}}}"));
    let mut env: Vec<String> = provider
        .env
        .iter()
        .filter(|name| !in_url(name))
        .cloned()
        .collect();
    env.dedup();
    let auth = match provider.auth.as_deref()?.split('|').next()? {
        "aws-sigv4" => "sigv4".to_owned(),
        "gcp-oauth" => "google".to_owned(),
        "bearer" => "bearer".to_owned(),
        header => format!("header:{header}"),
    };
    Some(ProviderRow {
        slug: slug.to_owned(),
        aliases: (!aliases.is_empty()).then_some(aliases),
        name: Some(provider.name.clone()),
        kind: Some(provider.kind.clone()),
        base_url: Some(base_url.to_owned()),
        dialects: (!dialects.is_empty()).then_some(dialects),
        auth: Some(auth),
        env: Some(match env.as_slice() {
            [one] => OneOrMany::One(one.clone()),
            _ => OneOrMany::Many(env),
        }),
        docs: Some(provider.doc.clone()),
        ..ProviderRow::default()
    })
}

fn model_row(model: &Model) -> ModelRow {
    let mut abilities = abilities(
        &model.able.modalities.clone().unwrap_or_default(),
        &model.kind,
        model.able.limit,
    );
    abilities.tools = model.able.tool_call;
    abilities.structured_outputs = model.able.structured_output;
    abilities.temperature = model.able.temperature;
    abilities.reasoning = model.able.reasoning;
    abilities.reasoning_options =
        common_options(&model.endpoints).or_else(|| reasoning_row(&model.able.reasoning_options));
    let mut row = ModelRow {
        slug: model.id.clone(),
        name: Some(model.name.clone()),
        kind: (model.kind != "chat").then(|| model.kind.clone()),
        family: model.family.clone(),
        aliases: (!model.aliases.is_empty()).then(|| model.aliases.clone()),
        moving_alias: model.moving_alias.then_some(true),
        released: model.release_date.clone(),
        knowledge_cutoff: model.knowledge_cutoff.clone(),
        open_weights: model.open_weights.filter(|open| *open),
        hugging_face_id: model.hugging_face_id.clone(),
        ..ModelRow::default()
    };
    row.set_abilities(abilities);
    row
}

/// The reasoning options that most endpoints of a model state; the first of several in text order.
fn common_options(endpoints: &[Endpoint]) -> Option<ReasoningRow> {
    let mut counts: BTreeMap<String, (usize, ReasoningRow)> = BTreeMap::new();
    for row in endpoints
        .iter()
        .filter_map(|e| reasoning_row(&e.reasoning_options))
    {
        counts.entry(format!("{row:?}")).or_insert((0, row)).0 += 1;
    }
    let most = counts.values().map(|(count, _)| *count).max()?;
    counts
        .into_values()
        .find(|(count, _)| *count == most)
        .map(|(_, row)| row)
}

fn offer(slug: &str, model: &ModelRow, endpoint: Endpoint) -> Option<Offer> {
    let provider = facts::provider_slug(&endpoint.provider)?;
    if endpoint.billing.as_deref() == Some("subscription") {
        return None;
    }
    let kind = model.kind.as_deref().unwrap_or("chat");
    let published = endpoint.modalities.clone().unwrap_or_default();
    let mut abilities = abilities(&published, kind, endpoint.limit);
    if endpoint.modalities.is_none() {
        (abilities.input, abilities.output) = (None, None);
    }
    abilities.tools = endpoint.tool_call;
    abilities.structured_outputs = endpoint.structured_output;
    abilities.temperature = endpoint.temperature;
    abilities.reasoning = endpoint.reasoning;
    abilities.reasoning_options = reasoning_row(&endpoint.reasoning_options);
    // What is said to be free only within a tier or on one's own machine has no price.
    let price = match endpoint.billing {
        Some(_) => None,
        None => endpoint.price.as_ref().and_then(Cost::row),
    };
    Some(Offer {
        provider: provider.to_owned(),
        model: slug.to_owned(),
        dialect: Some(dialect(&endpoint.dialect)?),
        base_url: endpoint.api_base,
        marks: endpoint.variants,
        price,
        status: endpoint.status,
        billing: endpoint.billing,
        abilities,
        upstream_model: endpoint.model_id,
    })
}

fn abilities(published: &Modalities, kind: &str, limit: Limit) -> AbilitiesRow {
    let (input, output) = modalities(published, kind);
    let mut abilities = AbilitiesRow {
        input: Some(input),
        output: Some(output),
        ..AbilitiesRow::default()
    };
    limit.fill(&mut abilities);
    abilities
}

/// Our name of a curated dialect; `None` when we cannot speak it.
fn dialect(name: &str) -> Option<&'static str> {
    let dialect = match name {
        "openai-chat" | "mistral" => chat::Dialect::OpenaiChat,
        "openai-responses" => chat::Dialect::OpenaiResponses,
        "anthropic-messages" => chat::Dialect::AnthropicMessages,
        "google-generative" => chat::Dialect::Gemini,
        "vertex" | "vertex-anthropic" => chat::Dialect::Vertex,
        "bedrock-converse" => chat::Dialect::BedrockConverse,
        "azure" => chat::Dialect::AzureOpenai,
        "cohere" => chat::Dialect::Cohere,
        _ => return None,
    };
    Some(dialect.name())
}
