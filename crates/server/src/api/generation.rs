//! `GET /generation?id=`: the record of one call, readable as soon as its answer has ended.

use std::sync::Arc;

use axum::extract::{Query, State};
use chat::{Dialect, Error, Kind, ServiceTier, Unit};
use http::StatusCode;
use ledger::generation::{Content, TraceNote};
use ledger::quality::Sign;
use ledger::{Amount, Attempt, Bill, Generation, GenerationId, Outcome, UsageSource};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use store::KeyHash;

use crate::api::feedback::{self, FeedbackView};
use crate::api::generation_plan::{self, PlanView};
use crate::app::App;
use crate::caller::Caller;
use crate::money::usd;
use crate::reply::{self, Answer, storage_trouble};
use crate::time::iso;

/// What `GET /generation` must be asked.
#[derive(Debug, Deserialize)]
pub struct GenerationQuery {
    id: Option<String>,
}

#[derive(Serialize)]
struct Envelope<'a> {
    data: View<'a>,
}

/// The record in OpenRouter's form (section 19 of the digest), and what we know beyond it.
#[derive(Serialize)]
pub(crate) struct View<'a> {
    id: &'a str,
    request_id: Option<&'a str>,
    upstream_id: Option<&'a str>,
    session_id: Option<&'a str>,
    preset_id: Option<&'a str>,
    response_cache_source_id: Option<&'a str>,
    api_type: &'static str,
    model: &'a str,
    router: Option<&'a str>,
    provider_name: Option<&'a str>,
    service_tier: Option<&'a str>,
    data_region: &'static str,
    created_at: String,
    provider_responses: Vec<AttemptView<'a>>,
    streamed: bool,
    cancelled: bool,
    finish_reason: Option<&'static str>,
    native_finish_reason: Option<&'a str>,
    latency: u64,
    moderation_latency: Option<u64>,
    generation_time: Option<u64>,
    #[serde(flatten)]
    tokens: Tokens,
    #[serde(flatten)]
    media: Media,
    #[serde(flatten)]
    money: Money,
    external_user: Option<&'a str>,
    app_id: Option<i64>,
    http_referer: Option<&'a str>,
    origin: &'a str,
    user_agent: Option<&'a str>,
    workspace_id: &'a str,
    #[serde(flatten)]
    ours: Ours<'a>,
}

#[derive(Serialize)]
struct AttemptView<'a> {
    endpoint_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    model_permaslug: &'a str,
    provider_name: &'a str,
    status: Option<u16>,
    latency: u64,
    is_byok: bool,
    outcome: &'static str,
    error_type: Option<&'static str>,
    error_message: Option<&'a str>,
    may_be_billed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    credential: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    recovered_at_chars: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cost: Option<Box<RawValue>>,
}

#[derive(Serialize)]
struct Tokens {
    tokens_prompt: Option<u64>,
    tokens_completion: Option<u64>,
    native_tokens_prompt: Option<u64>,
    native_tokens_completion: Option<u64>,
    native_tokens_reasoning: Option<u64>,
    native_tokens_cached: Option<u64>,
    native_tokens_completion_images: Option<u64>,
}

/// Nothing of this is counted yet.
#[derive(Default, Serialize)]
struct Media {
    num_media_prompt: Option<u64>,
    num_media_completion: Option<u64>,
    num_input_audio_prompt: Option<u64>,
    num_search_results: Option<u64>,
    num_fetches: Option<u64>,
    web_search_engine: Option<&'static str>,
}

/// USD. A call whose price is unknown has no cost, and says why; it is never free.
#[derive(Serialize)]
struct Money {
    usage: Option<Box<RawValue>>,
    total_cost: Option<Box<RawValue>>,
    cache_discount: Option<Box<RawValue>>,
    upstream_inference_cost: Option<Box<RawValue>>,
    is_byok: bool,
    unpriced: Option<String>,
}

/// What OpenRouter's record does not have.
#[derive(Serialize)]
struct Ours<'a> {
    api_key_hash: &'a str,
    /// What the key is called now; null where there is none any more, or nobody was asked.
    api_key_name: Option<String>,
    requested_model: &'a str,
    provider: Option<&'a str>,
    endpoint: Option<&'a str>,
    app_title: Option<&'a str>,
    status: u16,
    error_type: Option<&'static str>,
    error_message: Option<&'a str>,
    time_to_first_token: Option<u64>,
    overhead_us: u64,
    /// What is remarkable about the answer.
    signs: Vec<&'static str>,
    usage_source: &'static str,
    /// Row of the settlement table.
    settlement: Option<&'a str>,
    is_fallback_price: bool,
    /// What the provider says that it charges, USD.
    reported_cost: Option<Box<RawValue>>,
    /// What we charge less that, USD, where the two are apart.
    cost_gap: Option<Box<RawValue>>,
    usage_units: Vec<UnitView>,
    dropped_parameters: &'a [String],
    plan: Option<PlanView>,
    /// What became of its content: `off`, `kept`, `dropped`, or `gone`.
    content: &'static str,
    /// Why the provider's cache was of less use than before; null where it was not.
    prefix_break: Option<&'a RawValue>,
    /// The earlier call of its session that it goes on with, as far as hashes of prompts show it.
    continues_generation_id: Option<&'a str>,
    /// Where its caller says that it stands among others.
    trace: Option<TraceView<'a>>,
    /// What people said of it; null where that cannot be read now.
    feedback: Option<Vec<FeedbackView>>,
}

#[derive(Serialize)]
struct TraceView<'a> {
    trace_id: Option<&'a str>,
    parent_span_id: Option<&'a str>,
    trace_name: Option<&'a str>,
    span_name: Option<&'a str>,
    generation_name: Option<&'a str>,
    metadata: Option<&'a RawValue>,
}

impl<'a> TraceView<'a> {
    fn of(trace: &'a TraceNote) -> Self {
        let metadata = trace.metadata.as_deref();
        Self {
            trace_id: trace.trace_id.as_deref(),
            parent_span_id: trace.parent_span_id.as_deref(),
            trace_name: trace.trace_name.as_deref(),
            span_name: trace.span_name.as_deref(),
            generation_name: trace.generation_name.as_deref(),
            metadata: metadata.and_then(|json| serde_json::from_str(json).ok()),
        }
    }
}

/// One bucket of usage, disjoint from the others, and the price it was charged at.
#[derive(Serialize)]
struct UnitView {
    unit: &'static str,
    count: u64,
    /// USD per unit.
    price: Option<Box<RawValue>>,
    /// USD, exact: the total alone is rounded.
    cost: Option<Box<RawValue>>,
}

/// Answers `GET /generation`. Inference keys see what their workspace has done.
pub async fn get(
    State(app): State<Arc<App>>,
    caller: Caller,
    Query(query): Query<GenerationQuery>,
) -> Answer {
    let Some(id) = query.id.filter(|id| !id.is_empty()) else {
        let message = "The query parameter \"id\" is missing";
        return Err(Error::caller(Kind::InvalidRequest, message)
            .with_field("id")
            .into());
    };
    let key = &caller.facts.key;
    let found = app
        .recorder
        .get(&GenerationId::from_text(id.as_str()))
        .await
        .map_err(storage_trouble)?
        .filter(|record| key.is_management || record.caller.workspace_id == key.workspace_id);
    let Some(record) = found else {
        let message = format!("Generation {id} not found");
        return Err(Error::caller(Kind::NotFound, message).into());
    };
    let mut data = named_view(&app, &record);
    data.ours.feedback = feedback::on(&app, &record.id).await;
    if record.noticed.content == Content::Kept {
        let is_there = app.content.holds(&record.id).await;
        if matches!(is_there, Ok(false)) {
            data.ours.content = GONE;
        }
    }
    reply::json(StatusCode::OK, &Envelope { data })
}

/// Said of content that was kept: deleted since, too old, or lost with its node.
const GONE: &str = "gone";

/// What kind of call it was, in the words of the reference.
const fn api_type(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::OpenaiEmbeddings => "embeddings",
        Dialect::Rerank => "rerank",
        _ => "completions",
    }
}

/// A record in that form, with the name of its key.
pub(crate) fn named_view<'a>(app: &App, record: &'a Generation) -> View<'a> {
    let mut view = view(record);
    let keyring = app.keyring.load();
    let facts = keyring.get(&KeyHash::from_text(view.ours.api_key_hash));
    view.ours.api_key_name = facts.map(|facts| facts.key.name.clone());
    view
}

/// A record in that form.
fn view(record: &Generation) -> View<'_> {
    let caller = &record.caller;
    let served = record.attempts.len().checked_sub(1);
    let attempts = record.attempts.iter().enumerate().map(|(index, attempt)| {
        let id = record
            .upstream_id
            .as_deref()
            .filter(|_| Some(index) == served);
        attempt_view(attempt, id)
    });
    View {
        id: record.id.as_str(),
        request_id: None,
        upstream_id: record.upstream_id.as_deref(),
        session_id: caller.session_id.as_deref(),
        preset_id: None,
        response_cache_source_id: source(record).map(GenerationId::as_str),
        api_type: api_type(record.dialect),
        model: if record.model.is_empty() {
            &record.requested_model
        } else {
            &record.model
        },
        router: None,
        provider_name: record.provider_name.as_deref(),
        service_tier: record.usage.service_tier.map(ServiceTier::name),
        data_region: "global",
        created_at: iso(record.created_at_ms),
        provider_responses: attempts.collect(),
        streamed: record.streamed,
        cancelled: record.is_cancelled(),
        finish_reason: record.finish.as_ref().map(|finish| finish.reason.name()),
        native_finish_reason: record
            .finish
            .as_ref()
            .and_then(|finish| finish.native.as_deref()),
        latency: record.total_ms,
        moderation_latency: None,
        generation_time: record
            .first_token_ms
            .map(|first| record.total_ms.saturating_sub(first)),
        tokens: tokens(record),
        media: Media::default(),
        money: money(record),
        external_user: caller.external_user.as_deref(),
        app_id: None,
        http_referer: caller.http_referer.as_deref(),
        origin: caller.http_referer.as_deref().unwrap_or_default(),
        user_agent: caller.user_agent.as_deref(),
        workspace_id: &caller.workspace_id,
        ours: ours(record),
    }
}

/// The call whose answer was told again.
fn source(record: &Generation) -> Option<&GenerationId> {
    record.settled.response_cache_source_id.as_ref()
}

fn attempt_view<'a>(attempt: &'a Attempt, id: Option<&'a str>) -> AttemptView<'a> {
    let (outcome, error_type, error_message) = outcome(&attempt.outcome);
    AttemptView {
        endpoint_id: &attempt.endpoint,
        id,
        model_permaslug: &attempt.model,
        provider_name: &attempt.provider_name,
        status: attempt.status,
        latency: attempt.latency_ms,
        is_byok: attempt.is_byok,
        outcome,
        error_type,
        error_message,
        may_be_billed: attempt.may_be_billed,
        credential: attempt.credential.as_deref(),
        recovered_at_chars: attempt.recovered_at_chars,
        rule: attempt.share.as_ref().map(|share| share.rule.as_ref()),
        cost: attempt.share.as_ref().and_then(|share| {
            let bill = share.charge.as_ref().ok()?;
            Some(usd(bill.total))
        }),
    }
}

fn outcome(outcome: &Outcome) -> (&'static str, Option<&'static str>, Option<&str>) {
    match outcome {
        Outcome::Completed => ("completed", None, None),
        Outcome::Cancelled => ("cancelled", None, None),
        Outcome::Failed { kind, message } => ("failed", Some(kind.error_type()), Some(message)),
    }
}

fn tokens(record: &Generation) -> Tokens {
    let usage = &record.usage;
    let is_counted = record.usage_source != UsageSource::Nothing && !usage.is_empty();
    // Nothing was counted there, and that is known.
    let is_told_again = source(record).is_some();
    let is_native = is_counted
        && matches!(
            record.usage_source,
            UsageSource::Provider | UsageSource::Drained
        );
    let native = |count: Option<u64>| count.filter(|_| is_native);
    Tokens {
        tokens_prompt: (is_counted || is_told_again).then(|| usage.prompt_tokens()),
        tokens_completion: (is_counted || is_told_again).then(|| usage.completion_tokens()),
        native_tokens_prompt: native(Some(usage.prompt_tokens())),
        native_tokens_completion: native(Some(usage.completion_tokens())),
        native_tokens_reasoning: native(usage.get(Unit::Reasoning)),
        native_tokens_cached: native(usage.get(Unit::CacheRead)),
        native_tokens_completion_images: native(usage.get(Unit::OutputImage)),
    }
}

fn money(record: &Generation) -> Money {
    let bill: Option<&Bill> = record.charge.as_ref().ok();
    let is_byok = record.settled.is_byok;
    let owed = bill.map(|bill| if is_byok { Amount::ZERO } else { bill.total });
    Money {
        usage: owed.map(usd),
        total_cost: owed.map(usd),
        cache_discount: cache_discount(record).map(usd),
        upstream_inference_cost: bill.filter(|_| is_byok).map(|bill| usd(bill.total)),
        is_byok,
        unpriced: record.charge.as_ref().err().map(ToString::to_string),
    }
}

/// What the provider's prompt cache saved; less than zero where it was written to.
fn cache_discount(record: &Generation) -> Option<Amount> {
    let bill = record.charge.as_ref().ok()?;
    bill.cache_discount(record.price_sheet.as_ref()?)
}

fn ours(record: &Generation) -> Ours<'_> {
    let (_, error_type, error_message) = outcome(&record.outcome);
    let lines = record.charge.as_ref().map_or(&[][..], |bill| &bill.lines);
    let units = record.usage.iter().map(|(unit, count)| {
        let line = lines.iter().find(|line| line.unit == unit);
        let json = |text: String| RawValue::from_string(text).ok();
        UnitView {
            unit: unit.name(),
            count,
            price: line.and_then(|line| json(line.price.to_usd_per_unit())),
            cost: line.and_then(|line| json(line.cost().to_usd())),
        }
    });
    let gap = record.settled.cost_gap;
    let reported = record.usage.native_cost_nanos;
    Ours {
        api_key_hash: &record.caller.key_hash,
        api_key_name: None,
        requested_model: &record.requested_model,
        provider: record.provider.as_deref(),
        endpoint: record.endpoint.as_deref(),
        app_title: record.caller.app_title.as_deref(),
        status: record.status,
        error_type,
        error_message,
        time_to_first_token: record.first_token_ms,
        overhead_us: record.overhead_us,
        signs: Sign::of(record).map(Sign::name).collect(),
        usage_source: record.usage_source.name(),
        settlement: record.settled.rule.as_deref(),
        is_fallback_price: record.settled.is_fallback_price,
        reported_cost: reported.map(|nanos| usd(Amount::from_nanos(nanos))),
        cost_gap: gap.and_then(|gap| RawValue::from_string(gap.to_usd()).ok()),
        usage_units: units.collect(),
        dropped_parameters: &record.dropped,
        plan: record.plan.as_deref().and_then(generation_plan::view),
        content: record.noticed.content.name(),
        prefix_break: record
            .noticed
            .prefix_break
            .as_ref()
            .and_then(|broken| serde_json::from_str(&broken.said).ok()),
        continues_generation_id: record.noticed.continues.as_ref().map(GenerationId::as_str),
        trace: record.caller.trace.as_deref().map(TraceView::of),
        feedback: None,
    }
}
