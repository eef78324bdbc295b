//! `GET /healthz` (alive) and `GET /readyz` (ready to serve, or why not).

use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;
use serde::Serialize;

use crate::app::App;
use crate::reply::{self, Answer};

#[derive(Serialize)]
struct Health<'a> {
    status: &'static str,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    reasons: &'a [String],
    /// What is not as it should be though calls are served.
    #[serde(skip_serializing_if = "<[&str]>::is_empty")]
    notices: &'a [&'static str],
}

/// Answers `GET /healthz`: this process answers.
pub async fn alive() -> Answer {
    let health = Health {
        status: "ok",
        reasons: &[],
        notices: &[],
    };
    reply::json(StatusCode::OK, &health)
}

/// Answers `GET /readyz`: 503 with the reasons while calls should go elsewhere.
pub async fn ready(State(app): State<Arc<App>>) -> Answer {
    let mut reasons = Vec::new();
    if app.stop.is_cancelled() {
        reasons.push("this server is stopping".to_owned());
    }
    if !app.keyring.load().is_loaded() {
        reasons.push("the keys have not been read yet".to_owned());
    }
    if let Err(error) = app.store.check().await {
        tracing::warn!(%error, "not ready");
        reasons.push("the database does not answer".to_owned());
    }
    let mut notices = Vec::new();
    if app.gate.is_on_its_own(app.clock.now_ms()) {
        notices.push("valkey does not answer; this replica holds its own share of the rate limits");
    }
    let (status, word) = if reasons.is_empty() {
        (StatusCode::OK, "ready")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "not ready")
    };
    let health = Health {
        status: word,
        reasons: &reasons,
        notices: &notices,
    };
    reply::json(status, &health)
}
