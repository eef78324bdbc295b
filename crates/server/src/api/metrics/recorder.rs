//! `Metrics`: the process's own counters, moved once per finished call.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use chat::{Kind, Unit};
use ledger::{Attempt, Generation, Outcome};

use super::histogram::{CALL_DURATION, FIRST_TOKEN, Histogram, OVERHEAD, TOKENS};

use crate::quality::Quality;

/// How many providers are counted apart. Those that come later are counted as [`OTHER`].
pub const PROVIDERS_MAX: usize = 256;
/// How many models are counted apart. Those that come later are counted as [`OTHER`].
pub const MODELS_MAX: usize = 512;
/// The label of calls that no provider or model served.
pub const NONE: &str = "none";
/// The label of all providers beyond [`PROVIDERS_MAX`], and of all models beyond [`MODELS_MAX`].
pub const OTHER: &str = "other";

/// How a call or an attempt ended, as a label.
pub const OUTCOMES: [&str; 3] = ["completed", "cancelled", "failed"];
/// The first digit of the status a caller got, as a label.
pub const STATUS_CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

/// A number that goes up and down.
#[derive(Debug, Default)]
pub struct Gauge(AtomicI64);

impl Gauge {
    /// One more.
    pub fn up(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// One less.
    pub fn down(&self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }

    /// Exactly this many.
    pub fn set(&self, value: i64) {
        self.0.store(value, Ordering::Relaxed);
    }

    /// How many now.
    #[must_use]
    pub fn get(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A number that only grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds.
    pub fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    /// The sum so far.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What is counted for one provider.
#[derive(Debug)]
pub struct OfProvider {
    /// Calls by outcome and status class, in the order of [`OUTCOMES`] × [`STATUS_CLASSES`].
    pub calls: [[Counter; STATUS_CLASSES.len()]; OUTCOMES.len()],
    /// Attempts by outcome.
    pub attempts: [Counter; OUTCOMES.len()],
    /// Calls that ended here after another endpoint had failed.
    pub fallbacks: Counter,
    /// Counted units, by [`Unit::index`].
    pub units: [Counter; Unit::COUNT],
    /// What the calls cost, nano-USD.
    pub cost_nanos: Counter,
    /// Calls whose price is unknown; their cost is in no sum.
    pub unpriced: Counter,
    /// From arrival to the end.
    pub duration: Histogram,
    /// From arrival to the first token sent on.
    pub first_token: Histogram,
    /// Tokens per call, prompt side.
    pub prompt_tokens: Histogram,
    /// Tokens per call, completion side.
    pub completion_tokens: Histogram,
}

impl Default for OfProvider {
    fn default() -> Self {
        Self {
            calls: Default::default(),
            attempts: Default::default(),
            fallbacks: Counter::default(),
            units: Default::default(),
            cost_nanos: Counter::default(),
            unpriced: Counter::default(),
            duration: Histogram::new(CALL_DURATION),
            first_token: Histogram::new(FIRST_TOKEN),
            prompt_tokens: Histogram::new(TOKENS),
            completion_tokens: Histogram::new(TOKENS),
        }
    }
}

/// What is counted for one model.
#[derive(Debug, Default)]
pub struct OfModel {
    /// Calls by outcome, in the order of [`OUTCOMES`].
    pub calls: [Counter; OUTCOMES.len()],
    /// Tokens of prompts.
    pub prompt_tokens: Counter,
    /// Tokens of answers.
    pub completion_tokens: Counter,
    /// What the calls cost, nano-USD.
    pub cost_nanos: Counter,
}

/// Counters by name, at most so many of them, and one for the rest.
type Apart<T> = RwLock<BTreeMap<Box<str>, Arc<T>>>;

/// The process's own counters. Cheap to move: a shared lock on a small map, then atomics.
#[derive(Debug)]
pub struct Metrics {
    /// Calls that have arrived and not ended. The door moves it.
    pub in_flight: Gauge,
    /// Our own time of a call until the head of its answer.
    pub overhead: Histogram,
    /// Failed calls by [`Kind`], in the order of [`Kind::ALL`].
    pub failures: Box<[Counter]>,
    /// Calls that a rate limit refused.
    pub rate_limited: Counter,
    /// Endpoints that were not asked because a limit of theirs or of their provider was met.
    pub passed_over: Counter,
    /// Keys that were frozen because they spent too fast.
    pub frozen_keys: Counter,
    /// Whether endpoints answer as they used to.
    pub quality: Quality,
    /// When the process started, Unix milliseconds.
    pub started_at_ms: i64,
    providers: Apart<OfProvider>,
    models: Apart<OfModel>,
}

impl Metrics {
    /// Counters at zero, for a process that started at this Unix time in milliseconds.
    #[must_use]
    pub fn new(started_at_ms: i64) -> Self {
        Self {
            in_flight: Gauge::default(),
            overhead: Histogram::new(OVERHEAD),
            failures: Kind::ALL.iter().map(|_| Counter::default()).collect(),
            rate_limited: Counter::default(),
            passed_over: Counter::default(),
            frozen_keys: Counter::default(),
            quality: Quality::default(),
            started_at_ms,
            providers: RwLock::default(),
            models: RwLock::default(),
        }
    }

    /// Counts one finished call. To be called exactly once per call.
    pub fn observe(&self, generation: &Generation) {
        let served = self.of(generation.provider.as_deref().unwrap_or(NONE));
        count(&served, generation);
        self.observe_model(generation);
        self.quality.observe(generation);
        for attempt in &generation.attempts {
            self.observe_attempt(attempt);
        }
        if generation.endpoint.is_some() && generation.attempts.len() > 1 {
            served.fallbacks.add(1);
        }
        self.overhead.observe(generation.overhead_us);
        if let Outcome::Failed { kind, .. } = &generation.outcome {
            let failure = Kind::ALL.iter().position(|known| known == kind);
            if let Some(counter) = failure.and_then(|index| self.failures.get(index)) {
                counter.add(1);
            }
        }
    }

    /// Every provider that was counted, by slug.
    #[must_use]
    pub fn providers(&self) -> Vec<(Box<str>, Arc<OfProvider>)> {
        all(&self.providers)
    }

    /// Every model that was counted, by slug.
    #[must_use]
    pub fn models(&self) -> Vec<(Box<str>, Arc<OfModel>)> {
        all(&self.models)
    }

    /// Counts by the model that served: a slug of the catalog, never what a caller wrote.
    fn observe_model(&self, generation: &Generation) {
        let slug = Some(generation.model.as_str()).filter(|slug| !slug.is_empty());
        let model = apart(&self.models, slug.unwrap_or(NONE), MODELS_MAX);
        if let Some(counter) = model.calls.get(outcome_index(&generation.outcome)) {
            counter.add(1);
        }
        model.prompt_tokens.add(generation.usage.prompt_tokens());
        let completion = generation.usage.completion_tokens();
        model.completion_tokens.add(completion);
        if let Ok(bill) = &generation.charge {
            let nanos = u64::try_from(bill.total.nanos()).unwrap_or(0);
            model.cost_nanos.add(nanos);
        }
    }

    fn observe_attempt(&self, attempt: &Attempt) {
        if let Some(counter) = self
            .of(&attempt.provider)
            .attempts
            .get(outcome_index(&attempt.outcome))
        {
            counter.add(1);
        }
    }

    fn of(&self, slug: &str) -> Arc<OfProvider> {
        apart(&self.providers, slug, PROVIDERS_MAX)
    }
}

fn all<T>(of: &Apart<T>) -> Vec<(Box<str>, Arc<T>)> {
    let of = of.read().unwrap_or_else(PoisonError::into_inner);
    let pairs = of.iter().map(|(slug, of)| (slug.clone(), Arc::clone(of)));
    pairs.collect()
}

/// The counters of a name, made when it is seen for the first time; those of the rest when there are
/// too many already.
fn apart<T: Default>(of: &Apart<T>, slug: &str, most: usize) -> Arc<T> {
    {
        let of = of.read().unwrap_or_else(PoisonError::into_inner);
        let is_full = of.len() >= most;
        let found = of.get(slug);
        if let Some(found) = found.or_else(|| is_full.then(|| of.get(OTHER)).flatten()) {
            return Arc::clone(found);
        }
    }
    let mut of = of.write().unwrap_or_else(PoisonError::into_inner);
    let label = if of.len() < most { slug } else { OTHER };
    Arc::clone(of.entry(label.into()).or_default())
}

fn count(of: &OfProvider, generation: &Generation) {
    let class = usize::from(generation.status / 100).saturating_sub(1);
    let outcome = outcome_index(&generation.outcome);
    if let Some(counter) = of.calls.get(outcome).and_then(|by| by.get(class)) {
        counter.add(1);
    }
    for (unit, count) in generation.usage.iter() {
        if let Some(counter) = of.units.get(unit.index()) {
            counter.add(count);
        }
    }
    if !generation.usage.is_empty() {
        of.prompt_tokens.observe(generation.usage.prompt_tokens());
        of.completion_tokens
            .observe(generation.usage.completion_tokens());
    }
    match &generation.charge {
        Ok(bill) => of
            .cost_nanos
            .add(u64::try_from(bill.total.nanos()).unwrap_or(0)),
        Err(_) => of.unpriced.add(1),
    }
    of.duration
        .observe(generation.total_ms.saturating_mul(1_000));
    if let Some(first_token_ms) = generation.first_token_ms {
        of.first_token.observe(first_token_ms.saturating_mul(1_000));
    }
}

fn outcome_index(outcome: &Outcome) -> usize {
    match outcome {
        Outcome::Completed => 0,
        Outcome::Cancelled => 1,
        Outcome::Failed { .. } => 2,
    }
}
