//! An error as the caller sees it: the JSON envelope, and the object inside a broken stream.
//!
//! Source: sections 7.1, 7.4, 7.5 and 6.3 of our digest of OpenRouter's API. The envelope says the
//! type and the status twice, in both places where clients look for them.

use bytes::Bytes;
use chat::Error;
use chat::error::{Availability, Metadata};
use serde_json::{Map, Value, json};

/// Where each availability code is explained.
const DOCS_URL: &str = "https://github.com/waybill/waybill/blob/main/docs/errors.md";

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
    let is_masked = error.kind.status() == 500;
    let mut metadata = Map::new();
    metadata.insert("error_type".to_owned(), json!(error.kind.error_type()));
    if let Some(known) = &error.metadata {
        add_metadata(&mut metadata, known, is_masked);
    }
    let message = if is_masked { MASKED } else { &error.message };
    let mut object = Map::new();
    object.insert("code".to_owned(), json!(error.kind.status()));
    object.insert("message".to_owned(), json!(message));
    object.insert("metadata".to_owned(), Value::Object(metadata));
    if let Some(known) = &error.metadata
        && let Some(availability) = &known.availability
    {
        object.insert(
            "availability".to_owned(),
            self::availability(availability, known),
        );
    }
    object
}

fn add_metadata(to: &mut Map<String, Value>, known: &Metadata, is_masked: bool) {
    let mut add = |name: &str, value: Value| {
        if !value.is_null() {
            to.insert(name.to_owned(), value);
        }
    };
    add("provider_name", json!(known.provider_name));
    if !is_masked {
        add("provider_code", json!(known.provider_code));
        add("raw", json!(known.raw));
        add("upstream_status", json!(known.upstream_status));
    }
    add("field", json!(known.field));
    add("retry_after", json!(known.retry_after.map(seconds)));
    if !known.previous.is_empty() {
        let previous: Vec<_> = known
            .previous
            .iter()
            .map(|one| json!({ "provider": one.provider, "code": one.code, "status": one.status }))
            .collect();
        add("previous_errors", Value::Array(previous));
    }
}

/// Whole seconds, rounded up: asking to come back too early helps nobody.
fn seconds(wait: std::time::Duration) -> u64 {
    wait.as_secs()
        .saturating_add(u64::from(wait.subsec_nanos() > 0))
}

fn availability(known: &Availability, metadata: &Metadata) -> Value {
    let mut object = Map::new();
    object.insert("code".to_owned(), json!(known.code));
    object.insert("retryable".to_owned(), json!(known.retryable));
    if let Some(wait) = metadata.retry_after {
        object.insert("retry_after".to_owned(), json!(seconds(wait)));
    }
    object.insert("requested_models".to_owned(), json!(known.requested_models));
    for (name, list) in [
        ("affected_providers", &known.affected_providers),
        ("excluded_by", &known.excluded_by),
        ("fallback_models", &known.fallback_models),
    ] {
        if !list.is_empty() {
            object.insert(name.to_owned(), json!(list));
        }
    }
    object.insert(
        "docs_url".to_owned(),
        json!(format!("{DOCS_URL}#{}", known.code)),
    );
    Value::Object(object)
}
