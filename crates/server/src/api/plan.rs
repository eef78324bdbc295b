//! `POST /plan`: explains a routing decision without making the call.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use bytes::Bytes;
use catalog::order::{CostRange, cost_range};
use catalog::{Attempt, Plan};
use chat::{Dialect, Error, Kind, Needs};
use http::{HeaderMap, StatusCode};
use relay::Skip;
use serde::Deserialize;
use serde_json::{Value, json};
use wire::Beside;

use crate::api::new_call::{Spoken, read_call};
use crate::app::App;
use crate::body;
use crate::caller::Caller;
use crate::reply::{self, Answer};

/// What the query may say.
#[derive(Debug, Default, Deserialize)]
pub struct Asked {
    dialect: Option<String>,
    model: Option<String>,
}

/// Answers `POST /plan`. The body is that of any inference path; `?dialect=` says of which, when it
/// is not plain from the body, and `?model=` what stands in the path of Google's.
pub async fn explain(
    State(app): State<Arc<App>>,
    caller: Caller,
    headers: HeaderMap,
    asked: Result<Query<Asked>, QueryRejection>,
    body: Body,
) -> Answer {
    let body = body::read(&headers, body, app.body_bytes_max, app.request_body).await?;
    let Query(asked) = asked.map_err(|error| {
        Error::caller(Kind::InvalidRequest, error.body_text()).with_field("query")
    })?;
    let spoken = spoken(&asked, &headers, &body)?;
    let call = read_call(&app, (body, spoken), &caller, &headers)?;
    let planned = app.relay.plan(&call)?;
    let reckoned = Reckoned {
        needs: &call.request.needs,
        output: planned.expected_output_tokens,
        now_ms: call.created_at_ms,
    };
    let mut shown = shown(&planned.plan, &reckoned);
    let attempts = planned.plan.attempts.iter();
    let outlook = attempts.map(|attempt| {
        let endpoint = &attempt.endpoint;
        let skip = app.relay.skip(&call, endpoint);
        (app.relay.dropped(&call, endpoint), skip.map(Skip::name))
    });
    if let Some(list) = shown["attempts"].as_array_mut() {
        for (attempt, (dropped, skip)) in list.iter_mut().zip(outlook) {
            attempt["dropped"] = json!(dropped);
            attempt["passed_over"] = json!(skip);
        }
    }
    shown["input"] = serde_json::from_str(&planned.input).map_err(|error| {
        Error::gateway(Kind::Server, "the plan cannot be written").with_detail(error.to_string())
    })?;
    reply::json(StatusCode::OK, &json!({ "data": shown }))
}

/// How a body is spoken: its dialect is what the query says, else what its fields and headers
/// suggest; Google's callers name the model in the path, which is here the query or the body.
fn spoken(asked: &Asked, headers: &HeaderMap, body: &Bytes) -> Result<Spoken, Error> {
    let fields: Value = serde_json::from_slice(body).unwrap_or_default();
    let dialect = match &asked.dialect {
        Some(name) => name.parse::<Dialect>().map_err(|error| {
            Error::caller(Kind::InvalidRequest, error.to_string()).with_field("dialect")
        })?,
        None if headers.contains_key("anthropic-version") => Dialect::AnthropicMessages,
        None => guess(&fields),
    };
    let mut beside = Beside::default();
    if dialect == Dialect::Gemini {
        let named = asked.model.as_deref().or_else(|| fields["model"].as_str());
        let model = named.map(|name| name.strip_prefix("models/").unwrap_or(name));
        beside.model = model.map(str::to_owned);
        if beside.model.is_none() {
            let message =
                "model: required: Google's paths name it; say it as ?model= or in the body";
            return Err(Error::caller(Kind::InvalidRequest, message).with_field("model"));
        }
    }
    Ok(Spoken::new(dialect, beside))
}

/// In which dialect a body is, as its fields suggest.
#[must_use]
pub(crate) fn guess(fields: &Value) -> Dialect {
    let has = |name: &str| fields.get(name).is_some();
    let guessed = if has("contents") {
        Dialect::Gemini
    } else if has("input") && !has("messages") && is_embedding(fields) {
        Dialect::OpenaiEmbeddings
    } else if has("input") && !has("messages") {
        Dialect::OpenaiResponses
    } else if has("documents") && has("query") {
        Dialect::Rerank
    } else if has("prompt") && !has("messages") {
        Dialect::OpenaiCompletions
    } else {
        Dialect::OpenaiChat
    };
    match wire::door(guessed) {
        Some(_) => guessed,
        None => Dialect::OpenaiChat,
    }
}

/// Whether an `input` is of embeddings: items of a conversation are objects, and its other fields are
/// others. One text alone may be either, and is taken for a conversation.
fn is_embedding(fields: &Value) -> bool {
    let elements = fields["input"].as_array();
    let first = elements.and_then(|elements| elements.first());
    let is_listed = first.is_some_and(|first| !first.is_object());
    let own = ["encoding_format", "dimensions", "input_type"];
    is_listed || own.iter().any(|name| fields.get(name).is_some())
}

/// What costs are reckoned from.
pub(crate) struct Reckoned<'a> {
    /// What the call needs.
    pub(crate) needs: &'a Needs,
    /// Tokens of answer, where earlier answers have taught that.
    pub(crate) output: Option<u64>,
    /// Unix milliseconds.
    pub(crate) now_ms: i64,
}

impl Reckoned<'_> {
    /// Between which amounts an attempt would cost.
    pub(crate) fn cost(&self, attempt: &Attempt) -> CostRange {
        cost_range(&attempt.endpoint, self.needs, (self.output, self.now_ms))
    }
}

/// A plan in public words: whom to ask in which order and why, and why not the others.
#[must_use]
pub(crate) fn shown(plan: &Plan, reckoned: &Reckoned<'_>) -> Value {
    let attempts: Vec<Value> = plan.attempts.iter().map(|a| attempt(a, reckoned)).collect();
    let excluded: Vec<Value> = plan
        .excluded
        .iter()
        .map(|out| {
            json!({
                "model": out.endpoint.model.as_str(),
                "endpoint": out.endpoint.tag,
                "provider": out.endpoint.provider.slug.as_str(),
                "excluded_by": out.filter.name(),
                "reason": out.filter.to_string(),
            })
        })
        .collect();
    json!({ "mode": plan.mode.name(), "attempts": attempts, "excluded": excluded })
}

fn attempt(attempt: &Attempt, reckoned: &Reckoned<'_>) -> Value {
    // As text: a tree of JSON has no exact decimals.
    let usd = |amount: Option<ledger::Amount>| amount.map(|amount| amount.to_usd());
    let (endpoint, rank) = (&attempt.endpoint, &attempt.rank);
    let range = reckoned.cost(attempt);
    let reasons: Vec<&str> = rank.reasons.iter().map(|reason| reason.name()).collect();
    json!({
        "model": attempt.model.slug.as_str(),
        "endpoint": endpoint.tag,
        "provider": endpoint.provider.slug.as_str(),
        "provider_name": endpoint.provider.name,
        "upstream_model": endpoint.upstream_model,
        "dialect": attempt.dialect.name(),
        "expected_cost": usd(rank.expected_cost),
        "expected_cost_range": { "least": usd(range.least), "most": usd(range.most) },
        "cached_tokens": rank.cached_tokens,
        "is_cooling_down": rank.standing() >= catalog::Standing::Limited,
        "position_in_order": rank.named,
        "reasons": reasons,
        "scores": {
            "standing": rank.standing().name(),
            "first_choice_probability": rank.chance_permille.map(|p| f64::from(p) / 1000.0),
            "latency_p50_ms": rank.vital.first_token_ms.map(|ms| ms.p50),
            "throughput_p50": rank.vital.speed.map(|speed| f64::from(speed.p50) / 10.0),
            "tools": rank.tools.map(catalog::order::ToolTier::name),
            "meets_cutoffs": rank.meets_cutoffs,
            "is_sticky": rank.is_sticky,
        },
    })
}
