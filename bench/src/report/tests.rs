//! The report of a made-up run.

use std::time::Duration;

use super::comparison::{Taken, Topic};
use super::figures::{Bill, Run};
use super::*;
use crate::arguments::Arguments;
use crate::course::{FLOOR, GOVERNED, IN_MEMORY, PROXY, UNGOVERNED};
use crate::measure::histogram::Percentiles;
use crate::world::budgets::Counters;
use clap::Parser as _;

/// A gateway of somebody else.
const OTHER: &str = "Somebody's";

fn load(how: Loop, subject: &'static str, calls_per_second: u64, p99_us: u64) -> Load {
    let arguments = Arguments::try_parse_from(["bench", "--quick"]).unwrap();
    let [workload, _] = Settings::new(&arguments).workloads();
    let run = Run {
        calls: 1000,
        calls_per_second,
        latency: Percentiles {
            p50_us: 700,
            p99_us,
            ..Percentiles::default()
        },
        processor: Bill {
            subject_ns: match subject {
                DIRECT => None,
                PROXY => Some(15_250),
                FLOOR => Some(30_500),
                _ => Some(61_000),
            },
            ..Bill::default()
        },
        ..Run::default()
    };
    Load::new(&workload, how, subject, vec![run])
}

fn crowd(subject: &'static str, kib_per_stream: u64) -> Streams {
    Streams {
        subject,
        streams: 1000,
        errors: 0,
        first_error: None,
        open_max: 1000,
        held_ms: 10_000,
        lateness: Percentiles::default(),
        first: Percentiles::default(),
        rest_kib: None,
        open_kib: None,
        after_kib: None,
        bytes_per_stream: Some(kib_per_stream * 1024),
        descriptors: None,
        processor_ns_per_chunk: None,
    }
}

/// A disk that is somewhat quicker where blocks have been written beforehand.
fn disk() -> Disk {
    Disk {
        append_bytes: 4096,
        appends: 400,
        growing: Percentiles {
            p50_us: 700,
            p99_us: 6200,
            ..Percentiles::default()
        },
        prepared: Percentiles {
            p50_us: 300,
            p99_us: 5100,
            ..Percentiles::default()
        },
    }
}

fn report(footprint: Option<Footprint>) -> Report {
    let arguments = Arguments::try_parse_from(["bench", "--quick"]).unwrap();
    let machine = crate::measure::machine::machine(Path::new("."));
    let open = Loop::Open { rate: 2000 };
    let loads = vec![
        load(Loop::Closed, DIRECT, 12_000, 5000),
        load(Loop::Closed, PROXY, 11_000, 5500),
        load(Loop::Closed, WAYBILL, 4000, 9000),
        Load {
            median: Run {
                errors: 3,
                ..load(Loop::Closed, OTHER, 400, 90_000).median
            },
            ..load(Loop::Closed, OTHER, 400, 90_000)
        },
        load(open, DIRECT, 2000, 1500),
        load(open, PROXY, 2000, 2000),
        load(open, WAYBILL, 2000, 2750),
        load(Loop::Closed, FLOOR, 9000, 6000),
        load(open, FLOOR, 2000, 2125),
        load(open, IN_MEMORY, 2000, 2250),
    ];
    let pair = |subject, rates: [u64; 3]| Load {
        runs: rates
            .map(|rate| load(Loop::Closed, subject, rate, 9000).median)
            .to_vec(),
        ..load(Loop::Closed, subject, rates[1], 9000)
    };
    let counted = Counters {
        admitted: 20_000,
        waits: 1,
        round_trips: 10,
        windows: 3,
        contents: 0,
    };
    let taken = |load, counted| Taken {
        load,
        counted,
        processor: Duration::from_secs(2),
    };
    let measured = vec![
        taken(pair(UNGOVERNED, [4000, 4000, 2000]), Counters::default()),
        taken(pair(GOVERNED, [3800, 2000, 2000]), counted),
    ];
    let neighbour = Neighbour {
        subject: OTHER,
        version: "1.2.3".to_owned(),
        settings: "as it comes".to_owned(),
        start_us: 2_500_000,
        rest_kib: 300 * 1024,
        rest_processor_permille: 3,
    };
    Report::new(
        Settings::new(&arguments),
        machine,
        20_000,
        Measured {
            nginx: Some("nginx/1.0".to_owned()),
            footprint,
            streams: vec![crowd(PROXY, 18), crowd(FLOOR, 40), crowd(WAYBILL, 50)],
            disk: Some(disk()),
            loads,
            comparisons: Comparison::new(Topic::Governed, measured)
                .into_iter()
                .collect(),
            neighbours: vec![neighbour],
            absent: vec!["PostgreSQL was not measured: it is away".to_owned()],
        },
    )
}

#[test]
fn verdicts_latency_and_what_is_added_are_in_the_report() {
    let footprint = Footprint {
        rest_kib: 70 * 1024,
        ..Footprint::default()
    };
    let text = report(Some(footprint)).markdown();
    assert!(
        text.contains("| resident at rest | 70.0 MiB | ≤ 60.0 MiB | 1.17 | FAIL |"),
        "{text}"
    );
    assert!(
        text.contains("| whole, 1 kB | through Waybill | 2,000/s | 0.00 | 0.00 | 1.25 |"),
        "{text}"
    );
    assert!(text.contains("3.0 times; the harness has room"), "{text}");
    let processor = "| whole, 1 kB, governed: CPU per call, of nginx's | 4.0 times | ≤ 2.0 times |";
    assert!(text.contains(processor), "{text}");
    let latency = "| whole, 1 kB: p99 added at half load, of nginx's | 2.5 times | ≤ 3.0 times |";
    assert!(text.contains(latency), "{text}");
    assert!(!text.contains("incomplete"), "{text}");
}

#[test]
fn what_the_limits_are_made_of_is_in_the_report() {
    let text = report(Some(Footprint::default())).markdown();
    for line in [
        "| whole, 1 kB, governed: CPU per call, of the HTTP libraries alone | 2.0 times | ≤ 2.0 times |",
        "| whole, 1 kB, the HTTP libraries alone: CPU per call, of nginx's | 2.0 times | ≤ 2.0 times |",
        "| whole, 1 kB: p99 added at half load, of the HTTP libraries alone | 2.0 times | ≤ 3.0 times |",
        "| 1000 slow streams: memory per stream, of the HTTP libraries alone | 1.2 times | ≤ 1.5 times |",
        "| whole, 1 kB, governed: CPU per call, µs | 15.2 | 30.5 | 61.0 | 15.2 | 30.5 | 2.0 times | 4.0 times |",
        "| whole, 1 kB: p99 added at half load, ms | 0.50 | 0.62 | 1.25 | 0.12 | 0.62 | 2.0 times | 2.5 times |",
        "| 1000 slow streams: memory per stream, KiB | 18.0 | 40.0 | 50.0 | 22.0 | 10.0 | 1.2 times | 2.8 times |",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
}

#[test]
fn what_the_disk_adds_can_be_told_from_what_waybill_does() {
    let text = report(None).markdown();
    let goal = "| whole, 1 kB, data in memory: p99 added at half load, of nginx's | 1.5 times | ≤ 3.0 times |";
    assert!(text.contains(goal), "{text}");
    let row = "| whole, 1 kB | through Waybill, data in memory | 2,000/s | 0.00 | 0.00 | 0.75 |";
    assert!(text.contains(row), "{text}");
    assert!(text.contains("on a directory in /dev/shm"), "{text}");
    let disk = "takes p50 / p99 0.30 / 5.10 ms for an append of 4,096 bytes";
    assert!(text.contains(disk), "{text}");
    assert!(
        text.contains("and 0.70 / 6.20 ms to one that grows"),
        "{text}"
    );
}

#[test]
fn a_run_is_good_when_no_target_is_missed() {
    assert!(report(Some(Footprint::default())).is_good());
    let heavy = Footprint {
        rest_kib: 61 * 1024,
        ..Footprint::default()
    };
    assert!(!report(Some(heavy)).is_good());
}

#[test]
fn a_report_without_a_gateway_says_that_it_says_nothing_about_it() {
    let (silence, mut report) = ("say nothing about Waybill", report(None));
    assert!(!report.markdown().contains(silence));
    report.measured.comparisons.clear();
    assert!(report.markdown().contains(silence));
}

#[test]
fn other_gateways_have_their_rows_and_their_errors_are_not_ours() {
    let report = report(Some(Footprint::default()));
    let text = report.markdown();
    let row = "| Somebody's | 2,500 | 300.0 | 61.0 | – | 400 | – | 3 |";
    assert!(text.contains(row), "{text}");
    assert!(text.contains("- Somebody's 1.2.3: as it comes"), "{text}");
    assert!(
        text.contains("PostgreSQL was not measured: it is away"),
        "{text}"
    );
    assert!(report.is_good());
}

#[test]
fn the_picture_shows_everyone_who_was_measured_and_a_run_without_loads_has_none() {
    let mut report = report(Some(Footprint::default()));
    let svg = overview::draw(&report).unwrap();
    for label in [
        "nginx",
        "Waybill, budgets and limits on",
        "Somebody's 1.2.3",
        "300.0 MiB",
    ] {
        assert!(svg.contains(label), "{label}: {svg}");
    }
    report.measured = Measured::default();
    assert!(overview::draw(&report).is_none());
}

#[test]
fn governed_calls_are_compared_round_by_round() {
    let text = report(Some(Footprint::default())).markdown();
    let goal =
        "| governed, whole, 1 kB: throughput of ungoverned | 95.0 % | ≥ 90.0 % | 1.06 | pass |";
    assert!(text.contains(goal), "{text}");
    assert!(
        text.contains("(rounds: 95.0 %, 50.0 %, 100.0 %). For 20,000 governed calls"),
        "{text}"
    );
    assert!(
        text.contains("10 times (0.50 per 1,000 calls); 1 calls waited"),
        "{text}"
    );
    // Two seconds of processor time, and the bill of a run before it.
    let row = text.lines().find(|line| line.contains("| 95.0 % | 0 |"));
    assert!(
        row.is_some_and(|row| row.contains("| 61.0 | 100 |")),
        "{row:?}"
    );
}

#[test]
fn every_file_is_written_and_every_picture_is_shown() {
    let directory = std::env::temp_dir().join(format!("bench-report-{}", std::process::id()));
    let report = report(Some(Footprint::default()));
    report.save(&directory).unwrap();
    let text = fs::read_to_string(directory.join("report.md")).unwrap();
    for name in ["throughput.svg", "latency.svg", "processor.svg"] {
        assert!(
            fs::read_to_string(directory.join(name))
                .unwrap()
                .starts_with("<svg")
        );
        assert!(text.contains(name));
    }
    let json = fs::read_to_string(directory.join("report.json")).unwrap();
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(
        json["loads"][2]["median"]["processor"]["subject_ns"],
        61_000
    );
    fs::remove_dir_all(&directory).unwrap();
}
