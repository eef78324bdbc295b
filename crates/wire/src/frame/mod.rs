//! Bytes to frames and back, without meaning.

mod crc;
pub mod eventstream;
pub mod ndjson;
pub mod sse;
