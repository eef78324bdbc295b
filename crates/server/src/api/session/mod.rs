//! `GET /sessions/{id}`: one agent run, its calls in order and as a tree, and what they cost. Not in
//! OpenRouter's API. `list`: all of them, in pages. `summary`: what the calls of one add up to.

pub mod list;
mod summary;
mod tree;

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use chat::{Error, Kind};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use store::{Dimension, FacetFilter, ListQuery, PAGE_MAX, SessionKey};

use self::summary::Summary;
use self::tree::{Place, tree};
use crate::api::generation::{View, named_view};
use crate::api::generations::{cursor, read_cursor, settled_first};
use crate::app::App;
use crate::caller::Caller;
use crate::reply::{self, Answer, storage_trouble};

/// What may be asked.
#[derive(Debug, Deserialize)]
pub struct Asked {
    workspace_id: Option<String>,
    cursor: Option<String>,
}

#[derive(Serialize)]
struct Envelope<'a> {
    data: Session<'a>,
}

/// The sums of all of its calls, and the calls.
#[derive(Serialize)]
struct Session<'a> {
    #[serde(flatten)]
    sums: Summary<'a>,
    /// Oldest first; the newest thousand, or those before the cursor.
    generations: Vec<View<'a>>,
    /// The same calls as a tree; what hangs under a call that is not among them stands at the top.
    tree: Vec<Place<'a>>,
    /// For the calls before these; null when these are the first.
    previous_cursor: Option<String>,
}

/// Answers `GET /sessions/{id}`. Inference keys see the sessions of their workspace.
pub async fn get(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
    Query(asked): Query<Asked>,
) -> Answer {
    let key = &caller.facts.key;
    settled_first(&app).await;
    let workspace_id = if key.is_management {
        match asked.workspace_id {
            Some(workspace_id) => Some(workspace_id),
            None => newest_workspace(&app, &id).await?,
        }
    } else {
        Some(key.workspace_id.clone())
    };
    let Some(workspace_id) = workspace_id else {
        return Err(unknown(&id).into());
    };
    let before = match asked.cursor.as_deref() {
        None => None,
        Some(text) => Some(read_cursor(text)?),
    };
    let session = SessionKey {
        workspace_id,
        session_id: id,
    };
    let sums = app.store.session(&session).await.map_err(storage_trouble)?;
    let Some(sums) = sums else {
        return Err(unknown(&session.session_id).into());
    };
    let page = app
        .store
        .list(&query(&session, before))
        .await
        .map_err(storage_trouble)?;
    let data = Session {
        sums: Summary::of(&session, &sums),
        generations: page
            .records
            .iter()
            .rev()
            .map(|record| named_view(&app, record))
            .collect(),
        tree: tree(page.records.iter().rev()),
        previous_cursor: page.next.map(cursor),
    };
    reply::json(StatusCode::OK, &Envelope { data })
}

fn query(session: &SessionKey, before: Option<i64>) -> ListQuery {
    let workspace = vec![session.workspace_id.clone()];
    ListQuery {
        filter: FacetFilter::default().one_of(Dimension::Workspace, workspace),
        session_id: Some(session.session_id.clone()),
        before,
        count: PAGE_MAX,
        ..ListQuery::default()
    }
}

/// The workspace that has used a session's id last.
async fn newest_workspace(app: &App, session_id: &str) -> Result<Option<String>, Error> {
    let query = ListQuery {
        session_id: Some(session_id.to_owned()),
        count: 1,
        ..ListQuery::default()
    };
    let page = app.store.list(&query).await.map_err(storage_trouble)?;
    let newest = page.records.into_iter().next();
    Ok(newest.map(|record| record.caller.workspace_id))
}

fn unknown(id: &str) -> Error {
    Error::caller(Kind::NotFound, format!("Session {id} not found"))
}
