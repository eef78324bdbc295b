//! The tests of `wire`, one module per promise.

mod address;
mod answers;
mod cases;
mod chat_translation;
mod errors;
mod eventstream;
mod fixtures;
mod frames;
mod json;
mod ndjson;
mod nonsense;
mod quirks;
mod recorded;
mod requests;
mod responses;
mod streams;
mod usage;
