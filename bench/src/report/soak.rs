//! The report of a soak: what became of every kind of call, memory and descriptors over time, and the books.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde::Serialize;

use super::figures::median;
use super::goals::{Goal, Weight};
use super::number::{grouped, mib, ms};
use super::picture::curve;
use crate::arguments::SoakArguments;
use crate::measure::histogram::Percentiles;
use crate::measure::machine::Machine;

/// Growth from the first third after the warm-up to the last, in percent.
const GROWTH_MAX: f64 = 10.0;
/// Descriptors that may be open beyond those of the first third: connections that are kept come and go with the load.
const DESCRIPTORS_MAX: f64 = 32.0;

/// Everything that shapes a soak.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct SoakSettings {
    pub(crate) minutes: u64,
    pub(crate) calls_per_second: u32,
    pub(crate) in_flight_max: usize,
    /// Keys in use at any time.
    pub(crate) keys: usize,
    /// How often the oldest key is deleted for a new one.
    pub(crate) key_every_ms: u64,
    /// After how many of these a provider is added and removed, which are two new catalogs.
    pub(crate) catalog_every_keys: u32,
    pub(crate) sample_every_ms: u64,
}

/// The process at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Sample {
    /// Seconds since the start.
    pub(crate) at_s: u64,
    pub(crate) resident_kib: u64,
    pub(crate) descriptors: usize,
}

/// What became of one kind of call.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct KindFigures {
    pub(crate) kind: &'static str,
    /// Calls that ended as they must.
    pub(crate) calls: u64,
    /// Calls that did not.
    pub(crate) wrong: u64,
    pub(crate) first_wrong: Option<String>,
    /// From the moment a call was meant to leave to its end.
    pub(crate) latency: Percentiles,
}

/// What was changed meanwhile.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct Changes {
    /// Keys made and deleted.
    pub(crate) keys: u64,
    /// New catalogs.
    pub(crate) catalogs: u64,
    /// Changes that got 503 at first, and were asked for again as `Retry-After` says.
    pub(crate) put_off: u64,
}

/// What `waybill ledger verify` said at the end.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Books {
    pub(crate) agree: bool,
    pub(crate) said: String,
}

/// Everything that is said about a soak.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct SoakReport {
    pub(crate) goals: Vec<Goal>,
    machine: Machine,
    settings: SoakSettings,
    kinds: Vec<KindFigures>,
    samples: Vec<Sample>,
    /// After the last call was settled.
    after: Sample,
    changes: Changes,
    /// Calls under way and records unsaved when the wait for them was over.
    unsettled: u64,
    books: Books,
}

impl SoakSettings {
    pub(crate) fn new(soak: &SoakArguments, in_flight_max: usize) -> Self {
        Self {
            minutes: soak.minutes,
            calls_per_second: soak.calls_per_second,
            in_flight_max,
            keys: 20,
            key_every_ms: 500,
            catalog_every_keys: 10,
            // Some hundreds of looks, but not more than one a second.
            sample_every_ms: (soak.minutes * 60_000 / 720).max(1000),
        }
    }
}

impl SoakReport {
    pub(crate) fn new(
        (machine, settings): (Machine, SoakSettings),
        (samples, after): (Vec<Sample>, Sample),
        kinds: Vec<KindFigures>,
        (changes, unsettled, books): (Changes, u64, Books),
    ) -> Self {
        let wrong: u64 = kinds.iter().map(|kind| kind.wrong).sum();
        let resident = growth(&samples, |sample| sample.resident_kib);
        let descriptors = growth(&samples, |sample| sample.descriptors as u64);
        let count = |name: &str, figure: u64| Goal::at_most(name, (figure as f64, 0.0), "");
        let goals = vec![
            Goal::at_most(
                "resident memory, last third of first",
                (resident.percent(), GROWTH_MAX),
                "% more",
            ),
            Goal::at_most(
                "descriptors, last third of first",
                (descriptors.more(), DESCRIPTORS_MAX),
                "more",
            ),
            count("calls that did not end as they must", wrong),
            count("calls or records unsettled at the end", unsettled),
            count("differences in the books", u64::from(!books.agree)),
        ];
        Self {
            goals,
            machine,
            settings,
            kinds,
            samples,
            after,
            changes,
            unsettled,
            books,
        }
    }

    pub(crate) const fn are_books_right(&self) -> bool {
        self.books.agree
    }

    pub(crate) fn is_good(&self) -> bool {
        let mut goals = self.goals.iter();
        goals.all(|goal| goal.is_met || goal.weight == Weight::Aim)
    }

    /// Writes soak.md, soak.json and the picture that soak.md shows.
    pub(crate) fn save(&self, directory: &Path) -> Result<()> {
        fs::create_dir_all(directory)
            .with_context(|| format!("cannot make {}", directory.display()))?;
        let points: Vec<(u64, u64)> = self
            .samples
            .iter()
            .map(|sample| (sample.at_s, sample.resident_kib / 1024))
            .collect();
        let svg = curve("Resident memory over the soak", ("s", "MiB"), &points);
        for (name, text) in [
            ("soak.md", self.markdown()),
            ("soak.json", serde_json::to_string_pretty(self)?),
            ("soak.svg", svg),
        ] {
            let path = directory.join(name);
            fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        }
        Ok(())
    }

    pub(crate) fn markdown(&self) -> String {
        let mut text = String::from("# Waybill, soaked\n");
        // Writing to a String cannot fail; the result is passed on so that none is dropped unseen.
        if self.write(&mut text).is_err() {
            text.push_str("\n(the report is incomplete)\n");
        }
        text
    }

    fn write(&self, text: &mut String) -> std::fmt::Result {
        writeln!(
            text,
            "\n| goal | measured | limit | |\n| --- | ---: | ---: | --- |"
        )?;
        for goal in &self.goals {
            let digits = usize::from(!goal.unit.is_empty());
            writeln!(
                text,
                "| {} | {:.digits$} {} | ≤ {:.digits$} {} | {} |",
                goal.name,
                goal.measured,
                goal.unit,
                goal.limit,
                goal.unit,
                goal.verdict()
            )?;
        }
        writeln!(
            text,
            "\n## Calls\n\n| kind | as they must | not so | p50, ms | p99, ms | worst, ms |\n\
             | --- | ---: | ---: | ---: | ---: | ---: |"
        )?;
        for kind in &self.kinds {
            let latency = [
                kind.latency.p50_us,
                kind.latency.p99_us,
                kind.latency.max_us,
            ]
            .map(ms);
            let (calls, wrong) = (grouped(kind.calls), grouped(kind.wrong));
            writeln!(
                text,
                "| {} | {calls} | {wrong} | {} |",
                kind.kind,
                latency.join(" | ")
            )?;
        }
        for kind in &self.kinds {
            if let Some(error) = &kind.first_wrong {
                let error = error.replace(['`', '\n'], " ");
                writeln!(text, "\nFirst of \"{}\": `{error}`", kind.kind)?;
            }
        }
        self.circumstances(text)
    }

    fn circumstances(&self, text: &mut String) -> std::fmt::Result {
        let edge = |sample: Option<&Sample>| {
            let sample = sample.copied().unwrap_or_default();
            format!(
                "{} MiB and {} descriptors",
                mib(sample.resident_kib),
                sample.descriptors
            )
        };
        let machine = &self.machine;
        writeln!(
            text,
            "\n![Resident memory over the soak](soak.svg)\n\n## Circumstances\n\n\
             {}, commit {}, {} core(s) of {}, load average before the run {}. At first {}, at last {}, after all calls \
             were settled {}. Meanwhile {} keys were made and deleted and {} catalogs took over; {} of these changes got 503 at first. `waybill ledger verify`: \
             {}.\n\nThe first quarter is warm-up; growth is from the median of the first third of the rest to that of \
             the last.\n",
            machine.at,
            machine.commit,
            machine.cores,
            machine.processor,
            machine.load_average,
            edge(self.samples.first()),
            edge(self.samples.last()),
            edge(Some(&self.after)),
            grouped(self.changes.keys),
            grouped(self.changes.catalogs),
            grouped(self.changes.put_off),
            self.books.said,
        )?;
        let settings = serde_json::to_string_pretty(&self.settings).map_err(|_| std::fmt::Error)?;
        writeln!(text, "Settings:\n\n```json\n{settings}\n```")
    }
}

/// Medians of the first third after the warm-up, and of the last.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Growth {
    first: f64,
    last: f64,
}

impl Growth {
    fn more(self) -> f64 {
        self.last - self.first
    }

    fn percent(self) -> f64 {
        self.more() / self.first.max(1.0) * 100.0
    }
}

fn growth(samples: &[Sample], figure: impl Fn(&Sample) -> u64) -> Growth {
    let warm = &samples[samples.len() / 4..];
    let third = (warm.len() / 3).max(1).min(warm.len());
    let of = |samples: &[Sample]| median(&samples.iter().map(&figure).collect::<Vec<_>>()) as f64;
    Growth {
        first: of(&warm[..third]),
        last: of(&warm[warm.len() - third..]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(kib: impl Iterator<Item = u64>) -> Vec<Sample> {
        let numbered = kib.zip(0..);
        let sample = |(resident_kib, at_s)| Sample {
            at_s,
            resident_kib,
            descriptors: 40,
        };
        numbered.map(sample).collect()
    }

    fn report(samples: Vec<Sample>, agree: bool) -> SoakReport {
        let soak = SoakArguments {
            minutes: 1,
            calls_per_second: 10,
        };
        let machine = crate::measure::machine::machine(Path::new("."));
        let books = Books {
            agree,
            said: "the books agree".to_owned(),
        };
        SoakReport::new(
            (machine, SoakSettings::new(&soak, 8)),
            (samples, Sample::default()),
            vec![KindFigures {
                kind: "whole",
                calls: 600,
                ..KindFigures::default()
            }],
            (Changes::default(), 0, books),
        )
    }

    #[test]
    fn what_grows_while_it_warms_up_is_no_growth_and_what_grows_later_is() {
        let warming = samples((0..25).map(|at| at * 4).chain(std::iter::repeat_n(100, 75)));
        assert!(
            growth(&warming, |sample| sample.resident_kib)
                .percent()
                .abs()
                < f64::EPSILON
        );
        let leaking = samples((0..100).map(|at| 100 + at));
        assert!(growth(&leaking, |sample| sample.resident_kib).percent() > 30.0);
        assert!(growth(&[], |sample| sample.resident_kib).percent().abs() < f64::EPSILON);
    }

    #[test]
    fn a_leak_and_books_that_do_not_agree_are_failures() {
        let flat = || samples(std::iter::repeat_n(50_000, 60));
        assert!(report(flat(), true).is_good());
        assert!(!report(flat(), false).is_good() && !report(flat(), false).are_books_right());
        assert!(!report(samples((0..60).map(|at| 50_000 + at * 500)), true).is_good());
    }

    #[test]
    fn the_report_has_calls_growth_and_books() {
        let text = report(samples(std::iter::repeat_n(51_200, 60)), true).markdown();
        assert!(text.contains("| whole | 600 | 0 |"), "{text}");
        assert!(
            text.contains("resident memory, last third of first | 0.0 % more"),
            "{text}"
        );
        assert!(
            text.contains("`waybill ledger verify`: the books agree."),
            "{text}"
        );
    }
}
