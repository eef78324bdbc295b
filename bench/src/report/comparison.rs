//! Gateways that differ in one thing, on the same calls: figures beside those of the first of them.

use serde::Serialize;

use super::figures::{Load, median};
use crate::world::budgets::Counters;

/// What a comparison is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Topic {
    /// What budgets, limits and kept content cost.
    Governed,
    /// Which database is behind it.
    Databases,
    /// Keys, budgets, endpoints and records that no call needs.
    Plenty,
}

/// Some gateways on one kind of call, one run each a round.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Comparison {
    pub(crate) topic: Topic,
    pub(crate) workload: &'static str,
    /// The first is what the others are compared with.
    pub(crate) sides: Vec<Side>,
}

/// One gateway of a comparison.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Side {
    pub(crate) load: Load,
    /// Median over the rounds of what it managed, in thousandths of what the first one did.
    pub(crate) throughput_permille: u64,
    pub(crate) rounds_permille: Vec<u64>,
    /// What it counted in all rounds, warm-ups included.
    pub(crate) counted: Counters,
    /// Transactions for leases, for a million governed calls.
    pub(crate) round_trips_per_million: u64,
}

impl Comparison {
    /// `None` of nothing.
    pub(crate) fn new(topic: Topic, measured: Vec<(Load, Counters)>) -> Option<Self> {
        let (first, _) = measured.first()?;
        let (workload, first) = (first.workload, first.runs.clone());
        let sides = measured.into_iter().map(|(load, counted)| {
            let rounds = load.runs.iter().zip(&first);
            let rounds_permille: Vec<u64> = rounds
                .map(|(its, one)| its.calls_per_second * 1000 / one.calls_per_second.max(1))
                .collect();
            Side {
                throughput_permille: median(&rounds_permille),
                rounds_permille,
                round_trips_per_million: counted.round_trips * 1_000_000 / counted.admitted.max(1),
                load,
                counted,
            }
        });
        Some(Self {
            topic,
            workload,
            sides: sides.collect(),
        })
    }

    /// The gateway of this name.
    pub(crate) fn side(&self, subject: &str) -> Option<&Side> {
        self.sides.iter().find(|side| side.load.subject == subject)
    }
}

impl Side {
    /// Its processor time per call, of another's.
    pub(crate) fn processor_of(&self, other: &Self) -> Option<f64> {
        let mine = self.load.median.processor.subject_ns?;
        let theirs = other.load.median.processor.subject_ns?;
        (theirs > 0).then(|| mine as f64 / theirs as f64)
    }
}
