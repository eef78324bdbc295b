//! `GET /metrics`: the counters as Prometheus text (exposition format 0.0.4).

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use chat::{Kind, Unit};
use http::header;
use ledger::decimal;
use ledger::quality::Sign;
use relay::Counts;
use store::{Figures, LedgerFigures};

use super::families::Page;
use super::histogram::Histogram;
use super::recorder::{Metrics, OUTCOMES, OfProvider, STATUS_CLASSES};
use crate::api::models::listing::usable_providers;
use crate::app::App;
use crate::content::ContentFigures;

/// The media type of the page.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What is read at the moment of the page rather than counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Now {
    /// Models in the catalog.
    pub models: usize,
    /// Endpoints in the catalog.
    pub endpoints: usize,
    /// Providers of which at least one endpoint can be asked.
    pub usable_providers: usize,
    /// Memory at rest in RAM, bytes; absent where the system does not tell.
    pub resident_bytes: Option<u64>,
    /// Records on their way to the database.
    pub records: Figures,
    /// Leases of this node.
    pub leases: LedgerFigures,
    /// Calls that met a limit in money.
    pub money: Counts,
    /// Content on its way to where it is kept.
    pub content: ContentFigures,
    /// The link to the other replicas; absent where there are none.
    pub link: Option<cluster::Figures>,
    /// What destinations were told, and how many calls were lost before they were sorted.
    pub broadcast: (crate::broadcast::spool::Figures, u64),
    /// What a collector was told; absent where there is none.
    pub told: Option<telemetry::export::Figures>,
}

/// Answers `GET /metrics`.
pub async fn get(State(app): State<Arc<App>>) -> Response {
    let page = page(&app.metrics, &now(&app));
    ([(header::CONTENT_TYPE, CONTENT_TYPE)], page.text).into_response()
}

/// What the house looks like at this moment.
#[must_use]
pub fn now(app: &App) -> Now {
    let catalog = app.catalog.load();
    Now {
        models: catalog.models().len(),
        endpoints: catalog.endpoint_count(),
        usable_providers: usable_providers(&catalog).len(),
        resident_bytes: resident_bytes(),
        records: app.recorder.figures(),
        leases: app.ledgers.figures(),
        money: app.relay.counts(),
        content: app.content.figures(),
        link: app.gate.link().map(cluster::Link::figures),
        broadcast: app.broadcast.figures(),
        told: app.tracer.as_ref().map(|tracer| tracer.figures()),
    }
}

/// The page.
#[must_use]
pub fn page(metrics: &Metrics, now: &Now) -> Page {
    let mut page = Page::default();
    process(&mut page, metrics, now);
    let providers = metrics.providers();
    let providers: Vec<(&str, &OfProvider)> = providers
        .iter()
        .map(|(slug, of)| (&**slug, &**of))
        .collect();
    calls(&mut page, metrics, &providers);
    money(&mut page, &providers);
    models(&mut page, metrics);
    quality(&mut page, metrics);
    limits(&mut page, metrics);
    if let Some(link) = &now.link {
        replicas(&mut page, link);
    }
    budgets(&mut page, now);
    content(&mut page, &now.content);
    if let Some(told) = &now.told {
        telemetry(&mut page, told);
    }
    broadcast(&mut page, now);
    times(&mut page, metrics, &providers);
    page
}

fn quality(page: &mut Page, metrics: &Metrics) {
    let name = "waybill_remarkable_answers_total";
    page.family(
        name,
        "counter",
        "Answers that were empty, cut short, broken off or withheld.",
    );
    for (sign, counter) in Sign::ALL.iter().zip(&metrics.quality.signs) {
        page.sample(name, &[("sign", sign.name())], counter.get());
    }
    let name = "waybill_drifting_endpoints";
    page.family(
        name,
        "gauge",
        "Endpoints that do not answer as they used to; /observability/attention names them.",
    );
    let mut endpoints: Vec<String> = metrics
        .quality
        .drifts()
        .into_iter()
        .map(|drift| drift.endpoint)
        .collect();
    endpoints.dedup();
    page.sample(name, &[], endpoints.len());
}

fn broadcast(page: &mut Page, now: &Now) {
    let (figures, lost) = now.broadcast;
    for (name, help, count) in [
        (
            "waybill_broadcast_delivered_total",
            "Calls that destinations of workspaces have taken.",
            figures.delivered,
        ),
        (
            "waybill_broadcast_failed_total",
            "Calls that a destination never took.",
            figures.failed,
        ),
        (
            "waybill_broadcast_dropped_total",
            "Calls that did not fit into a queue or a spool.",
            figures.dropped.saturating_add(lost),
        ),
    ] {
        page.family(name, "counter", help);
        page.sample(name, &[], count);
    }
    let name = "waybill_broadcast_waiting_bytes";
    page.family(name, "gauge", "Calls that wait for destinations.");
    page.sample(name, &[], figures.waiting_bytes);
    let name = "waybill_broadcast_parked_bytes";
    page.family(
        name,
        "gauge",
        "Calls that wait for destinations on the disk.",
    );
    page.sample(name, &[], figures.parked_bytes);
}

fn telemetry(page: &mut Page, told: &telemetry::export::Figures) {
    for (name, help, count) in [
        (
            "waybill_telemetry_spans_total",
            "Spans that the collector has taken.",
            told.sent_spans,
        ),
        (
            "waybill_telemetry_dropped_calls_total",
            "Calls whose spans were dropped, because too many waited or the collector took none.",
            told.dropped_calls,
        ),
        (
            "waybill_telemetry_failures_total",
            "Requests to the collector that failed, at first or for good.",
            told.failures,
        ),
    ] {
        page.family(name, "counter", help);
        page.sample(name, &[], count);
    }
}

/// Memory in RAM in bytes, from Linux's `/proc/self/status`; `None` elsewhere.
#[must_use]
pub fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1024)
}

fn process(page: &mut Page, metrics: &Metrics, now: &Now) {
    page.family(
        "waybill_build_info",
        "gauge",
        "The running build; always 1.",
    );
    let version = env!("CARGO_PKG_VERSION");
    page.sample("waybill_build_info", &[("version", version)], 1);
    page.family(
        "process_start_time_seconds",
        "gauge",
        "When the process started, Unix time.",
    );
    let started = decimal::format(i128::from(metrics.started_at_ms), 3);
    page.sample("process_start_time_seconds", &[], started);
    if let Some(bytes) = now.resident_bytes {
        let name = "process_resident_memory_bytes";
        page.family(name, "gauge", "Memory in RAM.");
        page.sample(name, &[], bytes);
    }
    for (name, help, value) in [
        (
            "waybill_catalog_models",
            "Models in the catalog.",
            now.models,
        ),
        (
            "waybill_catalog_endpoints",
            "Endpoints in the catalog.",
            now.endpoints,
        ),
        (
            "waybill_usable_providers",
            "Providers of which at least one endpoint can be asked.",
            now.usable_providers,
        ),
    ] {
        page.family(name, "gauge", help);
        page.sample(name, &[], value);
    }
    let name = "waybill_calls_in_flight";
    page.family(name, "gauge", "Calls that have arrived and not ended.");
    page.sample(name, &[], metrics.in_flight.get());
    for (name, help, value) in [
        (
            "waybill_unsaved_records",
            "Records taken and not yet in the database.",
            now.records.pending,
        ),
        (
            "waybill_journal_bytes",
            "Length of the journal of settled calls.",
            now.records.journal_bytes,
        ),
        (
            "waybill_leased_windows",
            "Budget windows that this node knows.",
            now.leases.windows,
        ),
        (
            "waybill_adrift_nanodollars",
            "Leases whose fate is unknown until the next start, in nano-USD.",
            now.leases.adrift_nanos,
        ),
    ] {
        page.family(name, "gauge", help);
        page.sample(name, &[], value);
    }
}

fn content(page: &mut Page, figures: &ContentFigures) {
    let name = "waybill_content_total";
    page.family(name, "counter", "Calls whose content was to be kept.");
    for (outcome, count) in [("kept", figures.kept), ("dropped", figures.dropped)] {
        page.sample(name, &[("outcome", outcome)], count);
    }
    for (name, help, value) in [
        (
            "waybill_content_in_flight_bytes",
            "Content on its way to where it is kept.",
            figures.in_flight_bytes,
        ),
        (
            "waybill_content_failures_in_a_row",
            "Failed tries to write content since the last success.",
            figures.failures_in_a_row,
        ),
    ] {
        page.family(name, "gauge", help);
        page.sample(name, &[], value);
    }
}

fn budgets(page: &mut Page, now: &Now) {
    for (name, help, count) in [
        (
            "waybill_budget_refusals_total",
            "Calls refused because money or a price was lacking.",
            now.money.refused,
        ),
        (
            "waybill_clamped_calls_total",
            "Calls whose provider was told to stop where the money ends.",
            now.money.clamped,
        ),
        (
            "waybill_cut_streams_total",
            "Streams ended because no more money could be held.",
            now.money.cut,
        ),
        (
            "waybill_drained_calls_total",
            "Answers read to their end after their caller had left.",
            now.money.drained,
        ),
        (
            "waybill_cut_drains_total",
            "Such answers that were let go at one of the bounds.",
            now.money.drains_cut,
        ),
        (
            "waybill_overages_total",
            "Calls that cost more than was held for them.",
            now.money.overages,
        ),
        (
            "waybill_overage_nanodollars_total",
            "What calls cost above what was held for them, in nano-USD.",
            now.leases.overage_nanos,
        ),
        (
            "waybill_cost_gaps_total",
            "Calls for which the provider reported another cost than ours.",
            now.money.cost_gaps,
        ),
        (
            "waybill_budget_admissions_total",
            "Calls for which money was held.",
            now.leases.admitted,
        ),
        (
            "waybill_lease_waits_total",
            "Times that a call waited for the database to lease money.",
            now.leases.waits,
        ),
        (
            "waybill_lease_round_trips_total",
            "Transactions for leases.",
            now.leases.round_trips,
        ),
    ] {
        page.family(name, "counter", help);
        page.sample(name, &[], count);
    }
}

fn calls(page: &mut Page, metrics: &Metrics, providers: &[(&str, &OfProvider)]) {
    let name = "waybill_calls_total";
    page.family(name, "counter", "Finished calls by how they ended.");
    for (provider, of) in providers {
        for (outcome, by_class) in OUTCOMES.iter().zip(&of.calls) {
            for (class, counter) in STATUS_CLASSES.iter().zip(by_class) {
                let labels = [
                    (PROVIDER, *provider),
                    ("outcome", outcome),
                    ("status_class", class),
                ];
                page.nonzero(name, &labels, counter.get());
            }
        }
    }
    let name = "waybill_attempts_total";
    page.family(name, "counter", "Tries at an endpoint by how they ended.");
    for (provider, of) in providers {
        for (outcome, counter) in OUTCOMES.iter().zip(&of.attempts) {
            page.nonzero(
                name,
                &[(PROVIDER, provider), ("outcome", outcome)],
                counter.get(),
            );
        }
    }
    let name = "waybill_fallbacks_total";
    page.family(
        name,
        "counter",
        "Calls served here after another endpoint had failed.",
    );
    for (provider, of) in providers {
        page.nonzero(name, &[(PROVIDER, provider)], of.fallbacks.get());
    }
    let name = "waybill_failures_total";
    page.family(name, "counter", "Failed calls by what happened.");
    for (kind, counter) in Kind::ALL.iter().zip(&metrics.failures) {
        let labels = [("kind", kind.name()), ("error_type", kind.error_type())];
        page.nonzero(name, &labels, counter.get());
    }
}

fn money(page: &mut Page, providers: &[(&str, &OfProvider)]) {
    let name = "waybill_units_total";
    page.family(name, "counter", "Counted units, in disjoint buckets.");
    for (provider, of) in providers {
        for (unit, counter) in Unit::ALL.iter().zip(&of.units) {
            page.nonzero(
                name,
                &[(PROVIDER, provider), ("unit", unit.name())],
                counter.get(),
            );
        }
    }
    let name = "waybill_cost_nanodollars_total";
    page.family(name, "counter", "What calls cost, in nano-USD.");
    for (provider, of) in providers {
        page.nonzero(name, &[(PROVIDER, provider)], of.cost_nanos.get());
    }
    let name = "waybill_unpriced_calls_total";
    page.family(
        name,
        "counter",
        "Calls whose price is unknown; in no sum of cost.",
    );
    for (provider, of) in providers {
        page.nonzero(name, &[(PROVIDER, provider)], of.unpriced.get());
    }
}

fn models(page: &mut Page, metrics: &Metrics) {
    let models = metrics.models();
    let name = "waybill_model_calls_total";
    page.family(
        name,
        "counter",
        "Finished calls by the model that served and how they ended.",
    );
    for (model, of) in &models {
        for (outcome, counter) in OUTCOMES.iter().zip(&of.calls) {
            let labels = [(MODEL, &**model), ("outcome", *outcome)];
            page.nonzero(name, &labels, counter.get());
        }
    }
    let name = "waybill_model_tokens_total";
    page.family(name, "counter", "Tokens by the model that served.");
    for (model, of) in &models {
        for (side, counter) in [
            ("input", &of.prompt_tokens),
            ("output", &of.completion_tokens),
        ] {
            let labels = [(MODEL, &**model), ("gen_ai_token_type", side)];
            page.nonzero(name, &labels, counter.get());
        }
    }
    let name = "waybill_model_cost_nanodollars_total";
    page.family(
        name,
        "counter",
        "What calls cost by the model that served, in nano-USD.",
    );
    for (model, of) in &models {
        page.nonzero(name, &[(MODEL, model)], of.cost_nanos.get());
    }
}

fn limits(page: &mut Page, metrics: &Metrics) {
    for (name, help, counter) in [
        (
            "waybill_rate_limited_calls_total",
            "Calls that a rate limit of ours refused.",
            &metrics.rate_limited,
        ),
        (
            "waybill_endpoints_passed_over_total",
            "Endpoints that were not asked because a limit of ours for them was met.",
            &metrics.passed_over,
        ),
        (
            "waybill_frozen_keys_total",
            "Keys that were frozen because they spent too fast.",
            &metrics.frozen_keys,
        ),
    ] {
        page.family(name, "counter", help);
        page.sample(name, &[], counter.get());
    }
}

fn replicas(page: &mut Page, link: &cluster::Figures) {
    for (name, kind, help, value) in [
        (
            "waybill_valkey_up",
            "gauge",
            "Whether Valkey answers; while it does not, each replica holds its share of the limits.",
            u64::from(link.is_there),
        ),
        (
            "waybill_replicas",
            "gauge",
            "Replicas that are reckoned with.",
            u64::from(link.replicas),
        ),
        (
            "waybill_valkey_losses_total",
            "counter",
            "How often Valkey was lost.",
            link.losses,
        ),
        (
            "waybill_valkey_questions_total",
            "counter",
            "Questions to Valkey.",
            link.questions,
        ),
        (
            "waybill_valkey_failures_total",
            "counter",
            "Questions to Valkey without an answer in time.",
            link.failures,
        ),
    ] {
        page.family(name, kind, help);
        page.sample(name, &[], value);
    }
}

fn times(page: &mut Page, metrics: &Metrics, providers: &[(&str, &OfProvider)]) {
    let operation = ("gen_ai_operation_name", "chat");
    type Pick = fn(&OfProvider) -> &Histogram;
    for (name, help, pick) in [
        (
            "gen_ai_client_operation_duration_seconds",
            "From a call's arrival to its end.",
            (|of| &of.duration) as Pick,
        ),
        (
            "gen_ai_client_operation_time_to_first_chunk_seconds",
            "From a call's arrival to its first token.",
            |of| &of.first_token,
        ),
    ] {
        page.family(name, "histogram", help);
        for (provider, of) in providers {
            page.histogram(name, &[operation, (PROVIDER, provider)], &pick(of).read());
        }
    }
    let name = "gen_ai_client_token_usage";
    page.family(name, "histogram", "Tokens per call.");
    for (provider, of) in providers {
        for (side, histogram) in [
            ("input", &of.prompt_tokens),
            ("output", &of.completion_tokens),
        ] {
            let labels = [
                operation,
                (PROVIDER, *provider),
                ("gen_ai_token_type", side),
            ];
            page.histogram(name, &labels, &histogram.read());
        }
    }
    let name = "waybill_overhead_seconds";
    page.family(
        name,
        "histogram",
        "Our own time per call until its answer's head, others' time excluded.",
    );
    page.histogram(name, &[], &metrics.overhead.read());
}

const PROVIDER: &str = "gen_ai_provider_name";
const MODEL: &str = "gen_ai_response_model";
