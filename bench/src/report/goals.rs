//! What the figures should be, and how far they are from it, as ratios.

use serde::Serialize;

use super::Measured;
use super::comparison::{Comparison, Topic};
use super::ratios;
use crate::course::{DIRECT, FLOOR, GOVERNED, IN_MEMORY, PROXY, WAYBILL};
use crate::settings::Settings;

/// Ready within this, with the whole built-in catalog.
const START_US_MAX: u64 = 300_000;
/// Resident at rest.
const REST_KIB_MAX: u64 = 60 * 1024;
/// Resident per slow stream.
const STREAM_BYTES_MAX: u64 = 24 * 1024;

/// Throughput under budgets and limits, in percent of that without.
const GOVERNED_PERCENT_MIN: f64 = 90.0;
/// Transactions for leases in a thousand governed calls: next to none, and none that belongs to a call.
const ROUND_TRIPS_PER_THOUSAND_MAX: f64 = 1.0;

/// Units of figures that compare two things of the same run.
pub(super) const TIMES: &str = "times";
const PERCENT: &str = "%";

/// Which side of the limit is the good one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Side {
    AtMost,
    AtLeast,
}

/// Whether a goal decides over the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Weight {
    /// Missing it is a failure.
    Target,
    /// A target of later work, shown to see where we stand.
    Aim,
}

/// One goal and what was measured.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Goal {
    pub(crate) name: String,
    pub(crate) unit: &'static str,
    pub(crate) measured: f64,
    pub(crate) limit: f64,
    pub(crate) side: Side,
    pub(crate) weight: Weight,
    pub(crate) is_met: bool,
}

impl Goal {
    pub(super) fn at_most(
        name: impl Into<String>,
        (measured, limit): (f64, f64),
        unit: &'static str,
    ) -> Self {
        let is_met = measured <= limit;
        let (side, weight) = (Side::AtMost, Weight::Target);
        Self {
            name: name.into(),
            unit,
            measured,
            limit,
            side,
            weight,
            is_met,
        }
    }

    fn at_least(
        name: impl Into<String>,
        (measured, limit): (f64, f64),
        unit: &'static str,
    ) -> Self {
        let is_met = measured >= limit;
        let (side, weight) = (Side::AtLeast, Weight::Target);
        Self {
            name: name.into(),
            unit,
            measured,
            limit,
            side,
            weight,
            is_met,
        }
    }

    pub(super) fn only_aimed_at(self) -> Self {
        Self {
            weight: Weight::Aim,
            ..self
        }
    }

    /// Measured over limit; absent when the limit is zero, as that of errors is.
    pub(crate) fn ratio(&self) -> Option<f64> {
        (self.limit != 0.0).then(|| self.measured / self.limit)
    }

    /// Whether it compares two things of the same run.
    pub(crate) fn is_relative(&self) -> bool {
        [TIMES, PERCENT].contains(&self.unit)
    }

    pub(crate) fn verdict(&self) -> &'static str {
        match (self.weight, self.is_met) {
            (Weight::Target, true) => "pass",
            (Weight::Target, false) => "FAIL",
            (Weight::Aim, true) => "reached",
            (Weight::Aim, false) => "not yet",
        }
    }
}

/// Every goal that the run has figures for.
pub(crate) fn goals(settings: &Settings, measured: &Measured) -> Vec<Goal> {
    let mut goals = Vec::new();
    if let Some(footprint) = &measured.footprint {
        let start = |us: u64| (us as f64 / 1000.0, START_US_MAX as f64 / 1000.0);
        let rest = (
            footprint.rest_kib as f64 / 1024.0,
            REST_KIB_MAX as f64 / 1024.0,
        );
        goals.push(Goal::at_most(
            "first start, median",
            start(footprint.first_start_us),
            "ms",
        ));
        goals.push(Goal::at_most(
            "restart, median",
            start(footprint.restart_us),
            "ms",
        ));
        goals.push(Goal::at_most("resident at rest", rest, "MiB"));
    }
    for crowd in &measured.streams {
        let name =
            |what: &str| format!("{} slow streams, {}: {what}", crowd.streams, crowd.subject);
        let held = (
            crowd.held_ms as f64 / 1000.0,
            settings.stream_hold_ms as f64 / 1000.0,
        );
        goals.push(Goal::at_most(
            name("errors"),
            (crowd.errors as f64, 0.0),
            "",
        ));
        goals.push(Goal::at_least(name("all open together"), held, "s"));
        if let Some(bytes) = crowd.bytes_per_stream {
            let kib = (bytes as f64 / 1024.0, STREAM_BYTES_MAX as f64 / 1024.0);
            goals.push(Goal::at_most(name("memory per stream"), kib, "KiB").only_aimed_at());
        }
    }
    // What other gateways cannot do is not our failure; their errors stand beside their figures.
    let ours = |subject: &str| [DIRECT, PROXY, FLOOR, WAYBILL, IN_MEMORY].contains(&subject);
    let loads = measured.loads.iter().filter(|load| ours(load.subject));
    if loads.clone().next().is_some() {
        let errors: u64 = loads.map(|load| load.median.errors).sum();
        goals.push(Goal::at_most(
            "errors in all load runs",
            (errors as f64, 0.0),
            "",
        ));
    }
    goals.extend(measured.comparisons.iter().flat_map(compared));
    goals.extend(ratios::goals(measured));
    goals
}

/// What gateways that differ in one thing have to keep.
fn compared(comparison: &Comparison) -> Vec<Goal> {
    let mut goals = Vec::new();
    if comparison.topic == Topic::Governed {
        goals.extend(governed(comparison));
    }
    let sides = comparison.sides.iter();
    let errors: u64 = sides.map(|side| side.load.median.errors).sum();
    let about = match comparison.topic {
        Topic::Governed => "governed",
        Topic::Databases => "databases",
        Topic::Plenty => "plenty",
    };
    let name = format!("{about}, {}: errors", comparison.workload);
    goals.push(Goal::at_most(name, (errors as f64, 0.0), ""));
    goals
}

/// What budgets and limits may cost.
fn governed(comparison: &Comparison) -> Vec<Goal> {
    let Some(side) = comparison.side(GOVERNED) else {
        return Vec::new();
    };
    let name = |what: &str| format!("governed, {}: {what}", comparison.workload);
    let percent = side.throughput_permille as f64 / 10.0;
    let per_thousand = side.round_trips_per_million as f64 / 1000.0;
    vec![
        Goal::at_least(
            name("throughput of ungoverned"),
            (percent, GOVERNED_PERCENT_MIN),
            PERCENT,
        ),
        Goal::at_most(
            name("database round trips for leases"),
            (per_thousand, ROUND_TRIPS_PER_THOUSAND_MAX),
            "per 1,000 calls",
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_met_when_it_is_just_reached() {
        assert_eq!(
            Goal::at_most("start", (300.0, 300.0), "ms").verdict(),
            "pass"
        );
        assert_eq!(
            Goal::at_most("start", (300.1, 300.0), "ms").verdict(),
            "FAIL"
        );
        assert_eq!(Goal::at_least("held", (14.9, 15.0), "s").verdict(), "FAIL");
        assert_eq!(Goal::at_most("errors", (0.0, 0.0), "").verdict(), "pass");
        assert_eq!(Goal::at_most("errors", (1.0, 0.0), "").verdict(), "FAIL");
    }

    #[test]
    fn ratios_are_of_the_limit_and_a_limit_of_zero_has_none() {
        assert_eq!(
            Goal::at_most("start", (150.0, 300.0), "ms").ratio(),
            Some(0.5)
        );
        assert_eq!(Goal::at_most("errors", (1.0, 0.0), "").ratio(), None);
    }

    #[test]
    fn an_aim_never_says_fail() {
        assert_eq!(
            Goal::at_most("memory", (30.0, 24.0), "KiB")
                .only_aimed_at()
                .verdict(),
            "not yet"
        );
    }
}
