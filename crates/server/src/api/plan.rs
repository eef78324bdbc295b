//! `POST /plan`: explains a routing decision without making the call.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use catalog::Plan;
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

use crate::api::inference::read_call;
use crate::app::App;
use crate::body;
use crate::caller::Caller;
use crate::reply::{self, Answer};

/// Answers `POST /plan`. The body is that of `POST /chat/completions`.
pub async fn explain(
    State(app): State<Arc<App>>,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let body = body::read(&headers, body, app.body_bytes_max, app.request_body).await?;
    let call = read_call(body, &caller, &headers, app.clock.now_ms())?;
    let plan = app.relay.plan(&call)?;
    reply::json(StatusCode::OK, &json!({ "data": shown(&plan) }))
}

/// A plan in public words: whom to ask in which order, and why not the others.
#[must_use]
pub fn shown(plan: &Plan) -> Value {
    let attempts: Vec<Value> = plan
        .attempts
        .iter()
        .map(|attempt| {
            // As text: a tree of JSON has no exact decimals.
            let cost = attempt.rank.expected_cost.map(|cost| cost.to_usd());
            json!({
                "model": attempt.model.slug.as_str(),
                "endpoint": attempt.endpoint.tag,
                "provider": attempt.endpoint.provider.slug.as_str(),
                "provider_name": attempt.endpoint.provider.name,
                "upstream_model": attempt.endpoint.upstream_model,
                "dialect": attempt.dialect.name(),
                "expected_cost": cost,
                "is_cooling_down": attempt.rank.standing() >= catalog::Standing::Limited,
                "position_in_order": attempt.rank.named,
            })
        })
        .collect();
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
    json!({ "attempts": attempts, "excluded": excluded })
}
