//! What Waybill costs beside what a plain proxy does, and what translating costs beside not translating.
//!
//! Ratios within a run say the same on every machine, as far as anything does.

use super::comparison::{Comparison, Topic};
use super::figures::{Load, Loop};
use super::goals::{Goal, TIMES};
use crate::course::houses::{CONTENT, FEW, POSTGRES, SQLITE};
use crate::course::{DIRECT, GOVERNED, PROXY, WAYBILL};

/// Processor time per call or chunk, of that of a plain proxy.
const PROCESSOR_MAX: f64 = 2.0;
/// What is added at the 99th percentile at half load, of what a plain proxy adds.
const LATENCY_MAX: f64 = 3.0;
/// Processor time of a translated call, of that of one that is not.
const TRANSLATED_MAX: f64 = 2.0;
/// Processor time of a governed call whose content is kept, of that of one whose content is not.
const CONTENT_MAX: f64 = 2.0;
/// Processor time of the gateway on PostgreSQL, of that on SQLite, which runs inside of it.
const POSTGRES_MAX: f64 = 1.0;
/// Processor time where there is much that no call needs, of that where there is little.
const PLENTY_MAX: f64 = 1.1;

/// The goals that a run with these loads has figures for; all of them aims of later work.
pub(super) fn goals(loads: &[Load], comparisons: &[Comparison]) -> Vec<Goal> {
    let of_proxy = loads.iter().filter(|load| load.subject == PROXY);
    let mut goals: Vec<Goal> = of_proxy
        .filter_map(|proxy| match proxy.how {
            Loop::Closed => processor(proxy, loads, comparisons),
            Loop::Open { .. } => latency(proxy, loads),
        })
        .collect();
    goals.extend(translated(loads));
    goals.extend(comparisons.iter().flat_map(beside_another));
    goals
}

/// The load of the same calls in the same loop through another subject.
fn same<'a>(load: &Load, subject: &str, loads: &'a [Load]) -> Option<&'a Load> {
    loads.iter().find(|other| {
        (other.workload, other.how, other.subject) == (load.workload, load.how, subject)
    })
}

/// The dearest that Waybill is measured at: under budgets and limits, where that was measured.
fn processor(proxy: &Load, loads: &[Load], comparisons: &[Comparison]) -> Option<Goal> {
    let mut governed = comparisons.iter().filter(|comparison| {
        comparison.topic == Topic::Governed && comparison.workload == proxy.workload
    });
    let side = governed.find_map(|comparison| comparison.side(GOVERNED));
    let (ours, terms) = match side {
        Some(side) => (&side.load, ", governed"),
        None => (same(proxy, WAYBILL, loads)?, ""),
    };
    let ratio = ratio(ours, proxy)?;
    let per = if proxy.chunks_per_call > 0 {
        "chunk"
    } else {
        "call"
    };
    let name = format!("{}{terms}: CPU per {per}, of nginx's", proxy.workload);
    Some(Goal::at_most(name, (ratio, PROCESSOR_MAX), TIMES).only_aimed_at())
}

/// Calls have as many chunks on both sides, so the ratio of calls is that of chunks.
fn ratio(ours: &Load, theirs: &Load) -> Option<f64> {
    let ours = ours.median.processor.subject_ns?;
    let theirs = theirs.median.processor.subject_ns.filter(|ns| *ns > 0)?;
    Some(ours as f64 / theirs as f64)
}

fn latency(proxy: &Load, loads: &[Load]) -> Option<Goal> {
    let direct = same(proxy, DIRECT, loads)?.median.latency.p99_us;
    let added = |load: &Load| load.median.latency.p99_us.saturating_sub(direct);
    let ours = added(same(proxy, WAYBILL, loads)?);
    let theirs = Some(added(proxy)).filter(|us| *us > 0)?;
    let name = format!("{}: p99 added at half load, of nginx's", proxy.workload);
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
