//! Endpoint: one model as served by one provider: price, limits, abilities.

use std::fmt;
use std::sync::Arc;

use chat::{Dialect, Features, Modalities, Needs, Parameters, Unit, habit};
use ledger::{Price, PriceSheet};

use crate::model::ModelSlug;
use crate::provider::{Connection, Provider, slug};

slug! {
    /// Identifies an endpoint across reloads of the catalog: model slug, `@`, tag.
    EndpointId
}

/// How finished an endpoint is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Status {
    /// In order.
    #[default]
    Stable,
    /// For trying out.
    Beta,
    /// For trying out, and likely to change.
    Alpha,
    /// About to go away; asked last.
    Deprecated,
}

impl Status {
    /// Reads the word of a row; `None` when it is not one.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        match text {
            "stable" => Some(Self::Stable),
            "beta" => Some(Self::Beta),
            "alpha" => Some(Self::Alpha),
            "deprecated" => Some(Self::Deprecated),
            _ => None,
        }
    }
}

/// Why an endpoint can be used without a price per token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Billing {
    /// A free tier with limits of its own; beyond it the price is not known.
    FreeTier,
    /// The operator's own machine.
    Local,
}

impl Billing {
    /// Reads the word of a row; `None` when it is not one.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        match text {
            "free_tier" => Some(Self::FreeTier),
            "local" => Some(Self::Local),
            _ => None,
        }
    }
}

/// What the operator wants of an endpoint beside what its price says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Steering {
    /// How often it is the first choice beside what its price says, percent, 0 to 10,000.
    pub weight_percent: u32,
    /// Exactly this share of the model's calls goes here first, percent, 1 to 100.
    pub canary_percent: Option<u32>,
    /// How many calls may be under way here at once, at least 1; absent for no limit.
    pub concurrency_max: Option<u32>,
    /// For how long it keeps a prompt cache after the last use, milliseconds; absent for unknown.
    pub cache_ttl_ms: Option<i64>,
}

impl Default for Steering {
    fn default() -> Self {
        Self {
            weight_percent: 100,
            canary_percent: None,
            concurrency_max: None,
            cache_ttl_ms: None,
        }
    }
}

/// One model as served by one provider.
#[derive(Debug, Clone, PartialEq)]
pub struct Endpoint {
    /// Identifies it across reloads.
    pub id: EndpointId,
    /// The model, with its static variant.
    pub model: ModelSlug,
    /// Who serves it.
    pub provider: Arc<Provider>,
    /// Provider slug and optional suffix: `deepinfra`, `deepinfra/fp8`, `amazon-bedrock/eu`.
    pub tag: Box<str>,
    /// The provider's own name of the model.
    pub upstream_model: Box<str>,
    /// The dialects it can be asked in, the preferred one first. Never empty.
    pub dialects: Vec<Dialect>,
    /// Where it is, when not at its provider's base URL; filled in like the provider's.
    pub base_url: Option<Box<str>>,
    /// What it charges; empty when nobody knows.
    pub prices: Arc<PriceSheet>,
    /// Why there is no price although it can be used.
    pub billing: Option<Billing>,
    /// Tokens of prompt and answer together; absent means unknown.
    pub context_length: Option<u64>,
    /// Tokens of prompt, where that is limited apart.
    pub max_prompt_tokens: Option<u64>,
    /// Tokens of answer; absent means unknown.
    pub max_completion_tokens: Option<u64>,
    /// What it takes.
    pub input: Modalities,
    /// What it gives.
    pub output: Modalities,
    /// The request parameters it supports.
    pub parameters: Parameters,
    /// The request parameters it is known not to take. What is in neither set may still work.
    pub declined: Parameters,
    /// `fp8`, `bf16`, …; absent means unknown.
    pub quantization: Option<Box<str>>,
    /// Service tier (`flex`, `priority`): used only when a request names it.
    pub tier: Option<Box<str>>,
    /// Region the data stays in.
    pub region: Option<Box<str>>,
    /// How finished it is.
    pub status: Status,
    /// What the operator wants of it.
    pub steering: Steering,
    /// Whether training on what it writes is allowed; absent means unknown.
    pub distillable: Option<bool>,
}

/// In which dialect an endpoint is asked, and which dialect's body it is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Way {
    /// The dialect of the connection.
    pub dialect: Dialect,
    /// The dialect of the body; another one where a host wraps it.
    pub body: Dialect,
}

impl Endpoint {
    /// An endpoint that no row describes: a model of a provider that somebody asks for by the
    /// provider's own name. Nobody knows what it costs.
    #[must_use]
    pub fn unlisted(provider: &Arc<Provider>, dialect: Dialect, upstream_model: &str) -> Self {
        let slug = format!("{}/{upstream_model}", provider.slug);
        Self {
            id: EndpointId::new(&format!("{slug}@{}", provider.slug)),
            model: ModelSlug::new(&slug),
            provider: Arc::clone(provider),
            tag: provider.slug.as_str().into(),
            upstream_model: upstream_model.into(),
            dialects: vec![dialect],
            base_url: None,
            prices: Arc::default(),
            billing: None,
            context_length: None,
            max_prompt_tokens: None,
            max_completion_tokens: None,
            input: Modalities::TEXT,
            output: Modalities::TEXT,
            parameters: Parameters::default(),
            declined: Parameters::default(),
            quantization: None,
            tier: None,
            region: None,
            distillable: None,
            steering: Steering::default(),
            status: Status::Stable,
        }
    }

    /// How a call is put to this endpoint: in its caller's own dialect where that is possible, else
    /// in the first of the endpoint's that can say all of it, or at least all that must be said.
    /// `None` where none of `sendable` can.
    #[must_use]
    pub fn way_for(&self, needs: &Needs, sendable: &[Dialect]) -> Option<Way> {
        let whole = self.way_saying(needs.features.union(needs.preferred), needs, sendable);
        whole.or_else(|| self.way_saying(needs.features, needs, sendable))
    }

    /// Whether a call can be put to this endpoint with all that its caller would like to say.
    #[must_use]
    pub fn says_all(&self, needs: &Needs, sendable: &[Dialect]) -> bool {
        let all = needs.features.union(needs.preferred);
        self.way_saying(all, needs, sendable).is_some()
    }

    /// Whether a call can be said in full in one way. In its caller's own dialect nothing is lost,
    /// but not every speaker of a dialect knows all of it.
    #[must_use]
    pub fn says(&self, needs: &Needs, way: Way) -> bool {
        let all = needs.features.union(needs.preferred);
        let by_habit = self.expressed_by_habits(way.dialect, all);
        needs.dialect.says(way.body, all, by_habit)
    }

    /// Which of these features the provider's habits let this model be told.
    fn expressed_by_habits(&self, dialect: Dialect, features: Features) -> Features {
        // Most calls need nothing, and are planned without a look at names.
        if features.is_empty() {
            return features;
        }
        let connections = &self.provider.connections;
        let listed = self.provider.connection(dialect).or(connections.first());
        let habits = listed.iter().flat_map(|listed| listed.quirks.iter());
        habits.fold(Features::default(), |all, name| {
            all.union(habit::expressed_by(name, &self.upstream_model))
        })
    }

    fn way_saying(&self, features: Features, needs: &Needs, sendable: &[Dialect]) -> Option<Way> {
        let ways = || {
            self.dialects
                .iter()
                .copied()
                .filter(|dialect| sendable.contains(dialect))
                .filter_map(|dialect| {
                    let by_habit = self.expressed_by_habits(dialect, features);
                    let (model, from) = (&self.upstream_model, needs.dialect);
                    let body = dialect.body_for(model, from, features, by_habit)?;
                    Some(Way { dialect, body })
                })
        };
        ways()
            .find(|way| way.body == needs.dialect)
            .or_else(|| ways().next())
    }

    /// How a dialect is spoken to it, if it can be asked in that dialect.
    #[must_use]
    pub fn connection(&self, dialect: Dialect) -> Option<Connection> {
        if !self.dialects.contains(&dialect) {
            return None;
        }
        let listed = self.provider.connection(dialect);
        // An endpoint may speak a dialect its provider's row does not list; it is then reached in
        // the way of the provider's first dialect.
        let mut connection = listed
            .or_else(|| self.provider.connections.first())?
            .clone();
        connection.dialect = dialect;
        if let Some(base_url) = &self.base_url {
            connection.base_url.clone_from(base_url);
        }
        Some(connection)
    }

    /// Its prices, if any are known.
    #[must_use]
    pub fn known_prices(&self) -> Option<&PriceSheet> {
        (!self.prices.is_empty()).then_some(&self.prices)
    }

    /// Input and output price, for comparing endpoints where no call is at hand.
    pub(crate) fn plain_price(&self) -> Option<(Price, Price)> {
        let input = self.prices.get(Unit::Input)?;
        Some((input, self.prices.get(Unit::Output).unwrap_or_default()))
    }
}
