//! `GET /providers`: who serves models, whether usable here or not.

use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;
use serde_json::{Value, json};

use super::models::{json, listing};
use crate::app::App;
use crate::reply::{self, Answer};

/// Answers `GET /providers`.
pub async fn list(State(app): State<Arc<App>>) -> Answer {
    let catalog = app.catalog.load();
    let usable = listing::usable_providers(&catalog);
    let providers: Vec<Value> = catalog
        .providers()
        .map(|provider| json::provider(provider, &usable))
        .collect();
    reply::json(StatusCode::OK, &json!({"data": providers}))
}
