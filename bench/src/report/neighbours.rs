//! Other gateways that were measured beside Waybill.

use std::fmt::Write as _;

use serde::Serialize;

use super::Report;
use super::figures::{Load, Loop};
use super::number::{grouped, mib, ms, us};
use crate::course::{PROXY, WAYBILL};

/// A gateway of somebody else, as it was found.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Neighbour {
    pub(crate) subject: &'static str,
    pub(crate) version: String,
    /// How it was set up, in words.
    pub(crate) settings: String,
    /// From the start of the process until it serves.
    pub(crate) start_us: u64,
    /// Resident a few seconds after that, its child processes included.
    pub(crate) rest_kib: u64,
    /// Thousandths of one core that it used while at rest.
    pub(crate) rest_processor_permille: u64,
}

/// Nothing when none was measured.
pub(super) fn write(text: &mut String, report: &Report) -> std::fmt::Result {
    if report.measured.neighbours.is_empty() {
        return Ok(());
    }
    writeln!(
        text,
        "\n## Other gateways\n\nOn the same calls, in turns with the others above, closed loop; CPU is of all processes of a \
         gateway. Waybill checks the key, keeps a record of every call and settles it; these here are set up as \
         their lines say.\n\n\
         | gateway | start to ready, ms | resident at rest, MiB | CPU per whole call, µs | CPU per chunk, µs | \
         whole calls/s | streams/s | errors |\n| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
    )?;
    row(text, report, PROXY, (None, None))?;
    if let Some(footprint) = &report.measured.footprint {
        let (start, rest) = (footprint.restart_us, footprint.rest_kib);
        row(text, report, WAYBILL, (Some(start), Some(rest)))?;
    }
    for other in &report.measured.neighbours {
        let found = (Some(other.start_us), Some(other.rest_kib));
        row(text, report, other.subject, found)?;
    }
    writeln!(text)?;
    for other in &report.measured.neighbours {
        writeln!(
            text,
            "- {} {}: {}",
            other.subject, other.version, other.settings
        )?;
    }
    Ok(())
}

fn row(
    text: &mut String,
    report: &Report,
    subject: &str,
    (start_us, rest_kib): (Option<u64>, Option<u64>),
) -> std::fmt::Result {
    let (whole, streamed) = closed(&report.measured.loads, subject);
    let optional = |figure: Option<String>| figure.unwrap_or_else(|| "–".to_owned());
    let rate = |load: Option<&Load>| load.map(|load| grouped(load.median.calls_per_second));
    let errors: u64 = [whole, streamed]
        .iter()
        .flatten()
        .map(|load| load.median.errors)
        .sum();
    let cells = [
        optional(start_us.map(ms)),
        optional(rest_kib.map(mib)),
        optional(per_call(&report.measured.loads, subject).map(us)),
        optional(per_chunk(&report.measured.loads, subject).map(us)),
        optional(rate(whole)),
        optional(rate(streamed)),
        errors.to_string(),
    ];
    writeln!(text, "| {subject} | {} |", cells.join(" | "))
}

/// The closed loops of a subject on the shortest whole calls, and on streams.
fn closed<'a>(loads: &'a [Load], subject: &str) -> (Option<&'a Load>, Option<&'a Load>) {
    let its = |load: &&Load| load.how == Loop::Closed && load.subject == subject;
    let plain = |load: &&Load| load.chunks_per_call == 0 && !load.is_translated;
    let all = loads.iter().filter(its);
    let whole = all
        .clone()
        .filter(plain)
        .min_by_key(|load| load.request_bytes);
    (whole, all.clone().find(|load| load.chunks_per_call > 0))
}

/// Processor time of a subject for one of the shortest whole calls.
pub(super) fn per_call(loads: &[Load], subject: &str) -> Option<u64> {
    closed(loads, subject).0?.median.processor.subject_ns
}

/// Processor time of a subject for a chunk of a stream at full speed.
pub(super) fn per_chunk(loads: &[Load], subject: &str) -> Option<u64> {
    let streamed = closed(loads, subject).1?;
    Some(streamed.median.processor.subject_ns? / streamed.chunks_per_call.max(1))
}
