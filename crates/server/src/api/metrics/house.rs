//! What the house looks like at the moment of the page: the process, its money, its links and its queues.

use ledger::decimal;

use super::families::Page;
use super::page::Now;
use super::recorder::Metrics;
use crate::content::ContentFigures;

pub(super) fn process(page: &mut Page, metrics: &Metrics, now: &Now) {
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

pub(super) fn budgets(page: &mut Page, now: &Now) {
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

pub(super) fn content(page: &mut Page, figures: &ContentFigures) {
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

pub(super) fn replicas(page: &mut Page, link: &cluster::Figures) {
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

pub(super) fn telemetry(page: &mut Page, told: &telemetry::export::Figures) {
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

pub(super) fn broadcast(page: &mut Page, now: &Now) {
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
