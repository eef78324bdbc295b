//! `/observability/destinations`: to whom a workspace has its calls told. For management keys.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, Query, State};
use chat::{Error, Kind};
use http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use telemetry::destination::{Filter, Kind as DestinationKind, Mistake, Settings};

use super::desk::{invalid, new_id, present, read_body, workspace};
use crate::app::App;
use crate::broadcast::stored::{self, ALL_PPM, Destination};
use crate::caller::Management;
use crate::config::telemetry::ratio;
use crate::reply::{self, Answer, storage_trouble};
use crate::time::iso;

/// So many of one kind may a workspace have, as the reference says.
const OF_ONE_KIND_MAX: usize = 5;

/// A page of the list, unless asked for less.
const PAGE: usize = 50;
const PAGE_MAX: usize = 100;

const NAME_MAX: usize = 200;

#[derive(Serialize)]
struct View {
    id: String,
    workspace_id: String,
    #[serde(rename = "type")]
    kind: String,
    name: String,
    enabled: bool,
    privacy_mode: bool,
    sampling_rate: Box<RawValue>,
    api_key_hashes: Option<Vec<String>>,
    filter_rules: Option<Value>,
    broadcast_generation_cost: bool,
    broadcast_generation_identity: bool,
    broadcast_generation_request_context: bool,
    config: Value,
    created_at: String,
    updated_at: String,
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

/// What a list is asked for.
#[derive(Debug, Deserialize)]
pub struct ListQuery {
    offset: Option<usize>,
    limit: Option<usize>,
    workspace_id: Option<String>,
}

#[derive(Debug, Deserialize)]
struct New {
    #[serde(rename = "type")]
    kind: String,
    workspace_id: Option<String>,
    #[serde(flatten)]
    rest: Change,
}

#[derive(Debug, Default, Deserialize)]
struct Change {
    name: Option<String>,
    config: Option<Value>,
    enabled: Option<bool>,
    privacy_mode: Option<bool>,
    sampling_rate: Option<serde_json::Number>,
    #[serde(default, deserialize_with = "present")]
    api_key_hashes: Option<Option<Vec<String>>>,
    #[serde(default, deserialize_with = "present")]
    filter_rules: Option<Option<Value>>,
    broadcast_generation_cost: Option<bool>,
    broadcast_generation_identity: Option<bool>,
    broadcast_generation_request_context: Option<bool>,
}

fn wrong_config(mistake: &Mistake) -> Error {
    let field = match mistake.field.as_str() {
        "config" => "config".to_owned(),
        field => format!("config.{field}"),
    };
    invalid(&field, &mistake.what)
}

fn view(app: &App, destination: Destination) -> Result<View, Error> {
    let kind = app.broadcast.kinds.get(&destination.kind);
    // What another key has sealed can be listed, changed and deleted; it cannot be shown.
    let settings = destination.open(&app.vault).unwrap_or_default();
    let share = ledger::decimal::format(i128::from(destination.sampled_ppm), 6);
    Ok(View {
        sampling_rate: RawValue::from_string(share).map_err(|error| {
            Error::gateway(Kind::Server, "a share could not be written")
                .with_detail(error.to_string())
        })?,
        config: kind.map_or_else(
            || Value::Object(serde_json::Map::new()),
            |kind| settings.shown(kind),
        ),
        id: destination.id,
        workspace_id: destination.workspace_id,
        kind: destination.kind,
        name: destination.name,
        enabled: destination.enabled,
        privacy_mode: !destination.with_content,
        api_key_hashes: destination.api_key_hashes,
        filter_rules: destination.filter_rules,
        broadcast_generation_cost: destination.with_cost,
        broadcast_generation_identity: destination.with_identity,
        broadcast_generation_request_context: destination.with_context,
        created_at: iso(destination.created_at_ms),
        updated_at: iso(destination.updated_at_ms),
    })
}

pub(super) async fn find(app: &App, id: &str) -> Result<Destination, Error> {
    let found = stored::by_id(&app.store, id).await;
    found
        .map_err(storage_trouble)?
        .ok_or_else(|| Error::caller(Kind::NotFound, "Destination not found"))
}

/// Keeps a change and takes it over.
async fn keep(app: &App, mut destination: Destination) -> Result<View, Error> {
    let now_ms = app.clock.now_ms();
    destination.updated_at_ms = now_ms;
    destination
        .keep(&app.store, now_ms)
        .await
        .map_err(storage_trouble)?;
    app.read_destinations().await.map_err(storage_trouble)?;
    view(app, destination)
}

/// Answers `GET /observability/destinations`.
pub async fn list(
    State(app): State<Arc<App>>,
    _caller: Management,
    Query(query): Query<ListQuery>,
) -> Answer {
    let limit = query.limit.unwrap_or(PAGE);
    if !(1..=PAGE_MAX).contains(&limit) {
        return Err(invalid("limit", format!("is from 1 to {PAGE_MAX}")).into());
    }
    let workspace = workspace(&app, query.workspace_id.as_deref()).await?;
    let mut all = stored::all(&app.store).await.map_err(storage_trouble)?;
    all.retain(|destination| destination.workspace_id == workspace);
    let total_count = all.len();
    let page = all.into_iter().skip(query.offset.unwrap_or(0)).take(limit);
    let data: Result<Vec<View>, Error> = page.map(|one| view(&app, one)).collect();
    let data = data?;
    reply::json(StatusCode::OK, &Page { data, total_count })
}

/// Answers `GET /observability/destination-types`: what a destination can be, and its settings.
pub async fn types(State(app): State<Arc<App>>, _caller: Management) -> Answer {
    let kinds = &app.broadcast.kinds;
    let data: Vec<Value> = kinds
        .names()
        .filter_map(|name| Some(type_view(name, kinds.get(name)?)))
        .collect();
    reply::json(StatusCode::OK, &Envelope { data })
}

/// Those settings come first without which there is no destination.
fn type_view(name: &str, kind: &DestinationKind) -> Value {
    let mut settings: Vec<_> = kind.settings().collect();
    settings.sort_by_key(|(_, row)| !row.required);
    let settings: Vec<Value> = settings
        .into_iter()
        .map(|(name, row)| {
            json!({
                "name": name,
                "required": row.required,
                "secret": row.secret,
                "default": row.default,
                "words": row.words.keys().collect::<Vec<_>>(),
            })
        })
        .collect();
    json!({"type": name, "settings": settings})
}

/// Answers `GET /observability/destinations/{id}`.
pub async fn get(
    State(app): State<Arc<App>>,
    _caller: Management,
    Path(id): Path<String>,
) -> Answer {
    let data = view(&app, find(&app, &id).await?)?;
    reply::json(StatusCode::OK, &Envelope { data })
}

/// Answers `POST /observability/destinations`: 201.
pub async fn create(
    State(app): State<Arc<App>>,
    _caller: Management,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let asked: New = read_body(&app, &headers, body).await?;
    if app.broadcast.kinds.get(&asked.kind).is_none() {
        let known: Vec<&str> = app.broadcast.kinds.names().collect();
        let message = format!("\"{}\" is none of {}", asked.kind, known.join(", "));
        return Err(invalid("type", message).into());
    }
    let name = asked.rest.name.as_deref();
    name.ok_or_else(|| invalid("name", "is required"))?;
    if asked.rest.config.is_none() {
        return Err(invalid("config", "is required").into());
    }
    let workspace_id = workspace(&app, asked.workspace_id.as_deref()).await?;
    let all = stored::all(&app.store).await.map_err(storage_trouble)?;
    let is_alike = |one: &&Destination| one.workspace_id == workspace_id && one.kind == asked.kind;
    if all.iter().filter(is_alike).count() >= OF_ONE_KIND_MAX {
        let message = format!("A workspace may have {OF_ONE_KIND_MAX} destinations of one type");
        return Err(Error::caller(Kind::Conflict, message).into());
    }
    let now_ms = app.clock.now_ms();
    let mut destination = Destination {
        id: new_id()?,
        workspace_id,
        kind: asked.kind,
        name: String::new(),
        enabled: true,
        privacy_mode: false,
        with_content: true,
        sampled_ppm: ALL_PPM,
        api_key_hashes: None,
        filter_rules: None,
        with_cost: false,
        with_identity: false,
        with_context: false,
        sealed: String::new(),
        created_at_ms: now_ms,
        updated_at_ms: now_ms,
        is_deleted: false,
    };
    apply(&app, &mut destination, asked.rest, None)?;
    let data = keep(&app, destination).await?;
    reply::json(StatusCode::CREATED, &Envelope { data })
}

/// Answers `PATCH /observability/destinations/{id}`.
pub async fn change(
    State(app): State<Arc<App>>,
    _caller: Management,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let asked: Change = read_body(&app, &headers, body).await?;
    let mut destination = find(&app, &id).await?;
    let before = destination.open(&app.vault).ok();
    apply(&app, &mut destination, asked, before.as_ref())?;
    let data = keep(&app, destination).await?;
    reply::json(StatusCode::OK, &Envelope { data })
}

/// Answers `DELETE /observability/destinations/{id}`. The row stays, without what is secret in it.
pub async fn delete(
    State(app): State<Arc<App>>,
    _caller: Management,
    Path(id): Path<String>,
) -> Answer {
    let mut destination = find(&app, &id).await?;
    destination.is_deleted = true;
    destination.enabled = false;
    destination.sealed = String::new();
    keep(&app, destination).await?;
    app.broadcast.forget_spool(&id).await;
    reply::json(StatusCode::OK, &Deleted { deleted: true })
}

fn apply(
    app: &App,
    destination: &mut Destination,
    asked: Change,
    before: Option<&Settings>,
) -> Result<(), Error> {
    if let Some(name) = asked.name {
        let length = name.chars().count();
        if !(1..=NAME_MAX).contains(&length) {
            return Err(invalid("name", format!("has 1 to {NAME_MAX} characters")));
        }
        destination.name = name;
    }
    if let Some(config) = &asked.config {
        let kind = app.broadcast.kinds.get(&destination.kind);
        let kind = kind.ok_or_else(|| invalid("type", "is not known any more"))?;
        let settings = Settings::read(kind, config, before);
        let settings = settings.map_err(|mistake| wrong_config(&mistake))?;
        check(app, kind, &settings)?;
        destination.seal(&app.vault, &settings).map_err(|error| {
            Error::gateway(Kind::Server, "a secret could not be sealed")
                .with_detail(error.to_string())
        })?;
    }
    if let Some(share) = asked.sampling_rate {
        let ppm = ratio(&share.to_string()).ok();
        let ppm = ppm.filter(|ppm| (100..=ALL_PPM).contains(ppm));
        let ppm = ppm.ok_or_else(|| invalid("sampling_rate", "is from 0.0001 to 1"))?;
        destination.sampled_ppm = ppm;
    }
    if let Some(hashes) = asked.api_key_hashes {
        if hashes.as_ref().is_some_and(Vec::is_empty) {
            return Err(invalid(
                "api_key_hashes",
                "has at least one hash, or is null",
            ));
        }
        destination.api_key_hashes = hashes;
    }
    if let Some(rules) = asked.filter_rules {
        let read = rules.as_ref().map(Filter::read).transpose();
        let read = read.map_err(|mistake| invalid("filter_rules", mistake))?;
        destination.filter_rules = read.map(|filter| filter.written().clone());
    }
    if let Some(is_private) = asked.privacy_mode {
        destination.set_privacy(is_private);
    }
    let flags = [
        (asked.enabled, &mut destination.enabled),
        (asked.broadcast_generation_cost, &mut destination.with_cost),
        (
            asked.broadcast_generation_identity,
            &mut destination.with_identity,
        ),
        (
            asked.broadcast_generation_request_context,
            &mut destination.with_context,
        ),
    ];
    for (asked, flag) in flags {
        *flag = asked.unwrap_or(*flag);
    }
    Ok(())
}

/// Whether the settings make a request to an address that may be asked. Names are judged anew each
/// time they are resolved.
fn check(app: &App, kind: &DestinationKind, settings: &Settings) -> Result<(), Error> {
    let empty = (&[][..], &app.broadcast.teller);
    let parcels = telemetry::destination::parcels(kind, settings, empty);
    for parcel in parcels.map_err(|mistake| wrong_config(&mistake))? {
        let guard = app.broadcast.egress.guard();
        let judged = guard.judge(parcel.request.uri());
        judged.map_err(|what| invalid("config", format!("its address cannot be used: {what}")))?;
    }
    Ok(())
}
