//! The kinds of calls of the soak, how often each comes, and how each has to end.

use std::net::SocketAddr;

use crate::load::order::{Form, Way, Workload};
use crate::world::config;

/// How a call of a kind must end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// Well, whatever the first provider does.
    Whole,
    /// The caller leaves after the first chunk.
    Left,
    /// With an error that the caller can see: the provider breaks off in the middle.
    Broken,
}

/// One kind of call.
#[derive(Clone, Copy)]
pub(super) struct Kind {
    pub(super) name: &'static str,
    model: &'static str,
    script: &'static str,
    form: Form,
    way: Way,
    /// Of a hundred calls.
    pub(super) weight: usize,
    pub(super) ending: Ending,
    /// Whether a second provider serves the same model without faults.
    has_second: bool,
}

const fn kind(
    name: &'static str,
    (model, script): (&'static str, &'static str),
    (form, way): (Form, Way),
    weight: usize,
) -> Kind {
    Kind {
        name,
        model,
        script,
        form,
        way,
        weight,
        ending: Ending::Whole,
        has_second: false,
    }
}

const fn faulty(kind: Kind) -> Kind {
    Kind {
        has_second: true,
        ..kind
    }
}

const STREAM: Form = Form::Stream { chunks: 20 };
const CHAT: Way = Way::Chat;

/// All of them; the weights add up to a hundred. A model's further attempts are at most a tenth of its calls
/// (docs/routing.md), so what every call must survive happens to fewer of them.
pub(super) const KINDS: [Kind; 9] = [
    kind(
        "whole",
        ("soak/whole", "tokens=128"),
        (Form::Whole, CHAT),
        36,
    ),
    kind(
        "streamed",
        ("soak/streamed", "chunks=20,gap=20ms"),
        (STREAM, CHAT),
        22,
    ),
    kind(
        "Chat to Messages",
        ("soak/to-messages", "chunks=20,gap=5ms"),
        (STREAM, Way::ChatToMessages),
        10,
    ),
    kind(
        "Messages to Chat",
        ("soak/to-chat", "tokens=128"),
        (Form::Whole, Way::MessagesToChat),
        10,
    ),
    faulty(kind(
        "503 at every twelfth call",
        ("soak/refusing", "status=503,every=12"),
        (Form::Whole, CHAT),
        6,
    )),
    faulty(kind(
        "429 at every twelfth call",
        ("soak/limiting", "status=429,retry-after=1,every=12"),
        (Form::Whole, CHAT),
        4,
    )),
    faulty(kind(
        "connection reset at every twelfth call",
        ("soak/resetting", "reset,every=12"),
        (STREAM, CHAT),
        4,
    )),
    Kind {
        ending: Ending::Left,
        ..kind(
            "caller leaves",
            ("soak/left", "chunks=200,gap=50ms"),
            (Form::Stream { chunks: 200 }, CHAT),
            4,
        )
    },
    Kind {
        ending: Ending::Broken,
        ..kind(
            "stream breaks half-way",
            ("soak/broken", "chunks=40,gap=5ms,reset=4000"),
            (Form::Stream { chunks: 40 }, CHAT),
            4,
        )
    },
];

impl Kind {
    /// The same as the generator and the configuration know it.
    pub(super) fn workload(&self) -> Workload {
        Workload {
            name: self.name,
            model: self.model.to_owned(),
            script: self.script.to_owned(),
            body_bytes: 1024,
            form: self.form,
            way: self.way,
        }
    }
}

pub(super) fn workloads() -> Vec<Workload> {
    KINDS.iter().map(Kind::workload).collect()
}

/// A second provider for the models whose first one has faults.
pub(super) fn second_endpoints(upstream: SocketAddr) -> String {
    let seconds = KINDS.iter().filter(|kind| kind.has_second);
    let steady = seconds.map(|kind| Workload {
        script: match kind.form {
            Form::Whole => "tokens=128".to_owned(),
            Form::Stream { chunks } => format!("chunks={chunks}"),
        },
        ..kind.workload()
    });
    config::second(upstream, &steady.collect::<Vec<_>>())
}

/// Which kind the call of this number is: spread evenly, the same every time.
pub(super) fn kind_of(number: u64) -> usize {
    // Thirty-seven has no factor in common with a hundred, so a hundred calls in a row are all of them once.
    let mut place = usize::try_from(number * 37 % 100).unwrap_or(0);
    for (index, kind) in KINDS.iter().enumerate() {
        if place < kind.weight {
            return index;
        }
        place -= kind.weight;
    }
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hundred_calls_are_as_many_of_each_kind_as_its_weight() {
        let mut counts = [0; KINDS.len()];
        (500..600).for_each(|number| counts[kind_of(number)] += 1);
        assert_eq!(counts, KINDS.map(|kind| kind.weight));
    }

    #[test]
    fn every_script_is_one_the_simulator_knows() {
        for kind in KINDS {
            let script = simulator::Script::parse(kind.script);
            assert!(script.is_ok(), "{}: {script:?}", kind.script);
        }
    }

    #[test]
    fn models_with_faults_have_a_second_provider_without() {
        let text = second_endpoints("127.0.0.1:4010".parse().unwrap());
        assert_eq!(text.matches("[[providers.second.endpoints]]").count(), 3);
        assert!(text.contains("soak/refusing") && !text.contains("503"));
    }
}
