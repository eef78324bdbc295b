//! The things a stream can say. A whole answer is the fold of its events.

use std::borrow::Cow;

use serde_json::Value;

use crate::opaque::Opaque;
use crate::{Error, FinishReason, Usage};

/// What a block of an answer is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Block<'a> {
    /// Text for the reader.
    Text,
    /// The model refusing, in its own words.
    Refusal,
    /// The model thinking aloud, or a summary of it.
    Reasoning {
        /// Whether the text is a summary.
        is_summary: bool,
    },
    /// A request to call a tool; the deltas are fragments of its JSON arguments.
    ToolCall {
        /// The provider's id of this tool call.
        id: Cow<'a, str>,
        /// The name of the tool.
        name: Cow<'a, str>,
    },
    /// A generated image; the deltas are base64.
    Image {
        /// Its MIME type.
        media_type: Cow<'a, str>,
    },
    /// Generated audio; the deltas are base64.
    Audio,
}

impl Block<'_> {
    /// The same block, with nothing borrowed.
    #[must_use]
    pub fn into_owned(self) -> Block<'static> {
        match self {
            Self::Text => Block::Text,
            Self::Refusal => Block::Refusal,
            Self::Reasoning { is_summary } => Block::Reasoning { is_summary },
            Self::ToolCall { id, name } => Block::ToolCall {
                id: Cow::Owned(id.into_owned()),
                name: Cow::Owned(name.into_owned()),
            },
            Self::Image { media_type } => Block::Image {
                media_type: Cow::Owned(media_type.into_owned()),
            },
            Self::Audio => Block::Audio,
        }
    }
}

/// A source that an answer cites.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Citation {
    /// Its address; empty where the source is a document of the request.
    pub url: String,
    /// Its title.
    pub title: Option<String>,
    /// The words that are cited.
    pub quote: Option<String>,
    /// Where in the block's text the claim begins and ends, in characters, where that is known.
    pub span: Option<(u64, u64)>,
    /// Where in the request the cited words stand, where they stand there and that is known.
    pub place: Option<Place>,
    /// What the provider sealed its place on a page of the web with: it takes the citation back with
    /// it, and not without.
    pub sealed_index: Option<String>,
}

/// Where in a source of the request the words stand that are cited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// What the source is, and what its places are counted in.
    pub measure: Measure,
    /// Which source it is: among all documents of the request, or all its search results, from 0.
    pub source: u64,
    /// Where the words begin.
    pub start: u64,
    /// Where they end: the first that is not meant.
    pub end: u64,
}

/// What places in a source are counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// Characters of a document, from 0.
    Characters,
    /// Pages of a document, from 1.
    Pages,
    /// Texts of a document that is made of such, from 0.
    Texts,
    /// Texts of a search result, from 0.
    TextsFound,
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
    /// What must return with a block; comes before its end.
    Sealed(BlockIndex, Opaque),
    /// A source that a text block cites.
    Cited(BlockIndex, Citation),
    /// Log probabilities of the tokens just said by a block: an array in OpenAI's form,
    /// `[{token, logprob, bytes, top_logprobs}]`.
    Logprobs(BlockIndex, Value),
    /// Something was said that the vocabulary cannot hold; the record names it.
    Unsaid(Cow<'a, str>),
    /// Counted units so far; later ones win per field.
    Usage(Usage),
    /// A choice has ended.
    Finish(u32, FinishReason),
    /// A failure inside the stream.
    Error(Error),
}
