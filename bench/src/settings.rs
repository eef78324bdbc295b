//! How much is measured: the full run, the quick one, and what the command line changes.

use std::time::Duration;

use serde::Serialize;

use crate::arguments::Arguments;
use crate::load::order::{Form, Way, Workload};
use crate::load::slow::Crowd;

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
    /// Rounds in which gateways that differ in one thing are compared, one run each.
    pub(crate) rounds: usize,
    /// Keys, budgets and endpoints where there are few, and where there are many.
    pub(crate) few: Plenty,
    pub(crate) many: Plenty,
    /// Calls per second of the open loop; absent: half of the gateway's closed-loop throughput.
    pub(crate) open_rate: Option<u32>,
    /// Crowds of slow streams, one after another.
    pub(crate) streams: Vec<usize>,
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

/// How much there is in a gateway that no call needs.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Plenty {
    /// Keys.
    pub(crate) keys: usize,
    /// How many of them are used, in turn.
    pub(crate) used: usize,
    /// Budgets of somebody who never calls.
    pub(crate) budgets: usize,
    /// Endpoints of models that nobody asks for, beside those of the built-in catalog.
    pub(crate) endpoints: usize,
}

/// Crowds of slow streams of a full run.
pub(crate) const STREAMS: &[usize] = &[1000, 5000];

impl Settings {
    pub(crate) fn new(arguments: &Arguments) -> Self {
        let mut settings = if arguments.quick {
            Self::quick()
        } else {
            Self::full()
        };
        if !arguments.streams.is_empty() {
            settings.streams.clone_from(&arguments.streams);
        }
        settings.connections = arguments.connections;
        settings.open_rate = arguments.rate;
        if let Some(seconds) = arguments.hold {
            settings.stream_hold_ms = seconds.clamp(1, 600) * 1000;
        }
        settings.streams_direct |= arguments.harness_only;
        settings
    }

    /// Less than twenty minutes.
    fn full() -> Self {
        Self {
            mode: "full",
            starts: 11,
            rest_ms: 4000,
            connections: 32,
            repeats: 3,
            warm_up_ms: 1000,
            closed_ms: 3500,
            open_ms: 5000,
            rounds: 5,
            few: Plenty {
                keys: 10,
                used: 10,
                budgets: 5,
                endpoints: 0,
            },
            many: Plenty {
                keys: 10_000,
                used: 10_000,
                budgets: 5000,
                endpoints: 1000,
            },
            open_rate: None,
            streams: STREAMS.to_vec(),
            streams_per_second: 1000,
            stream_gap_ms: 1000,
            stream_hold_ms: 10_000,
            streams_direct: true,
            request_bytes: 1024,
            answer_tokens: 128,
            stream_chunks: 100,
        }
    }

    /// Less than five minutes.
    fn quick() -> Self {
        Self {
            mode: "quick",
            starts: 10,
            rest_ms: 2000,
            repeats: 1,
            warm_up_ms: 400,
            closed_ms: 1200,
            open_ms: 1500,
            rounds: 3,
            many: Plenty {
                keys: 1000,
                used: 1000,
                budgets: 1000,
                endpoints: 1000,
            },
            streams: vec![1000],
            stream_hold_ms: 5000,
            streams_direct: false,
            ..Self::full()
        }
    }

    /// Streams of the largest crowd.
    pub(crate) fn streams_max(&self) -> usize {
        self.streams.iter().copied().max().unwrap_or(1)
    }

    pub(crate) fn crowd(&self, streams: usize) -> Crowd {
        Crowd {
            streams,
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
                model: "simulated/whole".to_owned(),
                script: format!("tokens={tokens}"),
                body_bytes: self.request_bytes,
                form: Form::Whole,
                way: Way::Chat,
            },
            Workload {
                name: "streamed, 100 chunks",
                model: "simulated/streamed".to_owned(),
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
        let long = |name, model: &str, kilobytes: usize| Workload {
            name,
            model: model.to_owned(),
            body_bytes: kilobytes * 1024,
            ..whole.clone()
        };
        let translated = |name, model: &str, way| Workload {
            name,
            model: model.to_owned(),
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
        all.extend(self.streams.iter().map(|streams| self.slow(*streams)));
        all
    }

    /// A slow stream of such a crowd.
    pub(crate) fn slow(&self, streams: usize) -> Workload {
        let chunks = self.crowd(streams).chunks();
        Workload {
            name: "slow streams",
            model: format!("simulated/slow-{streams}"),
            script: format!("chunks={chunks},gap={}ms", self.stream_gap_ms),
            body_bytes: self.request_bytes,
            form: Form::Stream { chunks },
            way: Way::Chat,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    fn settings(line: &[&str]) -> Settings {
        let words = std::iter::once("bench").chain(line.iter().copied());
        Settings::new(&Arguments::try_parse_from(words).unwrap())
    }

    /// The time a run takes when everything goes as it should, without building.
    fn planned_ms(settings: &Settings) -> u64 {
        const START_MS: u64 = 400;
        let crowds = settings.streams.iter().map(|streams| {
            let subjects = if settings.streams_direct { 4 } else { 3 };
            let opening_ms = *streams as u64 * 1000 / u64::from(settings.streams_per_second);
            let stream_ms = (settings.crowd(*streams).chunks() + 4) * settings.stream_gap_ms;
            subjects * (opening_ms + stream_ms)
        });
        let (repeats, rounds) = (settings.repeats as u64, settings.rounds as u64);
        // Four subjects of the first two workloads and of the long ones, two of the translated
        // ones, and two other gateways on the first two.
        let (timed, others) = (4 * 2 * repeats, (4 * 2 + 2 * 2 + 2 * 2) * repeats);
        // In the open loop, Waybill is there twice.
        let opened = 5 * 2 * repeats;
        // Three gateways on two workloads, two on two, six on one.
        let compared = (3 * 2 + 2 * 2 + 6) * rounds;
        let closed_ms = settings.warm_up_ms + settings.closed_ms + 300;
        let open_ms = settings.warm_up_ms + settings.open_ms + 1200;
        2 * settings.starts as u64 * START_MS
            + settings.rest_ms
            + crowds.sum::<u64>()
            + opened * open_ms
            + (timed + others + compared) * closed_ms
    }

    #[test]
    fn a_quick_run_fits_into_four_minutes_and_a_full_one_into_twenty() {
        let quick = planned_ms(&settings(&["--quick"]));
        assert!(quick < 240_000, "{quick} ms");
        let full = planned_ms(&settings(&[]));
        assert!((300_000..1_200_000).contains(&full), "{full} ms");
    }

    #[test]
    fn the_command_line_changes_what_it_names_only() {
        let changed = settings(&["--streams", "50", "--hold", "2", "--rate", "100"]);
        assert_eq!(changed.streams, [50]);
        assert_eq!(changed.stream_hold_ms, 2000);
        assert_eq!(changed.open_rate, Some(100));
        assert_eq!(changed.closed_ms, settings(&[]).closed_ms);
        assert!(Arguments::try_parse_from(["bench", "--streams", "0"]).is_err());
        assert_eq!(settings(&[]).streams, STREAMS);
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
