//! The report as Markdown: verdicts first, then the figures, then everything that shaped them.

use std::fmt::Write as _;

use super::figures::{Load, Loop};
use super::number::{grouped, mib, ms, us};
use super::{HEADROOM, Report, compared, limits, neighbours, picture};
use crate::course::{DIRECT, IN_MEMORY};
use crate::measure::histogram::Percentiles;

pub(super) fn write(report: &Report) -> String {
    let mut text = String::from("# Waybill, measured\n");
    // Writing to a String cannot fail; the results are passed on so that none is dropped unseen.
    let done = verdicts(&mut text, report)
        .and_then(|()| footprint(&mut text, report))
        .and_then(|()| streams(&mut text, report))
        .and_then(|()| loads(&mut text, report))
        .and_then(|()| added(&mut text, report))
        .and_then(|()| headroom(&mut text, report))
        .and_then(|()| limits::write(&mut text, report))
        .and_then(|()| neighbours::write(&mut text, report))
        .and_then(|()| compared::write(&mut text, report))
        .and_then(|()| pictures(&mut text, report))
        .and_then(|()| circumstances(&mut text, report));
    if done.is_err() {
        text.push_str("\n(the report is incomplete)\n");
    }
    text
}

type Done = std::fmt::Result;

fn verdicts(text: &mut String, report: &Report) -> Done {
    writeln!(
        text,
        "\n| goal | measured | limit | ratio | |\n| --- | ---: | ---: | ---: | --- |"
    )?;
    for goal in &report.goals {
        let ratio = goal
            .ratio()
            .map_or_else(|| "–".to_owned(), |ratio| format!("{ratio:.2}"));
        let side = match goal.side {
            super::goals::Side::AtMost => "≤",
            super::goals::Side::AtLeast => "≥",
        };
        let digits = usize::from(!goal.unit.is_empty());
        writeln!(
            text,
            "| {} | {:.digits$} {} | {side} {:.digits$} {} | {ratio} | {} |",
            goal.name,
            goal.measured,
            goal.unit,
            goal.limit,
            goal.unit,
            goal.verdict()
        )?;
    }
    if report.measured.footprint.is_none() && report.measured.comparisons.is_empty() {
        writeln!(
            text,
            "\nOnly the harness was measured: these figures say nothing about Waybill."
        )?;
    }
    Ok(())
}

fn footprint(text: &mut String, report: &Report) -> Done {
    let Some(footprint) = &report.measured.footprint else {
        return Ok(());
    };
    writeln!(text, "\n## Size, start, memory\n\n| | |\n| --- | ---: |")?;
    writeln!(
        text,
        "| binary, as built | {} bytes |",
        grouped(footprint.binary_bytes)
    )?;
    if let Some(bytes) = footprint.stripped_bytes {
        writeln!(text, "| binary, stripped | {} bytes |", grouped(bytes))?;
    }
    let range = |all: &[u64]| {
        let of = |edge: Option<&u64>| ms(edge.copied().unwrap_or_default());
        format!(
            "{} to {} in {} starts",
            of(all.iter().min()),
            of(all.iter().max()),
            all.len()
        )
    };
    let (first, again) = (footprint.first_start_us, footprint.restart_us);
    let (firsts, agains) = (
        range(&footprint.first_starts_us),
        range(&footprint.restarts_us),
    );
    writeln!(
        text,
        "| first start to ready, median | {} ms ({firsts}) |",
        ms(first)
    )?;
    writeln!(
        text,
        "| restart to ready, median | {} ms ({agains}) |",
        ms(again)
    )?;
    writeln!(
        text,
        "| resident at rest | {} MiB |",
        mib(footprint.rest_kib)
    )?;
    let idle = footprint.rest_processor_permille as f64 / 10.0;
    writeln!(text, "| processor at rest | {idle:.1} % of a core |")?;
    writeln!(
        text,
        "| resident after all load | {} MiB |",
        mib(footprint.after_kib)
    )?;
    writeln!(
        text,
        "| most ever resident | {} MiB |",
        mib(footprint.peak_kib)
    )
}

fn streams(text: &mut String, report: &Report) -> Done {
    if report.measured.streams.is_empty() {
        return Ok(());
    }
    writeln!(
        text,
        "\n## Slow streams\n\nA chunk every {} ms on each; how late a chunk is counts from the one before it.\n\n\
         | subject | streams | errors | all open | chunk late p50 / p99 / worst, ms | memory at rest → open → after, MiB \
         | per stream | descriptors | CPU per chunk |\n\
         | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
        report.settings.stream_gap_ms
    )?;
    for crowd in &report.measured.streams {
        let memory =
            [crowd.rest_kib, crowd.open_kib, crowd.after_kib].map(|kib| optional(kib, mib));
        let late = [
            crowd.lateness.p50_us,
            crowd.lateness.p99_us,
            crowd.lateness.max_us,
        ]
        .map(ms);
        let weight = |bytes: u64| format!("{:.1} KiB", bytes as f64 / 1024.0);
        writeln!(
            text,
            "| {} | {} | {} | {:.1} s | {} | {} | {} | {} | {} |",
            crowd.subject,
            grouped(crowd.streams as u64),
            crowd.errors,
            crowd.held_ms as f64 / 1000.0,
            late.join(" / "),
            memory.join(" → "),
            optional(crowd.bytes_per_stream, weight),
            optional(crowd.descriptors.map(|count| count as u64), grouped),
            optional(crowd.processor_ns_per_chunk, |ns| format!("{} µs", us(ns))),
        )?;
        error_line(text, crowd.first_error.as_deref())?;
    }
    Ok(())
}

fn loads(text: &mut String, report: &Report) -> Done {
    if report.measured.loads.is_empty() {
        return Ok(());
    }
    writeln!(
        text,
        "\n## Load\n\nMedians of {} run(s), the subjects in turns, {} connections at most. Latency is in milliseconds to \
         the last byte; in the open loop from the moment a call was meant to leave, whether a connection was free or \
         not. CPU is per call, in microseconds, user and kernel, of the gateway, of the simulator, and of the generator.",
        report.settings.repeats, report.settings.connections
    )?;
    let mut workload = "";
    for load in &report.measured.loads {
        if load.workload != workload {
            workload = load.workload;
            writeln!(
                text,
                "\n### {workload}\n\n\
                 | loop | subject | calls/s | errors | p50 | p90 | p99 | p99.9 | first byte p50 / p99 | CPU gateway | \
                 CPU simulator | CPU generator |\n\
                 | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
            )?;
        }
        load_row(text, load)?;
    }
    for load in &report.measured.loads {
        error_line(text, load.median.first_error.as_deref())?;
    }
    Ok(())
}

fn load_row(text: &mut String, load: &Load) -> Done {
    let (run, latency) = (&load.median, &load.median.latency);
    let quarters = [
        latency.p50_us,
        latency.p90_us,
        latency.p99_us,
        latency.p999_us,
    ]
    .map(ms);
    let gateway = optional(run.processor.subject_ns, |ns| match load.chunks_per_call {
        0 => us(ns),
        chunks => format!("{} ({} per chunk)", us(ns), us(ns / chunks)),
    });
    writeln!(
        text,
        "| {} | {} | {} | {} | {} | {} / {} | {gateway} | {} | {} |",
        load.how,
        load.subject,
        grouped(run.calls_per_second),
        run.errors,
        quarters.join(" | "),
        ms(run.first.p50_us),
        ms(run.first.p99_us),
        us(run.processor.upstream_ns),
        us(run.processor.generator_ns),
    )
}

/// What standing in between adds at the same rate of calls.
fn added(text: &mut String, report: &Report) -> Done {
    let open: Vec<_> = report
        .measured
        .loads
        .iter()
        .filter(|load| load.how != Loop::Closed)
        .collect();
    let direct = |load: &&&Load| load.subject == DIRECT;
    let rows: Vec<_> = open
        .iter()
        .filter(|load| load.subject != DIRECT)
        .filter_map(|load| {
            let same = |other: &&&Load| other.workload == load.workload;
            Some((*load, *open.iter().filter(same).find(direct)?))
        })
        .collect();
    if rows.is_empty() {
        return Ok(());
    }
    writeln!(
        text,
        "\n### What standing in between adds\n\nDifferences between the percentiles of the two open loops at the same rate, in \
         milliseconds (the percentile of one minus that of the other, not a percentile of differences).\n\n\
         | workload | subject | rate | p50 | p90 | p99 | first byte p50 | first byte p99 |\n\
         | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |"
    )?;
    for (through, direct) in rows {
        let Loop::Open { rate } = through.how else {
            continue;
        };
        let pairs = [
            (through.median.latency.p50_us, direct.median.latency.p50_us),
            (through.median.latency.p90_us, direct.median.latency.p90_us),
            (through.median.latency.p99_us, direct.median.latency.p99_us),
            (through.median.first.p50_us, direct.median.first.p50_us),
            (through.median.first.p99_us, direct.median.first.p99_us),
        ];
        let pairs = pairs.map(|(through, direct)| difference_ms(through, direct));
        writeln!(
            text,
            "| {} | {} | {}/s | {} |",
            through.workload,
            through.subject,
            grouped(rate.into()),
            pairs.join(" | ")
        )?;
    }
    Ok(())
}

fn difference_ms(more_us: u64, less_us: u64) -> String {
    if more_us >= less_us {
        ms(more_us - less_us)
    } else {
        format!("−{}", ms(less_us - more_us))
    }
}

fn headroom(text: &mut String, report: &Report) -> Done {
    if report.headroom.is_empty() {
        return Ok(());
    }
    writeln!(
        text,
        "\n### Is the harness the limit?\n\nGenerator and simulator alone should manage at least {HEADROOM} times what they \
         manage through the gateway. They share the same cores with it, so the throughput through Waybill is a lower \
         bound in any case; CPU per call is the figure that does not depend on it.\n"
    )?;
    for row in &report.headroom {
        let ratio = row.direct_calls_per_second as f64 / row.gateway_calls_per_second.max(1) as f64;
        writeln!(
            text,
            "- {}: {} calls/s alone, {} through Waybill: {ratio:.1} times; {}",
            row.workload,
            grouped(row.direct_calls_per_second),
            grouped(row.gateway_calls_per_second),
            if row.is_enough {
                "the harness has room"
            } else {
                "**the harness may be the limit**"
            },
        )?;
    }
    Ok(())
}

fn pictures(text: &mut String, report: &Report) -> Done {
    for picture in picture::pictures(report) {
        writeln!(text, "\n![{}]({})", picture.title, picture.file)?;
    }
    Ok(())
}

fn circumstances(text: &mut String, report: &Report) -> Done {
    let machine = &report.machine;
    writeln!(
        text,
        "\n## Circumstances\n\n{}, commit {}. {} core(s) of {}, {} MiB, Linux {}, {}; load average before the run {}; \
         {} descriptors per process. Generator, simulator and gateway share these cores and talk over loopback; \
         everything is as a fresh installation has it: key checked, generation recorded, metrics on, SQLite.\n\n{}\n",
        machine.at,
        machine.commit,
        machine.cores,
        machine.processor,
        grouped(machine.memory_mib),
        machine.kernel,
        machine.rustc,
        machine.load_average,
        grouped(report.descriptors_max),
        beside(report),
    )?;
    let settings = serde_json::to_string_pretty(&report.settings).map_err(|_| std::fmt::Error)?;
    writeln!(text, "Settings:\n\n```json\n{settings}\n```")
}

/// What one durable append costs on the disk of the run.
fn disk(report: &Report) -> Option<String> {
    let disk = report.measured.disk?;
    let pair = |times: Percentiles| format!("{} / {}", ms(times.p50_us), ms(times.p99_us));
    Some(format!(
        "The disk of the data directories takes p50 / p99 {} ms for an append of {} bytes with `fdatasync` to a file that \
         was written beforehand, as the journal's are, and {} ms to one that grows ({} of each, before any load).",
        pair(disk.prepared),
        grouped(disk.append_bytes as u64),
        pair(disk.growing),
        disk.appends,
    ))
}

/// Who was measured beside Waybill, and what could not be measured.
fn beside(report: &Report) -> String {
    let proxy = report.measured.nginx.iter().map(|version| {
        format!("The plain proxy is {version}: one process, without logs and buffering, connections kept.")
    });
    let in_memory = report
        .measured
        .loads
        .iter()
        .any(|load| load.subject == IN_MEMORY);
    let in_memory = in_memory.then(|| {
        format!("\"{IN_MEMORY}\" is the same gateway on a directory in /dev/shm: what lies between the two is the disk's.")
    });
    let absent = report.measured.absent.iter().cloned();
    let sentences = proxy.chain(disk(report)).chain(in_memory).chain(absent);
    sentences.collect::<Vec<_>>().join("\n\n")
}

fn error_line(text: &mut String, error: Option<&str>) -> Done {
    match error {
        Some(error) => writeln!(text, "\nFirst error: `{}`", error.replace(['`', '\n'], " ")),
        None => Ok(()),
    }
}

fn optional(figure: Option<u64>, show: impl Fn(u64) -> String) -> String {
    figure.map_or_else(|| "–".to_owned(), show)
}
