//! An endpoint's row, checked.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use chat::{Dialect, Modalities, Parameter, Parameters};
use ledger::PriceSheet;

use super::provider::address;
use super::{At, Known, OneOf, Problems, dialects, modalities};
use crate::abilities;
use crate::endpoint::{Billing, Endpoint, EndpointId, Status, Steering};
use crate::import::QUANTIZATIONS;
use crate::load::{Origin, Placed};
use crate::model::ModelSlug;
use crate::provider::{Access, Provider};
use crate::rows::{AbilitiesRow, EndpointRow};

/// Checks one endpoint's row against its model's slug and abilities.
pub(super) fn endpoint(
    (slug, model): (&str, &AbilitiesRow),
    placed: &Placed<'_>,
    known: Known<'_>,
    problems: &mut Problems,
) -> Option<Endpoint> {
    let (row, origin) = (placed.row.as_ref(), &placed.origin);
    let before = problems.len();
    let at = |field: &'static str| At(origin, field);
    let Some(provider) = known.providers.get(placed.provider.as_ref()) else {
        // A provider whose own row is wrong has been reported already.
        if !problems.mentions(&format!("providers.{}", placed.provider)) {
            let message = format!("there is no provider \"{}\"", placed.provider);
            problems.add(at("provider").to_string(), message);
        }
        alone(row, origin, problems);
        return None;
    };
    let dialects = match &row.dialects {
        Some(names) => dialects(at("dialects"), names, problems),
        None => provider
            .connections
            .iter()
            .map(|connection| connection.dialect)
            .collect(),
    };
    let able = abilities::completed(row.abilities(), model);
    let parameters = parameters(
        at("supported_parameters"),
        &able,
        (&dialects, provider),
        problems,
    );
    let words = words(row, origin, problems);
    let mut lacking = BTreeSet::new();
    let base_url = row.base_url.as_deref().map(|url| {
        let asked = (known.access, &**provider);
        address(at("base_url"), url, asked, (&mut lacking, problems))
    });
    let tag = match row.tag.as_deref().or(words.quantization.as_deref()) {
        Some(suffix) => format!("{}/{suffix}", placed.provider),
        None => placed.provider.clone().into_owned(),
    };
    let model = match &row.variant {
        Some(variant) => format!("{slug}:{variant}"),
        None => slug.to_owned(),
    };
    let mut limit = |field: &'static str, limit| positive(at(field), limit, problems);
    let endpoint = Endpoint {
        id: EndpointId::new(&format!("{model}@{tag}")),
        model: ModelSlug::new(&model),
        provider: without_access(provider, &lacking),
        tag: tag.into(),
        upstream_model: row.upstream_model.as_deref().unwrap_or_default().into(),
        dialects,
        base_url,
        context_length: limit("context_length", able.context_length),
        max_prompt_tokens: limit("max_prompt_tokens", able.max_prompt_tokens),
        max_completion_tokens: limit("max_completion_tokens", able.max_completion_tokens),
        prices: Arc::new(prices(row, origin, problems)),
        input: or_text(modalities(at("input"), able.input.as_deref(), problems)),
        output: or_text(modalities(at("output"), able.output.as_deref(), problems)),
        parameters,
        declined: abilities::declined(&able, parameters),
        billing: words.billing,
        quantization: words.quantization,
        status: words.status,
        tier: row.tier.as_deref().map(Into::into),
        region: row
            .region
            .as_deref()
            .or(provider.data_policy.region.as_deref())
            .map(Into::into),
        steering: steering(row, origin, problems),
        distillable: row.distillable,
    };
    (problems.len() == before).then_some(endpoint)
}

fn parameters(
    path: impl fmt::Display + Copy,
    able: &AbilitiesRow,
    (dialects, provider): (&[Dialect], &Provider),
    problems: &mut Problems,
) -> Parameters {
    if let Some(names) = &able.supported_parameters {
        let known = "OpenRouter's supported_parameters";
        let read = names
            .iter()
            .filter_map(|name| problems.word(path, name, Parameter::from_name(name), known));
        return read.collect();
    }
    let first = dialects.first().copied().unwrap_or(Dialect::OpenaiChat);
    let quirks = provider
        .connection(first)
        .map(|connection| Arc::clone(&connection.quirks));
    abilities::parameters(able, first, quirks.as_deref().unwrap_or_default())
}

/// The fields of a row that are words of a list.
struct Words {
    quantization: Option<Box<str>>,
    status: Status,
    billing: Option<Billing>,
}

fn words(row: &EndpointRow, origin: &Origin<'_>, problems: &mut Problems) -> Words {
    let at = |field: &'static str| At(origin, field);
    let quantization = row.quantization.as_deref().and_then(|word| {
        let known = QUANTIZATIONS.contains(&word).then_some(word);
        problems.word(at("quantization"), word, known, OneOf(QUANTIZATIONS))
    });
    let status = row.status.as_deref().and_then(|word| {
        problems.word(
            at("status"),
            word,
            Status::read(word),
            "alpha, beta, deprecated, stable",
        )
    });
    let billing = row.billing.as_deref().and_then(|word| {
        problems.word(at("billing"), word, Billing::read(word), "free_tier, local")
    });
    Words {
        quantization: quantization.map(Into::into),
        status: status.unwrap_or_default(),
        billing,
    }
}

fn steering(row: &EndpointRow, origin: &Origin<'_>, problems: &mut Problems) -> Steering {
    let mut within = |field: &'static str, value: Option<u32>, (least, most): (u32, u32)| {
        let wrong = value.filter(|value| !(least..=most).contains(value));
        if let Some(wrong) = wrong {
            let message = format!("{wrong} is not between {least} and {most}");
            problems.add(At(origin, field).to_string(), message);
        }
        value
    };
    Steering {
        weight_percent: within("weight", row.weight, (0, 10_000)).unwrap_or(100),
        canary_percent: within("canary", row.canary, (1, 100)),
        concurrency_max: within("max_concurrent", row.max_concurrent, (1, 1_000_000)),
        cache_ttl_ms: within("cache_ttl", row.cache_ttl, (1, 86_400)).map(|s| i64::from(s) * 1000),
    }
}

/// Checks what can be checked of a row that cannot become an endpoint, so that all of its mistakes
/// are reported at once.
pub(crate) fn alone(row: &EndpointRow, origin: &Origin<'_>, problems: &mut Problems) {
    prices(row, origin, problems);
    words(row, origin, problems);
    steering(row, origin, problems);
    let able = row.abilities();
    for (field, limit) in [
        ("context_length", able.context_length),
        ("max_prompt_tokens", able.max_prompt_tokens),
        ("max_completion_tokens", able.max_completion_tokens),
    ] {
        positive(At(origin, field), limit, problems);
    }
}

fn prices(row: &EndpointRow, origin: &Origin<'_>, problems: &mut Problems) -> PriceSheet {
    let Some(price) = &row.price else {
        return PriceSheet::default();
    };
    let (sheet, wrong) = price.sheet();
    for (below, message) in wrong {
        problems.add(format!("{origin}.price.{below}"), message);
    }
    sheet
}

/// The provider, or, for an endpoint whose own address lacks a variable, the same one lacking it.
fn without_access(provider: &Arc<Provider>, lacking: &BTreeSet<String>) -> Arc<Provider> {
    if lacking.is_empty() || !provider.is_enabled() {
        return Arc::clone(provider);
    }
    let lacking = lacking.iter().map(|name| name.as_str().into()).collect();
    Arc::new(Provider {
        access: Access::Lacking(lacking),
        ..Provider::clone(provider)
    })
}

fn positive(path: impl fmt::Display, limit: Option<u64>, problems: &mut Problems) -> Option<u64> {
    if limit == Some(0) {
        problems.add(
            path.to_string(),
            "0 is no limit; leave it out when it is unknown".to_owned(),
        );
    }
    limit
}

fn or_text(set: Modalities) -> Modalities {
    if set.is_empty() {
        Modalities::TEXT
    } else {
        set
    }
}
