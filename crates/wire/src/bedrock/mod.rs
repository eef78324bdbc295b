//! Amazon Bedrock's Converse, as its provider takes it; nobody calls us in it.
//!
//! Claude's own callers are served through InvokeModel instead, whose body is Messages
//! (`anthropic_messages/host.rs`), so that their bytes travel.
//!
//! | file | does |
//! |---|---|
//! | `write.rs`, `tools.rs` | vocabulary → request: limits, sampling, tools, form of the answer |
//! | `turns.rs`, `parts.rs`, `media.rs` | the conversation in it, its pictures and documents |
//! | `sources.rs`, `citations.rs` | what an answer may cite, and what earlier ones have cited |
//! | `marks.rs` | cache points, counted before they are set |
//! | `family.rs`, `reasoning.rs` | what each family of models can be told |
//! | `reader.rs`, `blocks.rs`, `citations.rs` | answer → events |
//! | `count.rs` | how many tokens a prompt is |
//! | `usage.rs` | counts → disjoint buckets |
//!
//! A stream is AWS's binary messages, each named by its kind: `messageStart`, per block
//! `contentBlockStart` (tool calls only), `contentBlockDelta`, `contentBlockStop`, then `messageStop`
//! with the reason and `metadata` with the counts; a failure is an exception instead of the rest.
//! <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html> (2026)

mod blocks;
mod citations;
pub(crate) mod count;
mod family;
mod marks;
mod media;
mod parts;
mod reader;
mod reasoning;
mod sources;
mod tools;
mod turns;
mod usage;
mod write;

use chat::{Error, Request};

use crate::codec::{Outbound, Reader};
use crate::outgoing::{Outgoing, Written};

pub(crate) use write::{OWN, service_tier};

/// The dialect `bedrock-converse`.
#[derive(Debug, Clone, Copy)]
pub struct BedrockConverse;

impl Outbound for BedrockConverse {
    fn write(&self, request: &Request, to: &Outgoing<'_>) -> Result<Written, Error> {
        write::write(request, to)
    }

    fn own_fields(&self) -> &'static [&'static str] {
        OWN
    }

    fn write_count(&self, request: &Request, to: &Outgoing<'_>) -> Result<Option<Written>, Error> {
        count::write(request, to).map(Some)
    }

    fn read_count(&self, body: &[u8]) -> Option<u64> {
        count::read(body)
    }

    fn reader(&self) -> Box<dyn Reader> {
        Box::new(reader::ConverseReader::default())
    }
}
