//! `ExportTraceServiceRequest` in JSON, as OTLP has it: ids in hexadecimal, numbers of 64 bits as
//! text, fields in lower camel case.

use serde_json::{Value as Json, json};

use super::{Teller, traces};
use crate::span::{Attributes, Span, Status, Value};

/// Status code `ERROR`.
const ERROR: u64 = 2;

/// All spans as one request, of one resource and one scope.
#[must_use]
pub fn request(teller: &Teller, spans: &[Span]) -> Json {
    json!({
        "resourceSpans": [{
            "resource": { "attributes": attributes(&teller.resource) },
            "scopeSpans": [{
                "scope": { "name": teller.scope, "version": teller.version },
                "spans": spans.iter().map(span).collect::<Vec<_>>(),
            }],
        }],
    })
}

/// A request without spans: for asking whether anybody is there.
#[must_use]
pub fn empty() -> Json {
    json!({ "resourceSpans": [] })
}

fn span(span: &Span) -> Json {
    let mut written = json!({
        "traceId": span.trace.to_string(),
        "spanId": span.id.to_string(),
        "name": span.name,
        "kind": traces::kind(span.kind),
        "startTimeUnixNano": span.start_ns.to_string(),
        "endTimeUnixNano": span.end_ns.to_string(),
        "attributes": attributes(&span.attributes),
        "status": status(&span.status),
    });
    if let Some(parent) = span.parent {
        written["parentSpanId"] = parent.to_string().into();
    }
    if let Some(state) = &span.state {
        written["traceState"] = state.as_str().into();
    }
    written
}

fn status(status: &Status) -> Json {
    match status {
        Status::Unset => json!({}),
        Status::Error(what) => json!({ "code": ERROR, "message": what }),
    }
}

fn attributes(attributes: &Attributes) -> Json {
    let pairs = attributes.0.iter();
    pairs
        .map(|(name, value)| json!({ "key": name, "value": any(value) }))
        .collect()
}

fn any(value: &Value) -> Json {
    match value {
        Value::Text(text) => json!({ "stringValue": text }),
        Value::Flag(flag) => json!({ "boolValue": flag }),
        Value::Int(number) => json!({ "intValue": number.to_string() }),
        Value::Float(number) => json!({ "doubleValue": number }),
        Value::Texts(texts) => {
            let texts = texts.iter().map(|text| json!({ "stringValue": text }));
            json!({ "arrayValue": { "values": texts.collect::<Vec<_>>() } })
        }
    }
}
