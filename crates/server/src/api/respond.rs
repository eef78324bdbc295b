//! The answer of the relay, as HTTP: its head, and who takes a copy of its body.

use axum::body::Body;
use axum::response::{IntoResponse as _, Response};
use chat::Dialect;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue};
use http::{HeaderMap, StatusCode};
use relay::{Reply, ReplyHead};
use wire::frame::Framing;

use super::request_head::ADMISSION;
use crate::body::Pieces;
use crate::cache::Keeping;
use crate::content::{Form, Taking};
use crate::reply;

/// How many endpoints were asked until one answered.
const ATTEMPTS: HeaderName = HeaderName::from_static("x-waybill-attempts");

const PROVIDER: [HeaderName; 2] = both("x-openrouter-provider", "x-waybill-provider");
const DROPPED: [HeaderName; 2] = both("x-openrouter-dropped", "x-waybill-dropped");
const ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

const fn both(theirs: &'static str, ours: &'static str) -> [HeaderName; 2] {
    [
        HeaderName::from_static(theirs),
        HeaderName::from_static(ours),
    ]
}

/// The answer of the relay as one of HTTP; who wants it kept is told of it as it goes down.
pub(super) fn respond(
    reply: Reply,
    (dialect, stream_type): (Dialect, &'static str),
    (mut taking, mut keeping): (Option<Taking>, Option<Keeping>),
) -> Response {
    match reply {
        Reply::Whole { head, body } => {
            if let Some(taking) = &mut taking {
                taking.piece(&body);
                taking.complete();
            }
            if let Some(mut keeping) = keeping {
                keeping.begin(&head);
                keeping.piece(&body);
                keeping.complete();
            }
            let mut response = reply::json_bytes(StatusCode::OK, body);
            describe(response.headers_mut(), &head);
            response
        }
        Reply::Stream { head, body } => {
            if let Some(taking) = &mut taking {
                taking.comes_as(Form::Stream(dialect, Framing::Sse));
            }
            if let Some(keeping) = &mut keeping {
                keeping.begin(&head);
            }
            let pieces = Pieces::kept(body, keeping).taken_by(taking);
            let mut response = as_stream(Body::new(pieces), stream_type);
            describe(response.headers_mut(), &head);
            response
        }
    }
}

/// An answer that comes as a stream of this type.
pub(super) fn as_stream(body: Body, stream_type: &'static str) -> Response {
    let mut response = body.into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(stream_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(ACCEL_BUFFERING, HeaderValue::from_static("no"));
    response
}

fn describe(headers: &mut HeaderMap, head: &ReplyHead) {
    for name in PROVIDER {
        if let Some(provider) = &head.provider_name {
            reply::put(headers, name, provider);
        }
    }
    if head.attempts > 0 {
        headers.insert(ATTEMPTS, head.attempts.into());
    }
    if let Some(ground) = head.admission {
        reply::put(headers, ADMISSION, &ground.to_string());
    }
    if head.dropped.is_empty() {
        return;
    }
    let dropped = head.dropped.join(", ");
    for name in DROPPED {
        reply::put(headers, name, &dropped);
    }
}
