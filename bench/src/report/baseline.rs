//! The baseline: what an earlier run came to, as ratios, and what has moved since.
//!
//! Only figures that compare two things of the same run are kept: they are about the same on every machine.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

use super::Report;

/// A change up to this is the run's own noise, in percent.
const NOISE_PERCENT: f64 = 5.0;

/// Ratios by the names of their goals.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Baseline {
    /// The commit that was measured, how thoroughly, and on what.
    pub(crate) commit: String,
    pub(crate) mode: String,
    pub(crate) processor: String,
    pub(crate) ratios: BTreeMap<String, f64>,
}

impl Baseline {
    /// The ratios of a run.
    pub(crate) fn of(report: &Report) -> Self {
        let ratios = report.goals.iter().filter(|goal| goal.is_relative());
        Self {
            commit: report.machine.commit.clone(),
            mode: report.settings.mode.to_owned(),
            processor: report.machine.processor.clone(),
            ratios: ratios
                .map(|goal| (goal.name.clone(), rounded(goal.measured)))
                .collect(),
        }
    }

    pub(crate) fn read(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path);
        let text = text.with_context(|| format!("cannot read the baseline {}", path.display()))?;
        serde_json::from_str(&text).with_context(|| format!("{} is no baseline", path.display()))
    }

    pub(crate) fn save(&self, path: &Path) -> Result<()> {
        let text = serde_json::to_string_pretty(self)? + "\n";
        fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
    }

    /// What has moved from this baseline to another run, in words; one line for each.
    pub(crate) fn compare(&self, now: &Self) -> String {
        let mut text = format!(
            "compared with a {} run of {} on {}:\n",
            self.mode, self.commit, self.processor
        );
        if self.mode != now.mode {
            text.push_str(
                "  (runs of different modes: what is plenty differs, and quick runs scatter)\n",
            );
        }
        let before = text.len();
        for (name, was) in &self.ratios {
            let line = match now.ratios.get(name) {
                Some(is) => {
                    moved(*was, *is).map(|percent| format!("{was:.3} → {is:.3} ({percent:+.1} %)"))
                }
                None => Some(format!("{was:.3} → not measured")),
            };
            if let Some(line) = line {
                let _ = writeln!(text, "  {name}: {line}"); // Writing to a String cannot fail.
            }
        }
        for (name, is) in &now.ratios {
            if !self.ratios.contains_key(name) {
                let _ = writeln!(text, "  {name}: {is:.3}, new");
            }
        }
        if text.len() == before {
            let _ = writeln!(text, "  nothing moved by more than {NOISE_PERCENT} %");
        }
        text
    }
}

/// By how many percent, if that is worth telling.
fn moved(was: f64, is: f64) -> Option<f64> {
    let percent = (is - was) / was.abs().max(f64::EPSILON) * 100.0;
    (percent.abs() > NOISE_PERCENT).then_some(percent)
}

/// Three digits say enough, and make readable differences.
fn rounded(ratio: f64) -> f64 {
    (ratio * 1000.0).round() / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn baseline(ratios: &[(&str, f64)]) -> Baseline {
        let ratios = ratios
            .iter()
            .map(|(name, ratio)| ((*name).to_owned(), *ratio));
        Baseline {
            commit: "abc".to_owned(),
            mode: "quick".to_owned(),
            processor: "a processor".to_owned(),
            ratios: ratios.collect(),
        }
    }

    #[test]
    fn what_moved_by_more_than_noise_is_told_and_nothing_else() {
        let was = baseline(&[("calls", 2.0), ("chunks", 4.0), ("gone", 1.0)]);
        let is = baseline(&[("calls", 2.08), ("chunks", 3.0), ("new", 5.0)]);
        let text = was.compare(&is);
        assert!(text.contains("chunks: 4.000 → 3.000 (-25.0 %)"), "{text}");
        assert!(text.contains("gone: 1.000 → not measured"), "{text}");
        assert!(
            text.contains("new: 5.000, new") && !text.contains("calls"),
            "{text}"
        );
        assert!(was.compare(&was).contains("nothing moved"));
        assert!(!text.contains("different modes"), "{text}");
        let mut full = is;
        full.mode = "full".to_owned();
        assert!(was.compare(&full).contains("different modes"));
    }

    #[test]
    fn a_baseline_reads_as_it_was_written() {
        let path = std::env::temp_dir().join(format!("bench-baseline-{}", std::process::id()));
        let written = baseline(&[("calls", 2.125)]);
        written.save(&path).unwrap();
        assert_eq!(Baseline::read(&path).unwrap(), written);
        fs::remove_file(&path).unwrap();
    }
}
