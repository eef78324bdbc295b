//! What our limits are made of: the cost of a plain proxy, what our libraries add to it, and what is ours.

use std::fmt::Write as _;

use super::figures::{Load, Loop, Streams};
use super::{Measured, Report, ratios};
use crate::course::{FLOOR, PROXY, WAYBILL};

/// One figure, of all three.
struct Row {
    what: String,
    /// Absent where there is no nginx.
    nginx: Option<f64>,
    libraries: f64,
    ours: f64,
}

/// Nothing when the libraries were not measured.
pub(super) fn write(text: &mut String, report: &Report) -> std::fmt::Result {
    let rows = rows(&report.measured);
    if rows.is_empty() {
        return Ok(());
    }
    writeln!(
        text,
        "\n## What the limits are made of\n\nThe HTTP libraries alone are a plain reverse proxy out of what Waybill is \
         made of (tokio with as many workers, hyper, axum, hyper-util's client, mimalloc), which checks no key, reads no \
         JSON and keeps no record. What they cost beyond nginx is theirs, what Waybill costs beyond them is ours.\n\n\
         | | nginx | libraries alone | Waybill | the libraries add | we add | Waybill of the libraries | Waybill of \
         nginx |\n| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
    )?;
    rows.iter().try_for_each(|row| write_row(text, row))
}

fn write_row(text: &mut String, row: &Row) -> std::fmt::Result {
    let figure = |figure: Option<f64>| figure.map_or_else(|| "–".to_owned(), shown);
    let times = |base: Option<f64>| {
        let base = base.filter(|base| *base > 0.0);
        base.map_or_else(
            || "–".to_owned(),
            |base| format!("{:.1} times", row.ours / base),
        )
    };
    writeln!(
        text,
        "| {} | {} | {} | {} | {} | {} | {} | {} |",
        row.what,
        figure(row.nginx),
        shown(row.libraries),
        shown(row.ours),
        figure(row.nginx.map(|nginx| row.libraries - nginx)),
        shown(row.ours - row.libraries),
        times(Some(row.libraries)),
        times(row.nginx),
    )
}

fn shown(figure: f64) -> String {
    let digits = if figure.abs() < 10.0 { 2 } else { 1 };
    format!("{figure:.digits$}").replace('-', "−")
}

fn rows(measured: &Measured) -> Vec<Row> {
    let loads = measured.loads.iter().filter(|load| load.subject == FLOOR);
    let mut rows: Vec<Row> = loads
        .filter_map(|load| match load.how {
            Loop::Closed => processor(load, measured),
            Loop::Open { .. } => latency(load, &measured.loads),
        })
        .collect();
    let crowds = measured.streams.iter().filter(|one| one.subject == FLOOR);
    rows.extend(crowds.flat_map(|crowd| held(crowd, &measured.streams)));
    rows
}

fn processor(load: &Load, measured: &Measured) -> Option<Row> {
    let (ours, terms) = ratios::dearest(load, measured)?;
    let micros = |load: &Load| {
        let chunks = load.chunks_per_call.max(1);
        Some(load.median.processor.subject_ns? as f64 / chunks as f64 / 1000.0)
    };
    Some(Row {
        what: format!(
            "{}{terms}: CPU per {}, µs",
            load.workload,
            ratios::per(load)
        ),
        nginx: ratios::same(load, PROXY, &measured.loads).and_then(micros),
        libraries: micros(load)?,
        ours: micros(ours)?,
    })
}

fn latency(load: &Load, loads: &[Load]) -> Option<Row> {
    let millis = |load: &Load| Some(ratios::added_us(load, loads)? as f64 / 1000.0);
    Some(Row {
        what: format!("{}: p99 added at half load, ms", load.workload),
        nginx: ratios::same(load, PROXY, loads).and_then(millis),
        libraries: millis(load)?,
        ours: millis(ratios::same(load, WAYBILL, loads)?)?,
    })
}

/// What a crowd of slow streams holds and uses.
fn held(crowd: &Streams, all: &[Streams]) -> Vec<Row> {
    let row = |what: &str, figure: fn(&Streams) -> Option<f64>| {
        let of = |subject| {
            let mut same = all.iter();
            let same = same.find(|one| (one.subject, one.streams) == (subject, crowd.streams))?;
            figure(same)
        };
        Some(Row {
            what: format!("{} slow streams: {what}", crowd.streams),
            nginx: of(PROXY),
            libraries: figure(crowd)?,
            ours: of(WAYBILL)?,
        })
    };
    let memory = row("memory per stream, KiB", |one| {
        one.bytes_per_stream.map(|bytes| bytes as f64 / 1024.0)
    });
    let processor = row("CPU per lone chunk, µs", |one| {
        one.processor_ns_per_chunk.map(|ns| ns as f64 / 1000.0)
    });
    memory.into_iter().chain(processor).collect()
}
