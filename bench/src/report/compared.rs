//! The part of the report about gateways of ours that differ in one thing.

use std::fmt::Write as _;

use super::Report;
use super::comparison::{Comparison, Side, Topic};
use super::number::{grouped, ms, us};

/// Nothing of what was not measured.
pub(super) fn write(text: &mut String, report: &Report) -> std::fmt::Result {
    for topic in [Topic::Governed, Topic::Databases, Topic::Plenty] {
        let about = report.measured.comparisons.iter();
        let about: Vec<_> = about.filter(|one| one.topic == topic).collect();
        if about.is_empty() {
            continue;
        }
        writeln!(
            text,
            "\n## {}\n\n{}\n",
            title(topic),
            meaning(topic, report)
        )?;
        table(text, &about)?;
        if topic == Topic::Governed {
            writeln!(text)?;
            for side in about.iter().flat_map(|one| one.sides.iter().skip(1)) {
                leases(text, side)?;
            }
        }
        errors(text, &about)?;
    }
    Ok(())
}

const fn title(topic: Topic) -> &'static str {
    match topic {
        Topic::Governed => "What budgets, limits and kept content cost",
        Topic::Databases => "SQLite and PostgreSQL",
        Topic::Plenty => "What no call needs",
    }
}

fn meaning(topic: Topic, report: &Report) -> String {
    let rounds = report.settings.rounds;
    let turns = format!(
        "Fresh gateways that take turns, closed loop, {rounds} rounds; throughput is compared round by round. \
         Overall is the processor time of all rounds for each governed call, with what a gateway puts away while \
         others have their turn."
    );
    match topic {
        Topic::Governed => format!(
            "{turns} A key without limits; a key under three hard budgets (its own limit, the workspace's, the \
             organization's) and limits of requests, tokens and concurrent calls that are never reached; and such a \
             key in a workspace that keeps what is asked and answered. Nobody can switch off that a key is checked, \
             that a call is recorded and settled through the journal (which syncs to disk), or the metrics, so \
             \"ungoverned\" is the least that Waybill does."
        ),
        Topic::Databases => format!(
            "{turns} Both governed; PostgreSQL with its syncing on, over loopback, on the same cores. SQLite's work is \
             part of the gateway's CPU, PostgreSQL's stands in a column of its own."
        ),
        Topic::Plenty => {
            let (few, many) = (report.settings.few, report.settings.many);
            format!(
                "{turns} All governed. With few: {} keys, {} budgets of somebody who never calls, the built-in \
                 catalog. With many of one thing at a time: {} keys of which as few are used, as many all of which are used in \
                 turn, {} such budgets, {} more endpoints of models that nobody asks for.",
                few.keys,
                few.budgets,
                grouped(many.keys as u64),
                grouped(many.budgets as u64),
                grouped(many.endpoints as u64),
            )
        }
    }
}

fn table(text: &mut String, comparisons: &[&Comparison]) -> std::fmt::Result {
    writeln!(
        text,
        "| workload | subject | calls/s | of the first | errors | p50, ms | p99, ms | CPU gateway, µs | the same, \
         overall | CPU database, µs | CPU simulator, µs |\n\
         | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
    )?;
    for side in comparisons.iter().flat_map(|one| &one.sides) {
        let run = &side.load.median;
        let optional = |figure: Option<u64>| figure.map_or_else(|| "–".to_owned(), us);
        writeln!(
            text,
            "| {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} |",
            side.load.workload,
            side.load.subject,
            grouped(run.calls_per_second),
            percent(side.throughput_permille),
            run.errors,
            ms(run.latency.p50_us),
            ms(run.latency.p99_us),
            optional(run.processor.subject_ns),
            optional(side.overall_ns),
            optional(run.processor.database_ns),
            us(run.processor.upstream_ns),
        )?;
    }
    Ok(())
}

fn leases(text: &mut String, side: &Side) -> std::fmt::Result {
    let rounds: Vec<_> = side.rounds_permille.iter().copied().map(percent).collect();
    let counted = &side.counted;
    writeln!(
        text,
        "- {}, {}: {} of the ungoverned throughput (rounds: {}). For {} governed calls the database was asked for \
         leases {} times ({:.2} per 1,000 calls); {} calls waited for one.",
        side.load.workload,
        side.load.subject,
        percent(side.throughput_permille),
        rounds.join(", "),
        grouped(counted.admitted),
        grouped(counted.round_trips),
        side.round_trips_per_million as f64 / 1000.0,
        grouped(counted.waits),
    )
}

fn errors(text: &mut String, comparisons: &[&Comparison]) -> std::fmt::Result {
    for side in comparisons.iter().flat_map(|one| &one.sides) {
        if let Some(error) = &side.load.median.first_error {
            let error = error.replace(['`', '\n'], " ");
            writeln!(text, "\nFirst error, {}: `{error}`", side.load.subject)?;
        }
    }
    Ok(())
}

fn percent(permille: u64) -> String {
    format!("{:.1} %", permille as f64 / 10.0)
}
