//! What the simulator answers, independent of the dialect it is said in.

mod compose;
mod says;
mod schema;

use crate::ledger::Usage;

pub(crate) use compose::compose;
pub(crate) use says::{Say, says};

/// A whole answer.
pub(crate) struct Answer {
    /// Sequence number of the call; ids are made from it.
    pub(crate) seq: u64,
    /// The model name the answer gives.
    pub(crate) model: String,
    pub(crate) choices: Vec<Choice>,
    /// The true usage.
    pub(crate) usage: Usage,
}

/// One of the answers side by side.
pub(crate) struct Choice {
    pub(crate) blocks: Vec<Block>,
    pub(crate) finish: Finish,
}

/// One block of an answer: reasoning, text or a tool call.
pub(crate) struct Block {
    pub(crate) kind: Kind,
    /// The text, or the arguments of a tool call.
    pub(crate) text: String,
    /// How many pieces it is streamed in.
    pub(crate) pieces: usize,
}

/// What a block is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Reasoning,
    /// Reasoning that is not shown; its text is only counted.
    Redacted,
    Text,
    /// The words of a model that will not answer.
    Refusal,
    Call {
        id: String,
        name: String,
    },
}

/// Why an answer ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Finish {
    Stop,
    StopText(String),
    Length,
    Tools,
    Refusal,
    Missing,
    Exactly(String),
}

impl Choice {
    /// The text of all blocks of a kind.
    pub(crate) fn text_of(&self, kind: &Kind) -> String {
        self.blocks
            .iter()
            .filter(|b| b.kind == *kind)
            .map(|b| b.text.as_str())
            .collect()
    }

    /// The tool calls: id, name, arguments.
    pub(crate) fn calls(&self) -> impl Iterator<Item = (&str, &str, &str)> {
        self.blocks.iter().filter_map(|block| match &block.kind {
            Kind::Call { id, name } => Some((id.as_str(), name.as_str(), block.text.as_str())),
            Kind::Reasoning | Kind::Redacted | Kind::Text | Kind::Refusal => None,
        })
    }
}
