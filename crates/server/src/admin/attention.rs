//! `GET /observability/attention`: endpoints that do not answer as they used to. For management keys.

use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;
use serde::Serialize;

use crate::app::App;
use crate::caller::Management;
use crate::quality::Drift;
use crate::reply::{self, Answer};

#[derive(Serialize)]
struct Page {
    data: Vec<View>,
}

#[derive(Serialize)]
struct View {
    endpoint: String,
    what: &'static str,
    recent: u64,
    before: u64,
    recent_answers: usize,
    before_answers: usize,
}

impl From<Drift> for View {
    fn from(drift: Drift) -> Self {
        Self {
            endpoint: drift.endpoint,
            what: drift.what,
            recent: drift.recent,
            before: drift.before,
            recent_answers: drift.answers.0,
            before_answers: drift.answers.1,
        }
    }
}

/// Answers what has drifted, as this server has seen it.
pub async fn list(State(app): State<Arc<App>>, _caller: Management) -> Answer {
    let drifts = app.metrics.quality.drifts().into_iter();
    let data = drifts.map(View::from).collect();
    reply::json(StatusCode::OK, &Page { data })
}
