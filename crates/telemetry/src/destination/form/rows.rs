//! Warehouses: a row for each span, its columns in capitals.

use serde_json::{Value as Json, json};

use crate::span::{Attributes, Span, SpanKind, Value};

/// The attributes that have columns of their own.
const INPUT: &str = "gen_ai.input.messages";
const OUTPUT: &str = "gen_ai.output.messages";

/// Rows as lines of JSON.
pub(in crate::destination) fn lines(spans: &[Span]) -> String {
    spans
        .iter()
        .map(|span| row(span).to_string() + "\n")
        .collect()
}

/// A span as a row of a warehouse.
pub(super) fn row(span: &Span) -> Json {
    let of = |name: &str| match span.attributes.get(name) {
        Some(Value::Text(text)) => Json::from(text.as_str()),
        Some(Value::Int(number)) => Json::from(*number),
        Some(Value::Texts(texts)) => texts.first().cloned().into(),
        Some(Value::Float(number)) => Json::from(*number),
        Some(Value::Flag(flag)) => Json::from(*flag),
        None => Json::Null,
    };
    let is_call = span.kind == SpanKind::Server;
    let duration_ms = span.end_ns.saturating_sub(span.start_ns) / 1_000_000;
    let mut row = json!({
        "TRACE_ID": span.trace.to_string(),
        "SPAN_ID": span.id.to_string(),
        "TIMESTAMP": span.start_ns / 1_000_000,
        "MODEL": of("gen_ai.request.model"),
        "PROVIDER_NAME": of("gen_ai.provider.name"),
        "USER_ID": of("user.id"),
        "SESSION_ID": of("session.id"),
        "API_KEY_NAME": of("waybill.key.name"),
        "STATUS": if of("error.type").is_null() { "ok" } else { "error" },
        "SPAN_TYPE": if is_call { "GENERATION" } else { "SPAN" },
        "FINISH_REASON": of("gen_ai.response.finish_reasons"),
        "DURATION_MS": duration_ms,
        "PROMPT_TOKENS": of("gen_ai.usage.input_tokens"),
        "COMPLETION_TOKENS": of("gen_ai.usage.output_tokens"),
        "ATTRIBUTES": attributes(&span.attributes),
    });
    // Left out where there is none, for tables that have no such columns.
    for (column, name) in [("INPUT", INPUT), ("OUTPUT", OUTPUT)] {
        let text = of(name);
        if !text.is_null() {
            row[column] = text;
        }
    }
    row
}

/// All attributes without a column of their own, as the text of one object.
fn attributes(attributes: &Attributes) -> String {
    let rest = attributes.0.iter();
    let rest = rest.filter(|(name, _)| name != INPUT && name != OUTPUT);
    let pairs = rest.map(|(name, value)| {
        let value = match value {
            Value::Text(text) => Json::from(text.as_str()),
            Value::Int(number) => Json::from(*number),
            Value::Float(number) => Json::from(*number),
            Value::Flag(flag) => Json::from(*flag),
            Value::Texts(texts) => Json::from(texts.clone()),
        };
        (name.to_string(), value)
    });
    Json::Object(pairs.collect()).to_string()
}
