//! `GET /credits`: what the house was granted and has spent.

use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::app::App;
use crate::caller::Management;
use crate::money::usd;
use crate::reply::{self, Answer, storage_trouble};

#[derive(Serialize)]
struct Envelope {
    data: View,
}

#[derive(Serialize)]
struct View {
    total_credits: Box<RawValue>,
    total_usage: Box<RawValue>,
}

/// Answers `GET /credits`. The balance is the difference; with metered billing nobody looks at it.
pub async fn get(State(app): State<Arc<App>>, _caller: Management) -> Answer {
    let credits = app.store.credits(None).await.map_err(storage_trouble)?;
    let data = View {
        total_credits: usd(credits.total_credits),
        total_usage: usd(credits.total_usage),
    };
    reply::json(StatusCode::OK, &Envelope { data })
}
