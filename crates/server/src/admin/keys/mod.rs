//! `/keys`: make, list, show, change and delete keys. For management keys only.
//!
//! Management keys themselves are made on the command line, and are not shown here. `asked`: what may be asked
//! of a key, checked. `view`: what is shown of it.

mod asked;
mod view;

use std::collections::HashMap;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, Query, State};
use chat::{Error, Kind};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use store::{DEFAULT_WORKSPACE_ID, KeyFilter, KeyHash, Spending, StoreError, StoredKey};

use super::desk::{invalid, offset, read_body};
use crate::api::key::remaining;
use crate::app::App;
use crate::caller::Management;
use crate::clock;
use crate::key_terms;
use crate::keyring;
use crate::reply::{self, Answer, storage_trouble};
use asked::{ChangeBody, NewKeyBody};
pub(super) use view::created;
use view::{Deleted, Envelope, View};

/// What `GET /keys` may be asked.
#[derive(Debug, Deserialize)]
pub struct ListQuery {
    include_disabled: Option<String>,
    offset: Option<String>,
    workspace_id: Option<String>,
}

/// Answers `GET /keys`: newest first, a hundred at a time.
pub async fn list(
    State(app): State<Arc<App>>,
    _caller: Management,
    Query(query): Query<ListQuery>,
) -> Answer {
    let offset = offset(query.offset.as_deref())?;
    let include_disabled = match query.include_disabled.as_deref() {
        None | Some("" | "false" | "0") => false,
        Some("true" | "1") => true,
        Some(other) => {
            let message = format!("\"{other}\" is neither \"true\" nor \"false\"");
            return Err(invalid("include_disabled", message).into());
        }
    };
    let workspace = query
        .workspace_id
        .as_deref()
        .unwrap_or(DEFAULT_WORKSPACE_ID);
    let filter = KeyFilter {
        workspace_id: Some(workspace.to_owned()),
        include_disabled,
        include_management: false,
        offset,
        limit: None,
    };
    let page = app.store.keys().list(&filter).await;
    let page = page.map_err(storage_trouble)?;
    let hashes: Vec<KeyHash> = page.iter().map(|key| key.hash.clone()).collect();
    let spending = app
        .store
        .keys()
        .spending_of(&hashes, app.clock.now_ms())
        .await
        .map_err(storage_trouble)?;
    let terms = key_terms::several(&app.store, &hashes).await;
    let terms = terms.map_err(storage_trouble)?;
    let nothing = Spending::default();
    let mut data = Vec::with_capacity(page.len());
    for key in &page {
        let terms = terms.get(&key.hash).map(|terms| terms.written.clone());
        let spending = spending.get(&key.hash).unwrap_or(&nothing);
        let money = (spending, remaining(&app, key).await?);
        data.push(View::of(key, money, terms.unwrap_or_default()));
    }
    reply::json(StatusCode::OK, &Envelope { data })
}

/// Answers `POST /keys`: 201, and the secret, this once.
pub async fn create(
    State(app): State<Arc<App>>,
    _caller: Management,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let asked: NewKeyBody = read_body(&app, &headers, body).await?;
    let terms = asked.terms()?;
    let random = clock::random().map_err(|error| {
        Error::gateway(Kind::Server, "no randomness").with_detail(error.to_string())
    })?;
    let secret = keyring::secret_from(random);
    let new = asked.key(&secret, &terms, app.clock.now_ms())?;
    let workspace = asked.workspace();
    let key = app
        .store
        .keys()
        .create(&new)
        .await
        .map_err(|error| match error {
            StoreError::Missing(_) => invalid(
                "workspace_id",
                format!("there is no workspace \"{workspace}\""),
            ),
            other => storage_trouble(other),
        })?;
    app.refresh_keys().await;
    created(&key, terms, &secret)
}

/// Answers `GET /keys/{hash}`.
pub async fn get(
    State(app): State<Arc<App>>,
    _caller: Management,
    Path(hash): Path<String>,
) -> Answer {
    let hash = KeyHash::from_text(hash);
    let key = existing(&app, &hash).await?;
    show(&app, &key).await
}

/// Answers `PATCH /keys/{hash}`.
pub async fn change(
    State(app): State<Arc<App>>,
    _caller: Management,
    Path(hash): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let asked: ChangeBody = read_body(&app, &headers, body).await?;
    let hash = KeyHash::from_text(hash);
    existing(&app, &hash).await?;
    let (patch, terms) = asked.read()?;
    let keys = app.store.keys();
    let changed = keys
        .update_with_terms(
            &hash,
            (&patch, |before| terms.of(before)),
            app.clock.now_ms(),
        )
        .await
        .map_err(storage_trouble)?
        .ok_or_else(unknown_key)?;
    app.refresh_keys().await;
    show(&app, &changed).await
}

/// Answers `DELETE /keys/{hash}`.
pub async fn delete(
    State(app): State<Arc<App>>,
    _caller: Management,
    Path(hash): Path<String>,
) -> Answer {
    let hash = KeyHash::from_text(hash);
    existing(&app, &hash).await?;
    let deleted = app
        .store
        .keys()
        .delete(&hash, app.clock.now_ms())
        .await
        .map_err(storage_trouble)?;
    if !deleted {
        return Err(unknown_key().into());
    }
    app.refresh_keys().await;
    reply::json(StatusCode::OK, &Deleted { deleted: true })
}

pub(super) async fn existing(app: &App, hash: &KeyHash) -> Result<StoredKey, Error> {
    let found = app
        .store
        .keys()
        .by_hash(hash)
        .await
        .map_err(storage_trouble)?;
    found
        .filter(|key| !key.is_management)
        .ok_or_else(unknown_key)
}

async fn show(app: &App, key: &StoredKey) -> Answer {
    let spending: HashMap<_, _> = app
        .store
        .keys()
        .spending_of(std::slice::from_ref(&key.hash), app.clock.now_ms())
        .await
        .map_err(storage_trouble)?;
    let spending = spending.get(&key.hash).copied().unwrap_or_default();
    let terms = key_terms::of(&app.store, &key.hash)
        .await
        .map_err(storage_trouble)?;
    let data = View::of(key, (&spending, remaining(app, key).await?), terms);
    reply::json(StatusCode::OK, &Envelope { data })
}

fn unknown_key() -> Error {
    Error::caller(Kind::NotFound, "API key not found")
}
