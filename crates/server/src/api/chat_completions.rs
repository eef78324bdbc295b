//! `POST /chat/completions`: the door where `openai-chat` is spoken.

use std::sync::Arc;

use axum::extract::{Request, State};
use chat::Dialect;
use wire::Beside;

use super::inference::answer;
use super::new_call::Spoken;
use crate::app::App;
use crate::reply::Answer;

/// Answers `POST /chat/completions`.
pub async fn create(State(app): State<Arc<App>>, request: Request) -> Answer {
    let spoken = Spoken::new(Dialect::OpenaiChat, Beside::default());
    answer(&app, request, spoken).await
}
