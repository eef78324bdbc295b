//! What Waybill costs beside what plain proxies do, and what translating costs beside not translating.
//!
//! Ratios within a run say the same on every machine, as far as anything does.

use super::Measured;
use super::comparison::{Comparison, Topic};
use super::figures::{Load, Loop, Streams};
use super::goals::{Goal, TIMES};
use crate::course::houses::{CONTENT, FEW, POSTGRES, SQLITE};
use crate::course::{DIRECT, FLOOR, GOVERNED, IN_MEMORY, PROXY, WAYBILL};

/// Plain proxies, and how a goal says whose figure it is.
const BASES: [(&str, &str); 2] = [(PROXY, "nginx's"), (FLOOR, "the HTTP libraries alone")];

/// Processor time per call or chunk, of that of a plain proxy.
const PROCESSOR_MAX: f64 = 2.0;
/// What is added at the 99th percentile at half load, of what a plain proxy adds.
const LATENCY_MAX: f64 = 3.0;
/// Memory of a slow stream, of that of a plain proxy out of the same libraries.
const MEMORY_MAX: f64 = 1.5;
/// Processor time of a translated call, of that of one that is not.
const TRANSLATED_MAX: f64 = 2.0;
/// Processor time of a governed call whose content is kept, of that of one whose content is not.
const CONTENT_MAX: f64 = 2.0;
/// Processor time of the gateway on PostgreSQL, of that on SQLite, which runs inside of it.
const POSTGRES_MAX: f64 = 1.0;
/// Processor time where there is much that no call needs, of that where there is little.
const PLENTY_MAX: f64 = 1.1;

/// The goals that a run with these loads has figures for; all of them aims of later work.
pub(super) fn goals(measured: &Measured) -> Vec<Goal> {
    let loads = &measured.loads;
    let mut goals = Vec::new();
    for (base, whose) in BASES {
        let its = loads.iter().filter(|load| load.subject == base);
        goals.extend(its.flat_map(|base| match base.how {
            Loop::Closed => Vec::from_iter(processor((base, whose), measured)),
            Loop::Open { .. } => latencies((base, whose), loads),
        }));
    }
    goals.extend(loads.iter().filter_map(|load| libraries(load, loads)));
    goals.extend(memory(&measured.streams));
    goals.extend(translated(loads));
    goals.extend(measured.comparisons.iter().flat_map(beside_another));
    goals
}

/// The load of the same calls in the same loop through another subject.
pub(super) fn same<'a>(load: &Load, subject: &str, loads: &'a [Load]) -> Option<&'a Load> {
    loads.iter().find(|other| {
        (other.workload, other.how, other.subject) == (load.workload, load.how, subject)
    })
}

/// The dearest that Waybill is measured at on the calls of a closed loop, and in which circumstances: under budgets
/// and limits, where that was measured.
pub(super) fn dearest<'a>(load: &Load, measured: &'a Measured) -> Option<(&'a Load, &'static str)> {
    let mut governed = measured.comparisons.iter().filter(|comparison| {
        comparison.topic == Topic::Governed && comparison.workload == load.workload
    });
    match governed.find_map(|comparison| comparison.side(GOVERNED)) {
        Some(side) => Some((&side.load, ", governed")),
        None => Some((same(load, WAYBILL, &measured.loads)?, "")),
    }
}

fn processor((base, whose): (&Load, &str), measured: &Measured) -> Option<Goal> {
    let (ours, terms) = dearest(base, measured)?;
    let (ratio, per) = (ratio(ours, base)?, per(base));
    let name = format!("{}{terms}: CPU per {per}, of {whose}", base.workload);
    Some(Goal::at_most(name, (ratio, PROCESSOR_MAX), TIMES).only_aimed_at())
}

/// What the libraries cost before anything of ours is added to them.
fn libraries(load: &Load, loads: &[Load]) -> Option<Goal> {
    let is_theirs = load.subject == FLOOR && load.how == Loop::Closed;
    let proxy = same(load, PROXY, loads).filter(|_| is_theirs)?;
    let (ratio, per) = (ratio(load, proxy)?, per(load));
    let name = format!(
        "{}, the HTTP libraries alone: CPU per {per}, of nginx's",
        load.workload
    );
    Some(Goal::at_most(name, (ratio, PROCESSOR_MAX), TIMES).only_aimed_at())
}

/// What processor time is told for.
pub(super) const fn per(load: &Load) -> &'static str {
    match load.chunks_per_call {
        0 => "call",
        _ => "chunk",
    }
}

fn memory(streams: &[Streams]) -> Vec<Goal> {
    let of = |crowd: &Streams, subject| {
        let mut same = streams
            .iter()
            .filter(move |other| (other.subject, other.streams) == (subject, crowd.streams));
        same.find_map(|other| other.bytes_per_stream.filter(|bytes| *bytes > 0))
    };
    let ours = streams.iter().filter(|crowd| crowd.subject == WAYBILL);
    ours.filter_map(|crowd| {
        let ratio = crowd.bytes_per_stream? as f64 / of(crowd, FLOOR)? as f64;
        let name = format!(
            "{} slow streams: memory per stream, of the HTTP libraries alone",
            crowd.streams
        );
        Some(Goal::at_most(name, (ratio, MEMORY_MAX), TIMES).only_aimed_at())
    })
    .collect()
}

/// Calls have as many chunks on both sides, so the ratio of calls is that of chunks.
fn ratio(ours: &Load, theirs: &Load) -> Option<f64> {
    let ours = ours.median.processor.subject_ns?;
    let theirs = theirs.median.processor.subject_ns.filter(|ns| *ns > 0)?;
    Some(ours as f64 / theirs as f64)
}

/// What a subject adds to the 99th percentile of the simulator alone, in microseconds.
pub(super) fn added_us(load: &Load, loads: &[Load]) -> Option<u64> {
    let direct = same(load, DIRECT, loads)?.median.latency.p99_us;
    Some(load.median.latency.p99_us.saturating_sub(direct))
}

/// With its data on the disk and in memory: what lies between the two is the disk's.
fn latencies(base: (&Load, &str), loads: &[Load]) -> Vec<Goal> {
    let ours = [(WAYBILL, ""), (IN_MEMORY, ", data in memory")];
    let goals = ours.map(|ours| latency(base, ours, loads));
    goals.into_iter().flatten().collect()
}

fn latency(
    (base, whose): (&Load, &str),
    (subject, terms): (&str, &str),
    loads: &[Load],
) -> Option<Goal> {
    let ours = added_us(same(base, subject, loads)?, loads)?;
    let theirs = added_us(base, loads).filter(|us| *us > 0)?;
    let workload = base.workload;
    let name = format!("{workload}{terms}: p99 added at half load, of {whose}");
    let ratio = ours as f64 / theirs as f64;
    Some(Goal::at_most(name, (ratio, LATENCY_MAX), TIMES).only_aimed_at())
}

fn translated(loads: &[Load]) -> Vec<Goal> {
    let ours = loads
        .iter()
        .filter(|load| load.subject == WAYBILL && load.how == Loop::Closed);
    let alike = |load: &&Load, other: &Load| {
        !load.is_translated
            && (load.request_bytes, load.chunks_per_call)
                == (other.request_bytes, other.chunks_per_call)
    };
    let translated = ours.clone().filter(|load| load.is_translated);
    translated
        .filter_map(|load| {
            let same = ours.clone().find(|same| alike(same, load))?;
            let name = format!("{}: CPU per call, of same-dialect", load.workload);
            Some(Goal::at_most(name, (ratio(load, same)?, TRANSLATED_MAX), TIMES).only_aimed_at())
        })
        .collect()
}

/// Gateways that differ in one thing: what each costs of what the one that it is compared with does.
fn beside_another(comparison: &Comparison) -> Vec<Goal> {
    let goal = |(subject, other, limit): (&str, &str, f64)| {
        let ratio = comparison
            .side(subject)?
            .processor_of(comparison.side(other)?)?;
        let name = format!(
            "{}, {subject}: CPU per call, of {other}",
            comparison.workload
        );
        Some(Goal::at_most(name, (ratio, limit), TIMES).only_aimed_at())
    };
    match comparison.topic {
        Topic::Governed => goal((CONTENT, GOVERNED, CONTENT_MAX)).into_iter().collect(),
        Topic::Databases => goal((POSTGRES, SQLITE, POSTGRES_MAX)).into_iter().collect(),
        Topic::Plenty => {
            let others = comparison.sides.iter().skip(1);
            others
                .filter_map(|side| goal((side.load.subject, FEW, PLENTY_MAX)))
                .collect()
        }
    }
}
