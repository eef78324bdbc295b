//! `/budgets`: limits on what anybody may spend, in all their forms. For management keys; not in
//! OpenRouter's API.
//!
//! A key's `limit`, a workspace's budgets and prepaid balances are listed here too, and changed where
//! they belong.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, Query, State};
use chat::{Error, Kind};
use http::{HeaderMap, StatusCode};
use ledger::{Amount, Budget, BudgetId, Enforcement, Subject, Window};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use store::{BudgetState, StoredBudget};

use super::desk::{invalid, offset, read_body};
use crate::app::App;
use crate::caller::Management;
use crate::clock;
use crate::money::{read_usd, usd};
use crate::reply::{self, Answer, storage_trouble};
use crate::time::iso;

/// What the ids of budgets that are made here begin with.
pub const PREFIX: &str = "budget-";

#[derive(Serialize)]
struct View {
    id: String,
    subject: &'static str,
    subject_id: String,
    workspace_id: Option<String>,
    limit: Box<RawValue>,
    window: String,
    enforcement: &'static str,
    include_byok: bool,
    enabled: bool,
    counted_from: Option<String>,
    spent: Box<RawValue>,
    leased: Box<RawValue>,
    created_at: String,
    updated_at: Option<String>,
}

#[derive(Serialize)]
struct Envelope<T> {
    data: T,
}

#[derive(Serialize)]
struct Deleted {
    deleted: bool,
}

/// The body of `POST /budgets`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NewBudget {
    subject: String,
    #[serde(default)]
    subject_id: String,
    #[serde(default)]
    workspace_id: Option<String>,
    limit: Box<RawValue>,
    #[serde(default)]
    window: Option<String>,
    #[serde(default)]
    enforcement: Option<String>,
    #[serde(default)]
    include_byok: bool,
}

/// The body of `PATCH /budgets/{id}`; what is absent stays.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    #[serde(default)]
    limit: Option<Box<RawValue>>,
    #[serde(default)]
    enforcement: Option<String>,
    #[serde(default)]
    include_byok: Option<bool>,
    #[serde(default)]
    enabled: Option<bool>,
}

fn view(stored: &StoredBudget, state: BudgetState, at: i64) -> View {
    let budget = &stored.budget;
    View {
        id: budget.id.to_string(),
        subject: budget.subject.kind(),
        subject_id: budget.subject.value(),
        workspace_id: budget.workspace_id.clone(),
        limit: usd(budget.limit),
        window: budget.window.to_string(),
        enforcement: budget.enforcement.name(),
        include_byok: budget.counts_byok,
        enabled: stored.enabled,
        counted_from: counted_from(&budget.window, at),
        spent: usd(state.posted),
        leased: usd(state.leased),
        created_at: iso(stored.created_at_ms),
        updated_at: stored.updated_at_ms.map(iso),
    }
}

/// Since when is counted what stands against the limit now; nothing where it is all of time.
fn counted_from(window: &Window, at: i64) -> Option<String> {
    let seconds = window.counted_from(window.at(at));
    (*window != Window::Lifetime).then(|| iso(seconds.saturating_mul(1000)))
}

/// What `GET /budgets` may be asked.
#[derive(Debug, Deserialize)]
pub struct ListQuery {
    offset: Option<String>,
}

/// Answers `GET /budgets`: oldest first, a hundred at a time.
pub async fn list(
    State(app): State<Arc<App>>,
    _caller: Management,
    Query(query): Query<ListQuery>,
) -> Answer {
    let offset = offset(query.offset.as_deref())?;
    let page = app.store.budgets().page(offset).await;
    let stored = page.map_err(storage_trouble)?;
    let budgets: Vec<&Budget> = stored.iter().map(|stored| &stored.budget).collect();
    let at = app.clock.now_ms().div_euclid(1000);
    let states = app.store.budgets().states(&budgets, at).await;
    let states = states.map_err(storage_trouble)?;
    let views = stored.iter().map(|stored| {
        let state = states.get(stored.budget.id.as_str());
        view(stored, state.copied().unwrap_or_default(), at)
    });
    let data: Vec<View> = views.collect();
    reply::json(StatusCode::OK, &Envelope { data })
}

/// Makes a budget out of words, as the API and the command line give them.
///
/// # Errors
/// With the field that is wrong, and why.
pub(crate) fn budget_of(
    id: BudgetId,
    (kind, value): (&str, &str),
    limit: Amount,
    window: &str,
) -> Result<Budget, (&'static str, String)> {
    let subject = Subject::from_parts(kind, value).ok_or_else(|| {
        let message = format!(
            "\"{kind}\" is none of organization, workspace, member, key, app, end_user, metadata \
             (whose subject_id is name=value&name=value)"
        );
        ("subject", message)
    })?;
    if value.is_empty() != (subject == Subject::Organization) {
        let message = "names which one it is; an organization has none".to_owned();
        return Err(("subject_id", message));
    }
    let window = Window::from_text(window).map_err(|error| ("window", error.to_string()))?;
    Ok(Budget {
        id,
        subject,
        workspace_id: None,
        limit,
        window,
        enforcement: Enforcement::Hard,
        counts_byok: false,
    })
}

/// An id for a new budget.
///
/// # Errors
/// When the system gives no randomness.
pub(crate) fn new_id() -> std::io::Result<BudgetId> {
    let random: [u8; 8] = clock::random().map_err(std::io::Error::other)?;
    Ok(BudgetId::from_text(format!(
        "{PREFIX}{}",
        hex::encode(random)
    )))
}

fn read_enforcement(word: Option<&str>) -> Result<Option<Enforcement>, Error> {
    let read = |word| {
        Enforcement::from_name(word).ok_or_else(|| {
            let message = format!("\"{word}\" is neither \"hard\" nor \"warn\"");
            invalid("enforcement", message)
        })
    };
    word.map(read).transpose()
}

/// Answers `POST /budgets`: 201.
pub async fn create(
    State(app): State<Arc<App>>,
    _caller: Management,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let asked: NewBudget = read_body(&app, &headers, body).await?;
    let limit = read_usd(&asked.limit).map_err(|message| invalid("limit", message))?;
    let id = new_id().map_err(|error| {
        Error::gateway(Kind::Server, "no randomness").with_detail(error.to_string())
    })?;
    let subject = (asked.subject.as_str(), asked.subject_id.as_str());
    let window = asked.window.as_deref().unwrap_or("lifetime");
    let mut budget = budget_of(id, subject, limit, window)
        .map_err(|(field, message)| invalid(field, message))?;
    budget.workspace_id = asked.workspace_id;
    budget.counts_byok = asked.include_byok;
    if let Some(enforcement) = read_enforcement(asked.enforcement.as_deref())? {
        budget.enforcement = enforcement;
    }
    keep(&app, &budget, true).await?;
    show(&app, &budget.id, StatusCode::CREATED).await
}

/// Answers `PATCH /budgets/{id}`.
pub async fn change(
    State(app): State<Arc<App>>,
    _caller: Management,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let asked: Change = read_body(&app, &headers, body).await?;
    let id = ours(&id)?;
    let stored = existing(&app, &id).await?;
    let mut budget = stored.budget;
    if let Some(limit) = &asked.limit {
        budget.limit = read_usd(limit).map_err(|message| invalid("limit", message))?;
    }
    if let Some(enforcement) = read_enforcement(asked.enforcement.as_deref())? {
        budget.enforcement = enforcement;
    }
    budget.counts_byok = asked.include_byok.unwrap_or(budget.counts_byok);
    keep(&app, &budget, asked.enabled.unwrap_or(stored.enabled)).await?;
    show(&app, &id, StatusCode::OK).await
}

/// Answers `DELETE /budgets/{id}`.
pub async fn delete(
    State(app): State<Arc<App>>,
    _caller: Management,
    Path(id): Path<String>,
) -> Answer {
    let id = ours(&id)?;
    let deleted = app.store.budgets().delete(&id, app.clock.now_ms()).await;
    if !deleted.map_err(storage_trouble)? {
        return Err(unknown_budget().into());
    }
    app.refresh_keys().await;
    reply::json(StatusCode::OK, &Deleted { deleted: true })
}

async fn keep(app: &App, budget: &Budget, enabled: bool) -> Result<(), Error> {
    let now_ms = app.clock.now_ms();
    let put = app.store.budgets().put(budget, enabled, now_ms).await;
    put.map_err(storage_trouble)?;
    app.refresh_keys().await;
    Ok(())
}

async fn show(app: &App, id: &BudgetId, status: StatusCode) -> Answer {
    let stored = existing(app, id).await?;
    let at = app.clock.now_ms().div_euclid(1000);
    let state = app.store.budgets().state(&stored.budget, at).await;
    let data = view(&stored, state.map_err(storage_trouble)?, at);
    reply::json(status, &Envelope { data })
}

async fn existing(app: &App, id: &BudgetId) -> Result<StoredBudget, Error> {
    let stored = app.store.budgets().by_id(id).await;
    stored.map_err(storage_trouble)?.ok_or_else(unknown_budget)
}

/// Only what was made here is changed here.
fn ours(id: &str) -> Result<BudgetId, Error> {
    if id.starts_with(PREFIX) {
        return Ok(BudgetId::from_text(id));
    }
    let message = "Only budgets made by POST /budgets are changed here: a key's limit is changed at \
                   /keys, a workspace's budgets at /workspaces, a balance by a grant";
    Err(Error::caller(Kind::InvalidRequest, message).with_field("id"))
}

fn unknown_budget() -> Error {
    Error::caller(Kind::NotFound, "Budget not found")
}
