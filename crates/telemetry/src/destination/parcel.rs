//! Calls as the requests of a kind of destination.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri};
use http_body_util::Full;
use serde_json::Value as Json;

use super::bucket::{Bucket, TEST_OBJECT, object, object_name};
use super::form;
use super::kind::{Body, Kind};
use super::settings::{Mistake, Settings};
use crate::call::Told;
use crate::otlp::{self, Teller};
use crate::span::Span;

/// One request, ready but for the signature of a bucket's.
#[derive(Debug, Clone)]
pub struct Parcel {
    /// The request.
    pub request: Request<Full<Bytes>>,
    /// Its body once more, for signing.
    pub body: Bytes,
    /// The keys to sign it with, where it goes to a bucket.
    pub bucket: Option<Bucket>,
}

/// The requests that tell a destination of these calls, each with the name of its key; of none, the one
/// that asks whether anybody is there.
///
/// # Errors
/// When the settings make no request.
pub fn parcels(
    kind: &Kind,
    settings: &Settings,
    (calls, teller): (&[(Told, String)], &Teller),
) -> Result<Vec<Parcel>, Mistake> {
    let teller = with_resource(kind, settings, teller)?;
    let spans = || {
        let spans = calls.iter().map(|call| spans_of(kind, call));
        spans.flatten().collect::<Vec<Span>>()
    };
    let one = |body: Vec<u8>, media_type| {
        let body = (body.into(), media_type);
        Ok(vec![request(kind, settings, body)?])
    };
    let json = |body: Json| one(body.to_string().into_bytes(), JSON);
    match kind.body() {
        Body::Otlp => one(
            otlp::traces::request(&teller, &spans()),
            "application/x-protobuf",
        ),
        Body::OtlpJson if calls.is_empty() => json(otlp::json::empty()),
        Body::OtlpJson => json(otlp::json::request(&teller, &spans())),
        Body::Event => json(form::event::request(kind, settings, calls)),
        Body::LlmSpans => json(form::llm_spans::request(kind, settings, calls)),
        Body::Rows => one(form::rows::lines(&spans()).into_bytes(), NDJSON),
        Body::Statement => json(form::statement::request(kind, settings, &spans())),
        Body::Object if calls.is_empty() => {
            let body = otlp::json::empty().to_string();
            Ok(vec![object(kind, settings, (TEST_OBJECT, body))?])
        }
        Body::Object => {
            let objects = calls.iter().map(|call| {
                let body = otlp::json::request(&teller, &spans_of(kind, call));
                let name = object_name(kind, settings, (&call.0, &call.1))?;
                object(kind, settings, (&name, body.to_string()))
            });
            objects.collect()
        }
    }
}

/// The spans of a call; the first says whose key it was, where that is told, and what was asked and
/// answered, by the names that its destination reads.
fn spans_of(kind: &Kind, (told, key_name): &(Told, String)) -> Vec<Span> {
    let mut spans = told.spans();
    if let Some(first) = spans.first_mut() {
        let attributes = std::mem::take(&mut first.attributes);
        let names = &kind.content;
        let content = told.content.as_deref();
        first.attributes = attributes
            .maybe_text("waybill.key.name", Some(key_name))
            .maybe_text(names.input.clone(), content.map(|content| content.input()))
            .maybe_text(
                names.output.clone(),
                content.map(|content| content.output()),
            );
    }
    spans
}

pub(super) const JSON: &str = "application/json";
const NDJSON: &str = "application/x-ndjson";

pub(super) fn wrong(what: &str) -> Mistake {
    Mistake {
        field: "config".to_owned(),
        what: what.to_owned(),
    }
}

fn with_resource(kind: &Kind, settings: &Settings, teller: &Teller) -> Result<Teller, Mistake> {
    let mut teller = teller.clone();
    for (name, template) in &kind.resource {
        let value = settings.filled(kind, template);
        let value = value.ok_or_else(|| wrong("a setting is missing"))?;
        let resource = std::mem::take(&mut teller.resource);
        teller.resource = resource.text(name.clone(), value);
    }
    Ok(teller)
}

/// The request to the address of a kind.
fn request(
    kind: &Kind,
    settings: &Settings,
    (body, media_type): (Bytes, &'static str),
) -> Result<Parcel, Mistake> {
    let url = settings.filled(kind, &kind.url);
    let mut url = url.ok_or_else(|| wrong("a setting is missing"))?;
    if let Some(path) = &kind.path
        && !url.trim_end_matches('/').ends_with(path.as_str())
    {
        url = format!("{}{path}", url.trim_end_matches('/'));
    }
    let method = match settings.meaning(kind, "method").as_deref() {
        Some("PUT") => Method::PUT,
        _ => Method::POST,
    };
    let is_test = body.is_empty();
    let mut request = plain(&url, method, &body)?;
    let headers = request.headers_mut();
    for (name, template) in &kind.headers {
        // A header whose setting is absent is left out.
        if let Some(text) = settings.filled(kind, template) {
            put(headers, name, &encoded(&text))?;
        }
    }
    for (name, value) in settings.headers() {
        put(headers, name, value)?;
    }
    if !is_test {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    }
    Ok(Parcel {
        request,
        body,
        bucket: None,
    })
}

pub(super) fn plain(
    url: &str,
    method: Method,
    body: &Bytes,
) -> Result<Request<Full<Bytes>>, Mistake> {
    let uri: Uri = url.parse().map_err(|_| wrong("its address is no URL"))?;
    let mut request = Request::new(Full::new(body.clone()));
    *request.method_mut() = method;
    *request.uri_mut() = uri;
    Ok(request)
}

pub(super) fn put(headers: &mut HeaderMap, name: &str, value: &str) -> Result<(), Mistake> {
    let cannot = || wrong("a header cannot be sent");
    let name: HeaderName = name.parse().map_err(|_| cannot())?;
    let mut value = HeaderValue::from_str(value).map_err(|_| cannot())?;
    value.set_sensitive(true);
    headers.insert(name, value);
    Ok(())
}

/// `Basic user:password` as HTTP wants it; everything else as it is.
fn encoded(text: &str) -> String {
    use base64::Engine as _;
    match text.strip_prefix("Basic ") {
        Some(pair) => {
            let engine = base64::engine::general_purpose::STANDARD;
            format!("Basic {}", engine.encode(pair))
        }
        None => text.to_owned(),
    }
}
