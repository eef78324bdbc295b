//! A finished call as a trace: one span for the call, one below it for each attempt.
//!
//! Names are those of OpenTelemetry's semantic conventions for generative AI (version 1.37, in
//! development), and ours below `waybill.`. Usage stands on the call alone, so that whoever adds up
//! spans counts nothing twice.

use std::sync::Arc;

use chat::{Dialect, Unit, Usage};
use ledger::generation::TraceNote;
use ledger::trace::{SpanId, TraceId, TraceParent};
use ledger::{Attempt, Generation, Outcome};
use serde_json::{Map, Value as Json};

use crate::content::Conversation;
use crate::span::{Attributes, Span, SpanKind, Status, Value};

const NANOS_PER_MILLI: u64 = 1_000_000;

/// A finished call on its way out.
#[derive(Debug, Clone)]
pub struct Told {
    /// Its record.
    pub generation: Arc<Generation>,
    /// The trace that its caller said it belongs to.
    pub parent: Option<TraceParent>,
    /// What was asked and answered, for those who are to be told.
    pub content: Option<Arc<Conversation>>,
    /// Whether its caller's `trace` object says where it stands and what it is called: so it does for
    /// destinations of its workspace. A collector of the house goes by `traceparent` alone, of which
    /// providers were told as well.
    pub heeds_note: bool,
}

impl Told {
    /// The trace that it is part of.
    #[must_use]
    pub fn trace(&self) -> TraceId {
        self.place().0
    }

    /// The trace that it is part of, and within which span of somebody else's.
    fn place(&self) -> (TraceId, Option<SpanId>) {
        let own = || TraceId::of(&self.generation.id);
        if let Some(note) = self.note() {
            let trace = note.trace_id.as_deref().map(TraceId::of_words);
            let parent = note.parent_span_id.as_deref().map(SpanId::of_words);
            return (trace.unwrap_or_else(own), parent);
        }
        match &self.parent {
            Some(parent) => (parent.trace, Some(parent.span)),
            None => (own(), None),
        }
    }

    fn note(&self) -> Option<&TraceNote> {
        let note = self.generation.caller.trace.as_deref();
        note.filter(|_| self.heeds_note)
    }

    /// The span of the call, then those of its attempts.
    #[must_use]
    pub fn spans(&self) -> Vec<Span> {
        let generation = &*self.generation;
        let start_ms = u64::try_from(generation.created_at_ms).unwrap_or(0);
        let end_ms = start_ms.saturating_add(generation.total_ms);
        let (trace, parent) = self.place();
        let call = Span {
            trace,
            id: SpanId::of_call(&generation.id),
            parent,
            state: self.state(),
            name: self.name(),
            kind: SpanKind::Server,
            start_ns: nanos(start_ms),
            end_ns: nanos(end_ms),
            attributes: noted(of_call(generation), self.note()),
            status: status(&generation.outcome),
        };
        let ids = SpanId::of_attempts(&generation.id, &generation.attempts);
        let attempts = generation.attempts.iter().zip(ids).map(|(attempt, id)| {
            let start_ms = start_ms.saturating_add(attempt.started_ms);
            // Until its answer began, but for the one that served: that went on to the end.
            let end_ms = match attempt.outcome {
                Outcome::Completed => end_ms,
                Outcome::Cancelled | Outcome::Failed { .. } => {
                    start_ms.saturating_add(attempt.latency_ms)
                }
            };
            Span {
                trace,
                id,
                parent: Some(call.id),
                state: self.state(),
                name: format!("{} {}", operation(generation.dialect), attempt.model),
                kind: SpanKind::Client,
                start_ns: nanos(start_ms),
                end_ns: nanos(end_ms),
                attributes: of_attempt(generation, attempt),
                status: status(&attempt.outcome),
            }
        });
        let attempts: Vec<Span> = attempts.collect();
        std::iter::once(call).chain(attempts).collect()
    }

    /// As its caller calls it, where that is heeded.
    fn name(&self) -> String {
        let own = self.note().and_then(|note| note.generation_name.clone());
        own.unwrap_or_else(|| name(&self.generation))
    }

    fn state(&self) -> Option<String> {
        self.parent.as_ref()?.state.clone()
    }
}

/// What is done, in the words of the conventions.
#[must_use]
pub const fn operation(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::OpenaiChat
        | Dialect::OpenaiResponses
        | Dialect::AnthropicMessages
        | Dialect::BedrockConverse
        | Dialect::AzureOpenai
        | Dialect::Cohere => "chat",
        Dialect::Gemini | Dialect::Vertex => "generate_content",
        Dialect::OpenaiCompletions => "text_completion",
        Dialect::OpenaiEmbeddings => "embeddings",
        Dialect::Rerank => "rerank",
    }
}

/// The model that served; where none did, that there was none: what a caller wrote is no name, for
/// names are to be few.
fn name(generation: &Generation) -> String {
    let operation = operation(generation.dialect);
    match generation.model.as_str() {
        "" => operation.to_owned(),
        model => format!("{operation} {model}"),
    }
}

fn of_call(generation: &Generation) -> Attributes {
    let caller = &generation.caller;
    let cost = generation.charge.as_ref().ok().map(|bill| bill.total);
    let attributes = Attributes::default()
        .text("gen_ai.operation.name", operation(generation.dialect))
        .maybe_text("gen_ai.provider.name", generation.provider.as_deref())
        .text("gen_ai.request.model", generation.requested_model.as_str())
        .maybe_text("gen_ai.response.model", Some(&generation.model))
        .text("gen_ai.response.id", generation.id.as_str())
        .maybe_text("gen_ai.conversation.id", caller.session_id.as_deref())
        .maybe_text("session.id", caller.session_id.as_deref())
        .maybe_text("user.id", caller.external_user.as_deref())
        .count("http.response.status_code", u64::from(generation.status))
        .with("waybill.streamed", Value::Flag(generation.streamed))
        .text("waybill.dialect", generation.dialect.name())
        .text("waybill.outcome", outcome(&generation.outcome))
        .maybe_text("waybill.endpoint", generation.endpoint.as_deref())
        .maybe_text("waybill.upstream.id", generation.upstream_id.as_deref())
        .maybe_text("waybill.workspace.id", Some(&caller.workspace_id))
        .maybe_text("waybill.key.hash", Some(&caller.key_hash))
        .maybe_text("waybill.app", caller.app_title.as_deref())
        .maybe_text("waybill.referer", caller.http_referer.as_deref())
        .maybe_text("user_agent.original", caller.user_agent.as_deref())
        .count("waybill.overhead_us", generation.overhead_us)
        .maybe_int("waybill.cost_nanodollars", cost.map(|cost| cost.nanos()));
    let attributes = match generation.first_token_ms {
        #[expect(
            clippy::cast_precision_loss,
            clippy::as_conversions,
            reason = "a time of 2^53 milliseconds is no time"
        )]
        Some(ms) => attributes.with(
            "gen_ai.response.time_to_first_chunk",
            Value::Float(ms as f64 / 1000.0),
        ),
        None => attributes,
    };
    let attributes = counted(attributes, &generation.usage);
    let attributes = match &generation.finish {
        Some(finish) => {
            let reasons = vec![finish.reason.name().to_owned()];
            attributes.with("gen_ai.response.finish_reasons", Value::Texts(reasons))
        }
        None => attributes,
    };
    let attributes = match generation.dropped.as_slice() {
        [] => attributes,
        dropped => attributes.with("waybill.dropped", Value::Texts(dropped.to_vec())),
    };
    failed(attributes, &generation.outcome)
}

/// What its caller says of the trace besides where the call stands in it.
fn noted(attributes: Attributes, note: Option<&TraceNote>) -> Attributes {
    let Some(note) = note else { return attributes };
    let attributes = attributes
        .maybe_text("trace.name", note.trace_name.as_deref())
        .maybe_text("trace.span_name", note.span_name.as_deref());
    let metadata = note
        .metadata
        .as_deref()
        .map(serde_json::from_str::<Map<String, Json>>);
    let metadata = metadata.and_then(Result::ok).unwrap_or_default();
    metadata
        .into_iter()
        .fold(attributes, |attributes, (key, value)| {
            let text = match value {
                Json::String(text) => text,
                other => other.to_string(),
            };
            attributes.text(format!("trace.metadata.{key}"), text)
        })
}

fn counted(attributes: Attributes, usage: &Usage) -> Attributes {
    if usage.is_empty() {
        return attributes;
    }
    let written = usage
        .count(Unit::CacheWrite)
        .saturating_add(usage.count(Unit::CacheWrite1h));
    attributes
        .count("gen_ai.usage.input_tokens", usage.prompt_tokens())
        .count("gen_ai.usage.output_tokens", usage.completion_tokens())
        .count(
            "gen_ai.usage.cache_read.input_tokens",
            usage.count(Unit::CacheRead),
        )
        .count("gen_ai.usage.cache_creation.input_tokens", written)
        .count(
            "waybill.usage.reasoning_tokens",
            usage.count(Unit::Reasoning),
        )
}

fn of_attempt(generation: &Generation, attempt: &Attempt) -> Attributes {
    let attributes = Attributes::default()
        .text("gen_ai.operation.name", operation(generation.dialect))
        .text("gen_ai.provider.name", attempt.provider.as_str())
        .text("gen_ai.request.model", attempt.model.as_str())
        .text("waybill.endpoint", attempt.endpoint.as_str())
        .maybe_text("waybill.credential", attempt.credential.as_deref())
        .text("waybill.outcome", outcome(&attempt.outcome))
        .count("waybill.latency_ms", attempt.latency_ms)
        .maybe_int("http.response.status_code", attempt.status.map(i64::from));
    failed(attributes, &attempt.outcome)
}

fn failed(attributes: Attributes, outcome: &Outcome) -> Attributes {
    match outcome {
        Outcome::Failed { kind, .. } => attributes.text("error.type", kind.name()),
        Outcome::Completed | Outcome::Cancelled => attributes,
    }
}

const fn outcome(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Completed => "completed",
        Outcome::Cancelled => "cancelled",
        Outcome::Failed { .. } => "failed",
    }
}

fn status(outcome: &Outcome) -> Status {
    match outcome {
        // What happened is a word of ours; a message may repeat what a provider wrote.
        Outcome::Failed { kind, .. } => Status::Error(kind.name().to_owned()),
        Outcome::Completed | Outcome::Cancelled => Status::Unset,
    }
}

const fn nanos(ms: u64) -> u64 {
    ms.saturating_mul(NANOS_PER_MILLI)
}
