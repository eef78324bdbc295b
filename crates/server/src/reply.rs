//! Answers: JSON on the way out, and the one rescue that turns any failure into HTTP.
//!
//! Which cause becomes which status is decided by [`chat::Kind`] alone; what the body looks like is
//! decided by the dialect of the path; what is no call to a model speaks `openai-chat`.

use std::time::Duration;

use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use chat::{Dialect, Error, Kind, Origin};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER};
use http::{HeaderMap, StatusCode};
use ledger::GenerationId;
use serde::Serialize;

/// Names the generation in every answer of an inference path.
pub const GENERATION_ID: HeaderName = HeaderName::from_static("x-generation-id");

/// The same id under the name that Anthropic's clients show.
const REQUEST_ID: HeaderName = HeaderName::from_static("request-id");

/// How soon to try again when the system of record is away.
const STORAGE_RETRY: Duration = Duration::from_secs(2);

/// Headers of the answer to a call, about: room is made for them once.
const HEADERS: usize = 20;

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// What a desk or a door answers.
pub type Answer = Result<Response, Rescue>;

/// A failure on its way out.
#[derive(Debug)]
pub struct Rescue {
    error: Box<Error>,
    generation: Option<GenerationId>,
    headers: Option<Box<HeaderMap>>,
    dialect: Dialect,
}

impl Rescue {
    /// The same failure, to be told in a caller's dialect.
    #[must_use]
    pub const fn in_dialect(mut self, dialect: Dialect) -> Self {
        self.dialect = dialect;
        self
    }

    /// The same failure with more headers.
    #[must_use]
    pub fn with_headers(mut self, headers: HeaderMap) -> Self {
        self.headers = Some(Box::new(headers));
        self
    }

    /// The failure of a call that already has an id.
    #[must_use]
    pub fn of_call(error: Error, id: GenerationId) -> Self {
        Self {
            error: Box::new(error),
            generation: Some(id),
            headers: None,
            dialect: Dialect::OpenaiChat,
        }
    }
}

impl From<Error> for Rescue {
    fn from(error: Error) -> Self {
        Self {
            error: Box::new(error),
            generation: None,
            headers: None,
            dialect: Dialect::OpenaiChat,
        }
    }
}

impl IntoResponse for Rescue {
    fn into_response(self) -> Response {
        let Self {
            error,
            generation,
            headers,
            dialect,
        } = self;
        if error.origin == Origin::Gateway {
            tracing::error!(
                kind = error.kind.name(),
                detail = error.detail.as_deref(),
                generation.id = generation.as_ref().map(GenerationId::as_str),
                "{}",
                error.message,
            );
        }
        let id = generation.as_ref().map(GenerationId::as_str);
        let (status, mut body) = match wire::door(dialect) {
            Some(door) => door.write_error(&error, id),
            None => wire::openai_chat::write_error(&error, id),
        };
        if let Some(route) = error
            .metadata
            .as_ref()
            .and_then(|facts| facts.route.as_ref())
        {
            body = wire::put_route(route, &body);
        }
        let mut headers = headers.map_or_else(HeaderMap::new, |headers| *headers);
        headers.insert(CONTENT_TYPE, JSON);
        if let Some(wait) = error.metadata.as_ref().and_then(|facts| facts.retry_after) {
            let seconds = wait.as_millis().div_ceil(1000).max(1).to_string();
            put(&mut headers, RETRY_AFTER, &seconds);
        }
        if let Some(id) = &generation {
            name_generation(&mut headers, dialect, id);
        }
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        (status, headers, body).into_response()
    }
}

/// Names the generation in an answer.
pub fn name_generation(headers: &mut HeaderMap, dialect: Dialect, id: &GenerationId) {
    put(headers, GENERATION_ID, id.as_str());
    if dialect == Dialect::AnthropicMessages {
        put(headers, REQUEST_ID, id.as_str());
    }
}

/// Sets a header, unless its value cannot stand in one.
pub fn put(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

/// A JSON answer that nobody may keep.
///
/// # Errors
/// When the value cannot be written, which would be a bug of ours.
pub fn json<T: Serialize + ?Sized>(status: StatusCode, value: &T) -> Answer {
    let body = serde_json::to_vec(value).map_err(|error| unwritten(&error))?;
    Ok(json_bytes(status, body.into()))
}

/// An answer of ours that is no JSON: a mistake of ours.
pub(crate) fn unwritten(error: &serde_json::Error) -> Error {
    Error::gateway(Kind::Server, "the answer could not be written").with_detail(error.to_string())
}

/// The same from text that is JSON already.
#[must_use]
pub fn json_bytes(status: StatusCode, body: Bytes) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.reserve(HEADERS);
    headers.insert(CONTENT_TYPE, JSON);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// No such path.
pub async fn unknown_path(uri: axum::extract::OriginalUri) -> Rescue {
    let message = format!(
        "There is nothing at {}; see /api/v1/openapi.json",
        uri.path()
    );
    Error::caller(Kind::NotFound, message).into()
}

/// The path is there, the method is not.
pub async fn unknown_method(method: http::Method, uri: axum::extract::OriginalUri) -> Rescue {
    let message = format!("{method} is not possible at {}", uri.path());
    Error::caller(Kind::MethodNotAllowed, message).into()
}

/// What a panic looks like from outside.
#[must_use]
pub fn after_panic() -> Response {
    Rescue::from(
        Error::gateway(Kind::Server, "Internal Server Error")
            .with_detail("a panic was caught at the door; this is a bug"),
    )
    .into_response()
}

/// The database is away: our trouble, never the caller's.
#[must_use]
pub fn storage_trouble(error: impl std::fmt::Display) -> Error {
    let mut trouble = Error::gateway(
        Kind::GatewayUnavailable,
        "The system of record is not available at the moment; try again soon",
    )
    .with_detail(error.to_string());
    trouble.metadata_mut().retry_after = Some(STORAGE_RETRY);
    trouble
}
