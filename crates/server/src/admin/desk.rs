//! What every desk does: reads a small JSON body, and says what is wrong with a field.

use axum::body::Body;
use chat::{Error, Kind};
use http::HeaderMap;
use serde::{Deserialize, Deserializer};

use crate::app::App;
use crate::body;

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
