//! `/providers/own`: providers of one's own, added and removed while the server runs: an inference
//! engine in three fields. For management keys; not in OpenRouter's API.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use catalog::rows::{DataPolicyRow, EndpointRow, PriceRow, ProviderRow};
use chat::{Dialect, Error, Kind, Unit};
use http::{HeaderMap, StatusCode};
use relay::Secret;
use serde::{Deserialize, Serialize};

use super::credentials::not_kept;
use super::desk::{invalid, read_body};
use crate::additions;
use crate::app::App;
use crate::caller::Management;
use crate::jobs::local_engines;
use crate::live;
use crate::reply::{self, Answer, storage_trouble};

/// The most models of a provider that are taken over.
const MODELS_MAX: usize = 200;

#[derive(Serialize)]
struct View<'a> {
    slug: &'a str,
    name: &'a str,
    base_url: &'a str,
    dialect: &'a str,
    has_key: bool,
    models: Vec<&'a str>,
}

#[derive(Serialize)]
struct Envelope<T> {
    data: T,
}

#[derive(Serialize)]
struct Deleted {
    deleted: bool,
}

fn view(row: &ProviderRow) -> View<'_> {
    let models = row
        .endpoints
        .iter()
        .filter_map(|endpoint| endpoint.model.as_deref());
    let dialects = row.dialects.as_deref().unwrap_or_default();
    View {
        slug: &row.slug,
        name: row.name.as_deref().unwrap_or(&row.slug),
        base_url: row.base_url.as_deref().unwrap_or_default(),
        dialect: dialects.first().map_or("", String::as_str),
        has_key: row.auth.as_deref() != Some("none"),
        models: models.collect(),
    }
}

/// Answers `GET /providers/own`.
pub async fn list(State(app): State<Arc<App>>, _caller: Management) -> Answer {
    let rows = additions::rows(&app.store).await.map_err(storage_trouble)?;
    let data: Vec<View<'_>> = rows.providers.values().map(view).collect();
    reply::json(StatusCode::OK, &Envelope { data })
}

/// The body of `POST /providers/own`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewProvider {
    name: String,
    base_url: String,
    #[serde(default)]
    key: Option<String>,
    /// Its own names of its models; asked for when absent.
    #[serde(default)]
    models: Option<Vec<String>>,
    /// USD per million tokens, decimal; both or neither. Neither: it costs nothing.
    #[serde(default)]
    input_price: Option<String>,
    #[serde(default)]
    output_price: Option<String>,
}

/// Answers `POST /providers/own`: 201. Asks the provider for its models, and refuses in plain words
/// what does not answer.
pub async fn create(
    State(app): State<Arc<App>>,
    _caller: Management,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let asked: NewProvider = read_body(&app, &headers, body).await?;
    let key = asked
        .key
        .as_deref()
        .map(str::trim)
        .filter(|key| !key.is_empty());
    let key = key.map(Secret::new);
    let mut models = match asked.models {
        Some(models) => models,
        None => live::models(&asked.base_url, key.as_ref())
            .await
            .map_err(|message| invalid("base_url", message))?,
    };
    if models.is_empty() {
        return Err(invalid("models", "it lists none; name those that it serves").into());
    }
    models.truncate(MODELS_MAX);
    let price = price(asked.input_price.as_deref(), asked.output_price.as_deref())?;
    let slug = slug(&asked.name)?;
    let row = ProviderRow {
        slug: slug.clone(),
        name: Some(asked.name.trim().to_owned()),
        kind: Some("local".to_owned()),
        base_url: Some(asked.base_url.trim().trim_end_matches('/').to_owned()),
        dialects: Some(vec![Dialect::OpenaiChat.name().to_owned()]),
        auth: Some(if key.is_some() { "bearer" } else { "none" }.to_owned()),
        data_policy: Some(DataPolicyRow {
            training: Some(false),
            retention_days: Some(0),
            ..DataPolicyRow::default()
        }),
        endpoints: models
            .iter()
            .map(|model| endpoint(&slug, model, &price))
            .collect(),
        ..ProviderRow::default()
    };
    try_on(&app, &row).await?;
    let now_ms = app.clock.now_ms();
    if let Some(key) = &key {
        let place = (&app.store, &*app.vault);
        let kept = additions::keep_credential(place, &slug, key, now_ms).await;
        kept.map_err(not_kept)?;
    }
    let kept = additions::keep_row(&app.store, &row, now_ms).await;
    kept.map_err(storage_trouble)?;
    app.read_catalog().await.map_err(storage_trouble)?;
    reply::json(StatusCode::CREATED, &Envelope { data: view(&row) })
}

fn endpoint(slug: &str, model: &str, price: &PriceRow) -> EndpointRow {
    EndpointRow {
        billing: None,
        price: Some(price.clone()),
        ..local_engines::endpoint(slug, model)
    }
}

/// The prices that were stated; one's own engine costs nothing when none were.
fn price(input: Option<&str>, output: Option<&str>) -> Result<PriceRow, Error> {
    let (input, output) = match (input, output) {
        (None, None) => ("0", "0"),
        (Some(input), Some(output)) => (input, output),
        _ => return Err(invalid("input_price", "give both prices or neither")),
    };
    let mut row = PriceRow::default();
    row.set(Unit::Input, input);
    row.set(Unit::Output, output);
    Ok(row)
}

/// A slug out of a name: lowercase letters and digits with hyphens between.
fn slug(name: &str) -> Result<String, Error> {
    let plain = |c: char| {
        if c.is_ascii_alphanumeric() {
            c.to_ascii_lowercase()
        } else {
            '-'
        }
    };
    let text: String = name.trim().chars().map(plain).collect();
    let words: Vec<&str> = text.split('-').filter(|word| !word.is_empty()).collect();
    if words.is_empty() {
        return Err(invalid("name", "expected letters or digits"));
    }
    Ok(words.join("-"))
}

/// Whether the catalog builds with a new provider, and none of the same name is there.
async fn try_on(app: &App, row: &ProviderRow) -> Result<(), Error> {
    let mut rows = additions::rows(&app.store).await.map_err(storage_trouble)?;
    let catalog = app.catalog.load();
    let is_taken = catalog
        .providers()
        .any(|provider| provider.goes_by(&row.slug));
    if is_taken && !rows.providers.contains_key(&row.slug) {
        let message = format!(
            "there is a provider \"{}\" already; choose another name",
            row.slug
        );
        return Err(invalid("name", message));
    }
    rows.providers.insert(row.slug.clone(), row.clone());
    let settings = app.store.settings();
    let kept = settings.get(crate::shelf::KEPT_ROWS).await;
    let kept = kept.map_err(storage_trouble)?.map(|setting| setting.value);
    let built = app
        .shelf
        .bottom(kept.as_deref())
        .map_err(|error| vec![error])
        .and_then(|bottom| app.shelf.build_with(&bottom, &rows));
    built.map(drop).map_err(|errors| {
        let first = errors.first().map_or_else(String::new, ToString::to_string);
        Error::caller(Kind::InvalidRequest, first)
    })
}

/// Answers `DELETE /providers/own/{slug}`.
pub async fn delete(
    State(app): State<Arc<App>>,
    _caller: Management,
    Path(slug): Path<String>,
) -> Answer {
    let now_ms = app.clock.now_ms();
    let removed = additions::forget_row(&app.store, &slug, now_ms).await;
    if !removed.map_err(storage_trouble)? {
        let message = "No provider of this slug was added here";
        return Err(Error::caller(Kind::NotFound, message).into());
    }
    let removed = additions::forget_credential(&app.store, &slug, now_ms).await;
    removed.map_err(storage_trouble)?;
    app.read_catalog().await.map_err(storage_trouble)?;
    reply::json(StatusCode::OK, &Deleted { deleted: true })
}
