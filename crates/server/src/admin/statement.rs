//! `GET /ledger/statement`: what was spent, by day and model. For management keys; not in OpenRouter's API.

use std::sync::Arc;

use axum::extract::{Query, State};
use axum::response::IntoResponse as _;
use http::StatusCode;
use http::header::CONTENT_TYPE;
use serde::Deserialize;
use store::{KeyHash, Scope};

use super::desk::invalid;
use crate::app::App;
use crate::caller::Management;
use crate::reply::{self, Answer, storage_trouble};
use crate::statement;
use crate::time::{day_after, read_date};

/// What may be asked.
#[derive(Debug, Deserialize)]
pub struct Asked {
    from: Option<String>,
    to: Option<String>,
    workspace_id: Option<String>,
    key_hash: Option<String>,
    format: Option<String>,
}

/// Answers `GET /ledger/statement`. Both days are in it.
pub async fn get(
    State(app): State<Arc<App>>,
    _caller: Management,
    Query(asked): Query<Asked>,
) -> Answer {
    let day = |field: &str, text: &Option<String>| {
        let read = |text: &String| read_date(text).map_err(|message| invalid(field, message));
        text.as_ref().map(read).transpose()
    };
    let from_ms = day("from", &asked.from)?.unwrap_or(0);
    let to_ms = day("to", &asked.to)?.map_or(i64::MAX, day_after);
    let scope = match (asked.key_hash, asked.workspace_id) {
        (Some(_), Some(_)) => {
            let message = "give a key or a workspace, not both";
            return Err(invalid("key_hash", message).into());
        }
        (Some(hash), None) => Scope::Key(KeyHash::from_text(hash)),
        (None, Some(id)) => Scope::Workspace(id),
        (None, None) => Scope::House,
    };
    let is_csv = match asked.format.as_deref() {
        None | Some("json") => false,
        Some("csv") => true,
        Some(other) => {
            let message = format!("\"{other}\" is neither \"csv\" nor \"json\"");
            return Err(invalid("format", message).into());
        }
    };
    let rows = app.store.statement(&scope, from_ms, to_ms).await;
    let rows = rows.map_err(storage_trouble)?;
    if is_csv {
        let headers = [(CONTENT_TYPE, "text/csv; charset=utf-8")];
        return Ok((StatusCode::OK, headers, statement::csv(&rows)).into_response());
    }
    reply::json(StatusCode::OK, &statement::whole(&rows))
}
