//! `GET /observability/endpoints`: how each endpoint that was called does just now. For management keys.

use std::sync::Arc;

use axum::extract::{Query, State};
use catalog::health::{Hour, Published};
use catalog::{Catalog, EndpointId};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::api::models::json::percentiles;
use crate::app::App;
use crate::caller::Management;
use crate::reply::{self, Answer};
use crate::time::iso;

/// What may be asked.
#[derive(Debug, Deserialize)]
pub struct Asked {
    model: Option<String>,
    #[serde(default)]
    hours: bool,
}

/// Answers every endpoint that this server has heard of, itself or by other replicas: those that are
/// left for last first, then by id.
pub async fn list(
    State(app): State<Arc<App>>,
    _caller: Management,
    Query(asked): Query<Asked>,
) -> Answer {
    let catalog = app.catalog.load();
    let (health, now_ms) = (app.relay.health(), app.clock.now_ms());
    let is_asked_for = |id: &EndpointId| {
        let model = asked.model.as_deref();
        model.is_none_or(|model| parts(id).0 == model)
    };
    let mut seen: Vec<(EndpointId, Published)> = health
        .endpoints()
        .into_iter()
        .filter(is_asked_for)
        .filter_map(|id| health.published(&id, now_ms).map(|seen| (id, seen)))
        .collect();
    seen.sort_by(|(id, seen), (other_id, other)| {
        let worst_first = other.standing.cmp(&seen.standing);
        worst_first.then_with(|| id.cmp(other_id))
    });
    let view = |(id, seen): &(EndpointId, Published)| {
        let mut view = view(&catalog, id, seen);
        if asked.hours {
            let hours = health.hours(id, now_ms);
            view["hours"] = hours.iter().map(hour).collect();
        }
        view
    };
    let data: Vec<Value> = seen.iter().map(view).collect();
    reply::json(StatusCode::OK, &json!({"data": data}))
}

/// The model's slug, and the tag.
fn parts(id: &EndpointId) -> (&str, &str) {
    id.as_str().rsplit_once('@').unwrap_or((id.as_str(), ""))
}

fn hour(hour: &Hour) -> Value {
    json!({
        "start": iso(hour.start_ms),
        "served": hour.served,
        "failed": hour.failed,
        "limited": hour.limited,
    })
}

fn view(catalog: &Catalog, id: &EndpointId, seen: &Published) -> Value {
    let (model, tag) = parts(id);
    let slug = tag.split('/').next().unwrap_or(tag);
    let provider = catalog.provider(slug);
    json!({
        "endpoint": id.as_str(),
        "model": model,
        "tag": tag,
        "provider": slug,
        "provider_name": provider.map_or(slug, |provider| &provider.name),
        "standing": seen.standing.name(),
        "cooling_until": seen.cools_until_ms.map(iso),
        "last_heard_at": seen.heard_ms.map(iso),
        "uptime_last_5m": seen.uptime_last_5m,
        "uptime_last_30m": seen.uptime_last_30m,
        "uptime_last_1d": seen.uptime_last_1d,
        "latency_last_30m": percentiles(seen.latency_last_30m, 1.0),
        "throughput_last_30m": percentiles(seen.throughput_last_30m, 10.0),
        "tool_success_last_1d": seen.tools_valid_last_1d,
        "cache_hit_last_30m": seen.cached_last_30m,
        "rate_limited_last_30m": seen.limited_last_30m,
    })
}
