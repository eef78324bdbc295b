//! Where a caller says that its call stands among others: the `trace` object, else `traceparent`.

use http::HeaderMap;
use ledger::generation::{TRACE_TEXT_MAX, TraceNote};
use ledger::trace::TraceParent;
use serde_json::{Map, Value};

/// The longest of what else is said, as JSON, bytes; longer than that it is left out.
const METADATA_BYTES_MAX: usize = 4096;

/// Reads it; `None` where nothing is said.
pub(super) fn read(trace: Option<&Value>, headers: &HeaderMap) -> Option<TraceNote> {
    let mut note = trace
        .and_then(Value::as_object)
        .map(of_object)
        .unwrap_or_default();
    // What stands in the body is about this call; a header may be of whoever carried it.
    if note.trace_id.is_none() && note.parent_span_id.is_none() {
        let header = headers
            .get("traceparent")
            .and_then(|text| text.to_str().ok());
        if let Some(parent) = header.and_then(|text| TraceParent::read(text, None)) {
            note.trace_id = Some(parent.trace.to_string());
            note.parent_span_id = Some(parent.span.to_string());
        }
    }
    (note != TraceNote::default()).then_some(note)
}

fn of_object(trace: &Map<String, Value>) -> TraceNote {
    let mut rest = trace.clone();
    let mut text = |name: &str| {
        let Some(Value::String(text)) = rest.remove(name) else {
            return None;
        };
        let text: String = text.trim().chars().take(TRACE_TEXT_MAX).collect();
        (!text.is_empty()).then_some(text)
    };
    let note = TraceNote {
        trace_id: text("trace_id"),
        parent_span_id: text("parent_span_id"),
        trace_name: text("trace_name"),
        span_name: text("span_name"),
        generation_name: text("generation_name"),
        metadata: None,
    };
    let metadata = (!rest.is_empty()).then(|| Value::Object(rest).to_string());
    TraceNote {
        metadata: metadata
            .filter(|json| json.len() <= METADATA_BYTES_MAX)
            .map(Into::into),
        ..note
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use serde_json::json;

    use super::*;

    const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn the_body_is_asked_first_and_then_the_header() {
        let mut headers = HeaderMap::new();
        assert_eq!(read(None, &headers), None);
        assert_eq!(read(Some(&json!({"trace_id": " "})), &headers), None);
        headers.insert("traceparent", HeaderValue::from_static(PARENT));
        let note = read(None, &headers).unwrap();
        assert_eq!(note.parent_span_id.as_deref(), Some("00f067aa0ba902b7"));
        let own = json!({"trace_id": "run-1", "generation_name": "plan", "team": {"a": 1}});
        let note = read(Some(&own), &headers).unwrap();
        assert_eq!(note.trace_id.as_deref(), Some("run-1"));
        assert_eq!(note.parent_span_id, None);
        assert_eq!(note.generation_name.as_deref(), Some("plan"));
        assert_eq!(note.metadata.as_deref(), Some("{\"team\":{\"a\":1}}"));
        let named = read(Some(&json!({"span_name": "look"})), &headers).unwrap();
        assert_eq!(
            named.trace_id.as_deref(),
            Some("4bf92f3577b34da6a3ce929d0e0e4736")
        );
        assert_eq!(named.span_name.as_deref(), Some("look"));
    }

    #[test]
    fn what_is_too_long_is_cut_or_left_out() {
        let long = json!({"trace_id": "x".repeat(500), "more": "y".repeat(5000)});
        let note = read(Some(&long), &HeaderMap::new()).unwrap();
        assert_eq!(note.trace_id.unwrap().len(), TRACE_TEXT_MAX);
        assert_eq!(note.metadata, None);
    }
}
