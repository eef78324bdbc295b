//! A finished call as a trace: one span for the call, one below it for each attempt.
//!
//! Names are those of OpenTelemetry's semantic conventions for generative AI (version 1.37, in
//! development), and ours below `waybill.`. Usage stands on the call alone, so that whoever adds up
//! spans counts nothing twice.

use std::sync::Arc;

use chat::{Dialect, Unit, Usage};
use ledger::trace::{SpanId, TraceId, TraceParent};
use ledger::{Attempt, Generation, Outcome};

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
}

impl Told {
    /// The trace that it is part of.
    #[must_use]
    pub fn trace(&self) -> TraceId {
        let parent = self.parent.as_ref().map(|parent| parent.trace);
        parent.unwrap_or_else(|| TraceId::of(&self.generation.id))
    }

    /// The span of the call, then those of its attempts.
    #[must_use]
    pub fn spans(&self) -> Vec<Span> {
        let generation = &*self.generation;
        let start_ms = u64::try_from(generation.created_at_ms).unwrap_or(0);
        let end_ms = start_ms.saturating_add(generation.total_ms);
        let trace = self.trace();
        let call = Span {
            trace,
            id: SpanId::of_call(&generation.id),
            parent: self.parent.as_ref().map(|parent| parent.span),
            state: self.state(),
            name: name(generation),
            kind: SpanKind::Server,
            start_ns: nanos(start_ms),
            end_ns: nanos(end_ms),
            attributes: of_call(generation),
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
