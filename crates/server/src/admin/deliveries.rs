//! What became of the calls of a destination, on this server: ours, beside the reference's API.

use std::sync::Arc;

use axum::extract::{Path, State};
use chat::{Error, Kind};
use http::StatusCode;
use serde::Serialize;

use super::destinations::find;
use crate::app::App;
use crate::broadcast::deliver;
use crate::caller::Management;
use crate::reply::{self, Answer};
use crate::time::iso;

#[derive(Serialize)]
struct Envelope<T> {
    data: T,
}

#[derive(Serialize)]
struct Tested {
    ok: bool,
    error: Option<String>,
}

#[derive(Serialize)]
struct View {
    delivered: u64,
    failed: u64,
    dropped: u64,
    waiting: usize,
    waiting_bytes: usize,
    parked_bytes: u64,
    last_attempt_at: Option<String>,
    last_error: Option<String>,
    dead_letters: Vec<Dead>,
}

#[derive(Serialize)]
struct Dead {
    generation_id: String,
    given_up_at: String,
    attempts: u32,
    reason: String,
}

#[derive(Serialize)]
struct Revived {
    revived: usize,
}

/// Answers `POST /observability/destinations/{id}/test`: whether the destination takes nothing at all,
/// which is what it is sent.
pub async fn test(
    State(app): State<Arc<App>>,
    _caller: Management,
    Path(id): Path<String>,
) -> Answer {
    let destination = find(&app, &id).await?;
    let kind = app.broadcast.kinds.get(&destination.kind);
    let kind = kind.ok_or_else(|| Error::caller(Kind::NotFound, "Its type is not known"))?;
    let settings = destination.open(&app.vault).map_err(|error| {
        Error::gateway(Kind::Server, "its settings cannot be opened").with_detail(error.to_string())
    })?;
    let now_ms = app.clock.now_ms();
    let sent = deliver::send(&app.broadcast, (kind, &settings), &[], now_ms).await;
    let data = Tested {
        ok: sent.is_ok(),
        error: sent.err().map(|refusal| refusal.why),
    };
    reply::json(StatusCode::OK, &Envelope { data })
}

/// Answers `GET /observability/destinations/{id}/deliveries`.
pub async fn list(
    State(app): State<Arc<App>>,
    _caller: Management,
    Path(id): Path<String>,
) -> Answer {
    let destination = find(&app, &id).await?;
    let spool = app.broadcast.spool(&destination.id);
    let figures = spool.figures();
    let (at_ms, error) = spool.last().unzip();
    let dead = spool.dead().into_iter().map(|dead| Dead {
        generation_id: dead.waiting.told.generation.id.to_string(),
        given_up_at: iso(dead.verdict.at_ms),
        attempts: dead.verdict.tries,
        reason: dead.verdict.why,
    });
    let data = View {
        delivered: figures.delivered,
        failed: figures.failed,
        dropped: figures.dropped,
        waiting: figures.waiting,
        waiting_bytes: figures.waiting_bytes,
        parked_bytes: figures.parked_bytes,
        last_attempt_at: at_ms.map(iso),
        last_error: error.flatten(),
        dead_letters: dead.collect(),
    };
    reply::json(StatusCode::OK, &Envelope { data })
}

/// Answers `POST /observability/destinations/{id}/deliveries/retry`: everything that was given up is
/// sent again.
pub async fn retry(
    State(app): State<Arc<App>>,
    _caller: Management,
    Path(id): Path<String>,
) -> Answer {
    let destination = find(&app, &id).await?;
    let live = app.broadcast.of(&destination.workspace_id);
    let live = live.into_iter().find(|live| live.destination.id == id);
    let live =
        live.ok_or_else(|| Error::caller(Kind::Conflict, "The destination is not enabled"))?;
    let revived = deliver::revive(&app, live).await;
    let data = Revived { revived };
    reply::json(StatusCode::OK, &Envelope { data })
}
