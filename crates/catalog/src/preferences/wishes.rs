//! What a caller, or an account for all of its callers, prefers.

use ledger::Price;

/// What to sort by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sort {
    /// Cheapest first.
    Price,
    /// Most tokens per second first.
    Throughput,
    /// Soonest first token first.
    Latency,
    /// Best tool callers first.
    Exacto,
    /// By chance, cheap ones more often: what happens without a sort, but also with tools. An
    /// addition of ours.
    Balanced,
}

/// The service tier a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServiceTier {
    /// The usual one, whatever suffixes say.
    Default,
    /// Slow and cheap.
    Flex,
    /// Fast and dear.
    Priority,
}

impl ServiceTier {
    /// Reads `service_tier`; `None` for `auto` and for words of single providers, which are passed
    /// on to them.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        match text {
            "default" | "standard" => Some(Self::Default),
            "flex" => Some(Self::Flex),
            "priority" | "fast" => Some(Self::Priority),
            _ => None,
        }
    }

    /// The tier's word in endpoint rows; none for the usual one.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Flex => "flex",
            Self::Priority => "priority",
        }
    }
}

/// Percentile cut-offs, as written: tokens per second, or seconds. Soft.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Cutoffs {
    /// At the median; what a bare number means.
    pub p50: Option<f64>,
    /// At the 75th percentile.
    pub p75: Option<f64>,
    /// At the 90th percentile.
    pub p90: Option<f64>,
    /// At the 99th percentile.
    pub p99: Option<f64>,
}

/// The most a caller will pay, inclusive.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MaxPrice {
    /// For input tokens.
    pub prompt: Option<Price>,
    /// For output tokens.
    pub completion: Option<Price>,
    /// For each request.
    pub request: Option<Price>,
    /// For each image. Kept; no endpoint states a price per image.
    pub image: Option<Price>,
    /// For audio input tokens.
    pub audio: Option<Price>,
}

/// The `provider` object of a request.
#[derive(Debug, Clone, PartialEq)]
pub struct Preferences {
    /// Tried first, in this order: provider slugs, tags, or names.
    pub order: Vec<String>,
    /// Whether anything but `order` (or the first choice) may be tried.
    pub allow_fallbacks: bool,
    /// Nothing but these, when given.
    pub only: Option<Vec<String>>,
    /// None of these.
    pub ignore: Vec<String>,
    /// Whether endpoints must support every parameter of the request.
    pub require_parameters: bool,
    /// Whether endpoints that may train on prompts are out.
    pub denies_data_collection: bool,
    /// Whether only endpoints with zero data retention may be asked.
    pub zdr: bool,
    /// Whether only models may be asked whose author allows distillation.
    pub enforce_distillable_text: bool,
    /// Nothing but these quantizations, when given; `unknown` stands for unstated ones.
    pub quantizations: Option<Vec<String>>,
    /// What to sort by.
    pub sort: Option<Sort>,
    /// Whether the sort goes across `models` (`partition: "none"`).
    pub sorts_across_models: bool,
    /// At least this many tokens per second; soft.
    pub preferred_min_throughput: Cutoffs,
    /// At most this many seconds to the first token; soft.
    pub preferred_max_latency: Cutoffs,
    /// The most a caller will pay.
    pub max_price: MaxPrice,
    /// Nothing but endpoints whose data stays in one of these regions, when given. An account's.
    pub regions: Option<Vec<String>>,
    /// Whether the endpoint that has the conversation's prompt cached goes first: absent for yes,
    /// but not against `order` or a sort by speed. An addition of ours.
    pub sticky: Option<bool>,
}

impl Default for Preferences {
    fn default() -> Self {
        Self {
            order: Vec::new(),
            allow_fallbacks: true,
            only: None,
            ignore: Vec::new(),
            require_parameters: false,
            denies_data_collection: false,
            zdr: false,
            enforce_distillable_text: false,
            quantizations: None,
            sort: None,
            sorts_across_models: false,
            preferred_min_throughput: Cutoffs::default(),
            preferred_max_latency: Cutoffs::default(),
            max_price: MaxPrice::default(),
            regions: None,
            sticky: None,
        }
    }
}

impl Preferences {
    /// Takes over the deprecated top-level `route`: `sort` goes across models, `fallback` does not.
    pub fn take_route(&mut self, route: &str) {
        self.sorts_across_models |= route == "sort";
    }
}

impl Cutoffs {
    /// Whether nothing is cut off.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The cut-offs in order of percentile.
    pub(crate) const fn all(&self) -> [Option<f64>; 4] {
        [self.p50, self.p75, self.p90, self.p99]
    }
}
