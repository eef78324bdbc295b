//! OpenAI's Chat Completions, as OpenRouter speaks it to callers and providers speak it to us.
//!
//! Same dialect on both sides (lane 1): requests and answers stay bytes and are edited in place.
//!
//! | file | does |
//! |---|---|
//! | `request.rs`, `fields.rs`, `messages.rs` | caller's request → checked, with spans and [`chat::Needs`] |
//! | `write.rs` (and `crate::quirks`) | the same bytes for one endpoint: edits of top-level fields |
//! | `events.rs`, `message.rs`, `track.rs`, `finish.rs` | one walk for chunks and whole answers: events and edits |
//! | `stream.rs`, `whole.rs`, `stamp.rs` | the two forms of an answer, stamped as ours |
//! | `usage.rs` | counts → disjoint buckets, and buckets → OpenRouter's usage object |
//! | `error.rs`, `error_texts.rs`, `mask.rs`, `envelope.rs` | a provider's error → [`chat::Error`] → the caller's envelope |

mod envelope;
mod error;
mod error_texts;
mod events;
mod fields;
mod finish;
mod mask;
mod message;
mod messages;
mod request;
mod stamp;
mod stream;
mod track;
mod usage;
mod whole;
mod write;

pub use envelope::write_error;
pub use error::read_error;
pub use request::{Incoming, read_request};
pub use stamp::{CostText, DONE, KEEP_ALIVE, Stamp};
pub use stream::{Passed, StreamTap};
pub use whole::{read_whole, stamp_whole};
pub use write::{Outgoing, Written, write_request};
