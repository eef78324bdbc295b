//! OpenAI's Chat Completions, as OpenRouter speaks it to callers and providers speak it to us.
//!
//! Same dialect on both sides: requests and answers stay bytes and are edited in place.
//!
//! | file | does |
//! |---|---|
//! | `request.rs`, `fields.rs`, `messages.rs` | caller's request → checked, with spans and [`chat::Needs`] |
//! | `write.rs` (and `crate::quirks`) | the same bytes for one endpoint: edits of top-level fields |
//! | `events.rs`, `message.rs` | one walk for chunks and whole answers: events and edits |
//! | `stream.rs`, `whole.rs` | the two forms of an answer, stamped as ours |
//! | `tap.rs` | both of them, for whoever relays |
//! | `usage.rs` | counts → disjoint buckets, and buckets → OpenRouter's usage object |
//! | `envelope.rs` | an error → the caller's envelope |

mod envelope;
mod events;
mod fields;
mod message;
mod messages;
mod request;
mod stream;
mod tap;
mod usage;
mod whole;
mod write;

pub use envelope::write_error;
pub use request::read_request;
pub use stream::{DONE, KEEP_ALIVE, StreamTap};
pub use tap::OpenaiChat;
pub use whole::{read_whole, stamp_whole};
pub use write::write_request;
