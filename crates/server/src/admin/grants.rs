//! `POST /credits/grants`: credits for a workspace. For management keys; not in OpenRouter's API.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use chat::{Error, Kind};
use http::{HeaderMap, StatusCode};
use ledger::Amount;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use store::{DEFAULT_WORKSPACE_ID, NewGrant, StoreError};

use super::desk::{invalid, read_body};
use crate::app::App;
use crate::caller::Management;
use crate::clock;
use crate::money::usd;
use crate::reply::{self, Answer, storage_trouble};

/// The longest id of a grant, characters.
const ID_MAX: usize = 128;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    amount: Box<RawValue>,
    #[serde(default)]
    workspace_id: Option<String>,
    /// Makes the grant safe to repeat: one id is granted once.
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    note: Option<String>,
}

#[derive(Serialize)]
struct Granted<'a> {
    id: &'a str,
    workspace_id: &'a str,
    amount: Box<RawValue>,
    /// Whether it was granted now; else it had been before.
    granted: bool,
}

#[derive(Serialize)]
struct Envelope<T> {
    data: T,
}

/// An id for a grant that was given none.
///
/// # Errors
/// When the system gives no randomness.
pub(crate) fn new_id() -> std::io::Result<String> {
    let random: [u8; 10] = clock::random().map_err(std::io::Error::other)?;
    Ok(format!("grant-{}", hex::encode(random)))
}

/// Answers `POST /credits/grants`: 201, or 200 when that id was granted before. A negative amount
/// takes back.
pub async fn create(
    State(app): State<Arc<App>>,
    _caller: Management,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let asked: Asked = read_body(&app, &headers, body).await?;
    let amount = Amount::from_usd(asked.amount.get())
        .map_err(|error| invalid("amount", error.to_string()))?;
    let id = match asked.id {
        Some(id) if id.is_empty() || id.chars().count() > ID_MAX => {
            return Err(invalid("id", format!("expected 1 to {ID_MAX} characters")).into());
        }
        Some(id) => id,
        None => new_id().map_err(|error| {
            Error::gateway(Kind::Server, "no randomness").with_detail(error.to_string())
        })?,
    };
    let workspace = asked
        .workspace_id
        .as_deref()
        .unwrap_or(DEFAULT_WORKSPACE_ID);
    let found = app.store.workspaces().by_id_or_slug(workspace).await;
    let workspace = found.map_err(storage_trouble)?.ok_or_else(|| {
        invalid(
            "workspace_id",
            format!("there is no workspace \"{workspace}\""),
        )
    })?;
    let grant = NewGrant {
        id,
        workspace_id: workspace.id,
        amount,
        is_purchase: false,
        at_ms: app.clock.now_ms(),
    };
    let granted = app.store.grant(&grant).await.map_err(|error| match error {
        StoreError::Refused(why) => invalid("amount", why),
        other => storage_trouble(other),
    })?;
    tracing::info!(
        grant = grant.id, workspace = grant.workspace_id, amount = %amount, granted,
        note = asked.note.as_deref().unwrap_or_default(), "credits"
    );
    app.refresh_keys().await;
    let status = if granted {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    let data = Granted {
        id: &grant.id,
        workspace_id: &grant.workspace_id,
        amount: usd(amount),
        granted,
    };
    reply::json(status, &Envelope { data })
}
