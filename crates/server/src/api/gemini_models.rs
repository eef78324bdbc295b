//! `GET /v1beta/models`: the models that can be asked here, in Google's shape.

use std::sync::Arc;

use axum::extract::State;
use catalog::Model;
use chat::Modality;
use http::StatusCode;
use serde::Serialize;

use super::models::listing::{Scope, context, endpoints, listing};
use super::models::query::Query;
use crate::app::App;
use crate::reply::{self, Answer};

/// What can be asked of a model that answers conversations.
const METHODS: &[&str] = &["generateContent", "streamGenerateContent", "countTokens"];

#[derive(Serialize)]
struct Page {
    models: Vec<Listed>,
}

/// One model. <https://ai.google.dev/api/models#Model> (2026)
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Listed {
    name: String,
    base_model_id: String,
    display_name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    input_token_limit: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_token_limit: Option<u64>,
    supported_generation_methods: &'static [&'static str],
}

/// Answers `GET /v1beta/models`: all of them on one page.
pub async fn list(State(app): State<Arc<App>>) -> Answer {
    let now = app.clock.now_ms().div_euclid(1000);
    let catalog = app.catalog.load();
    let models = listing(&catalog, Scope::UsableIfAny, &Query::default(), now);
    let chats = models
        .iter()
        .filter(|model| model.output.contains(Modality::Text));
    let models = chats.map(|model| listed(model)).collect();
    reply::json(StatusCode::OK, &Page { models })
}

/// One model in this shape.
pub fn listed(model: &Model) -> Listed {
    let endpoints = endpoints(model);
    let output = endpoints.iter().filter_map(|one| one.max_completion_tokens);
    Listed {
        name: format!("models/{}", model.slug),
        base_model_id: model.slug.as_str().to_owned(),
        display_name: model.name.to_string(),
        input_token_limit: context(model, &endpoints),
        output_token_limit: output.max(),
        supported_generation_methods: METHODS,
    }
}
