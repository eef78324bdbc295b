//! The report of a run: everything measured, what it should have been, and the files it is written to.

pub(crate) mod baseline;
mod compared;
pub(crate) mod comparison;
pub(crate) mod figures;
pub(crate) mod goals;
mod limits;
mod markdown;
pub(crate) mod neighbours;
mod number;
mod overview;
mod picture;
mod ratios;
pub(crate) mod soak;

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde::Serialize;

use crate::course::{DIRECT, WAYBILL};
use crate::measure::disk::Disk;
use crate::measure::machine::Machine;
use crate::settings::Settings;
use comparison::Comparison;
use figures::{Footprint, Load, Loop, Streams};
use goals::{Goal, Weight};
use neighbours::Neighbour;

/// The generator and the simulator alone must manage this many times what they manage through the gateway, or they
/// may be what limits it.
const HEADROOM: u64 = 2;

/// Everything that is said about a run.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) goals: Vec<Goal>,
    pub(crate) machine: Machine,
    /// Descriptors a process may open.
    pub(crate) descriptors_max: u64,
    pub(crate) settings: Settings,
    /// What was found.
    #[serde(flatten)]
    pub(crate) measured: Measured,
    /// Whether the harness had room to spare, by workload.
    pub(crate) headroom: Vec<Headroom>,
}

/// Throughput of the harness alone beside that through the gateway.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Headroom {
    pub(crate) workload: &'static str,
    pub(crate) direct_calls_per_second: u64,
    pub(crate) gateway_calls_per_second: u64,
    pub(crate) is_enough: bool,
}

/// Everything that was measured.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Measured {
    /// Version of the plain proxy that was measured beside; absent where there is none.
    pub(crate) nginx: Option<String>,
    /// Absent when only the harness was measured.
    pub(crate) footprint: Option<Footprint>,
    /// The disk that the data directories are on.
    pub(crate) disk: Option<Disk>,
    pub(crate) streams: Vec<Streams>,
    pub(crate) loads: Vec<Load>,
    /// Gateways of ours that differ in one thing.
    pub(crate) comparisons: Vec<Comparison>,
    /// Gateways of others.
    pub(crate) neighbours: Vec<Neighbour>,
    /// What could not be measured, a sentence each.
    pub(crate) absent: Vec<String>,
}

impl Report {
    pub(crate) fn new(
        settings: Settings,
        machine: Machine,
        descriptors_max: u64,
        measured: Measured,
    ) -> Self {
        Self {
            goals: goals::goals(&settings, &measured),
            headroom: headroom(&measured.loads),
            machine,
            descriptors_max,
            settings,
            measured,
        }
    }

    /// Whether every target is met; aims do not count.
    pub(crate) fn is_good(&self) -> bool {
        self.goals
            .iter()
            .all(|goal| goal.is_met || goal.weight == Weight::Aim)
    }

    pub(crate) fn markdown(&self) -> String {
        markdown::write(self)
    }

    /// Writes report.md, report.json and the pictures that report.md shows.
    pub(crate) fn save(&self, directory: &Path) -> Result<()> {
        let put = |name: &str, text: &str| {
            let path = directory.join(name);
            fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
        };
        let made = fs::create_dir_all(directory);
        made.with_context(|| format!("cannot make {}", directory.display()))?;
        put("report.md", &self.markdown())?;
        put("report.json", &serde_json::to_string_pretty(self)?)?;
        for picture in picture::pictures(self) {
            put(picture.file, &picture.svg)?;
        }
        Ok(())
    }

    /// Draws the picture that README.md shows.
    ///
    /// # Errors
    /// When the run lacks figures for it, or the file cannot be written.
    pub(crate) fn draw(&self, file: &Path) -> Result<()> {
        let svg = overview::draw(self).context(
            "the picture needs `--only start,loads` at least, and shows other gateways with `--others`",
        )?;
        fs::write(file, svg).with_context(|| format!("cannot write {}", file.display()))
    }
}

fn headroom(loads: &[Load]) -> Vec<Headroom> {
    let closed = |subject: &str, workload: &str| {
        let mut closed = loads.iter().filter(|load| load.how == Loop::Closed);
        let load = closed.find(|load| load.subject == subject && load.workload == workload)?;
        Some(load.median.calls_per_second)
    };
    let gateways = loads
        .iter()
        .filter(|l| l.how == Loop::Closed && l.subject == WAYBILL);
    gateways
        .filter_map(|load| {
            let direct = closed(DIRECT, load.workload)?;
            let gateway = load.median.calls_per_second;
            Some(Headroom {
                workload: load.workload,
                direct_calls_per_second: direct,
                gateway_calls_per_second: gateway,
                is_enough: gateway > 0 && direct >= HEADROOM * gateway,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests;
