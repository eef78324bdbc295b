//! One model, endpoint or provider in OpenRouter's shape, with OpenAI's fields beside it.
//!
//! Statistics (latency, throughput, uptime) are measured here, and null until there are any.

use std::collections::BTreeSet;
use std::sync::Arc;

use catalog::health::{Percentiles, Published};
use catalog::{Endpoint, Model, Provider, Reasoning};
use chat::{Modalities, Modality, Parameter, Parameters, Unit};
use serde_json::{Map, Value, json};

use super::listing::{context, endpoints, is_usable, parameters};
use super::pricing::pricing;

/// Reasoning efforts that OpenRouter's vocabulary has, strongest first.
const EFFORTS: [&str; 7] = ["max", "xhigh", "high", "medium", "low", "minimal", "none"];

/// What OpenRouter's vocabulary lets a model take.
const INPUT: [Modality; 5] = [
    Modality::Text,
    Modality::Image,
    Modality::File,
    Modality::Audio,
    Modality::Video,
];

/// What OpenRouter's vocabulary lets a model give.
const OUTPUT: [Modality; 8] = [
    Modality::Text,
    Modality::Image,
    Modality::Embeddings,
    Modality::Audio,
    Modality::Video,
    Modality::Rerank,
    Modality::Speech,
    Modality::Transcription,
];

/// A model, as in `/models` and `/model/{author}/{slug}`.
#[must_use]
pub fn model(model: &Model) -> Value {
    let endpoints = endpoints(model);
    let shown = endpoints.first();
    let mut object = json!({
        "id": model.slug.as_str(),
        "canonical_slug": model.canonical_slug.as_str(),
        "hugging_face_id": model.hugging_face_id,
        "name": model.name,
        "created": model.created,
        "description": description(model),
        "context_length": context(model, &endpoints),
        "architecture": architecture(model),
        "pricing": shown.map_or_else(|| pricing(&ledger::PriceSheet::default()), |one| pricing(&one.prices)),
        "top_provider": {
            "context_length": shown.and_then(|one| one.context_length),
            "max_completion_tokens": shown.and_then(|one| one.max_completion_tokens),
            "is_moderated": false,
        },
        "per_request_limits": null,
        "supported_parameters": parameter_names(parameters(&endpoints)),
        "default_parameters": null,
        "supported_voices": null,
        "knowledge_cutoff": model.knowledge_cutoff.as_deref().map(whole_date),
        "expiration_date": null,
    });
    if let Some(reasoning) = &model.reasoning {
        object["reasoning"] = reasoning_object(reasoning);
    }
    object["links"] = json!({"details": format!("/api/v1/models/{}/endpoints", model.slug)});
    object["object"] = "model".into();
    object["owned_by"] = model.author().into();
    object
}

/// A model with its endpoints, as in `/models/{author}/{slug}/endpoints`.
#[must_use]
pub fn model_endpoints(model: &Model, seen: &dyn Fn(&Endpoint) -> Option<Published>) -> Value {
    let endpoints = endpoints(model);
    json!({
        "id": model.slug.as_str(),
        "name": model.name,
        "created": model.created,
        "description": description(model),
        "architecture": architecture(model),
        "endpoints": endpoints
            .iter()
            .map(|one| endpoint(model, one, seen(one)))
            .collect::<Vec<_>>(),
    })
}

/// An endpoint, as in `/models/{author}/{slug}/endpoints` and `/endpoints/zdr`.
#[must_use]
pub fn endpoint(model: &Model, endpoint: &Arc<Endpoint>, seen: Option<Published>) -> Value {
    let seen = seen.unwrap_or_default();
    let has_tool_choice = endpoint.parameters.contains(Parameter::ToolChoice);
    json!({
        "name": format!("{} | {}", endpoint.provider.name, model.slug),
        "model_id": model.canonical_slug.as_str(),
        "model_name": model.name,
        "context_length": endpoint.context_length.or(model.context_length).unwrap_or(0),
        "pricing": pricing(&endpoint.prices),
        "provider_name": endpoint.provider.name,
        "tag": endpoint.tag,
        "quantization": endpoint.quantization.as_deref().unwrap_or("unknown"),
        "max_completion_tokens": endpoint.max_completion_tokens,
        "max_prompt_tokens": endpoint.max_prompt_tokens,
        "supported_parameters": parameter_names(endpoint.parameters),
        "status": if is_usable(endpoint) { seen.standing.status() } else { -1 },
        "uptime_last_5m": seen.uptime_last_5m,
        "uptime_last_30m": seen.uptime_last_30m,
        "uptime_last_1d": seen.uptime_last_1d,
        "supports_implicit_caching": caches_unasked(endpoint),
        "supports_tool_choice": {
            "auto": has_tool_choice,
            "none": has_tool_choice,
            "required": has_tool_choice,
            "function": has_tool_choice,
        },
        "supports_voice_cloning": false,
        "latency_last_30m": percentiles(seen.latency_last_30m, 1.0),
        "throughput_last_30m": percentiles(seen.throughput_last_30m, 10.0),
        "tool_success_last_1d": seen.tools_valid_last_1d,
        "cache_hit_last_30m": seen.cached_last_30m,
        "rate_limited_last_30m": seen.limited_last_30m,
    })
}

/// Milliseconds (`parts` 1), or tokens per second (10); null when nobody has measured them.
#[must_use]
pub fn percentiles(measured: Option<Percentiles>, parts: f64) -> Value {
    measured.map_or(Value::Null, |measured| {
        let [p50, p75, p90, p99] = measured.all().map(|value| f64::from(value) / parts);
        json!({ "p50": p50, "p75": p75, "p90": p90, "p99": p99 })
    })
}

/// A provider, as in `/providers`. `usable` are the slugs of those that can be asked.
#[must_use]
pub fn provider(provider: &Provider, usable: &BTreeSet<&str>) -> Value {
    let datacenters = (!provider.datacenters.is_empty()).then_some(&provider.datacenters);
    let policy = &provider.data_policy;
    json!({
        "name": provider.name,
        "slug": provider.slug.as_str(),
        "privacy_policy_url": provider.privacy_policy_url,
        "terms_of_service_url": provider.terms_of_service_url,
        "status_page_url": provider.status_page_url,
        "headquarters": provider.headquarters,
        "datacenters": datacenters,
        "is_usable": usable.contains(provider.slug.as_str()),
        "data_policy": {
            "training": policy.training,
            "retention_days": policy.retention_days,
            "zdr": policy.is_zdr(),
            "region": policy.region,
        },
    })
}

/// What the catalog knows of a model, in a sentence; nobody's advertising.
#[must_use]
pub fn description(model: &Model) -> String {
    let list = |set: Modalities| {
        set.iter()
            .map(Modality::name)
            .collect::<Vec<_>>()
            .join(", ")
    };
    let mut text = format!(
        "{} by {}: takes {}, gives {}",
        model.name,
        model.author(),
        list(model.input),
        list(model.output),
    );
    if let Some(tokens) = model.context_length {
        text.push_str(&format!(", within {tokens} tokens"));
    }
    if model.reasoning.is_some() {
        text.push_str("; reasons before it answers");
    }
    if model.has_open_weights {
        text.push_str("; open weights");
    }
    text.push('.');
    text
}

fn architecture(model: &Model) -> Value {
    let (input, output) = (
        names_within(model.input, &INPUT),
        names_within(model.output, &OUTPUT),
    );
    json!({
        "modality": format!("{}->{}", input.join("+"), output.join("+")),
        "input_modalities": input,
        "output_modalities": output,
        "tokenizer": model.tokenizer(),
        "instruct_type": null,
    })
}

fn reasoning_object(reasoning: &Reasoning) -> Value {
    let efforts: Vec<&str> = EFFORTS
        .into_iter()
        .filter(|known| reasoning.efforts.iter().any(|effort| &**effort == *known))
        .collect();
    let mut object = Map::new();
    // A token budget with a lower bound says how little may be asked for, not that it must be:
    // Claude's reasoning begins at 1,024 tokens and is off unless asked for.
    let is_mandatory = reasoning.is_mandatory() && !reasoning.budget;
    object.insert("mandatory".to_owned(), is_mandatory.into());
    let efforts = if efforts.is_empty() {
        Value::Null
    } else {
        efforts.into()
    };
    object.insert("supported_efforts".to_owned(), efforts);
    if reasoning.budget {
        object.insert("supports_max_tokens".to_owned(), true.into());
    }
    Value::Object(object)
}

/// Whether cached input is billed at its own price without being asked for. The catalog does not
/// say; the sign is a price for reading and none for writing, because providers whose caches must
/// be asked for charge for filling them.
fn caches_unasked(endpoint: &Endpoint) -> bool {
    let has_price = |unit| endpoint.prices.get(unit).is_some();
    has_price(Unit::CacheRead) && !has_price(Unit::CacheWrite)
}

/// Months are known as `YYYY-MM`, and shown as their first day.
fn whole_date(date: &str) -> String {
    if date.len() == "2024-05".len() {
        format!("{date}-01")
    } else {
        date.to_owned()
    }
}

fn parameter_names(parameters: Parameters) -> Vec<&'static str> {
    parameters.iter().map(Parameter::name).collect()
}

/// The names of those modalities that the vocabulary of one side has; strict clients know no other.
fn names_within(modalities: Modalities, vocabulary: &[Modality]) -> Vec<&'static str> {
    let known = modalities.iter().filter(|one| vocabulary.contains(one));
    known.map(Modality::name).collect()
}
