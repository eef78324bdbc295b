//! The tables.

use std::fmt::Write as _;
use std::time::Duration;

use store::{Month, Store};

use super::beside::Compared;
use super::load::Times;
use super::{Arguments, dashboards, lists};

/// Everything that was measured.
#[derive(Debug)]
pub(crate) struct Report {
    engine: &'static str,
    records: i64,
    calls_per_second: u32,
    pub(crate) settling: Compared,
    pub(crate) calls: Compared,
    pub(crate) beside_drop: Times,
    pub(crate) beside_freeing: Times,
    pub(crate) lists: Vec<lists::Measured>,
    pub(crate) dashboards: Vec<dashboards::Measured>,
    pub(crate) dropped: Option<(Month, i64, Duration)>,
    pub(crate) freed: Option<(usize, Duration)>,
    pub(crate) verified: Option<(Option<String>, Duration)>,
}

impl Report {
    pub(crate) fn new(store: &Store, arguments: &Arguments, records: i64) -> Self {
        Self {
            engine: store.engine(),
            records,
            calls_per_second: arguments.calls_per_second,
            settling: Compared::default(),
            calls: Compared::default(),
            beside_drop: Times::default(),
            beside_freeing: Times::default(),
            lists: Vec::new(),
            dashboards: Vec::new(),
            dropped: None,
            freed: None,
            verified: None,
        }
    }

    pub(crate) fn markdown(&self) -> String {
        let mut text = format!(
            "{} records on {}, {} calls recorded per second\n\n",
            self.records, self.engine, self.calls_per_second
        );
        text.push_str(
            "| First page of 50 | found | first | median | worst |\n|---|--:|--:|--:|--:|\n",
        );
        for one in &self.lists {
            let more = if one.has_more { " +" } else { "" };
            // Writing to a String cannot fail.
            let _ = writeln!(
                text,
                "| {} | {}{more} | {} | {} | {} |",
                one.name,
                one.found,
                ms(one.first),
                ms(one.median),
                ms(one.worst)
            );
        }
        text.push_str("\n| Dashboard | rows | median | worst |\n|---|--:|--:|--:|\n");
        for one in &self.dashboards {
            let (median, worst) = (ms(one.median), ms(one.worst));
            let _ = writeln!(text, "| {} | {} | {median} | {worst} |", one.name, one.rows);
        }
        if !self.settling.is_empty() {
            text.push_str(&self.settling.markdown("Settling a call"));
        }
        if !self.calls.is_empty() {
            text.push_str(&self.calls.markdown("A whole call"));
        }
        if self.dropped.is_some() {
            self.beside_dropping(&mut text);
        }
        self.end(text)
    }

    fn beside_dropping(&self, text: &mut String) {
        text.push_str("\n| Settling a call | calls | p50 | p99 | max | waiting |\n");
        text.push_str("|---|--:|--:|--:|--:|--:|\n");
        for (name, times) in [
            ("a month dropped beside it", self.beside_drop),
            ("its pages freed beside it", self.beside_freeing),
        ] {
            let _ = writeln!(
                text,
                "| {name} | {} | {} | {} | {} | {} |",
                times.calls,
                ms(times.p50),
                ms(times.p99),
                ms(times.max),
                times.pending
            );
        }
    }

    fn end(&self, mut text: String) -> String {
        if let Some((month, calls, took)) = self.dropped {
            let _ = writeln!(
                text,
                "\n{month} with {calls} calls was dropped in {}.",
                ms(took)
            );
        }
        if let Some((steps, longest)) = self.freed {
            let longest = ms(longest);
            let _ = writeln!(text, "Freeing: {steps} steps, the longest {longest}.");
        }
        if let Some((difference, took)) = &self.verified {
            let said = difference.as_deref().unwrap_or("no difference");
            let _ = writeln!(text, "Recounted in {} s: {said}.", took.as_secs());
        }
        text
    }
}

/// As tables have it.
pub(super) fn ms(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1000.0)
}
