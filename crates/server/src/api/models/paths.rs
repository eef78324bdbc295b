//! `/models`, `/models/user`, `/models/count` and `/embeddings/models`.
//!
//! The lists need no key: they say what can be had here, not who may have it.

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::{OriginalUri, State};
use axum::response::IntoResponse;
use bytes::Bytes;
use catalog::{Catalog, Model};
use chat::{Error, Kind, Modalities, Modality};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode, Uri};
use serde_json::{Value, json};

use super::json;
use super::listing::{Scope, listing};
use super::query::{self, Page, Query};
use super::rss::{self, Item};
use crate::api::{anthropic_models, gemini_models};
use crate::app::App;
use crate::caller::Caller;
use crate::reply::{self, Answer};

/// Answers `GET /models`; Google's and Anthropic's own clients ask here as well, and are told in
/// their shapes.
pub async fn list(
    State(app): State<Arc<App>>,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
) -> Answer {
    if headers.contains_key("x-goog-api-key") {
        return gemini_models::list(State(app)).await;
    }
    if anthropic_models::asks(&headers) {
        return anthropic_models::list(State(app), &uri);
    }
    let query = read(&uri)?;
    let catalog = app.catalog.load_full();
    let now = app.clock.now_ms().div_euclid(1000);
    if query == Query::default() {
        let scope = Scope::UsableIfAny;
        let list = app.model_list.of(&catalog, || {
            let text = page(&catalog, scope, &query, &Place::of(&uri, now)).to_string();
            Ok::<_, Infallible>(Bytes::from(text))
        });
        return Ok(reply::json_bytes(StatusCode::OK, list.unwrap_or_default()));
    }
    let scope = if query.is_all {
        Scope::Whole
    } else {
        Scope::UsableIfAny
    };
    if query.is_rss {
        let models = listing(&catalog, scope, &query, now);
        let feed = feed(&app.public_url, on_page(&models, query.page));
        return Ok(([(CONTENT_TYPE, rss::CONTENT_TYPE)], feed).into_response());
    }
    reply::json(
        StatusCode::OK,
        &page(&catalog, scope, &query, &Place::of(&uri, now)),
    )
}

/// Answers `GET /models/user`: what the caller's key can be used for.
pub async fn of_user(
    State(app): State<Arc<App>>,
    OriginalUri(uri): OriginalUri,
    _caller: Caller,
) -> Answer {
    let query = read(&uri)?;
    let now = app.clock.now_ms().div_euclid(1000);
    let list = page(
        &app.catalog.load(),
        Scope::Usable,
        &query,
        &Place::of(&uri, now),
    );
    reply::json(StatusCode::OK, &list)
}

/// Answers `GET /models/count`.
pub async fn count(State(app): State<Arc<App>>, OriginalUri(uri): OriginalUri) -> Answer {
    let query = read(&uri)?;
    let now = app.clock.now_ms().div_euclid(1000);
    let scope = if query.is_all {
        Scope::Whole
    } else {
        Scope::UsableIfAny
    };
    let count = listing(&app.catalog.load(), scope, &query, now).len();
    reply::json(StatusCode::OK, &json!({"data": {"count": count}}))
}

/// Answers `GET /embeddings/models`.
pub async fn embeddings(State(app): State<Arc<App>>, OriginalUri(uri): OriginalUri) -> Answer {
    let mut query = read(&uri)?;
    query.filter.output = Some(Modalities::from_iter([Modality::Embeddings]));
    let now = app.clock.now_ms().div_euclid(1000);
    let scope = if query.is_all {
        Scope::Whole
    } else {
        Scope::UsableIfAny
    };
    let list = page(&app.catalog.load(), scope, &query, &Place::of(&uri, now));
    reply::json(StatusCode::OK, &list)
}

/// Where and when a list was asked for.
struct Place<'a> {
    path: &'a str,
    query: &'a str,
    /// Unix seconds.
    now: i64,
}

impl<'a> Place<'a> {
    fn of(uri: &'a Uri, now: i64) -> Self {
        Self {
            path: uri.path(),
            query: uri.query().unwrap_or(""),
            now,
        }
    }
}

fn read(uri: &Uri) -> Result<Query, Error> {
    let pairs = axum::extract::Query::<Vec<(String, String)>>::try_from_uri(uri);
    let refuse = |_| Error::caller(Kind::InvalidRequest, "The query cannot be read");
    query::read(&pairs.map_err(refuse)?.0)
}

fn page(catalog: &Catalog, scope: Scope, query: &Query, place: &Place<'_>) -> Value {
    let models = listing(catalog, scope, query, place.now);
    let shown = on_page(&models, query.page);
    let next = query
        .page
        .map(|Page { offset, limit }| (offset.saturating_add(limit), limit))
        .filter(|(offset, _)| usize::try_from(*offset).is_ok_and(|at| at < models.len()))
        .map(|(offset, limit)| next_page(place, offset, limit));
    json!({
        "object": "list",
        "data": shown.iter().map(|model| json::model(model)).collect::<Vec<_>>(),
        "total_count": models.len(),
        "links": {"next": next},
    })
}

fn on_page<'a, 'b>(models: &'b [&'a Arc<Model>], page: Option<Page>) -> &'b [&'a Arc<Model>] {
    let Some(Page { offset, limit }) = page else {
        return models;
    };
    let at = |index: u64| usize::try_from(index).map_or(models.len(), |at| at.min(models.len()));
    models
        .get(at(offset)..at(offset.saturating_add(limit)))
        .unwrap_or_default()
}

/// The same query at another offset.
fn next_page(place: &Place<'_>, offset: u64, limit: u64) -> String {
    let is_kept = |pair: &&str| !pair.starts_with("offset=") && !pair.starts_with("limit=");
    let mut pairs: Vec<&str> = place
        .query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .collect();
    pairs.retain(|pair| is_kept(pair));
    let at = format!("offset={offset}&limit={limit}");
    pairs.push(&at);
    format!("{}?{}", place.path, pairs.join("&"))
}

fn feed(public_url: &str, models: &[&Arc<Model>]) -> String {
    let items = models.iter().map(|model| Item {
        title: &model.name,
        id: model.slug.as_str(),
        description: json::description(model),
        released: (model.created > 0).then_some(model.created),
    });
    rss::feed(public_url, items)
}
