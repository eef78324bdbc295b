//! Every dialect, to and from the vocabulary of `chat`.

pub mod frame;
pub mod openai_chat;
pub mod quirks;

pub use quirks::Quirk;
