//! `countTokens`: what is to be counted, and the count.

use bytes::Bytes;
use chat::Error;
use serde_json::json;

use super::names::get;
use super::request::read_request;
use crate::incoming::{Beside, Incoming};
use crate::members::Members;

/// Reads what is to be counted: contents alone, or a whole request in `generateContentRequest`.
///
/// # Errors
/// As for a request.
pub fn read_count(body: &[u8], beside: Beside) -> Result<Incoming, Error> {
    let inner = std::str::from_utf8(body).ok().and_then(|text| {
        let top = Members::of_text(text).ok()?;
        let request = get(&top, "generateContentRequest")?;
        Some(request.value.of(text))
    });
    read_request(inner.map_or(body, str::as_bytes), beside)
}

/// A count as Google tells it.
#[must_use]
pub fn write_count(tokens: u64) -> Bytes {
    json!({ "totalTokens": tokens }).to_string().into()
}
