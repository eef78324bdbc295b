//! The one picture that README.md shows: what a call, a chunk and a rest cost, beside others.

use super::comparison::Topic;
use super::neighbours::{per_call, per_chunk};
use super::number::{mib, us};
use super::picture::{Bar, Panel, panels};
use super::{Measured, Report};
use crate::course::{GOVERNED, PROXY, WAYBILL};

/// One bar's name and the subject's name in the load runs.
struct Row {
    label: String,
    subject: &'static str,
    /// Waybill: a figure from a comparison may be the better one, and the bar is drawn in its colour.
    is_ours: bool,
}

/// `None` when the run has no load runs.
pub(super) fn draw(report: &Report) -> Option<String> {
    let measured = &report.measured;
    let rows = rows(measured);
    let of = |figure: &dyn Fn(&Row) -> Option<u64>, shown: fn(u64) -> String, unit: &str| {
        let bars = rows.iter().filter_map(|row| {
            let length = figure(row)?;
            Some(Bar {
                label: row.label.clone(),
                length,
                value: format!("{} {unit}", shown(length)),
                is_ours: row.is_ours,
            })
        });
        bars.collect::<Vec<_>>()
    };
    let whole = of(&|row| call(measured, row), us, "µs");
    let chunk = of(&|row| chunk(measured, row), us, "µs");
    let rest = of(&|row| resident(measured, row), mib, "MiB");
    if whole.is_empty() {
        return None;
    }
    let machine = &report.machine;
    let footer = format!(
        "{}, {} cores, {}, commit {}",
        machine.processor,
        machine.cores,
        machine.at.get(..10).unwrap_or_default(),
        machine.commit
    );
    let panel = |caption: &str, bars| Panel {
        caption: caption.to_owned(),
        bars,
    };
    let charts = [
        panel("CPU for a whole call (1 kB in, 128 tokens out)", whole),
        panel("CPU for a chunk of a stream at full speed", chunk),
        panel("Memory at rest", rest),
    ];
    Some(panels("What standing in between costs", &charts, &footer))
}

fn rows(measured: &Measured) -> Vec<Row> {
    let mut rows = vec![
        Row {
            label: "nginx, which only passes bytes on".to_owned(),
            subject: PROXY,
            is_ours: false,
        },
        Row {
            label: "Waybill, budgets and limits on".to_owned(),
            subject: WAYBILL,
            is_ours: true,
        },
    ];
    let others = measured.neighbours.iter().map(|other| Row {
        label: format!("{} {}", other.subject, other.version),
        subject: other.subject,
        is_ours: false,
    });
    rows.extend(others);
    rows
}

/// Governed, where that was measured, in nanoseconds per call of a comparison.
fn governed(measured: &Measured, row: &Row, is_streamed: bool) -> Option<u64> {
    let comparisons = measured.comparisons.iter().filter(|_| row.is_ours);
    let mut sides = comparisons
        .filter(|comparison| comparison.topic == Topic::Governed)
        .filter_map(|comparison| comparison.side(GOVERNED));
    let side = sides.find(|side| (side.load.chunks_per_call > 0) == is_streamed)?;
    let per_call = side.load.median.processor.subject_ns?;
    Some(per_call / side.load.chunks_per_call.max(1))
}

fn call(measured: &Measured, row: &Row) -> Option<u64> {
    governed(measured, row, false).or_else(|| per_call(&measured.loads, row.subject))
}

fn chunk(measured: &Measured, row: &Row) -> Option<u64> {
    governed(measured, row, true).or_else(|| per_chunk(&measured.loads, row.subject))
}

fn resident(measured: &Measured, row: &Row) -> Option<u64> {
    let of_ours = measured.footprint.as_ref().filter(|_| row.is_ours);
    let mut others = measured.neighbours.iter();
    let of_others = others.find(|other| other.subject == row.subject);
    of_ours
        .map(|footprint| footprint.rest_kib)
        .or_else(|| of_others.map(|other| other.rest_kib))
}
