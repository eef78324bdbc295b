//! Every dialect, to and from the vocabulary of `chat`. Pure: bytes in, bytes and events out.
//!
//! Read in this order: [`scan`] walks JSON text without a tree, [`members`] takes one object apart,
//! [`splice`] edits text between untouched slices, [`frame`] turns bytes into frames; the dialects
//! are folders of the same five parts, so far [`openai_chat`]; [`quirks`] are the named habits of
//! providers that all of them apply; [`address`] says where a request goes.

pub mod address;
mod decimal;
mod draft;
pub mod frame;
pub mod members;
pub mod openai_chat;
pub mod quirks;
pub mod scan;
mod shape;
pub mod splice;

pub use quirks::Quirk;
