//! Which models are listed: those in scope that fulfil the filter, in the order asked for.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::sync::Arc;

use catalog::{Catalog, Endpoint, Model, Status};
use chat::{Modalities, Parameters, Unit};

use wire::SENDABLE;

use super::query::{Filter, Query, Sort};

/// Which part of the catalog a list is made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Models that can be asked for; the whole catalog while that is none.
    UsableIfAny,
    /// Models that can be asked for, even if that is none.
    Usable,
    /// The whole catalog.
    Whole,
}

/// The models of `scope` that fulfil `filter`, in the order of `sort`. `now` is Unix seconds.
#[must_use]
pub fn listing<'a>(
    catalog: &'a Catalog,
    scope: Scope,
    query: &Query,
    now: i64,
) -> Vec<&'a Arc<Model>> {
    let is_whole = match scope {
        Scope::Whole => true,
        Scope::Usable => false,
        Scope::UsableIfAny => !catalog.models().any(|model| model.is_served(SENDABLE)),
    };
    let mut models: Vec<_> = catalog
        .models()
        .filter(|model| is_whole || model.is_served(SENDABLE))
        .filter(|model| is_admitted(&query.filter, model, now))
        .collect();
    sort(&mut models, query.sort);
    models
}

/// Whether an endpoint can be asked: its provider is usable, and we speak a dialect of it.
#[must_use]
pub fn is_usable(endpoint: &Endpoint) -> bool {
    let is_spoken = endpoint
        .dialects
        .iter()
        .any(|dialect| SENDABLE.contains(dialect));
    endpoint.provider.is_enabled() && is_spoken
}

/// The slugs of the providers of which at least one endpoint can be asked. (A local engine that
/// needs no credential counts only when it was found and serves something.)
#[must_use]
pub fn usable_providers(catalog: &Catalog) -> BTreeSet<&str> {
    catalog
        .models()
        .flat_map(|model| &model.endpoints)
        .filter(|endpoint| is_usable(endpoint))
        .map(|endpoint| endpoint.provider.slug.as_str())
        .collect()
}

/// The endpoints that speak for a model: those that can be asked, or all while none can. The
/// first one is the one whose price and limits are shown: in order before deprecated, priced
/// before unpriced, then the cheapest.
#[must_use]
pub fn endpoints(model: &Model) -> Vec<&Arc<Endpoint>> {
    let is_any = model.endpoints.iter().any(|endpoint| is_usable(endpoint));
    let mut endpoints: Vec<_> = model
        .endpoints
        .iter()
        .filter(|endpoint| !is_any || is_usable(endpoint))
        .collect();
    endpoints.sort_by_key(|endpoint| {
        let price = |unit| {
            endpoint
                .prices
                .get(unit)
                .map(|price| u128::from(price.picos()))
        };
        let (prompt, completion) = (price(Unit::Input), price(Unit::Output));
        (
            endpoint.status == Status::Deprecated,
            endpoint.tier.is_some(),
            prompt.is_none(),
            prompt.unwrap_or(0) + completion.unwrap_or(0),
        )
    });
    endpoints
}

/// Whether an endpoint keeps nothing of what it is sent.
#[must_use]
pub fn is_zdr(endpoint: &Endpoint) -> bool {
    endpoint.provider.data_policy.is_zdr()
}

/// The parameters that at least one of these endpoints supports.
#[must_use]
pub fn parameters(endpoints: &[&Arc<Endpoint>]) -> Parameters {
    endpoints
        .iter()
        .fold(Parameters::default(), |all, endpoint| {
            all.union(endpoint.parameters)
        })
}

/// Tokens of context of the endpoint that is shown, else what the author states.
#[must_use]
pub fn context(model: &Model, endpoints: &[&Arc<Endpoint>]) -> Option<u64> {
    let shown = endpoints
        .first()
        .and_then(|endpoint| endpoint.context_length);
    shown.or(model.context_length)
}

fn is_admitted(filter: &Filter, model: &Model, now: i64) -> bool {
    if filter.is_unmeasured || !has_modalities(filter, model) || !has_words(filter, model) {
        return false;
    }
    let is_author = |name: &String| model.author().eq_ignore_ascii_case(name);
    if !filter.authors.is_empty() && !filter.authors.iter().any(is_author) {
        return false;
    }
    let is_tokenizer = |name: &String| model.tokenizer().eq_ignore_ascii_case(name);
    if !filter.tokenizer.as_ref().is_none_or(is_tokenizer) {
        return false;
    }
    let released = (model.created > 0).then_some(model.created);
    let age_days = released.map(|at| u64::try_from((now - at) / 86_400).unwrap_or(0));
    filter.age_days.admits(age_days.as_ref()) && has_endpoint(filter, model)
}

fn has_modalities(filter: &Filter, model: &Model) -> bool {
    let gives_any = |wanted: Modalities| wanted.iter().any(|one| model.output.contains(one));
    filter.output.is_none_or(gives_any) && filter.input.minus(model.input).is_empty()
}

fn has_words(filter: &Filter, model: &Model) -> bool {
    if filter.words.is_empty() {
        return true;
    }
    let text = format!("{}\n{}", model.slug, super::json::description(model));
    let text = text.to_lowercase();
    filter.words.iter().all(|word| text.contains(word))
}

/// Whether the endpoints of a model fulfil what is asked of them.
fn has_endpoint(filter: &Filter, model: &Model) -> bool {
    let endpoints = endpoints(model);
    let any = |fulfils: &dyn Fn(&Endpoint) -> bool| endpoints.iter().any(|one| fulfils(one));
    let serves = |endpoint: &Endpoint| {
        let goes_by = |name: &String| endpoint.provider.goes_by(name);
        filter.providers.iter().any(goes_by)
    };
    if !filter.providers.is_empty() && !any(&serves) {
        return false;
    }
    let stays = |endpoint: &Endpoint| {
        let of_provider = &endpoint.provider.data_policy.region;
        let region = endpoint.region.as_deref().or(of_provider.as_deref());
        region.is_some_and(|region| Some(region) == filter.region.as_deref())
    };
    if filter.is_zdr && !any(&is_zdr) || filter.region.is_some() && !any(&stays) {
        return false;
    }
    let context = context(model, &endpoints);
    let is_long = |min| context.is_some_and(|tokens| tokens >= min);
    let price = |unit| {
        endpoints
            .first()
            .and_then(|endpoint| endpoint.prices.get(unit))
    };
    filter.parameters.minus(parameters(&endpoints)).is_empty()
        && filter.context_min.is_none_or(is_long)
        && filter.prompt.admits(price(Unit::Input).as_ref())
        && filter.completion.admits(price(Unit::Output).as_ref())
}

/// Sorts; models without the value come last, and equal ones stay in the order of their ids.
fn sort(models: &mut [&Arc<Model>], by: Option<Sort>) {
    match by {
        Some(Sort::PriceUp) => models.sort_by_cached_key(|model| {
            let price = price(model);
            (price.is_none(), price)
        }),
        Some(Sort::PriceDown) => models.sort_by_cached_key(|model| Reverse(price(model))),
        Some(Sort::Context) => {
            models.sort_by_cached_key(|model| Reverse(context(model, &endpoints(model))));
        }
        Some(Sort::Newest) => models.sort_by_key(|model| Reverse(model.created)),
        Some(Sort::Unmeasured) | None => {}
    }
}

/// Input and output price together, which orders like their mean.
fn price(model: &Model) -> Option<u128> {
    let endpoints = endpoints(model);
    let sheet = &endpoints.first()?.prices;
    let picos = |unit| Some(u128::from(sheet.get(unit)?.picos()));
    Some(picos(Unit::Input)? + picos(Unit::Output)?)
}
