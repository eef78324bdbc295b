//! Gateways that differ in one thing, on the same calls: figures beside those of the first of them.

use std::time::Duration;

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

/// What was measured of one gateway in all rounds.
pub(crate) struct Taken {
    pub(crate) load: Load,
    /// What it counted, warm-ups included.
    pub(crate) counted: Counters,
    /// Processor time from the first call to the last, and between its turns.
    pub(crate) processor: Duration,
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
    /// Processor time of all rounds for each governed call, warm-ups and what was put away between its turns
    /// included; absent where no call is governed, because then nobody counts them all.
    pub(crate) overall_ns: Option<u64>,
    /// Transactions for leases, for a million governed calls.
    pub(crate) round_trips_per_million: u64,
}

impl Comparison {
    /// `None` of nothing.
    pub(crate) fn new(topic: Topic, measured: Vec<Taken>) -> Option<Self> {
        let first = &measured.first()?.load;
        let (workload, first) = (first.workload, first.runs.clone());
        let sides = measured.into_iter().map(|taken| {
            let (load, counted) = (taken.load, taken.counted);
            let rounds = load.runs.iter().zip(&first);
            let rounds_permille: Vec<u64> = rounds
                .map(|(its, one)| its.calls_per_second * 1000 / one.calls_per_second.max(1))
                .collect();
            Side {
                throughput_permille: median(&rounds_permille),
                rounds_permille,
                overall_ns: nanos(taken.processor).checked_div(counted.admitted),
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
    /// Its processor time per call, of another's: of all that they did where both know it, else of their runs.
    pub(crate) fn processor_of(&self, other: &Self) -> Option<f64> {
        let overall = self.overall_ns.zip(other.overall_ns);
        let of_runs = || {
            let bills = [self, other].map(|side| side.load.median.processor.subject_ns);
            bills[0].zip(bills[1])
        };
        let (mine, theirs) = overall.or_else(of_runs)?;
        (theirs > 0).then(|| mine as f64 / theirs as f64)
    }
}

/// In nanoseconds; the largest number for what is longer than 584 years.
fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
