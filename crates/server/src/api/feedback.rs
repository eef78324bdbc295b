//! `/generation/feedback`: what people say of single answers.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Query, State};
use chat::{Error, Kind};
use http::{HeaderMap, StatusCode};
use ledger::GenerationId;
use serde::{Deserialize, Serialize};
use store::Feedback;

use super::generation_content::record;
use crate::admin::desk::{invalid, read_body};
use crate::app::App;
use crate::caller::Management;
use crate::reply::{self, Answer, storage_trouble};
use crate::time::{iso, read_utc};

/// What feedback may be about. Source: `POST /generation/feedback` of the reference.
const CATEGORIES: [&str; 7] = [
    "latency",
    "incoherence",
    "incorrect_response",
    "formatting",
    "billing",
    "api_error",
    "other",
];

/// The longest comment, characters.
const COMMENT_MAX: usize = 1000;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Given {
    generation_id: String,
    category: String,
    #[serde(default)]
    comment: Option<String>,
}

#[derive(Serialize)]
struct Envelope<T> {
    data: T,
}

#[derive(Serialize)]
struct Taken {
    success: bool,
}

/// One remark, as the record of its call shows it.
#[derive(Serialize)]
pub(super) struct FeedbackView {
    category: String,
    comment: Option<String>,
    created_at: String,
}

/// The remarks on a call; `None` when they cannot be read.
pub(super) async fn on(app: &App, id: &GenerationId) -> Option<Vec<FeedbackView>> {
    let found = app.store.feedback_on(id.as_str()).await.ok()?;
    let views = found.into_iter().map(|feedback| FeedbackView {
        category: feedback.category,
        comment: feedback.comment,
        created_at: iso(feedback.created_at_ms),
    });
    Some(views.collect())
}

/// Answers `POST /generation/feedback`.
pub async fn give(
    State(app): State<Arc<App>>,
    Management(caller): Management,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let given: Given = read_body(&app, &headers, body).await?;
    if !CATEGORIES.contains(&given.category.as_str()) {
        let message = format!(
            "\"{}\" is none of {}",
            given.category,
            CATEGORIES.join(", ")
        );
        return Err(invalid("category", message).into());
    }
    let length = given
        .comment
        .as_ref()
        .map_or(0, |comment| comment.chars().count());
    if length > COMMENT_MAX {
        return Err(invalid("comment", format!("at most {COMMENT_MAX} characters")).into());
    }
    let id = GenerationId::from_text(given.generation_id.as_str());
    let record = record(&app, &caller, &id).await?;
    let feedback = Feedback {
        generation_id: given.generation_id,
        workspace_id: record.caller.workspace_id.clone(),
        key_hash: record.caller.key_hash.clone(),
        model: match record.model.as_str() {
            "" => record.requested_model.clone(),
            model => model.to_owned(),
        },
        category: given.category,
        comment: given.comment.filter(|comment| !comment.is_empty()),
        created_at_ms: app.clock.now_ms(),
    };
    let is_kept = app
        .store
        .add_feedback(&feedback)
        .await
        .map_err(storage_trouble)?;
    if !is_kept {
        let message = "There is more feedback on this generation than anybody can read";
        return Err(Error::caller(Kind::InvalidRequest, message).into());
    }
    let data = Taken { success: true };
    reply::json(StatusCode::OK, &Envelope { data })
}

/// What `GET /generation/feedback` may be asked.
#[derive(Debug, Deserialize)]
pub struct CountQuery {
    workspace_id: Option<String>,
    from: Option<String>,
    to: Option<String>,
}

#[derive(Serialize)]
struct Count {
    model: String,
    category: String,
    count: u64,
}

/// Answers `GET /generation/feedback`: how often what was said of which model.
pub async fn counts(
    State(app): State<Arc<App>>,
    _caller: Management,
    Query(query): Query<CountQuery>,
) -> Answer {
    let moment = |name: &str, text: Option<&str>, otherwise: i64| match text {
        None | Some("") => Ok(otherwise),
        Some(text) => read_utc(text).map_err(|message| invalid(name, message)),
    };
    let times = (
        moment("from", query.from.as_deref(), i64::MIN)?,
        moment("to", query.to.as_deref(), i64::MAX)?,
    );
    let counted = app
        .store
        .feedback_counts(query.workspace_id.as_deref(), times)
        .await;
    let counted = counted.map_err(storage_trouble)?.into_iter();
    let data: Vec<Count> = counted
        .map(|((model, category), count)| Count {
            model,
            category,
            count,
        })
        .collect();
    reply::json(StatusCode::OK, &Envelope { data })
}
