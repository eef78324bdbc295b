//! Filters: why an endpoint is left out of a plan. One function per rule, in one table.
//!
//! Source: "eligibility" and the `excluded_by` vocabulary of OpenRouter's routing and error guides.

use std::fmt;
use std::sync::Arc;

use chat::{Dialect, Feature, Modalities, Modality, Needs, Parameter, Parameters, Unit};
use ledger::Price;

use crate::endpoint::Endpoint;
use crate::model::Model;
use crate::plan::{Moment, Question};
use crate::preferences::{Preferences, ServiceTier};
use crate::snapshot::Suffix;

/// Why an endpoint was left out. The order is the order in which filters are applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Filter {
    /// Nobody has given its provider a credential that this call may use.
    Credential,
    /// Something stands at an address, and its provider fetches nothing.
    RemoteMedia,
    /// It speaks no dialect that can be sent for this call.
    Dialect,
    /// It is a service tier that the request does not ask for.
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
    /// Its data does not stay where the account wants it.
    Region,
    /// Its author is not known to let others train on what it writes.
    Distillable,
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
    /// Others of the model can be told all that the caller says; this one cannot.
    PreferredFeatures,
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
            Self::Region => Some("data_region"),
            Self::Quantization => Some("quantization"),
            Self::MaxPrice => Some("max_price"),
            Self::RequireParameters => Some("require_parameters"),
            Self::ContextLength | Self::MaxTokens => Some("context_length"),
            Self::Credential
            | Self::RemoteMedia
            | Self::Dialect
            | Self::Tier
            | Self::Distillable
            | Self::Input
            | Self::Output
            | Self::PreferredParameters
            | Self::PreferredFeatures
            | Self::Fallback => None,
        }
    }

    /// Our own word, for explanations and records.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Credential => "credential",
            Self::RemoteMedia => "remote_media",
            Self::Dialect => "dialect",
            Self::Tier => "tier",
            Self::Only => "only",
            Self::Ignore => "ignore",
            Self::Order => "order",
            Self::DataCollection => "data_collection",
            Self::Zdr => "zdr",
            Self::Region => "data_region",
            Self::Distillable => "distillable",
            Self::Quantization => "quantization",
            Self::MaxPrice => "max_price",
            Self::RequireParameters => "require_parameters",
            Self::Input => "input_modality",
            Self::Output => "output_modality",
            Self::ContextLength => "context_length",
            Self::MaxTokens => "max_tokens",
            Self::PreferredParameters => "preferred_parameters",
            Self::PreferredFeatures => "preferred_features",
            Self::Fallback => "fallback",
        }
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What the filters look at, for one model of a call.
pub(crate) struct Sieve<'a> {
    question: &'a Question<'a>,
    tiers: Tiers,
    utc_minute: u16,
}

/// Which service tiers may be asked.
#[derive(Debug, Clone, Copy, Default)]
struct Tiers {
    /// Whether the usual one is out: flex was asked for, and there is some.
    only_flex: bool,
    flex: bool,
    priority: bool,
}

/// A rule says whether an endpoint may stay, as far as one set of preferences goes: the request's
/// or the account's.
type Rule = fn(&Sieve<'_>, &Preferences, &Endpoint) -> bool;

/// Every filter that looks at one endpoint alone, in order. Section 9.4 of the digest.
const RULES: &[(Filter, Rule)] = &[
    (Filter::Credential, |sieve, _, endpoint| {
        let provider = &endpoint.provider;
        let mut lacking = sieve.question.lacking.iter();
        provider.is_enabled() && !lacking.any(|slug| slug == provider.slug.as_str())
    }),
    (Filter::RemoteMedia, |sieve, _, endpoint| {
        let is_remote = sieve.needs().features.contains(Feature::RemoteMedia);
        !is_remote || endpoint.dialects.iter().any(|dialect| dialect.fetches())
    }),
    (Filter::Dialect, |sieve, _, endpoint| {
        sieve.dialect(endpoint).is_some()
    }),
    (Filter::Tier, |sieve, _, endpoint| sieve.tier(endpoint)),
    (Filter::Only, |_, preferences, endpoint| {
        let only = preferences.only.as_deref();
        only.is_none_or(|names| is_named(names, endpoint))
    }),
    (Filter::Ignore, |_, preferences, endpoint| {
        !is_named(&preferences.ignore, endpoint)
    }),
    (Filter::Order, |_, preferences, endpoint| {
        let is_free = preferences.allow_fallbacks || preferences.order.is_empty();
        is_free || is_named(&preferences.order, endpoint)
    }),
    (Filter::DataCollection, |_, preferences, endpoint| {
        !preferences.denies_data_collection || !endpoint.provider.data_policy.may_train()
    }),
    (Filter::Zdr, |_, preferences, endpoint| {
        !preferences.zdr || endpoint.provider.data_policy.is_zdr()
    }),
    (Filter::Region, |_, preferences, endpoint| {
        let wanted = preferences.regions.as_deref();
        wanted.is_none_or(|wanted| {
            let own = endpoint.region.as_deref();
            own.is_some_and(|own| wanted.iter().any(|name| name.eq_ignore_ascii_case(own)))
        })
    }),
    (Filter::Distillable, |_, preferences, endpoint| {
        !preferences.enforce_distillable_text || endpoint.distillable == Some(true)
    }),
    (Filter::Quantization, |_, preferences, endpoint| {
        quantization(preferences, endpoint)
    }),
    (Filter::MaxPrice, max_price),
    (Filter::RequireParameters, |sieve, preferences, endpoint| {
        let missing = sieve.needs().parameters.minus(endpoint.parameters);
        !preferences.require_parameters || (missing.is_empty() && sieve.says_all(endpoint))
    }),
    (Filter::Input, |sieve, _, endpoint| {
        is_within(sieve.needs().input, endpoint.input)
    }),
    (Filter::Output, |sieve, _, endpoint| {
        is_within(sieve.needs().output, endpoint.output)
    }),
    (Filter::ContextLength, |sieve, _, endpoint| {
        context_length(sieve.needs(), endpoint)
    }),
    (Filter::MaxTokens, |sieve, _, endpoint| {
        let wanted = sieve.needs().max_output_tokens;
        fits(wanted, endpoint.max_completion_tokens)
    }),
];

impl<'a> Sieve<'a> {
    pub(crate) fn new(
        question: &'a Question<'a>,
        model: &Model,
        suffixes: &[Suffix],
        moment: Moment,
    ) -> Self {
        let minutes = moment.now_ms.div_euclid(60_000).rem_euclid(24 * 60);
        Self {
            question,
            tiers: tiers(question, model, suffixes),
            utc_minute: u16::try_from(minutes).unwrap_or(0),
        }
    }

    pub(crate) fn needs(&self) -> &'a Needs {
        self.question.needs
    }

    /// The first filter that takes an endpoint out, by the request's or the account's preferences.
    pub(crate) fn excludes(&self, endpoint: &Endpoint) -> Option<Filter> {
        let own = self.question.preferences;
        let account = self.question.account;
        let out = RULES.iter().find(|(_, may_stay)| {
            !may_stay(self, own, endpoint)
                || account.is_some_and(|account| !may_stay(self, account, endpoint))
        });
        out.map(|(filter, _)| *filter)
    }

    /// The dialect to ask an endpoint in: the caller's own where possible, else its preferred one
    /// among those that can be sent.
    pub(crate) fn dialect(&self, endpoint: &Endpoint) -> Option<Dialect> {
        let way = endpoint.way_for(self.needs(), self.question.dialects);
        way.map(|way| way.dialect)
    }

    /// Whether an endpoint can be told all that the caller says.
    pub(crate) fn says_all(&self, endpoint: &Endpoint) -> bool {
        let needs = self.needs();
        needs.preferred.is_empty() || endpoint.says_all(needs, self.question.dialects)
    }

    /// Section 16: tiers are opted in by `service_tier`, by a suffix, or by name.
    fn tier(&self, endpoint: &Endpoint) -> bool {
        let is_asked = match endpoint.tier.as_deref() {
            None => !self.tiers.only_flex,
            Some("flex") => self.tiers.flex,
            Some("priority" | "fast") => self.tiers.priority,
            Some(_) => false,
        };
        is_asked || self.is_named_itself(endpoint)
    }

    /// Whether `only` or `order` names this very endpoint (a provider's name never means its tiers).
    fn is_named_itself(&self, endpoint: &Endpoint) -> bool {
        let both = [Some(self.question.preferences), self.question.account];
        endpoint.tier.is_some()
            && both.into_iter().flatten().any(|preferences| {
                let only = preferences.only.as_deref().unwrap_or_default();
                is_named(only, endpoint) || is_named(&preferences.order, endpoint)
            })
    }
}

fn tiers(question: &Question<'_>, model: &Model, suffixes: &[Suffix]) -> Tiers {
    let asked = question.service_tier;
    // `order` and an explicit default tier take the tiers out of `:nitro` and `:floor` (section 10).
    let by_suffix = |suffix| {
        suffixes.contains(&suffix)
            && question.preferences.order.is_empty()
            && asked != Some(ServiceTier::Default)
    };
    let has_flex = || {
        let mut enabled = model.endpoints.iter().filter(|e| e.provider.is_enabled());
        enabled.any(|endpoint| endpoint.tier.as_deref() == Some("flex"))
    };
    Tiers {
        only_flex: asked == Some(ServiceTier::Flex) && has_flex(),
        flex: asked == Some(ServiceTier::Flex) || by_suffix(Suffix::Floor),
        priority: asked == Some(ServiceTier::Priority) || by_suffix(Suffix::Nitro),
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

/// `fp4` also means its two relatives, `fp8` its one.
fn quantization(preferences: &Preferences, endpoint: &Endpoint) -> bool {
    let Some(wanted) = &preferences.quantizations else {
        return true;
    };
    let own = endpoint.quantization.as_deref().unwrap_or("unknown");
    wanted.iter().any(|wanted| match wanted.as_str() {
        "fp4" => matches!(own, "fp4" | "mxfp4" | "nvfp4"),
        "fp8" => matches!(own, "fp8" | "mxfp8"),
        wanted => wanted == own,
    })
}

fn max_price(sieve: &Sieve<'_>, preferences: &Preferences, endpoint: &Endpoint) -> bool {
    let most = preferences.max_price;
    let prompt_tokens = sieve.needs().prompt_tokens;
    let price = |unit| {
        let prices = &endpoint.prices;
        prices.effective(unit, prompt_tokens, sieve.utc_minute)
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

/// The inputs of embeddings and reranking are read one by one, so that their sum says nothing.
fn context_length(needs: &Needs, endpoint: &Endpoint) -> bool {
    let is_each = |modality| needs.output.contains(modality);
    if is_each(Modality::Embeddings) || is_each(Modality::Rerank) {
        return true;
    }
    let prompt = needs.prompt_tokens;
    let both = prompt.saturating_add(needs.max_output_tokens.unwrap_or(1));
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
