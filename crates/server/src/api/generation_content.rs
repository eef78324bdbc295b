//! `/generation/content`: what was asked and what was answered, where it was kept; and deleting it.

use std::sync::Arc;

use axum::extract::{Query, State};
use chat::{Error, Kind};
use http::StatusCode;
use ledger::generation::Content;
use ledger::{Generation, GenerationId};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use store::{ArchiveError, Erase, ObjectError};
use wire::content::{Said, input, said_in};

use crate::app::App;
use crate::caller::{Caller, Management};
use crate::content::{Document, Failure, Found};
use crate::reply::{self, Answer, storage_trouble};
use crate::time::{iso, read_utc};

/// What `GET /generation/content` must be asked.
#[derive(Debug, Deserialize)]
pub struct ContentQuery {
    id: Option<String>,
}

#[derive(Serialize)]
struct Envelope<T> {
    data: T,
}

/// The content in OpenRouter's form, and as it was.
#[derive(Serialize)]
struct View<'a> {
    input: Value,
    output: Output,
    error: Option<&'a Failure>,
    /// Ours: the bodies themselves.
    raw: Raw<'a>,
}

#[derive(Serialize)]
struct Output {
    completion: Option<String>,
    reasoning: Option<String>,
}

#[derive(Serialize)]
struct Raw<'a> {
    dialect: &'static str,
    created_at: String,
    request: Json<'a>,
    /// Of a stream the object that it folds into; null where there was no answer.
    answer: Option<Json<'a>>,
    is_folded: bool,
    is_whole: bool,
}

/// A body as JSON where it is JSON, else as text.
#[derive(Serialize)]
#[serde(untagged)]
enum Json<'a> {
    Body(&'a RawValue),
    Text(String),
}

impl<'a> Json<'a> {
    fn of(body: &'a [u8]) -> Self {
        match serde_json::from_slice(body) {
            Ok(json) => Self::Body(json),
            Err(_) => Self::Text(String::from_utf8_lossy(body).into_owned()),
        }
    }
}

/// Answers `GET /generation/content`. An inference key sees that of its own calls, if its workspace
/// allows that.
pub async fn get(
    State(app): State<Arc<App>>,
    caller: Caller,
    Query(query): Query<ContentQuery>,
) -> Answer {
    let id = wanted(query.id.as_deref())?;
    let record = record(&app, &caller, &id).await?;
    may_read(&app, &caller, &record)?;
    match record.noticed.content {
        Content::Off => return Err(nothing("it was not kept").into()),
        Content::Dropped => {
            return Err(nothing("it was too large, or there was no room for it").into());
        }
        Content::Kept => {}
    }
    let found = app.content.read(&id).await.map_err(trouble)?;
    let document = match found {
        Found::Here(document) => document,
        Found::NotYet => return Err(nothing("it is not written yet; ask again in a moment").into()),
        Found::Nothing => {
            return Err(nothing("it was deleted, is too old, or was lost with its node").into());
        }
    };
    let data = view(&document, &record);
    reply::json(StatusCode::OK, &Envelope { data })
}

fn wanted(id: Option<&str>) -> Result<GenerationId, Error> {
    let Some(id) = id.filter(|id| !id.is_empty()) else {
        let message = "The query parameter \"id\" is missing";
        return Err(Error::caller(Kind::InvalidRequest, message).with_field("id"));
    };
    Ok(GenerationId::from_text(id))
}

/// The record of a call that its asker may know of.
pub(super) async fn record(
    app: &App,
    caller: &Caller,
    id: &GenerationId,
) -> Result<Arc<Generation>, Error> {
    let key = &caller.facts.key;
    let found = app.recorder.get(id).await.map_err(storage_trouble)?;
    found
        .filter(|record| key.is_management || record.caller.workspace_id == key.workspace_id)
        .ok_or_else(|| Error::caller(Kind::NotFound, format!("Generation {id} not found")))
}

fn may_read(app: &App, caller: &Caller, record: &Generation) -> Result<(), Error> {
    let key = &caller.facts.key;
    if key.is_management {
        return Ok(());
    }
    let is_own = record.caller.key_hash == key.hash.as_str();
    if is_own && app.content.policy_of(&key.workspace_id).keys_may_read {
        return Ok(());
    }
    let message = "Only management keys may read content here; a workspace may allow its keys to read \
                   that of their own calls (io_logging_key_access)";
    Err(Error::caller(Kind::PermissionDenied, message))
}

fn nothing(why: &str) -> Error {
    let message = format!("There is no content of this generation: {why}");
    Error::caller(Kind::NotFound, message)
}

fn trouble(error: ArchiveError) -> Error {
    match error {
        ArchiveError::Store(error) => storage_trouble(error),
        ArchiveError::Object(ObjectError::Missing(_)) => {
            nothing("it lies in the directory of another replica, or was removed by hand")
        }
        other => storage_trouble(other),
    }
}

fn view<'a>(document: &'a Document, record: &Generation) -> View<'a> {
    let answer = &document.answer;
    let said = if document.is_folded {
        let folded = serde_json::from_slice(answer).unwrap_or_default();
        Said::of_folded(&folded)
    } else {
        said_in(document.dialect, answer)
    };
    View {
        input: input(document.dialect, &document.request),
        output: Output {
            completion: said.completion,
            reasoning: said.reasoning,
        },
        error: document.failure.as_ref(),
        raw: Raw {
            dialect: document.dialect.name(),
            created_at: iso(record.created_at_ms),
            request: Json::of(&document.request),
            answer: (!answer.is_empty()).then(|| Json::of(answer)),
            is_folded: document.is_folded,
            is_whole: document.is_whole,
        },
    }
}

// === Deleting ===

/// What `DELETE /generation/content` is asked: one call by `id`, or those of a workspace.
#[derive(Debug, Deserialize)]
pub struct EraseQuery {
    id: Option<String>,
    workspace_id: Option<String>,
    key_hash: Option<String>,
    from: Option<String>,
    to: Option<String>,
}

#[derive(Serialize)]
struct Erased {
    deleted: u64,
}

/// Answers `DELETE /generation/content`. What is deleted is unreadable when this has answered.
pub async fn delete(
    State(app): State<Arc<App>>,
    Management(caller): Management,
    Query(query): Query<EraseQuery>,
) -> Answer {
    let deleted = match (&query.id, &query.workspace_id) {
        (Some(id), None) => {
            let id = wanted(Some(id))?;
            record(&app, &caller, &id).await?;
            u64::from(app.content.erase(&id).await.map_err(storage_trouble)?)
        }
        (None, Some(workspace)) => {
            let found = app.store.workspaces().by_id_or_slug(workspace).await;
            let found = found.map_err(storage_trouble)?;
            let found =
                found.ok_or_else(|| Error::caller(Kind::NotFound, "Workspace not found"))?;
            let which = Erase {
                key_hash: query.key_hash,
                from_ms: moment("from", query.from.as_deref())?,
                to_ms: moment("to", query.to.as_deref())?,
            };
            let erased = app.content.erase_many(&found.id, &which).await;
            erased.map_err(storage_trouble)?
        }
        _ => {
            let message = "Name what is to be deleted: \"id\", or \"workspace_id\" and, to delete only a \
                           part, \"key_hash\", \"from\" and \"to\"";
            return Err(Error::caller(Kind::InvalidRequest, message).into());
        }
    };
    reply::json(
        StatusCode::OK,
        &Envelope {
            data: Erased { deleted },
        },
    )
}

fn moment(name: &'static str, text: Option<&str>) -> Result<Option<i64>, Error> {
    let read = text.filter(|text| !text.is_empty()).map(read_utc);
    read.transpose().map_err(|message| {
        Error::caller(Kind::InvalidRequest, format!("{name}: {message}")).with_field(name)
    })
}
