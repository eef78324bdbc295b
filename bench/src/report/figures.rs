//! The figures of a report: plain numbers with their unit in the name, as they stand in report.json.

use std::fmt;

use serde::Serialize;

use crate::load::order::{Form, Way, Workload};
use crate::measure::histogram::Percentiles;

/// Size, start and rest of the gateway.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Footprint {
    /// The binary as it was built.
    pub(crate) binary_bytes: u64,
    /// The same without its symbols; absent where `strip` is not installed.
    pub(crate) stripped_bytes: Option<u64>,
    /// Median of the starts on an empty directory, from the start of the process to `/readyz` 200.
    pub(crate) first_start_us: u64,
    /// Median of the starts on a directory used before.
    pub(crate) restart_us: u64,
    pub(crate) first_starts_us: Vec<u64>,
    pub(crate) restarts_us: Vec<u64>,
    /// Resident a few seconds after it was ready, nothing having been asked.
    pub(crate) rest_kib: u64,
    /// Thousandths of one core that it used while at rest.
    pub(crate) rest_processor_permille: u64,
    /// Resident after all load runs.
    pub(crate) after_kib: u64,
    /// The most that was ever resident.
    pub(crate) peak_kib: u64,
}

/// A crowd of slow streams against one subject.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Streams {
    pub(crate) subject: &'static str,
    pub(crate) streams: usize,
    pub(crate) errors: u64,
    pub(crate) first_error: Option<String>,
    pub(crate) open_max: u64,
    /// How long all were open together.
    pub(crate) held_ms: u64,
    /// How much later than its gap each chunk came.
    pub(crate) lateness: Percentiles,
    /// From the moment a stream was to be opened to its first event.
    pub(crate) first: Percentiles,
    pub(crate) rest_kib: Option<u64>,
    /// The most that was resident while all were open.
    pub(crate) open_kib: Option<u64>,
    pub(crate) after_kib: Option<u64>,
    pub(crate) bytes_per_stream: Option<u64>,
    /// Descriptors open in the subject while all streams were.
    pub(crate) descriptors: Option<usize>,
    /// Processor time of the subject per chunk while all were open.
    pub(crate) processor_ns_per_chunk: Option<u64>,
}

/// Who drives whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Loop {
    /// The answer to one call starts the next.
    Closed,
    /// The clock starts the calls.
    Open {
        /// Calls per second.
        rate: u32,
    },
}

impl fmt::Display for Loop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => f.write_str("closed loop"),
            Self::Open { rate } => write!(f, "open loop at {rate}/s"),
        }
    }
}

/// Processor time per call, in user mode and in the kernel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Bill {
    /// Of the subject; absent for the simulator alone, which is then the upstream.
    pub(crate) subject_ns: Option<u64>,
    /// Of the database behind it, where that is a process that we started.
    pub(crate) database_ns: Option<u64>,
    pub(crate) upstream_ns: u64,
    pub(crate) generator_ns: u64,
}

/// One load run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Run {
    pub(crate) calls: u64,
    pub(crate) errors: u64,
    pub(crate) first_error: Option<String>,
    /// Events of all streams.
    pub(crate) chunks: u64,
    pub(crate) calls_per_second: u64,
    /// To the last byte; in an open loop from the moment the call was meant to leave.
    pub(crate) latency: Percentiles,
    /// The same to the first event or the first bytes of the body.
    pub(crate) first: Percentiles,
    pub(crate) processor: Bill,
}

/// All runs of one workload in one loop against one subject.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Load {
    pub(crate) workload: &'static str,
    pub(crate) how: Loop,
    pub(crate) subject: &'static str,
    pub(crate) request_bytes: usize,
    pub(crate) is_translated: bool,
    /// Chunks per call; 0 for whole answers.
    pub(crate) chunks_per_call: u64,
    /// Each figure's median over the runs; errors are summed.
    pub(crate) median: Run,
    pub(crate) runs: Vec<Run>,
}

impl Load {
    pub(crate) fn new(
        workload: &Workload,
        how: Loop,
        subject: &'static str,
        runs: Vec<Run>,
    ) -> Self {
        let chunks_per_call = match workload.form {
            Form::Whole => 0,
            Form::Stream { chunks } => chunks,
        };
        let median = median_run(&runs);
        Self {
            workload: workload.name,
            how,
            subject,
            request_bytes: workload.body_bytes,
            is_translated: workload.way != Way::Chat,
            chunks_per_call,
            median,
            runs,
        }
    }
}

/// The middle value, or the mean of the two middle ones; 0 of none.
pub(crate) fn median(values: &[u64]) -> u64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => 0,
        length if length.is_multiple_of(2) => sorted[middle - 1].midpoint(sorted[middle]),
        _ => sorted[middle],
    }
}

fn median_run(runs: &[Run]) -> Run {
    let of = |figure: fn(&Run) -> u64| median(&runs.iter().map(figure).collect::<Vec<_>>());
    let times = |of_run: fn(&Run) -> Percentiles| {
        let of = |figure: fn(&Percentiles) -> u64| {
            median(
                &runs
                    .iter()
                    .map(|run| figure(&of_run(run)))
                    .collect::<Vec<_>>(),
            )
        };
        Percentiles {
            mean_us: of(|p| p.mean_us),
            p50_us: of(|p| p.p50_us),
            p90_us: of(|p| p.p90_us),
            p99_us: of(|p| p.p99_us),
            p999_us: of(|p| p.p999_us),
            max_us: of(|p| p.max_us),
        }
    };
    let of_some = |figure: fn(&Bill) -> Option<u64>| {
        let some: Vec<u64> = runs
            .iter()
            .filter_map(|run| figure(&run.processor))
            .collect();
        (!some.is_empty()).then(|| median(&some))
    };
    Run {
        calls: of(|run| run.calls),
        errors: runs.iter().map(|run| run.errors).sum(),
        first_error: runs.iter().find_map(|run| run.first_error.clone()),
        chunks: of(|run| run.chunks),
        calls_per_second: of(|run| run.calls_per_second),
        latency: times(|run| run.latency),
        first: times(|run| run.first),
        processor: Bill {
            subject_ns: of_some(|bill| bill.subject_ns),
            database_ns: of_some(|bill| bill.database_ns),
            upstream_ns: of(|run| run.processor.upstream_ns),
            generator_ns: of(|run| run.processor.generator_ns),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_median_is_in_the_middle_whatever_the_order() {
        assert_eq!(median(&[]), 0);
        assert_eq!(median(&[7]), 7);
        assert_eq!(median(&[9, 1, 5]), 5);
        assert_eq!(median(&[1, 100, 3, 5]), 4);
    }

    #[test]
    fn medians_are_taken_figure_by_figure_and_errors_are_all_counted() {
        let run = |calls_per_second, p99_us, errors| Run {
            calls_per_second,
            errors,
            first_error: (errors > 0).then(|| "reset".to_owned()),
            latency: Percentiles {
                p99_us,
                ..Percentiles::default()
            },
            ..Run::default()
        };
        let median = median_run(&[run(10, 300, 0), run(30, 100, 2), run(20, 200, 1)]);
        assert_eq!((median.calls_per_second, median.latency.p99_us), (20, 200));
        assert_eq!(
            (median.errors, median.first_error.as_deref()),
            (3, Some("reset"))
        );
        assert_eq!(median.processor.subject_ns, None);
    }
}
