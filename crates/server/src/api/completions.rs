//! `POST /completions`: the door where `openai-completions` is spoken.

use std::sync::Arc;

use axum::extract::{Request, State};
use chat::Dialect;
use wire::Beside;

use super::inference::answer;
use super::new_call::Spoken;
use crate::app::App;
use crate::reply::Answer;

/// Answers `POST /completions`.
pub async fn create(State(app): State<Arc<App>>, request: Request) -> Answer {
    let spoken = Spoken::new(Dialect::OpenaiCompletions, Beside::default());
    answer(&app, request, spoken).await
}
