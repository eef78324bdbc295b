//! The question how many tokens a prompt is: `CountTokens`.
//!
//! It holds the request that would be sent: a part of Converse's, or the whole body of InvokeModel's.
//! <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_CountTokens.html> (2026)

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chat::{Error, Request};
use serde_json::{Map, Value, json};

use super::write;
use crate::members::Members;
use crate::outgoing::{Outgoing, Written};
use crate::scan::text;
use crate::track::broken;

/// What is counted of a request; the rest concerns the answer, and is refused.
const COUNTED: &[&str] = &[
    "toolConfig",
    "system",
    "messages",
    "additionalModelRequestFields",
];

/// Asks of a request in Converse.
///
/// # Errors
/// What cannot be said in a request and must not be dropped.
pub(super) fn write(request: &Request, to: &Outgoing<'_>) -> Result<Written, Error> {
    let mut written = write::write(request, to)?;
    let whole: Map<String, Value> = serde_json::from_slice(&written.body)
        .map_err(|_| broken("a request that was written cannot be read"))?;
    let counted: Map<String, Value> = whole
        .into_iter()
        .filter(|(name, _)| COUNTED.contains(&name.as_str()))
        .collect();
    written.body = json!({"input": {"converse": counted}}).to_string().into();
    Ok(written)
}

/// Asks of the body of InvokeModel.
pub(crate) fn of_body(body: &[u8]) -> Vec<u8> {
    let body = STANDARD.encode(body);
    json!({"input": {"invokeModel": {"body": body}}})
        .to_string()
        .into_bytes()
}

/// Reads the answer.
pub(crate) fn read(body: &[u8]) -> Option<u64> {
    let text = text(body).ok()?;
    Members::of_text(text).ok()?.count("inputTokens")
}
