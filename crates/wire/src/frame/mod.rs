//! Bytes to frames and back, without meaning.

pub mod sse;
