//! The tests of `wire`, one module per promise.

mod address;
mod answers;
mod anthropic;
mod bedrock;
mod cases;
mod chat_answers_translated;
mod chat_requests_translated;
mod cohere;
mod errors;
mod eventstream;
mod fixtures;
mod frames;
mod gemini;
mod google_chat;
mod json;
mod matrix;
mod ndjson;
mod nonsense;
mod plain;
mod provider_side;
mod quirks;
mod recorded;
mod requests;
mod responses;
mod streams;
mod usage;
