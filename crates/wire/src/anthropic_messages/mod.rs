//! Anthropic's Messages, as callers such as Claude Code speak it to us and Claude's hosts take it.
//!
//! Same dialect on both sides: requests and answers stay bytes and are edited in place. Vertex and
//! Bedrock take the same body in wrappers of their own (`host.rs`).
//!
//! | file | does |
//! |---|---|
//! | `request.rs`, `fields.rs`, `messages.rs` | caller's request → checked, with spans and [`chat::Needs`] |
//! | `same.rs`, `history.rs` | the same bytes for one endpoint: edits of fields, foreign thoughts taken out |
//! | `count.rs` | the question how long a prompt is |
//! | `tap.rs` | an answer that stays in its dialect, stamped as ours |
//! | `parse.rs`, `content.rs`, `sources.rs` | caller's request → vocabulary |
//! | `write.rs`, `turns.rs`, `reasoning.rs`, `marks.rs` | vocabulary → provider's request |
//! | `family.rs`, `host.rs` | what each generation of Claude, and each host, can be told |
//! | `invoke.rs` | what Bedrock is told in headers |
//! | `events.rs`, `blocks.rs` | provider's answer → events |
//! | `writer.rs`, `page.rs` | events → caller's answer |
//! | `citations.rs` | what an answer cites, in both directions |
//! | `seal.rs` | opaque values of other families on their way through callers of this dialect |
//! | `usage.rs` | counts → disjoint buckets, and buckets → this dialect's usage object |
//! | `envelope.rs` | an error → the caller's envelope |
//!
//! A stream: `message_start` (with the prompt's counts), per block `content_block_start`,
//! `content_block_delta`, `content_block_stop`, then `message_delta` (reason and all counts) and
//! `message_stop`; `ping` at any time, `error` instead of the rest. Every frame has a name.

mod blocks;
mod citations;
mod content;
mod count;
mod dialect;
mod envelope;
mod events;
pub(crate) mod family;
mod fields;
mod history;
mod host;
mod invoke;
mod marks;
mod messages;
mod page;
mod parse;
pub(crate) mod reasoning;
mod request;
mod same;
mod seal;
mod sources;
mod tap;
mod turns;
mod usage;
mod write;
mod writer;

pub(crate) use blocks::ANSWER_TOOL;
pub use dialect::AnthropicMessages;
