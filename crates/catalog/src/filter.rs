//! Filters: why an endpoint is left out of a plan. One function per rule, in one table.
//!
//! Source: "eligibility" and the `excluded_by` vocabulary of OpenRouter's routing and error guides.

use std::fmt;
use std::sync::Arc;

use chat::{Dialect, Modalities, Needs, Parameter, Parameters, Unit};
use ledger::Price;

use crate::endpoint::Endpoint;
use crate::preferences::Preferences;

/// Why an endpoint was left out. The order is the order in which filters are applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Filter {
    /// Nobody has given its provider a credential.
    Credential,
    /// It speaks no dialect that can be sent for this call.
    Dialect,
    /// It is a service tier that the request does not name.
    Tier,
    /// `provider.only` does not name it.
    Only,
    /// `provider.ignore` names it.
    Ignore,
    /// `provider.order` does not name it, and fallbacks are not allowed.
    Order,
    /// It may train on prompts.
    DataCollection,
    /// It keeps prompts.
    Zdr,
    /// Its quantization is not wanted.
    Quantization,
    /// It costs more than the caller will pay, or nobody knows what it costs.
    MaxPrice,
    /// It does not support every parameter of the request.
    RequireParameters,
    /// It does not take what the messages contain.
    Input,
    /// It does not give what the answer is to contain.
    Output,
    /// Prompt and answer do not fit.
    ContextLength,
    /// It does not give that many tokens.
    MaxTokens,
    /// Others of the model support tools, structured output or verbosity; this one does not.
    PreferredParameters,
    /// Fallbacks are not allowed, and it is not the first choice.
    Fallback,
}

impl Filter {
    /// The word in OpenRouter's `excluded_by`; `None` where it has none.
    #[must_use]
    pub const fn excluded_by(self) -> Option<&'static str> {
        match self {
            Self::Only | Self::Ignore | Self::Order => Some("allowed_providers"),
            Self::DataCollection => Some("data_policy:training"),
            Self::Zdr => Some("data_policy:zdr"),
            Self::Quantization => Some("quantization"),
            Self::MaxPrice => Some("max_price"),
            Self::RequireParameters => Some("require_parameters"),
            Self::ContextLength | Self::MaxTokens => Some("context_length"),
            Self::Credential
            | Self::Dialect
            | Self::Tier
            | Self::Input
            | Self::Output
            | Self::PreferredParameters
            | Self::Fallback => None,
        }
    }

    /// Our own word, for explanations and records.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Credential => "credential",
            Self::Dialect => "dialect",
            Self::Tier => "tier",
            Self::Only => "only",
            Self::Ignore => "ignore",
            Self::Order => "order",
            Self::DataCollection => "data_collection",
            Self::Zdr => "zdr",
            Self::Quantization => "quantization",
            Self::MaxPrice => "max_price",
            Self::RequireParameters => "require_parameters",
            Self::Input => "input_modality",
            Self::Output => "output_modality",
            Self::ContextLength => "context_length",
            Self::MaxTokens => "max_tokens",
            Self::PreferredParameters => "preferred_parameters",
            Self::Fallback => "fallback",
        }
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What the filters look at.
#[derive(Clone, Copy)]
pub(crate) struct Sieve<'a> {
    pub(crate) needs: &'a Needs,
    pub(crate) preferences: &'a Preferences,
    pub(crate) dialects: &'a [Dialect],
}

type Rule = fn(&Sieve<'_>, &Endpoint) -> bool;

/// Every filter that looks at one endpoint alone, in order. A rule says whether it may stay.
const RULES: &[(Filter, Rule)] = &[
    (Filter::Credential, |_, endpoint| {
        endpoint.provider.is_enabled()
    }),
    (Filter::Dialect, |sieve, endpoint| {
        sieve.dialect(endpoint).is_some()
    }),
    (Filter::Tier, tier),
    (Filter::Only, |sieve, endpoint| {
        sieve
            .preferences
            .only
            .as_deref()
            .is_none_or(|names| is_named(names, endpoint))
    }),
    (Filter::Ignore, |sieve, endpoint| {
        !is_named(&sieve.preferences.ignore, endpoint)
    }),
    (Filter::Order, |sieve, endpoint| {
        let preferences = sieve.preferences;
        let is_free = preferences.allow_fallbacks || preferences.order.is_empty();
        is_free || is_named(&preferences.order, endpoint)
    }),
    (Filter::DataCollection, |sieve, endpoint| {
        !sieve.preferences.denies_data_collection || !endpoint.provider.data_policy.may_train()
    }),
    (Filter::Zdr, |sieve, endpoint| {
        !sieve.preferences.zdr || endpoint.provider.data_policy.is_zdr()
    }),
    (Filter::Quantization, quantization),
    (Filter::MaxPrice, max_price),
    (Filter::RequireParameters, |sieve, endpoint| {
        let missing = sieve.needs.parameters.minus(endpoint.parameters);
        !sieve.preferences.require_parameters || missing.is_empty()
    }),
    (Filter::Input, |sieve, endpoint| {
        is_within(sieve.needs.input, endpoint.input)
    }),
    (Filter::Output, |sieve, endpoint| {
        is_within(sieve.needs.output, endpoint.output)
    }),
    (Filter::ContextLength, context_length),
    (Filter::MaxTokens, |sieve, endpoint| {
        let wanted = sieve.needs.max_output_tokens;
        fits(wanted, endpoint.max_completion_tokens)
    }),
];

impl Sieve<'_> {
    /// The first filter that takes an endpoint out.
    pub(crate) fn excludes(&self, endpoint: &Endpoint) -> Option<Filter> {
        let out = RULES.iter().find(|(_, may_stay)| !may_stay(self, endpoint));
        out.map(|(filter, _)| *filter)
    }

    /// The dialect to ask an endpoint in: the caller's own where possible, else its preferred one
    /// among those that can be sent.
    pub(crate) fn dialect(&self, endpoint: &Endpoint) -> Option<Dialect> {
        endpoint
            .way_for(self.needs, self.dialects)
            .map(|way| way.dialect)
    }
}

/// Whether a list of slugs names an endpoint: a provider's slug, alias or name means all its
/// endpoints but service tiers; a tag means exactly that one.
pub(crate) fn is_named(names: &[String], endpoint: &Endpoint) -> bool {
    names.iter().any(|name| names_it(name, endpoint))
}

pub(crate) fn names_it(name: &str, endpoint: &Endpoint) -> bool {
    if name.eq_ignore_ascii_case(&endpoint.tag) {
        return true;
    }
    if let Some((provider, suffix)) = name.split_once('/') {
        let own = endpoint.tag.split_once('/').map(|(_, suffix)| suffix);
        return endpoint.provider.goes_by(provider) && own == Some(suffix);
    }
    endpoint.tier.is_none() && endpoint.provider.goes_by(name)
}

fn tier(sieve: &Sieve<'_>, endpoint: &Endpoint) -> bool {
    let preferences = sieve.preferences;
    let only = preferences.only.as_deref().unwrap_or_default();
    endpoint.tier.is_none() || is_named(only, endpoint) || is_named(&preferences.order, endpoint)
}

/// `fp4` also means its two relatives, `fp8` its one.
fn quantization(sieve: &Sieve<'_>, endpoint: &Endpoint) -> bool {
    let Some(wanted) = &sieve.preferences.quantizations else {
        return true;
    };
    let own = endpoint.quantization.as_deref().unwrap_or("unknown");
    wanted.iter().any(|wanted| match wanted.as_str() {
        "fp4" => matches!(own, "fp4" | "mxfp4" | "nvfp4"),
        "fp8" => matches!(own, "fp8" | "mxfp8"),
        wanted => wanted == own,
    })
}

fn max_price(sieve: &Sieve<'_>, endpoint: &Endpoint) -> bool {
    let most = sieve.preferences.max_price;
    let price = |unit| {
        endpoint
            .prices
            .effective(unit, sieve.needs.prompt_tokens, 0)
    };
    let within = |most: Option<Price>, price: Option<Price>| match (most, price) {
        (None, _) => true,
        (Some(most), Some(price)) => price <= most,
        (Some(_), None) => false,
    };
    // Per request nothing is charged unless it is stated, and a price for audio matters only
    // where one is stated.
    let request = price(Unit::Request).unwrap_or(Price::ZERO);
    let audio = price(Unit::InputAudio).unwrap_or(Price::ZERO);
    within(most.prompt, price(Unit::Input))
        && within(most.completion, price(Unit::Output))
        && within(most.request, Some(request))
        && within(most.audio, Some(audio))
}

fn is_within(needed: Modalities, given: Modalities) -> bool {
    needed.minus(given).is_empty()
}

fn context_length(sieve: &Sieve<'_>, endpoint: &Endpoint) -> bool {
    let prompt = sieve.needs.prompt_tokens;
    let both = prompt.saturating_add(sieve.needs.max_output_tokens.unwrap_or(1));
    fits(Some(both), endpoint.context_length) && fits(Some(prompt), endpoint.max_prompt_tokens)
}

/// Unknown limits are no limits.
fn fits(wanted: Option<u64>, limit: Option<u64>) -> bool {
    wanted
        .zip(limit)
        .is_none_or(|(wanted, limit)| wanted <= limit)
}

/// Parameters that are worth choosing an endpoint for.
const PREFERRED: [Parameter; 4] = [
    Parameter::Tools,
    Parameter::ResponseFormat,
    Parameter::StructuredOutputs,
    Parameter::Verbosity,
];

/// Of the parameters worth choosing for, those the request has and at least one of `endpoints`
/// supports. An endpoint without them is left out; if none has them, all stay.
pub(crate) fn preferred(needed: Parameters, endpoints: &[&Arc<Endpoint>]) -> Parameters {
    PREFERRED
        .into_iter()
        .filter(|parameter| needed.contains(*parameter))
        .filter(|parameter| endpoints.iter().any(|e| e.parameters.contains(*parameter)))
        .collect()
}
