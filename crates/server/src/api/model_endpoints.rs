//! `GET /models/{author}/{slug}/endpoints`: who serves a model, at what price; and
//! `GET /endpoints/zdr`: all endpoints that keep nothing of what they are sent.

use std::sync::Arc;

use axum::extract::{Path, State};
use catalog::Endpoint;
use http::StatusCode;
use serde_json::{Value, json};

use super::model::find;
use super::models::json;
use super::models::listing::{self, Scope};
use super::models::query::Query;
use crate::app::App;
use crate::reply::{self, Answer};

/// Answers `GET /models/{author}/{slug}/endpoints`.
pub async fn list(
    State(app): State<Arc<App>>,
    Path((author, slug)): Path<(String, String)>,
) -> Answer {
    let catalog = app.catalog.load();
    let model = find(&catalog, &author, &slug)?;
    let now_ms = app.clock.now_ms();
    let seen = |endpoint: &Endpoint| app.relay.health().published(&endpoint.id, now_ms);
    reply::json(
        StatusCode::OK,
        &json!({"data": json::model_endpoints(model, &seen)}),
    )
}

/// Answers `GET /endpoints/zdr`: those of the models that are listed.
pub async fn zdr(State(app): State<Arc<App>>) -> Answer {
    let catalog = app.catalog.load();
    let mut query = Query::default();
    query.filter.output = None;
    let now_ms = app.clock.now_ms();
    let now = now_ms.div_euclid(1000);
    let endpoints: Vec<Value> = listing::listing(&catalog, Scope::UsableIfAny, &query, now)
        .into_iter()
        .flat_map(|model| {
            let endpoints = listing::endpoints(model).into_iter();
            let kept = endpoints.filter(|endpoint| listing::is_zdr(endpoint));
            kept.map(|endpoint| {
                let seen = app.relay.health().published(&endpoint.id, now_ms);
                json::endpoint(model, endpoint, seen)
            })
        })
        .collect();
    reply::json(StatusCode::OK, &json!({"data": endpoints}))
}
