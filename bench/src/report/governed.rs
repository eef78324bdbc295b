//! The part of the report that says what budgets and limits cost.

use std::fmt::Write as _;

use super::figures::{Governance, Load};
use super::number::{grouped, ms, us};

/// Nothing when it was not measured.
pub(super) fn write(text: &mut String, governed: &[Governance]) -> std::fmt::Result {
    let Some(first) = governed.first() else {
        return Ok(());
    };
    writeln!(
        text,
        "\n## What budgets and limits cost\n\nTwo fresh gateways that take turns, closed loop, {} rounds; a key without \
         limits, and a key under three hard budgets (its own limit, the workspace's, the organization's) and limits of \
         requests, tokens and concurrent calls that are never reached. Throughput is compared round by round.\n\n\
         | workload | subject | calls/s | errors | p50, ms | p99, ms | CPU gateway, µs | CPU simulator, µs |\n\
         | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |",
        first.rounds_permille.len()
    )?;
    for load in governed
        .iter()
        .flat_map(|both| [&both.ungoverned, &both.governed])
    {
        row(text, load)?;
    }
    writeln!(text)?;
    for both in governed {
        let percent = |permille: &u64| format!("{:.1} %", *permille as f64 / 10.0);
        let rounds: Vec<_> = both.rounds_permille.iter().map(percent).collect();
        let counted = &both.counted;
        writeln!(
            text,
            "- {}: {} of the ungoverned throughput (rounds: {}). For {} governed calls the database was asked for leases \
             {} times ({:.2} per 1,000 calls); {} calls waited for one.",
            both.workload,
            percent(&both.throughput_permille),
            rounds.join(", "),
            grouped(counted.admitted),
            grouped(counted.round_trips),
            both.round_trips_per_million as f64 / 1000.0,
            grouped(counted.waits),
        )?;
    }
    for load in governed
        .iter()
        .flat_map(|both| [&both.ungoverned, &both.governed])
    {
        if let Some(error) = &load.median.first_error {
            let error = error.replace(['`', '\n'], " ");
            writeln!(text, "\nFirst error, {}: `{error}`", load.subject)?;
        }
    }
    Ok(())
}

fn row(text: &mut String, load: &Load) -> std::fmt::Result {
    let run = &load.median;
    writeln!(
        text,
        "| {} | {} | {} | {} | {} | {} | {} | {} |",
        load.workload,
        load.subject,
        grouped(run.calls_per_second),
        run.errors,
        ms(run.latency.p50_us),
        ms(run.latency.p99_us),
        run.processor.subject_ns.map_or_else(|| "–".to_owned(), us),
        us(run.processor.upstream_ns),
    )
}
