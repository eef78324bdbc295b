//! `/byok`: the credentials that are presented to providers, a workspace's own and the house's. For
//! management keys.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, Query, State};
use catalog::Provider;
use chat::{Error, Kind};
use http::{HeaderMap, StatusCode};
use relay::Secret;
use serde::{Deserialize, Serialize};
use store::{KeyHash, VaultError};
use tokio::time::Instant;

use super::credentials::check_live;
use super::desk::{invalid, new_id, present, read_body, workspace};
use crate::app::App;
use crate::byok::{Stored, mask, stored};
use crate::caller::Management;
use crate::config::credentials::{self, scheme};
use crate::reply::{self, Answer, storage_trouble};
use crate::time::iso;

/// A page of the list, unless asked for less.
const PAGE: usize = 50;
const PAGE_MAX: usize = 100;

/// In place of a workspace: the credentials of all of them.
const EVERY_WORKSPACE: &str = "all";

const NAME_MAX: usize = 255;

/// So many a filter may name.
const FILTER_MAX: usize = 100;

#[derive(Serialize)]
struct View {
    id: String,
    provider: String,
    workspace_id: Option<String>,
    label: String,
    name: Option<String>,
    disabled: bool,
    is_fallback: bool,
    allowed_models: Option<Vec<String>>,
    allowed_api_key_hashes: Option<Vec<String>>,
    allowed_user_ids: Option<Vec<String>>,
    sort_order: i64,
    created_at: String,
}

impl From<Stored> for View {
    fn from(stored: Stored) -> Self {
        Self {
            id: stored.id,
            provider: stored.provider,
            workspace_id: stored.workspace_id,
            label: stored.label,
            name: stored.name,
            disabled: stored.disabled,
            is_fallback: stored.is_fallback,
            allowed_models: stored.allowed_models,
            allowed_api_key_hashes: stored.allowed_api_key_hashes,
            allowed_user_ids: stored.allowed_user_ids,
            sort_order: stored.sort_order,
            created_at: iso(stored.created_at_ms),
        }
    }
}

#[derive(Serialize)]
struct Envelope<T> {
    data: T,
}

#[derive(Serialize)]
struct Page {
    data: Vec<View>,
    total_count: usize,
}

#[derive(Serialize)]
struct Deleted {
    deleted: bool,
}

#[derive(Serialize)]
struct CheckView {
    id: String,
    provider: String,
    ok: bool,
    message: String,
    latency_ms: u64,
    checked_at: String,
}

/// What a list is asked for.
#[derive(Debug, Deserialize)]
pub struct ListQuery {
    offset: Option<usize>,
    limit: Option<usize>,
    workspace_id: Option<String>,
    provider: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct New {
    provider: String,
    key: String,
    /// Absent: the default workspace's own. Null: the house's.
    #[serde(default, deserialize_with = "present")]
    workspace_id: Option<Option<String>>,
    name: Option<String>,
    #[serde(default)]
    disabled: bool,
    #[serde(default)]
    is_fallback: bool,
    sort_order: Option<i64>,
    allowed_models: Option<Vec<String>>,
    allowed_api_key_hashes: Option<Vec<String>>,
    allowed_user_ids: Option<Vec<String>>,
}

/// What is absent stays; for a name and for filters null takes it away.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    key: Option<String>,
    #[serde(default, deserialize_with = "present")]
    name: Option<Option<String>>,
    disabled: Option<bool>,
    is_fallback: Option<bool>,
    sort_order: Option<i64>,
    #[serde(default, deserialize_with = "present")]
    allowed_models: Option<Option<Vec<String>>>,
    #[serde(default, deserialize_with = "present")]
    allowed_api_key_hashes: Option<Option<Vec<String>>>,
    #[serde(default, deserialize_with = "present")]
    allowed_user_ids: Option<Option<Vec<String>>>,
}

/// Answers `GET /byok`: a workspace's own credentials, and the house's, which it uses as well.
pub async fn list(
    State(app): State<Arc<App>>,
    _caller: Management,
    Query(asked): Query<ListQuery>,
) -> Answer {
    let limit = asked.limit.unwrap_or(PAGE);
    if !(1..=PAGE_MAX).contains(&limit) {
        return Err(invalid("limit", format!("is from 1 to {PAGE_MAX}")).into());
    }
    let all = stored::all(&app.store).await.map_err(storage_trouble)?;
    let its = match asked.workspace_id.as_deref() {
        Some(EVERY_WORKSPACE) => None,
        one => Some(workspace(&app, one).await?),
    };
    let slug = match &asked.provider {
        Some(name) => Some(provider(&app, name)?.slug.to_string()),
        None => None,
    };
    let is_asked = |one: &Stored| {
        let owner = one.workspace_id.as_ref();
        owner.is_none_or(|owner| its.as_ref().is_none_or(|its| its == owner))
            && slug.as_ref().is_none_or(|slug| *slug == one.provider)
    };
    let all: Vec<Stored> = all.into_iter().filter(is_asked).collect();
    let total_count = all.len();
    let page = all.into_iter().skip(asked.offset.unwrap_or(0)).take(limit);
    let data = page.map(View::from).collect();
    reply::json(StatusCode::OK, &Page { data, total_count })
}

/// Answers `POST /byok`: 201. The provider serves calls at once.
pub async fn create(
    State(app): State<Arc<App>>,
    _caller: Management,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let asked: New = read_body(&app, &headers, body).await?;
    let provider = provider(&app, &asked.provider)?;
    let workspace_id = match asked.workspace_id {
        Some(None) => None,
        Some(Some(id)) => Some(workspace(&app, Some(&id)).await?),
        None => Some(workspace(&app, None).await?),
    };
    let all = stored::all(&app.store).await.map_err(storage_trouble)?;
    let of_provider = all
        .iter()
        .filter(|one| one.provider == provider.slug.as_str());
    let next = of_provider.map(|one| one.sort_order.saturating_add(1));
    let mut stored = Stored {
        id: new_id()?,
        provider: provider.slug.to_string(),
        workspace_id,
        label: String::new(),
        name: None,
        disabled: asked.disabled,
        is_fallback: asked.is_fallback,
        allowed_models: None,
        allowed_api_key_hashes: None,
        allowed_user_ids: None,
        sort_order: asked.sort_order.or_else(|| next.max()).unwrap_or(0),
        sealed: String::new(),
        created_at_ms: app.clock.now_ms(),
        is_deleted: false,
    };
    let change = Change {
        key: Some(asked.key),
        name: Some(asked.name),
        disabled: None,
        is_fallback: None,
        sort_order: None,
        allowed_models: Some(asked.allowed_models),
        allowed_api_key_hashes: Some(asked.allowed_api_key_hashes),
        allowed_user_ids: Some(asked.allowed_user_ids),
    };
    apply(&app, &mut stored, change)?;
    keep(&app, &stored).await?;
    let data = View::from(stored);
    reply::json(StatusCode::CREATED, &Envelope { data })
}

/// Answers `GET /byok/{id}`.
pub async fn get(
    State(app): State<Arc<App>>,
    _caller: Management,
    Path(id): Path<String>,
) -> Answer {
    let data = View::from(find(&app, &id).await?);
    reply::json(StatusCode::OK, &Envelope { data })
}

/// Answers `PATCH /byok/{id}`. A new text takes the place of the old one.
pub async fn change(
    State(app): State<Arc<App>>,
    _caller: Management,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let asked: Change = read_body(&app, &headers, body).await?;
    let mut stored = find(&app, &id).await?;
    apply(&app, &mut stored, asked)?;
    keep(&app, &stored).await?;
    let data = View::from(stored);
    reply::json(StatusCode::OK, &Envelope { data })
}

/// Answers `DELETE /byok/{id}`. The row stays, without what is secret in it.
pub async fn delete(
    State(app): State<Arc<App>>,
    _caller: Management,
    Path(id): Path<String>,
) -> Answer {
    let mut stored = find(&app, &id).await?;
    stored.is_deleted = true;
    stored.disabled = true;
    stored.sealed = String::new();
    keep(&app, &stored).await?;
    reply::json(StatusCode::OK, &Deleted { deleted: true })
}

/// Answers `POST /byok/{id}/check`: what the provider says to the credential just now.
pub async fn check(
    State(app): State<Arc<App>>,
    _caller: Management,
    Path(id): Path<String>,
) -> Answer {
    let stored = find(&app, &id).await?;
    let provider = provider(&app, &stored.provider)?;
    let text = stored.open(&app.vault).map_err(|error| {
        let message = format!("The credential cannot be opened: {error}");
        Error::caller(Kind::Conflict, message)
    })?;
    let asked_at = Instant::now();
    let said = check_live(&provider, &Secret::new(text)).await?;
    let data = CheckView {
        id: stored.id,
        provider: stored.provider,
        ok: said.is_well,
        message: said.message,
        latency_ms: u64::try_from(asked_at.elapsed().as_millis()).unwrap_or(u64::MAX),
        checked_at: iso(app.clock.now_ms()),
    };
    reply::json(StatusCode::OK, &Envelope { data })
}

async fn find(app: &App, id: &str) -> Result<Stored, Error> {
    let found = stored::by_id(&app.store, id).await;
    found
        .map_err(storage_trouble)?
        .ok_or_else(|| Error::caller(Kind::NotFound, "Credential not found"))
}

fn provider(app: &App, name: &str) -> Result<Arc<Provider>, Error> {
    let catalog = app.catalog.load();
    catalog.provider(name).cloned().ok_or_else(|| {
        let message = format!("there is no provider \"{name}\"; see GET /api/v1/providers");
        invalid("provider", message)
    })
}

/// Keeps a change and takes it over; other replicas do within a second.
async fn keep(app: &App, stored: &Stored) -> Result<(), Error> {
    let kept = stored.keep(&app.store, app.clock.now_ms()).await;
    kept.map_err(storage_trouble)?;
    app.read_credentials().await.map_err(storage_trouble)
}

fn apply(app: &App, stored: &mut Stored, asked: Change) -> Result<(), Error> {
    if let Some(key) = asked.key {
        put_text(app, stored, &key)?;
    }
    if let Some(name) = asked.name {
        if let Some(name) = &name
            && name.chars().count() > NAME_MAX
        {
            return Err(invalid(
                "name",
                format!("has at most {NAME_MAX} characters"),
            ));
        }
        stored.name = name.filter(|name| !name.trim().is_empty());
    }
    if let Some(models) = asked.allowed_models {
        stored.allowed_models = models.map(|all| canonical(app, all)).transpose()?;
    }
    if let Some(hashes) = asked.allowed_api_key_hashes {
        if let Some(hashes) = &hashes {
            check_hashes(app, hashes)?;
        }
        stored.allowed_api_key_hashes = hashes;
    }
    if let Some(members) = asked.allowed_user_ids {
        if let Some(members) = &members {
            check_length("allowed_user_ids", members)?;
        }
        stored.allowed_user_ids = members;
    }
    stored.disabled = asked.disabled.unwrap_or(stored.disabled);
    stored.is_fallback = asked.is_fallback.unwrap_or(stored.is_fallback);
    stored.sort_order = asked.sort_order.unwrap_or(stored.sort_order);
    Ok(())
}

/// Seals a text of the form that its provider wants, and labels it.
fn put_text(app: &App, stored: &mut Stored, key: &str) -> Result<(), Error> {
    let text = key.trim();
    if text.is_empty() {
        return Err(invalid("key", "is empty"));
    }
    let provider = provider(app, &stored.provider)?;
    let secret = credentials::check(&provider, Secret::new(text));
    let secret = secret.map_err(|message| invalid("key", message))?;
    stored.label = mask::label(scheme(&provider), &secret);
    let sealed = stored.seal(&app.vault, text);
    sealed.map_err(|error: VaultError| {
        Error::gateway(Kind::Server, "a secret could not be sealed").with_detail(error.to_string())
    })
}

/// Models by their canonical slugs, so that another name of one does not lead past the filter.
fn canonical(app: &App, names: Vec<String>) -> Result<Vec<String>, Error> {
    check_length("allowed_models", &names)?;
    let catalog = app.catalog.load();
    let slug = |name: String| match catalog.resolve(&name) {
        Some(resolved) => Ok(resolved.model.slug.to_string()),
        None => Err(invalid(
            "allowed_models",
            format!("there is no model \"{name}\""),
        )),
    };
    names.into_iter().map(slug).collect()
}

fn check_hashes(app: &App, hashes: &[String]) -> Result<(), Error> {
    let field = "allowed_api_key_hashes";
    check_length(field, hashes)?;
    if hashes.is_empty() {
        return Err(invalid(field, "has at least one hash, or is null"));
    }
    let keyring = app.keyring.load();
    let is_known = |hash: &&String| keyring.get(&KeyHash::from_text(hash.as_str())).is_some();
    match hashes.iter().find(|hash| !is_known(hash)) {
        Some(hash) => Err(invalid(
            field,
            format!("there is no key with the hash \"{hash}\""),
        )),
        None => Ok(()),
    }
}

fn check_length(field: &str, all: &[String]) -> Result<(), Error> {
    if all.len() <= FILTER_MAX {
        return Ok(());
    }
    Err(invalid(field, format!("has at most {FILTER_MAX} entries")))
}
