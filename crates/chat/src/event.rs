//! The seven things a stream can say. A whole answer is the fold of its events.

use std::borrow::Cow;

use crate::{Error, FinishReason, Usage};

/// What a block of an answer is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Block<'a> {
    /// Text for the reader.
    Text,
    /// The model thinking aloud.
    Reasoning,
    /// A request to call a tool; the deltas are fragments of its JSON arguments.
    ToolCall {
        /// The provider's id of this tool call.
        id: Cow<'a, str>,
        /// The name of the tool.
        name: Cow<'a, str>,
    },
    /// A generated image.
    Image,
    /// Generated audio.
    Audio,
}

/// Which block of an answer is meant: choice first (0 unless `n > 1`), then block in that choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BlockIndex {
    /// The choice, from 0.
    pub choice: u32,
    /// The block within the choice, from 0.
    pub block: u32,
}

/// One thing said by a stream. Borrows from the frame it was read from where it can.
#[derive(Debug, Clone, PartialEq)]
pub enum Event<'a> {
    /// The provider has accepted the call and names it.
    Start {
        /// The provider's own id of the answer.
        native_id: Option<Cow<'a, str>>,
        /// The model as the provider names it.
        native_model: Option<Cow<'a, str>>,
    },
    /// A block begins.
    BlockStart(BlockIndex, Block<'a>),
    /// More of a block: text, reasoning text, or a fragment of tool-call JSON.
    BlockDelta(BlockIndex, Cow<'a, str>),
    /// A block is complete.
    BlockEnd(BlockIndex),
    /// Counted units so far; later ones win per field.
    Usage(Usage),
    /// A choice has ended.
    Finish(u32, FinishReason),
    /// A failure inside the stream.
    Error(Error),
}
