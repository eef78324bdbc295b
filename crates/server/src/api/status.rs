//! `GET /status`: how many calls came to their end, for management keys, and for anybody where the
//! house has made it public; `PUT /status/public`: whether it has.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use chat::{Error, Kind};
use http::header::CACHE_CONTROL;
use http::{HeaderMap, HeaderValue, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::admin::desk::read_body;
use crate::app::App;
use crate::caller::{Management, Visitor};
use crate::reply::{self, Answer, storage_trouble};
use crate::status::told;

/// What is public may be kept for a moment by whoever stands between.
const PUBLIC: HeaderValue = HeaderValue::from_static("public, max-age=15");

#[derive(Serialize)]
struct Envelope<T> {
    data: T,
}

#[derive(Serialize)]
struct View<'a> {
    is_public: bool,
    /// Whether the configuration has decided that; told to management keys.
    #[serde(skip_serializing_if = "Option::is_none")]
    is_configured: Option<bool>,
    report: &'a RawValue,
}

/// Answers `GET /status`.
pub async fn get(State(app): State<Arc<App>>, Visitor(visitor): Visitor) -> Answer {
    let publicity = &app.status.publicity;
    let is_public = publicity.is_public();
    let is_manager = visitor
        .as_ref()
        .is_some_and(|caller| caller.facts.key.is_management);
    if !is_public && !is_manager {
        return Err(refused(visitor.is_some()).into());
    }
    let told = told(&app).await?;
    let text = if is_manager { &told.full } else { &told.open };
    let report = serde_json::from_slice(text).map_err(|error| {
        Error::gateway(Kind::Server, "the status could not be read").with_detail(error.to_string())
    })?;
    let view = View {
        is_public,
        is_configured: is_manager.then(|| publicity.is_configured()),
        report,
    };
    let mut answer = reply::json(StatusCode::OK, &Envelope { data: view })?;
    if !is_manager {
        answer.headers_mut().insert(CACHE_CONTROL, PUBLIC);
    }
    Ok(answer)
}

fn refused(has_key: bool) -> Error {
    match has_key {
        true => Error::caller(
            Kind::PermissionDenied,
            "The status page is not public here; a management key may look at it",
        ),
        false => Error::caller(Kind::Authentication, "Missing Authentication header"),
    }
}

/// The body of `PUT /status/public`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wish {
    public: bool,
}

#[derive(Serialize)]
struct Chosen {
    is_public: bool,
}

/// Answers `PUT /status/public`.
pub async fn put_public(
    State(app): State<Arc<App>>,
    _caller: Management,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let asked: Wish = read_body(&app, &headers, body).await?;
    let publicity = &app.status.publicity;
    if publicity.is_configured() {
        let message = "The configuration decides this (status.page); change it there";
        return Err(Error::caller(Kind::Conflict, message).into());
    }
    let now_ms = app.clock.now_ms();
    let kept = publicity.choose(asked.public, &app.store, now_ms).await;
    kept.map_err(storage_trouble)?;
    let data = Chosen {
        is_public: publicity.is_public(),
    };
    reply::json(StatusCode::OK, &Envelope { data })
}
