//! Every dialect, to and from the vocabulary of `chat`. Pure: bytes in, bytes and events out.
//!
//! Read in this order: [`codec`] says what a dialect must be able to do, and [`lane`] is the table of
//! ways from one to another. The tools: [`scan`] walks JSON text without a tree, [`members`] takes one
//! object apart, [`splice`] edits text between untouched slices, [`frame`] turns bytes into frames.
//! The dialects are folders, such as [`openai_chat`], and [`plain`] is what is no conversation;
//! [`quirks`] are the named habits of providers;
//! [`address`] says where a request goes. [`content`] reads what was asked and answered, for those who
//! keep it, and [`prefix`] says why a provider's cache was of no use.

pub mod address;
pub mod anthropic_messages;
pub mod bedrock;
mod blanks;
mod call_id;
mod cited;
pub mod codec;
pub mod cohere;
pub mod content;
mod continuation;
mod decimal;
mod draft;
mod error;
mod estimate;
mod finish;
pub mod frame;
mod free_text;
pub mod gemini;
mod incoming;
pub mod lane;
mod listing;
pub mod members;
mod metadata;
pub mod native;
pub mod openai_chat;
pub mod openai_completions;
pub mod openai_responses;
mod opening;
mod outgoing;
pub mod plain;
pub mod prefix;
pub mod quirks;
mod rate_limit;
mod replay;
pub mod scan;
mod schema;
mod seal;
mod shape;
pub mod splice;
mod stamp;
mod stitch;
mod tool_check;
mod track;
mod translation;
mod tree;

pub use blanks::without_blanks;
pub use codec::{Asked, Passed, Tap};
pub use continuation::{GoesOn, Told};
pub use error::read_error;
pub use incoming::{Beside, Incoming};
pub use lane::{Lane, SENDABLE, door, door_beside, lane, reader, translation};
pub use listing::{Listing, listing};
pub use metadata::{RouterMetadata, put_route};
pub use outgoing::{Outgoing, Written};
pub use quirks::{Quirk, goes_on};
pub use rate_limit::{RateLimit, rate_limit, tells_rate_limit};
pub use replay::{Again, can_replay};
pub use stamp::{CostText, Sequence, Stamp};
pub use tool_check::tool_calls_fit;
