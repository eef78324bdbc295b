//! Cohere's Chat (version 2), as its provider takes it; nobody calls us in it.
//!
//! | file | does |
//! |---|---|
//! | `write.rs` | vocabulary → request: tools, form of the answer, thinking, sampling |
//! | `turns.rs` | the conversation in it |
//! | `reader.rs`, `citations.rs` | answer → events; what earlier answers cite |
//! | `logprobs.rs` | log probabilities of an answer |
//! | `usage.rs` | counts → disjoint buckets |
//!
//! A stream: `message-start` (with the id), `tool-plan-delta`, then contents and tool calls, each
//! `…-start`, `…-delta`, `…-end` and counted apart, `citation-start` in between, and `message-end`
//! with the reason and the counts. Some hosts send `[DONE]` after it. A plan is what the model says
//! before it calls tools: text to us, in both directions.

mod citations;
mod logprobs;
mod reader;
mod turns;
mod usage;
mod write;

use chat::{Error, Request};

use crate::codec::{Outbound, Reader};
use crate::outgoing::{Outgoing, Written};

/// The dialect `cohere`.
#[derive(Debug, Clone, Copy)]
pub struct Cohere;

impl Outbound for Cohere {
    fn write(&self, request: &Request, to: &Outgoing<'_>) -> Result<Written, Error> {
        write::write(request, to)
    }

    fn reader(&self) -> Box<dyn Reader> {
        Box::new(reader::ChatReader::default())
    }
}
