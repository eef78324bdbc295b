//! An error as a caller of this dialect sees it: Google's `{error: {code, message, status, details}}`.
//!
//! Source: <https://google.aip.dev/193> and <https://ai.google.dev/gemini-api/docs/troubleshooting>
//! (2026). What else a caller may know stands in an `ErrorInfo` of the details.

use bytes::Bytes;
use chat::Error;
use serde_json::{Map, Value, json};

/// What is said instead of the truth when the truth is our own bug.
const MASKED: &str = "internal server error";

/// Writes an error as the caller sees it: status and JSON envelope.
pub(super) fn write_error(error: &Error, generation: Option<&str>) -> (u16, Bytes) {
    let body = json!({ "error": object(error, generation) });
    (error.kind.status(), body.to_string().into())
}

/// The last frame of a broken stream.
pub(super) fn stream_error(error: &Error) -> String {
    json!({ "error": object(error, None) }).to_string()
}

/// Google's word for an HTTP status. <https://cloud.google.com/apis/design/errors>
const fn status_word(status: u16) -> &'static str {
    match status {
        401 => "UNAUTHENTICATED",
        402 | 412 => "FAILED_PRECONDITION",
        403 => "PERMISSION_DENIED",
        404 => "NOT_FOUND",
        409 => "ABORTED",
        429 => "RESOURCE_EXHAUSTED",
        408 | 504 => "DEADLINE_EXCEEDED",
        502 | 503 => "UNAVAILABLE",
        500 => "INTERNAL",
        _ => "INVALID_ARGUMENT",
    }
}

fn object(error: &Error, generation: Option<&str>) -> Value {
    let status = error.kind.status();
    let message = if status == 500 {
        MASKED
    } else {
        &error.message
    };
    let mut details = vec![json!({
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": error.kind.error_type().to_ascii_uppercase(),
        "domain": "waybill",
        "metadata": facts(error, generation),
    })];
    let known = error.metadata.as_deref();
    if let Some(field) = known.and_then(|known| known.field.as_deref()) {
        details.push(json!({
            "@type": "type.googleapis.com/google.rpc.BadRequest",
            "fieldViolations": [{ "field": field, "description": message }],
        }));
    }
    if let Some(wait) = known.and_then(|known| known.retry_after) {
        let seconds = wait.as_millis().div_ceil(1000);
        details.push(json!({
            "@type": "type.googleapis.com/google.rpc.RetryInfo",
            "retryDelay": format!("{seconds}s"),
        }));
    }
    json!({
        "code": status,
        "message": message,
        "status": status_word(status),
        "details": details,
    })
}

/// Values here are texts.
fn facts(error: &Error, generation: Option<&str>) -> Map<String, Value> {
    let mut facts = Map::new();
    let mut add = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            facts.insert(name.to_owned(), Value::String(value));
        }
    };
    add("error_type", Some(error.kind.error_type().to_owned()));
    add("generation_id", generation.map(str::to_owned));
    if let Some(known) = &error.metadata {
        add("provider_name", known.provider_name.clone());
        if error.kind.status() != 500 {
            add("provider_code", known.provider_code.clone());
            add("raw", known.raw.clone());
            let status = known.upstream_status.map(|status| status.to_string());
            add("upstream_status", status);
        }
        if let Some(availability) = &known.availability {
            add("availability_code", Some(availability.code.to_owned()));
            let listed = |list: &[String]| Some(list.join(", ")).filter(|text| !text.is_empty());
            add("excluded_by", listed(&availability.excluded_by));
            add("fallback_models", listed(&availability.fallback_models));
        }
    }
    facts
}
