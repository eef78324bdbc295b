//! `POST /embeddings`: the door where `openai-embeddings` is spoken.

use std::sync::Arc;

use axum::extract::{Request, State};
use chat::Dialect;
use wire::Beside;

use super::inference::answer;
use super::new_call::Spoken;
use crate::app::App;
use crate::reply::Answer;

/// Answers `POST /embeddings`.
pub async fn create(State(app): State<Arc<App>>, request: Request) -> Answer {
    let spoken = Spoken::new(Dialect::OpenaiEmbeddings, Beside::default());
    answer(&app, request, spoken).await
}
