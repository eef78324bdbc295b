//! `/credentials`: what we present to providers, shown masked, checked live, added and removed while
//! the server runs. For management keys; not in OpenRouter's API.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use catalog::Provider;
use chat::{Error, Kind};
use http::{HeaderMap, StatusCode};
use relay::auth::Signer;
use relay::{HttpUpstream, Secret, Upstream};
use serde::{Deserialize, Serialize};

use super::desk::{invalid, read_body};
use crate::additions::{self, NotKept};
use crate::app::App;
use crate::caller::Management;
use crate::config::credentials::Source;
use crate::live;
use crate::reply::{self, Answer, storage_trouble};

#[derive(Serialize)]
struct View<'a> {
    provider: &'a str,
    provider_name: &'a str,
    source: &'static str,
    label: Box<str>,
    /// Why it cannot be used as it is.
    trouble: Option<String>,
}

#[derive(Serialize)]
struct Envelope<T> {
    data: T,
}

#[derive(Serialize)]
struct Deleted {
    deleted: bool,
}

/// How a provider answered.
#[derive(Serialize)]
pub(super) struct Checked {
    pub(super) is_well: bool,
    pub(super) message: String,
}

const fn name(source: Source) -> &'static str {
    match source {
        Source::Configuration => "configuration",
        Source::Added => "added",
        Source::Environment => "environment",
    }
}

fn view<'a>(app: &App, provider: &'a Provider) -> Option<View<'a>> {
    let given = app.shelf.given();
    let (source, label) = given.source(provider)?;
    Some(View {
        provider: provider.slug.as_str(),
        provider_name: &provider.name,
        source: name(source),
        label,
        trouble: given.trouble(provider),
    })
}

fn existing(app: &App, slug: &str) -> Result<Arc<Provider>, Error> {
    let catalog = app.catalog.load();
    let found = catalog
        .providers()
        .find(|provider| provider.slug.as_str() == slug);
    found.cloned().ok_or_else(|| {
        let message = format!("There is no provider \"{slug}\"; see /api/v1/providers");
        Error::caller(Kind::NotFound, message)
    })
}

/// Answers `GET /credentials`: every provider that has one, wherever it comes from.
pub async fn list(State(app): State<Arc<App>>, _caller: Management) -> Answer {
    let catalog = app.catalog.load();
    let data: Vec<View<'_>> = catalog
        .providers()
        .filter_map(|one| view(&app, one))
        .collect();
    reply::json(StatusCode::OK, &Envelope { data })
}

/// The body of `PUT /credentials/{provider}`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewCredential {
    key: String,
    /// Whether the provider is asked before it is kept.
    #[serde(default)]
    check: bool,
}

/// Answers `PUT /credentials/{provider}`: keeps it sealed, and switches the provider on.
pub async fn put(
    State(app): State<Arc<App>>,
    _caller: Management,
    Path(slug): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let asked: NewCredential = read_body(&app, &headers, body).await?;
    let provider = existing(&app, &slug)?;
    let secret = read_secret(&app, &provider, &asked.key)?;
    if matches!(
        app.shelf.given().source(&provider),
        Some((Source::Configuration, _))
    ) {
        let message =
            "The configuration gives this provider its credential, and wins; change it there";
        return Err(Error::caller(Kind::Conflict, message).into());
    }
    if asked.check {
        let checked = check_live(&provider, &secret).await?;
        if !checked.is_well {
            return Err(invalid("key", format!("{}: {}", provider.name, checked.message)).into());
        }
    }
    let place = (&app.store, &*app.vault);
    additions::keep_credential(
        place,
        &slug,
        &Secret::new(asked.key.trim()),
        app.clock.now_ms(),
    )
    .await
    .map_err(not_kept)?;
    app.read_catalog().await.map_err(storage_trouble)?;
    let data = view(&app, &provider);
    reply::json(StatusCode::OK, &Envelope { data })
}

fn read_secret(app: &App, provider: &Provider, key: &str) -> Result<Secret, Error> {
    let key = key.trim();
    if key.is_empty() {
        return Err(invalid("key", "is empty"));
    }
    let checked = app.shelf.given().check(provider, Secret::new(key));
    checked.map_err(|message| invalid("key", message))
}

pub(super) fn not_kept(error: NotKept) -> Error {
    match error {
        NotKept::Store(error) => storage_trouble(error),
        NotKept::Vault(error) => Error::gateway(Kind::Server, "the credential could not be sealed")
            .with_detail(error.to_string()),
    }
}

/// Answers `DELETE /credentials/{provider}`: what the environment has counts again.
pub async fn delete(
    State(app): State<Arc<App>>,
    _caller: Management,
    Path(slug): Path<String>,
) -> Answer {
    let removed = additions::forget_credential(&app.store, &slug, app.clock.now_ms()).await;
    let deleted = removed.map_err(storage_trouble)?;
    if !deleted {
        let message = "No credential was added for this provider; one of the configuration or the \
                       environment is removed there";
        return Err(Error::caller(Kind::NotFound, message).into());
    }
    app.read_catalog().await.map_err(storage_trouble)?;
    reply::json(StatusCode::OK, &Deleted { deleted })
}

/// The body of `POST /credentials/{provider}/check`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Question {
    /// One that is not kept yet; the one in use when absent.
    #[serde(default)]
    key: Option<String>,
}

/// Answers `POST /credentials/{provider}/check`: asks the provider, at no cost.
pub async fn check(
    State(app): State<Arc<App>>,
    _caller: Management,
    Path(slug): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let asked: Question = read_body(&app, &headers, body).await?;
    let provider = existing(&app, &slug)?;
    let secret = match asked.key {
        Some(key) => read_secret(&app, &provider, &key)?,
        None => {
            let credentials = app.credentials.load();
            let secret = credentials.get(&slug).cloned();
            secret
                .ok_or_else(|| Error::caller(Kind::NotFound, "This provider has no credential"))?
        }
    };
    let data = check_live(&provider, &secret).await?;
    reply::json(StatusCode::OK, &Envelope { data })
}

pub(super) async fn check_live(provider: &Provider, secret: &Secret) -> Result<Checked, Error> {
    let trouble = |error: String| {
        Error::gateway(Kind::Server, "the client for providers cannot be made").with_detail(error)
    };
    let client = HttpUpstream::new(live::WITHIN).map_err(|error| trouble(error.to_string()))?;
    let client = Arc::new(client);
    let upstream = Arc::clone(&client) as Arc<dyn Upstream>;
    let tasks = tokio_util::task::TaskTracker::new();
    let signer = Signer::new(upstream, Arc::new(crate::clock::SystemClock), tasks);
    let (is_well, message) = live::ask((&client, &signer), provider, secret).await;
    Ok(Checked { is_well, message })
}
