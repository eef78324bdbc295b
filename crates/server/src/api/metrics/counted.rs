//! What was counted of calls as they ended: by provider, by model, and all together.

use chat::{Kind, Unit};
use ledger::quality::Sign;

use super::families::Page;
use super::histogram::Histogram;
use super::recorder::{Metrics, OUTCOMES, OfProvider, STATUS_CLASSES};

const PROVIDER: &str = "gen_ai_provider_name";
const MODEL: &str = "gen_ai_response_model";

pub(super) fn calls(page: &mut Page, metrics: &Metrics, providers: &[(&str, &OfProvider)]) {
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

pub(super) fn money(page: &mut Page, providers: &[(&str, &OfProvider)]) {
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

pub(super) fn models(page: &mut Page, metrics: &Metrics) {
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

pub(super) fn quality(page: &mut Page, metrics: &Metrics) {
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

pub(super) fn limits(page: &mut Page, metrics: &Metrics) {
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

pub(super) fn times(page: &mut Page, metrics: &Metrics, providers: &[(&str, &OfProvider)]) {
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
