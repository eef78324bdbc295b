//! An error as the caller sees it: the JSON envelope, and the object inside a broken stream.
//!
//! Source: sections 7.1, 7.4, 7.5 and 6.3 of our digest of OpenRouter's API. The envelope says the
//! type and the status twice, in both places where clients look for them.

use bytes::Bytes;
use chat::Error;
use serde_json::{Map, Value, json};

use crate::error::facts;

/// What is said instead of the truth when the truth is our own bug.
const MASKED: &str = "internal server error";

/// Writes an error as the caller sees it: status and JSON envelope.
#[must_use]
pub fn write_error(error: &Error, generation: Option<&str>) -> (u16, Bytes) {
    let mut object = object(error);
    object.insert("error_type".to_owned(), json!(error.kind.error_type()));
    object.insert("http_status".to_owned(), json!(error.kind.status()));
    if let (Some(id), Some(Value::Object(metadata))) = (generation, object.get_mut("metadata")) {
        metadata.insert("generation_id".to_owned(), json!(id));
    }
    let body = json!({ "error": object, "user_id": null });
    (error.kind.status(), body.to_string().into())
}

/// The `error` member of the last frame of a broken stream.
pub(crate) fn stream_error(error: &Error) -> String {
    Value::Object(object(error)).to_string()
}

/// The object that says what went wrong, as all of OpenAI's dialects have it.
pub(crate) fn object(error: &Error) -> Map<String, Value> {
    let (facts, availability) = facts(error);
    let mut metadata = Map::new();
    metadata.insert("error_type".to_owned(), json!(error.kind.error_type()));
    metadata.extend(facts);
    let is_masked = error.kind.status() == 500;
    let message = if is_masked { MASKED } else { &error.message };
    let mut object = Map::new();
    object.insert("code".to_owned(), json!(error.kind.status()));
    object.insert("message".to_owned(), json!(message));
    object.insert("metadata".to_owned(), Value::Object(metadata));
    if let Some(availability) = availability {
        object.insert("availability".to_owned(), availability);
    }
    object
}
