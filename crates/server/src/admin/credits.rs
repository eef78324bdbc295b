//! `POST /credits/grants`, `…/purchases`, `…/refunds`, `…/fees`: money of a workspace beside its calls.
//! For management keys; not in OpenRouter's API.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use chat::{Error, Kind};
use http::{HeaderMap, StatusCode};
use ledger::{Amount, GenerationId};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use store::{CreditKind, DEFAULT_WORKSPACE_ID, NewCredit, StoreError};

use super::desk::{invalid, read_body};
use crate::app::App;
use crate::caller::Management;
use crate::clock;
use crate::money::usd;
use crate::reply::{self, Answer, storage_trouble};

/// The longest id, characters.
const ID_MAX: usize = 128;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    amount: Box<RawValue>,
    #[serde(default)]
    workspace_id: Option<String>,
    /// The call that a refund or a fee is about.
    #[serde(default)]
    generation_id: Option<String>,
    /// Makes it safe to repeat: one id is posted once.
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    note: Option<String>,
}

#[derive(Serialize)]
struct Posted<'a> {
    id: &'a str,
    workspace_id: &'a str,
    generation_id: Option<&'a str>,
    amount: Box<RawValue>,
    /// Whether it was posted now; else it had been before.
    posted: bool,
}

#[derive(Serialize)]
struct Envelope<T> {
    data: T,
}

/// An id for what was given none.
///
/// # Errors
/// When the system gives no randomness.
pub(crate) fn new_id(kind: CreditKind) -> std::io::Result<String> {
    let random: [u8; 10] = clock::random().map_err(std::io::Error::other)?;
    Ok(format!("{}-{}", kind.name(), hex::encode(random)))
}

/// Answers `POST /credits/grants`: 201, or 200 when that id was posted before. A negative amount
/// takes back.
pub async fn grant(
    state: State<Arc<App>>,
    caller: Management,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    post(state, caller, (headers, body), CreditKind::Grant).await
}

/// Answers `POST /credits/purchases`: credits that were paid for.
pub async fn purchase(
    state: State<Arc<App>>,
    caller: Management,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    post(state, caller, (headers, body), CreditKind::Purchase).await
}

/// Answers `POST /credits/refunds`: money given back, for a call at most what it cost.
pub async fn refund(
    state: State<Arc<App>>,
    caller: Management,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    post(state, caller, (headers, body), CreditKind::Refund).await
}

/// Answers `POST /credits/fees`: what is charged beside calls.
pub async fn fee(
    state: State<Arc<App>>,
    caller: Management,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    post(state, caller, (headers, body), CreditKind::Fee).await
}

async fn post(
    State(app): State<Arc<App>>,
    _caller: Management,
    (headers, body): (HeaderMap, Body),
    kind: CreditKind,
) -> Answer {
    let asked: Asked = read_body(&app, &headers, body).await?;
    let credit = credit(&app, &asked, kind).await?;
    let posted = app
        .store
        .post_credit(&credit)
        .await
        .map_err(|error| match error {
            StoreError::Refused(why) => invalid("amount", why),
            StoreError::Missing(_) => Error::caller(
                Kind::NotFound,
                "that workspace has no such generation on its books",
            )
            .with_field("generation_id"),
            other => storage_trouble(other),
        })?;
    tracing::info!(
        id = credit.id, kind = kind.name(), workspace = credit.workspace_id,
        amount = %credit.amount, posted,
        note = asked.note.as_deref().unwrap_or_default(), "credits"
    );
    app.refresh_keys().await;
    let status = if posted {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    let data = Posted {
        id: &credit.id,
        workspace_id: &credit.workspace_id,
        generation_id: credit.generation.as_ref().map(GenerationId::as_str),
        amount: usd(credit.amount),
        posted,
    };
    reply::json(status, &Envelope { data })
}

/// What is asked for, with what it leaves out.
async fn credit(app: &App, asked: &Asked, kind: CreditKind) -> Result<NewCredit, Error> {
    let amount = Amount::from_usd(asked.amount.get())
        .map_err(|error| invalid("amount", error.to_string()))?;
    let id = match &asked.id {
        Some(id) if id.is_empty() || id.chars().count() > ID_MAX => {
            return Err(invalid("id", format!("expected 1 to {ID_MAX} characters")));
        }
        Some(id) => id.clone(),
        None => new_id(kind).map_err(|error| {
            Error::gateway(Kind::Server, "no randomness").with_detail(error.to_string())
        })?,
    };
    let is_about_a_call = matches!(kind, CreditKind::Refund | CreditKind::Fee);
    if asked.generation_id.is_some() && !is_about_a_call {
        let message = format!("a {} is about no call", kind.name());
        return Err(invalid("generation_id", message));
    }
    let workspace = asked
        .workspace_id
        .as_deref()
        .unwrap_or(DEFAULT_WORKSPACE_ID);
    let found = app.store.workspaces().by_id_or_slug(workspace).await;
    let workspace = found.map_err(storage_trouble)?.ok_or_else(|| {
        let message = format!("there is no workspace \"{workspace}\"");
        invalid("workspace_id", message)
    })?;
    Ok(NewCredit {
        id,
        workspace_id: workspace.id,
        amount,
        kind,
        generation: asked.generation_id.clone().map(GenerationId::from_text),
        at_ms: app.clock.now_ms(),
    })
}
