//! What a caller may know about a failure beyond its message, as JSON: the same in every envelope.
//!
//! Source: sections 7.4 and 7.5 of our digest of OpenRouter's API.

use chat::Error;
use chat::error::{Availability, Metadata};
use serde_json::{Map, Value, json};

/// Where each availability code is explained.
const DOCS_URL: &str = "https://github.com/waybill/waybill/blob/main/docs/errors.md";

/// The facts of `metadata`, and the availability object where nothing could serve the call. What a
/// provider said is left out where the error is our own.
pub(crate) fn facts(error: &Error) -> (Map<String, Value>, Option<Value>) {
    let mut facts = Map::new();
    let Some(known) = &error.metadata else {
        return (facts, None);
    };
    let is_masked = error.kind.status() == 500;
    add_metadata(&mut facts, known, is_masked);
    let availability = known
        .availability
        .as_ref()
        .map(|availability| self::availability(availability, known));
    (facts, availability)
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
