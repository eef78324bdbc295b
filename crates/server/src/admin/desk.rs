//! What every desk does: reads a small JSON body, and says what is wrong with a field.

use axum::body::Body;
use chat::{Error, Kind};
use http::HeaderMap;
use serde::{Deserialize, Deserializer};
use store::DEFAULT_WORKSPACE_ID;

use crate::app::App;
use crate::reply::storage_trouble;
use crate::{body, clock};

/// A desk needs no more; the limit for calls is a setting.
const BODY_BYTES_MAX: usize = 64 * 1024;

/// Reads a body into something of ours.
///
/// # Errors
/// When it is too long, too slow, or not what is wanted.
pub(crate) async fn read_body<T: for<'de> Deserialize<'de>>(
    app: &App,
    headers: &HeaderMap,
    body: Body,
) -> Result<T, Error> {
    let limit = app.body_bytes_max.min(BODY_BYTES_MAX);
    let bytes = body::read(headers, body, limit, app.request_body).await?;
    serde_json::from_slice(&bytes).map_err(|error| {
        Error::caller(
            Kind::InvalidRequest,
            format!("Invalid request body: {error}"),
        )
    })
}

/// Tells a field that is null from one that is absent.
pub(super) fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// A field is wrong.
pub(crate) fn invalid(field: &str, message: impl std::fmt::Display) -> Error {
    Error::caller(Kind::InvalidRequest, format!("{field}: {message}")).with_field(field)
}

/// How many entries of a list are skipped, as a query says it; none when it says nothing.
///
/// # Errors
/// When that is no number.
pub(super) fn offset(asked: Option<&str>) -> Result<u32, Error> {
    match asked.filter(|text| !text.is_empty()) {
        None => Ok(0),
        Some(text) => text
            .parse()
            .map_err(|_| invalid("offset", format!("\"{text}\" is not a whole number from 0"))),
    }
}

/// The id of the workspace that was asked for by id or slug, else of the default one.
///
/// # Errors
/// When there is none.
pub(super) async fn workspace(app: &App, asked: Option<&str>) -> Result<String, Error> {
    let asked = asked.unwrap_or(DEFAULT_WORKSPACE_ID);
    let found = app.store.workspaces().by_id_or_slug(asked).await;
    let found = found.map_err(storage_trouble)?;
    let found = found.ok_or_else(|| invalid("workspace_id", "there is no such workspace"))?;
    Ok(found.id)
}

/// A random UUID (version 4).
///
/// # Errors
/// When the system gives no randomness.
pub(super) fn new_id() -> Result<String, Error> {
    let mut bytes: [u8; 16] = clock::random().map_err(|error| {
        Error::gateway(Kind::Server, "no randomness").with_detail(error.to_string())
    })?;
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let digits = hex::encode(bytes);
    let part = |from: usize, to: usize| digits.get(from..to).unwrap_or_default();
    Ok(format!(
        "{}-{}-{}-{}-{}",
        part(0, 8),
        part(8, 12),
        part(12, 16),
        part(16, 20),
        part(20, 32)
    ))
}
