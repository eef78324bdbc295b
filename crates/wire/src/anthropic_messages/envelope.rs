//! An error as callers of this dialect see it: the JSON envelope, and the event in a broken stream.
//!
//! Source: section 7.6 of our digest of OpenRouter's API. The status is that of the kind; the `type`
//! is one of Anthropic's words, and `error_type` the exact one.

use bytes::Bytes;
use chat::{Error, Kind};
use serde_json::{Map, Value, json};

use crate::error::facts;

/// What is said instead of the truth when the truth is our own bug.
const MASKED: &str = "internal server error";

/// Anthropic's word for a kind of error.
const fn type_of(kind: Kind) -> &'static str {
    match kind {
        Kind::Authentication => "authentication_error",
        Kind::PermissionDenied => "permission_error",
        Kind::PaymentRequired => "billing_error",
        Kind::NotFound | Kind::NoEndpoints => "not_found_error",
        Kind::RateLimitExceeded => "rate_limit_error",
        Kind::ProviderOverloaded => "overloaded_error",
        Kind::Timeout | Kind::RequestTimeout => "timeout_error",
        Kind::PayloadTooLarge
        | Kind::ContextLengthExceeded
        | Kind::MaxTokensExceeded
        | Kind::StringTooLong
        | Kind::InvalidRequest
        | Kind::InvalidPrompt
        | Kind::ModelNotFound
        | Kind::WrongEndpoint
        | Kind::ContentPolicyViolation
        | Kind::Refusal
        | Kind::InvalidImage
        | Kind::MethodNotAllowed
        | Kind::Conflict
        | Kind::PreconditionFailed
        | Kind::Unprocessable => "invalid_request_error",
        Kind::Server | Kind::ProviderUnavailable | Kind::GatewayUnavailable | Kind::Unmapped => {
            "api_error"
        }
    }
}

/// Writes an error as the caller sees it: status and JSON envelope.
pub(super) fn write_error(error: &Error, generation: Option<&str>) -> (u16, Bytes) {
    let body = envelope(error, generation);
    (error.kind.status(), body.to_string().into())
}

/// The frame that ends a broken stream.
pub(super) fn error_frame(error: &Error, generation: &str) -> String {
    let envelope = envelope(error, Some(generation));
    format!("event: error\ndata: {envelope}\n\n")
}

fn envelope(error: &Error, generation: Option<&str>) -> Value {
    let is_masked = error.kind.status() == 500;
    let message = if is_masked { MASKED } else { &error.message };
    let mut object = Map::new();
    object.insert("type".to_owned(), json!(type_of(error.kind)));
    object.insert("message".to_owned(), json!(message));
    object.insert("error_type".to_owned(), json!(error.kind.error_type()));
    let (metadata, availability) = facts(error);
    if let Some(availability) = availability {
        object.insert("availability".to_owned(), availability);
    }
    let mut envelope = Map::new();
    envelope.insert("type".to_owned(), json!("error"));
    envelope.insert("error".to_owned(), Value::Object(object));
    envelope.insert("request_id".to_owned(), json!(generation));
    if !metadata.is_empty() {
        envelope.insert("metadata".to_owned(), Value::Object(metadata));
    }
    Value::Object(envelope)
}
