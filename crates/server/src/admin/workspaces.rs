//! `/workspaces`: list and show workspaces, and set what is ours of them. For management keys.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use chat::{Error, Kind};
use http::{HeaderMap, StatusCode};
use serde::Serialize;
use store::Workspace;

use super::desk::{invalid, read_body};
use super::workspace_content::{Change, ContentView};
use crate::app::App;
use crate::caller::Management;
use crate::reply::{self, Answer, storage_trouble};
use crate::time::iso;
use crate::workspace_terms::{self, Unpriced};

#[derive(Serialize)]
struct View {
    id: String,
    name: String,
    slug: String,
    description: Option<String>,
    created_at: String,
    updated_at: Option<String>,
    created_by: Option<String>,
    /// Ours: what happens when nobody states a price; null is as the house has it.
    unpriced: Option<Unpriced>,
    /// Whether its destinations are told anything.
    is_observability_broadcast_enabled: bool,
    #[serde(flatten)]
    content: ContentView,
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

async fn view(app: &App, workspace: Workspace) -> Result<View, Error> {
    let terms = workspace_terms::of(&app.store, &workspace.id).await;
    let terms = terms.map_err(storage_trouble)?;
    Ok(View {
        unpriced: terms.unpriced,
        is_observability_broadcast_enabled: !terms.is_silent,
        content: ContentView::of(terms.content.unwrap_or_default()),
        id: workspace.id,
        name: workspace.name,
        slug: workspace.slug,
        description: workspace.description,
        created_at: iso(workspace.created_at_ms),
        updated_at: workspace.updated_at_ms.map(iso),
        created_by: None,
    })
}

async fn find(app: &App, id_or_slug: &str) -> Result<Workspace, Error> {
    let workspace = app.store.workspaces().by_id_or_slug(id_or_slug).await;
    workspace
        .map_err(storage_trouble)?
        .ok_or_else(|| Error::caller(Kind::NotFound, "Workspace not found"))
}

/// Answers `GET /workspaces`.
pub async fn list(State(app): State<Arc<App>>, _caller: Management) -> Answer {
    let all = app
        .store
        .workspaces()
        .all()
        .await
        .map_err(storage_trouble)?;
    let mut data = Vec::with_capacity(all.len());
    for workspace in all {
        data.push(view(&app, workspace).await?);
    }
    let total_count = data.len();
    reply::json(StatusCode::OK, &Page { data, total_count })
}

/// Answers `GET /workspaces/{id}`, by UUID or slug.
pub async fn get(
    State(app): State<Arc<App>>,
    _caller: Management,
    Path(id): Path<String>,
) -> Answer {
    let workspace = find(&app, &id).await?;
    let data = view(&app, workspace).await?;
    reply::json(StatusCode::OK, &Envelope { data })
}

/// Answers `PATCH /workspaces/{id}`.
pub async fn change(
    State(app): State<Arc<App>>,
    _caller: Management,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let asked: Change = read_body(&app, &headers, body).await?;
    let workspace = find(&app, &id).await?;
    let before = workspace_terms::of(&app.store, &workspace.id).await;
    let before = before.map_err(storage_trouble)?;
    let mut terms = before.clone();
    if let Some(unpriced) = &asked.unpriced {
        if let Some(unpriced) = unpriced {
            let policy = unpriced.policy();
            policy.map_err(|message| invalid("unpriced", message))?;
        }
        terms.unpriced.clone_from(unpriced);
    }
    if let Some(is_told) = asked.is_observability_broadcast_enabled {
        terms.is_silent = !is_told;
    }
    terms.content = asked.content_after(terms.content)?;
    if terms != before {
        let now_ms = app.clock.now_ms();
        let kept = workspace_terms::keep(&app.store, &workspace.id, &terms, now_ms).await;
        kept.map_err(storage_trouble)?;
        app.read_unpriced().await.map_err(storage_trouble)?;
        app.read_destinations().await.map_err(storage_trouble)?;
    }
    let data = view(&app, workspace).await?;
    reply::json(StatusCode::OK, &Envelope { data })
}
