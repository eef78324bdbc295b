//! OpenAI's Responses, as OpenRouter speaks it to callers and providers speak it to us.
//!
//! The service behind it keeps nothing: every request carries the whole conversation, and state that
//! only a store could resolve is refused with the way out of it. On the wire an answer is a list of
//! items (messages, reasoning, calls), told by events that are numbered and that point at items and
//! parts by index. Source: section 26 of our digest of OpenRouter's API, and recorded traffic.
//!
//! | file | does |
//! |---|---|
//! | `request.rs`, `fields.rs`, `input.rs` | caller's request → checked, with spans and [`chat::Needs`] |
//! | `splice.rs` | the same bytes for one endpoint: edits of top-level fields |
//! | `parse.rs`, `items.rs`, `tools.rs` | caller's request → [`chat::Request`] |
//! | `names.rs` | tools in namespaces and with free text, as other dialects know them |
//! | `write.rs`, `write_input.rs`, `family.rs` | [`chat::Request`] → a provider's request |
//! | `answer.rs`, `reader.rs` | a provider's answer, streamed or whole → events |
//! | `tap.rs` | the same, with the bytes passed on and stamped as ours |
//! | `writer.rs`, `item.rs`, `shell.rs` | events → the caller's answer, streamed or whole |
//! | `opening.rs` | who opens a stream: signs of life, or the attempt that answers |
//! | `usage.rs` | counts → disjoint buckets, and buckets → OpenRouter's usage object |
//! | `envelope.rs` | an error → the caller's envelope, or an answer that was cut |

mod answer;
mod door;
mod envelope;
mod family;
mod fields;
mod input;
mod item;
mod items;
mod names;
mod opening;
mod parse;
mod reader;
mod request;
mod shell;
mod splice;
mod tap;
mod tools;
mod usage;
mod write;
mod write_input;
mod writer;

pub use door::OpenaiResponses;
