//! `GET /providers`: who serves models, whether usable here or not.

use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;
use serde_json::{Value, json};

use super::models::json;
use crate::app::App;
use crate::reply::{self, Answer};

/// Answers `GET /providers`.
pub async fn list(State(app): State<Arc<App>>) -> Answer {
    let catalog = app.catalog.load();
    let providers: Vec<Value> = catalog.providers().map(|one| json::provider(one)).collect();
    reply::json(StatusCode::OK, &json!({"data": providers}))
}
