//! How much is measured: the full run, the quick one, and what the command line changes.

use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use serde::Serialize;

use crate::load::order::{Form, Way, Workload};
use crate::load::slow::Crowd;

/// Measures Waybill and writes bench/report/.
#[derive(Debug, Parser)]
#[command(name = "bench")]
pub(crate) struct Arguments {
    /// `upstream` is for this program's own use: it plays the simulated provider
    #[arg(hide = true)]
    pub(crate) role: Option<String>,
    /// About two minutes instead of twelve, with coarser figures
    #[arg(long)]
    pub(crate) quick: bool,
    /// Measure this waybill binary instead of building one
    #[arg(long, value_name = "PATH")]
    pub(crate) binary: Option<PathBuf>,
    /// Concurrent slow streams
    #[arg(long, value_name = "N", default_value_t = 2000, value_parser = at_least_one)]
    pub(crate) streams: usize,
    /// Seconds for which all slow streams are open together
    #[arg(long, value_name = "SECONDS")]
    pub(crate) hold: Option<u64>,
    /// Connections of the load runs
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = at_least_one)]
    pub(crate) connections: usize,
    /// Calls per second of the open loop, instead of half of what the gateway managed in the closed loop
    #[arg(long, value_name = "N")]
    pub(crate) rate: Option<u32>,
    /// Processor cores for everything, such as 0,1; the first two unless told
    #[arg(long, value_name = "LIST")]
    pub(crate) cores: Option<String>,
    /// Where the report goes, instead of bench/report
    #[arg(long, value_name = "DIRECTORY")]
    pub(crate) out: Option<PathBuf>,
    /// Only the generator against the simulator, without Waybill: what the harness itself can do
    #[arg(long)]
    pub(crate) harness_only: bool,
    /// Compare the ratios with those of an earlier run, kept in this file, and say what moved
    #[arg(long, value_name = "FILE")]
    pub(crate) check: Option<PathBuf>,
    /// Keep the ratios of this run in a file, to compare later ones with
    #[arg(long, value_name = "FILE")]
    pub(crate) keep: Option<PathBuf>,
    /// Exit status 1 when a target is missed
    #[arg(long)]
    pub(crate) strict: bool,
    /// Set when descriptors and cores have been seen to
    #[arg(long, hide = true)]
    pub(crate) prepared: bool,
}

fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(number @ 1..=100_000) => Ok(number),
        _ => Err("expected a number from 1 to 100000".to_owned()),
    }
}

/// Everything that shapes the figures; printed with them.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Settings {
    pub(crate) mode: &'static str,
    /// Starts that are timed, each way.
    pub(crate) starts: usize,
    /// Rest before memory is read.
    pub(crate) rest_ms: u64,
    pub(crate) connections: usize,
    /// Times each load run is repeated, the subjects in turns; figures are medians.
    pub(crate) repeats: usize,
    pub(crate) warm_up_ms: u64,
    pub(crate) closed_ms: u64,
    pub(crate) open_ms: u64,
    /// Rounds in which a governed gateway and one that is not are compared, one run each.
    pub(crate) governed_rounds: usize,
    /// Calls per second of the open loop; absent: half of the gateway's closed-loop throughput.
    pub(crate) open_rate: Option<u32>,
    pub(crate) streams: usize,
    pub(crate) streams_per_second: u32,
    pub(crate) stream_gap_ms: u64,
    pub(crate) stream_hold_ms: u64,
    /// Whether the slow streams also run against the simulator alone.
    pub(crate) streams_direct: bool,
    pub(crate) request_bytes: usize,
    /// Length of a whole answer's text, in the simulator's tokens of four bytes.
    pub(crate) answer_tokens: u64,
    pub(crate) stream_chunks: u64,
}

impl Settings {
    pub(crate) fn new(arguments: &Arguments) -> Self {
        let mut settings = if arguments.quick {
            Self::quick()
        } else {
            Self::full()
        };
        settings.streams = arguments.streams;
        settings.connections = arguments.connections;
        settings.open_rate = arguments.rate;
        if let Some(seconds) = arguments.hold {
            settings.stream_hold_ms = seconds.clamp(1, 600) * 1000;
        }
        settings.streams_direct |= arguments.harness_only;
        settings
    }

    /// About twelve minutes.
    fn full() -> Self {
        Self {
            mode: "full",
            starts: 11,
            rest_ms: 4000,
            connections: 32,
            repeats: 3,
            warm_up_ms: 1500,
            closed_ms: 5000,
            open_ms: 8000,
            governed_rounds: 5,
            open_rate: None,
            streams: 2000,
            streams_per_second: 500,
            stream_gap_ms: 1000,
            stream_hold_ms: 15_000,
            streams_direct: true,
            request_bytes: 1024,
            answer_tokens: 128,
            stream_chunks: 100,
        }
    }

    /// About two minutes.
    fn quick() -> Self {
        Self {
            mode: "quick",
            starts: 10,
            rest_ms: 2000,
            repeats: 1,
            warm_up_ms: 500,
            closed_ms: 1500,
            open_ms: 2000,
            governed_rounds: 3,
            streams_per_second: 1000,
            stream_hold_ms: 5000,
            streams_direct: false,
            ..Self::full()
        }
    }

    pub(crate) fn crowd(&self) -> Crowd {
        Crowd {
            streams: self.streams,
            rate: self.streams_per_second,
            gap: Duration::from_millis(self.stream_gap_ms),
            hold: Duration::from_millis(self.stream_hold_ms),
        }
    }

    /// The calls whose latency is measured as well, and that are compared under budgets.
    pub(crate) fn workloads(&self) -> [Workload; 2] {
        let tokens = self.answer_tokens;
        let chunks = self.stream_chunks;
        [
            Workload {
                name: "whole, 1 kB",
                model: "simulated/whole",
                script: format!("tokens={tokens}"),
                body_bytes: self.request_bytes,
                form: Form::Whole,
                way: Way::Chat,
            },
            Workload {
                name: "streamed, 100 chunks",
                model: "simulated/streamed",
                script: format!("chunks={chunks}"),
                body_bytes: self.request_bytes,
                form: Form::Stream { chunks },
                way: Way::Chat,
            },
        ]
    }

    /// Calls of which throughput and processor time are measured: long ones, and translated ones.
    pub(crate) fn variants(&self) -> [Workload; 4] {
        let [whole, _] = self.workloads();
        let long = |name, model, kilobytes: usize| Workload {
            name,
            model,
            body_bytes: kilobytes * 1024,
            ..whole.clone()
        };
        let translated = |name, model, way| Workload {
            name,
            model,
            way,
            ..whole.clone()
        };
        [
            long("whole, 50 kB", "simulated/whole-50", 50),
            long("whole, 500 kB", "simulated/whole-500", 500),
            translated(
                "Chat to Messages, 1 kB",
                "simulated/to-messages",
                Way::ChatToMessages,
            ),
            translated(
                "Messages to Chat, 1 kB",
                "simulated/to-chat",
                Way::MessagesToChat,
            ),
        ]
    }

    /// Every call that a gateway has to know a model for.
    pub(crate) fn all(&self) -> Vec<Workload> {
        let mut all = Vec::from(self.workloads());
        all.extend(self.variants());
        all.push(self.slow());
        all
    }

    /// A slow stream.
    pub(crate) fn slow(&self) -> Workload {
        let chunks = self.crowd().chunks();
        Workload {
            name: "slow streams",
            model: "simulated/slow",
            script: format!("chunks={chunks},gap={}ms", self.stream_gap_ms),
            body_bytes: self.request_bytes,
            form: Form::Stream { chunks },
            way: Way::Chat,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(line: &[&str]) -> Settings {
        let words = std::iter::once("bench").chain(line.iter().copied());
        Settings::new(&Arguments::try_parse_from(words).unwrap())
    }

    /// The time a run takes when everything goes as it should, without building.
    fn planned_ms(settings: &Settings) -> u64 {
        const START_MS: u64 = 400;
        let crowd = settings.crowd();
        let crowds = if settings.streams_direct { 3 } else { 2 };
        let stream_ms = (crowd.chunks() + 4) * settings.stream_gap_ms;
        let opening_ms = settings.streams as u64 * 1000 / u64::from(settings.streams_per_second);
        let repeats = settings.repeats as u64;
        // Three subjects of the first two workloads and of the long ones, two of the translated ones.
        let (timed, others) = (3 * 2 * repeats, (3 * 2 + 2 * 2) * repeats);
        let closed_ms = settings.warm_up_ms + settings.closed_ms + 300;
        let open_ms = settings.warm_up_ms + settings.open_ms + 1200;
        let governed = 2 * 2 * settings.governed_rounds as u64;
        2 * settings.starts as u64 * START_MS
            + settings.rest_ms
            + crowds * (opening_ms + stream_ms)
            + timed * open_ms
            + (timed + others + governed) * closed_ms
    }

    #[test]
    fn a_quick_run_fits_into_two_and_a_half_minutes_and_a_full_one_into_fourteen() {
        let quick = planned_ms(&settings(&["--quick"]));
        assert!(quick < 150_000, "{quick} ms");
        let full = planned_ms(&settings(&[]));
        assert!((300_000..840_000).contains(&full), "{full} ms");
    }

    #[test]
    fn the_command_line_changes_what_it_names_only() {
        let changed = settings(&["--streams", "50", "--hold", "2", "--rate", "100"]);
        assert_eq!(changed.streams, 50);
        assert_eq!(changed.stream_hold_ms, 2000);
        assert_eq!(changed.open_rate, Some(100));
        assert_eq!(changed.closed_ms, settings(&[]).closed_ms);
        assert!(Arguments::try_parse_from(["bench", "--streams", "0"]).is_err());
    }

    #[test]
    fn every_script_is_one_the_simulator_knows() {
        for quick in [&["--quick"][..], &[]] {
            let settings = settings(quick);
            for workload in settings.all() {
                let script = simulator::Script::parse(&workload.script);
                assert!(script.is_ok(), "{}: {script:?}", workload.script);
            }
        }
    }
}
