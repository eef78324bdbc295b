//! Offers → rows: what differs from the model is kept, what repeats it is left out.

use std::collections::{BTreeMap, BTreeSet};

use super::facts;
use super::naming;
use super::offer::Offer;
use crate::rows::{AbilitiesRow, EndpointRow, ModelRow, ProviderRow, Rows};

/// What an import has read.
#[derive(Default)]
pub(super) struct Source {
    /// Providers and facts about models; with `keep`, also their present endpoints.
    pub(super) rows: Rows,
    /// What is offered.
    pub(super) offers: Vec<Offer>,
    /// The providers whose present endpoints are replaced by the offers.
    pub(super) covered: BTreeSet<String>,
    /// Whether what present endpoints say by hand is kept.
    pub(super) keep: bool,
}

/// Puts the offers under their models. Models that nobody serves go.
pub(super) fn assemble(source: Source) -> Rows {
    let Source {
        mut rows,
        offers,
        covered,
        keep,
    } = source;
    let present = take_covered(&mut rows, &covered);
    let mut by_model: BTreeMap<String, Vec<EndpointRow>> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for offer in offers {
        let Some(provider) = rows.providers.get(&offer.provider) else {
            continue;
        };
        let Some(model) = rows.models.get(&offer.model) else {
            continue;
        };
        let key = (offer.provider.clone(), offer.upstream_model.clone());
        if !seen.insert((key.clone(), offer.model.clone())) {
            continue;
        }
        let model_slug = offer.model.clone();
        let Some(mut row) = endpoint(offer, provider, model) else {
            continue;
        };
        if let (true, Some(present)) = (keep, present.get(&key)) {
            keep_by_hand(&mut row, present);
        }
        by_model.entry(model_slug).or_default().push(row);
    }
    for (slug, endpoints) in by_model {
        if let Some(model) = rows.models.get_mut(&slug) {
            model.endpoints.extend(endpoints);
        }
    }
    for model in rows.models.values_mut() {
        model
            .endpoints
            .sort_by(|a, b| order_key(a).cmp(&order_key(b)));
        naming::separate_tags(&mut model.endpoints);
    }
    rows.models.retain(|_, model| !model.endpoints.is_empty());
    rows
}

fn order_key(row: &EndpointRow) -> (&Option<String>, usize, &Option<String>) {
    let length = row.upstream_model.as_ref().map_or(0, String::len);
    (&row.provider, length, &row.upstream_model)
}

type Present = BTreeMap<(String, String), EndpointRow>;

/// Takes the endpoints of the covered providers out of the rows.
fn take_covered(rows: &mut Rows, covered: &BTreeSet<String>) -> Present {
    let mut present = Present::new();
    for model in rows.models.values_mut() {
        let (old, rest): (Vec<_>, Vec<_>) = std::mem::take(&mut model.endpoints)
            .into_iter()
            .partition(|row| row.provider.as_ref().is_some_and(|p| covered.contains(p)));
        model.endpoints = rest;
        for row in old {
            let key = row.provider.clone().zip(row.upstream_model.clone());
            if let Some(key) = key {
                present.insert(key, row);
            }
        }
    }
    present
}

/// What models.dev cannot know: how we call and reach an endpoint, and why it has no price.
fn keep_by_hand(row: &mut EndpointRow, present: &EndpointRow) {
    row.variant.clone_from(&present.variant);
    row.tag.clone_from(&present.tag);
    row.tier.clone_from(&present.tier);
    row.region.clone_from(&present.region);
    row.quantization.clone_from(&present.quantization);
    row.dialects.clone_from(&present.dialects);
    row.base_url.clone_from(&present.base_url);
    row.supported_parameters
        .clone_from(&present.supported_parameters);
    if present.billing.is_some() && present.price.is_none() {
        row.billing.clone_from(&present.billing);
        row.price = None;
    }
}

fn endpoint(offer: Offer, provider: &ProviderRow, model: &ModelRow) -> Option<EndpointRow> {
    let price = offer
        .price
        .and_then(|price| facts::settle_price(&offer.provider, &offer.upstream_model, price));
    let mut row = EndpointRow {
        provider: Some(offer.provider.clone()),
        upstream_model: Some(offer.upstream_model.clone()),
        dialects: dialects(offer.dialect, offer.base_url.as_deref(), provider),
        base_url: offer.base_url,
        status: offer.status,
        billing: offer.billing,
        price,
        ..EndpointRow::default()
    };
    if facts::is_responses_only(&offer.provider, &offer.upstream_model) {
        row.dialects = Some(vec![chat::Dialect::OpenaiResponses.name().to_owned()]);
    }
    if !naming::apply_marks(&offer.marks, &mut row) {
        return None;
    }
    let is_chat = matches!(model.kind.as_deref(), None | Some("moderation" | "router"));
    if row.variant.is_none() && is_chat && facts::is_free(&offer.provider, &offer.upstream_model) {
        let named_so = model.slug.contains("free") || !offer.upstream_model.contains("free");
        row.variant = (!named_so).then(|| "free".to_owned());
    }
    row.set_abilities(differing(offer.abilities, &model.abilities()));
    Some(row)
}

/// The dialects of an endpoint, where they are not simply its provider's.
fn dialects(
    published: Option<&'static str>,
    base_url: Option<&str>,
    provider: &ProviderRow,
) -> Option<Vec<String>> {
    let dialect = published?;
    let spoken = provider.dialects.as_deref().unwrap_or_default();
    let is_spoken = spoken.iter().any(|name| name == dialect);
    (base_url.is_some() || !is_spoken).then(|| vec![dialect.to_owned()])
}

/// What an endpoint says beyond its model.
fn differing(own: AbilitiesRow, model: &AbilitiesRow) -> AbilitiesRow {
    fn unless_same<T: PartialEq>(own: Option<T>, model: &Option<T>) -> Option<T> {
        own.filter(|own| model.as_ref() != Some(own))
    }
    AbilitiesRow {
        input: unless_same(own.input.filter(|kinds| !kinds.is_empty()), &model.input),
        output: unless_same(own.output.filter(|kinds| !kinds.is_empty()), &model.output),
        context_length: unless_same(own.context_length, &model.context_length),
        max_prompt_tokens: unless_same(own.max_prompt_tokens, &model.max_prompt_tokens),
        max_completion_tokens: unless_same(own.max_completion_tokens, &model.max_completion_tokens),
        tools: unless_same(own.tools, &model.tools),
        structured_outputs: unless_same(own.structured_outputs, &model.structured_outputs),
        temperature: unless_same(own.temperature, &model.temperature),
        reasoning: unless_same(own.reasoning, &model.reasoning),
        reasoning_options: unless_same(own.reasoning_options, &model.reasoning_options),
        supported_parameters: own.supported_parameters,
    }
}
