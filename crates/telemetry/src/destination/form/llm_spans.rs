//! Datadog's intake of spans of language models, as its HTTP API has it.
//!
//! Source: <https://docs.datadoghq.com/llm_observability/instrumentation/api/>, 2026.

use serde::Serialize;
use serde_json::{Map, Value as Json, json};

use crate::call::Told;
use crate::content::plain_messages;
use crate::destination::kind::Kind;
use crate::destination::settings::Settings;
use crate::span::{Span, SpanKind, Status, Value};

/// What stands for no parent.
const NO_PARENT: &str = "undefined";

#[derive(Serialize)]
struct Written<'a> {
    trace_id: String,
    span_id: String,
    parent_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    session_id: Option<&'a str>,
    name: &'a str,
    start_ns: u64,
    duration: u64,
    status: &'static str,
    meta: Meta<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metrics: Option<Json>,
    tags: Vec<String>,
}

#[derive(Serialize)]
struct Meta<'a> {
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    model_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    model_provider: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    input: Option<Messages>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output: Option<Messages>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Failure<'a>>,
}

#[derive(Serialize)]
struct Messages {
    messages: Vec<Json>,
}

#[derive(Serialize)]
struct Failure<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    message: &'a str,
}

/// Calls as one request.
pub(in crate::destination) fn request(
    kind: &Kind,
    settings: &Settings,
    calls: &[(Told, String)],
) -> Json {
    let app = settings.meaning(kind, "mlApp").unwrap_or_default();
    let spans: Vec<Json> = calls.iter().flat_map(|(told, _)| spans(told)).collect();
    json!({"data": {"type": "span", "attributes": {
        "ml_app": app,
        "tags": [format!("service:{app}")],
        "spans": spans,
    }}})
}

fn spans(told: &Told) -> Vec<Json> {
    let spans = told.spans();
    spans.iter().map(|one| span(told, one)).collect()
}

fn span(told: &Told, span: &Span) -> Json {
    let is_call = span.kind == SpanKind::Server;
    let parent = span.parent.map(|parent| parent.to_string());
    let written = Written {
        trace_id: span.trace.to_string(),
        span_id: span.id.to_string(),
        parent_id: parent.unwrap_or_else(|| NO_PARENT.to_owned()),
        session_id: told.generation.caller.session_id.as_deref(),
        name: &span.name,
        start_ns: span.start_ns,
        duration: span.end_ns.saturating_sub(span.start_ns),
        status: match span.status {
            Status::Error(_) => "error",
            Status::Unset => "ok",
        },
        meta: about(told, span),
        metrics: is_call.then(|| metrics(told)),
        tags: tags(span),
    };
    // Nothing in it can fail to be written.
    serde_json::to_value(written).unwrap_or_default()
}

fn about<'a>(told: &Told, span: &'a Span) -> Meta<'a> {
    let is_call = span.kind == SpanKind::Server;
    let text = |name: &str| match span.attributes.get(name) {
        Some(Value::Text(text)) => Some(text.as_str()),
        _ => None,
    };
    let content = told.content.as_ref().filter(|_| is_call);
    let messages = |json: &str| Messages {
        messages: plain_messages(json),
    };
    Meta {
        kind: if is_call { "llm" } else { "task" },
        model_name: text("gen_ai.request.model"),
        model_provider: text("gen_ai.provider.name"),
        input: content.map(|content| messages(content.input())),
        output: content.map(|content| messages(content.output())),
        error: match &span.status {
            Status::Error(kind) => Some(Failure {
                kind,
                message: kind,
            }),
            Status::Unset => None,
        },
    }
}

fn tags(span: &Span) -> Vec<String> {
    let named = [("user.id", "user_id"), ("waybill.endpoint", "endpoint")];
    let tags = named
        .iter()
        .filter_map(|(attribute, tag)| match span.attributes.get(attribute) {
            Some(Value::Text(text)) => Some(format!("{tag}:{text}")),
            _ => None,
        });
    tags.collect()
}

/// Numbers of the call; a cost is told in dollars, where it is told.
fn metrics(told: &Told) -> Json {
    let usage = &told.generation.usage;
    let mut metrics = Map::new();
    let (input, output) = (usage.prompt_tokens(), usage.completion_tokens());
    if !usage.is_empty() {
        metrics.insert("input_tokens".to_owned(), input.into());
        metrics.insert("output_tokens".to_owned(), output.into());
        let total = input.saturating_add(output);
        metrics.insert("total_tokens".to_owned(), total.into());
    }
    if let Ok(bill) = &told.generation.charge {
        let usd = ledger::decimal::format(i128::from(bill.total.nanos()), 9);
        // A number of others, for whom money is a float.
        if let Ok(usd) = usd.parse::<f64>() {
            metrics.insert("total_cost".to_owned(), usd.into());
        }
    }
    metrics.into()
}
