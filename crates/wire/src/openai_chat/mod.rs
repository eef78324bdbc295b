//! OpenAI's Chat Completions, as OpenRouter speaks it to callers and providers speak it to us.
//!
//! Same dialect on both sides: requests and answers stay bytes and are edited in place. Where the
//! other side speaks another dialect, `inbound` and `outbound` translate; answers are read by the
//! same walk in both lanes.
//!
//! | file | does |
//! |---|---|
//! | `request.rs`, `fields.rs`, `messages.rs` | caller's request → checked, with spans and [`chat::Needs`] |
//! | `write.rs` (and `crate::quirks`) | the same bytes for one endpoint: edits of top-level fields |
//! | `events.rs`, `message.rs` | one walk for chunks and whole answers: events and edits |
//! | `stream.rs`, `whole.rs` | the two forms of an answer, stamped as ours |
//! | `mould.rs` | chunks that differ from the one before in their word alone, stamped without a walk |
//! | `tap.rs` | both of them, for whoever relays |
//! | `telling.rs` | what of an answer is told only to who translates it |
//! | `details.rs` | `reasoning_details`, written |
//! | `signature.rs` | what Google attaches to texts and calls |
//! | `inbound/` | callers' requests → the vocabulary, events → their answers |
//! | `outbound/` | the vocabulary → providers' requests, their answers → events |
//! | `usage.rs` | counts → disjoint buckets, and buckets → OpenRouter's usage object |
//! | `envelope.rs` | an error → the caller's envelope |

mod details;
pub(crate) mod envelope;
mod events;
mod fields;
mod inbound;
mod message;
mod messages;
mod mould;
mod outbound;
mod request;
mod signature;
mod stream;
mod tap;
mod telling;
pub(crate) mod usage;
mod whole;
mod write;

pub(crate) use envelope::stream_error;
pub use envelope::write_error;
pub(crate) use events::elements;
pub(crate) use fields::FIELDS;
pub(crate) use inbound::{annotation, head, options, push_finish};
pub(crate) use outbound::OF_OPENAI;
pub(crate) use request::needs;
pub use request::read_request;
pub use stream::{DONE, KEEP_ALIVE, StreamTap};
pub use tap::OpenaiChat;
pub(crate) use usage::{cost_details, money};
pub use whole::Whole;
pub use write::write_request;
