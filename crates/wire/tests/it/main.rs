//! The tests of `wire`, one module per promise.

mod answers;
mod cases;
mod errors;
mod fixtures;
mod frames;
mod json;
mod nonsense;
mod quirks;
mod recorded;
mod requests;
mod streams;
mod usage;
