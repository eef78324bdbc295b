//! A call that is answered from the response cache.

use std::sync::Arc;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use http::StatusCode;
use relay::Call;
use wire::Again;
use wire::frame::Framing;

use crate::api::inference::OwnTime;
use crate::api::respond::as_stream;
use crate::app::App;
use crate::cache::{Asked, Entry, describe_hit};
use crate::content::{Form, Taking};
use crate::reply;

/// An earlier answer, and how this call is told it.
pub(crate) struct ToldAgain {
    entry: Arc<Entry>,
    body: Bytes,
}

/// Looks for the answer to an earlier call that asked the same.
pub(crate) fn find(app: &App, asked: &Asked, call: &Call) -> Option<ToldAgain> {
    let entry = app.response_cache.find(asked, call.created_at_ms)?;
    let again = Again {
        dialect: call.request.needs.dialect,
        id: call.id.as_str(),
        created: call.created_at_ms.div_euclid(1000),
    };
    let told = match call.request.needs.stream {
        true => again.stream(&entry.answer),
        false => again.whole(&entry.answer),
    };
    match told {
        Ok(body) => Some(ToldAgain { entry, body }),
        Err(malformed) => {
            let source = &entry.hit.source_id;
            tracing::error!(generation.id = %source, %malformed, "an answer that was kept cannot be told again");
            app.response_cache.forget(asked);
            None
        }
    }
}

/// Records the call, then answers it; who wants its content kept is told of it as of every other.
pub(crate) async fn answer(
    app: &Arc<App>,
    call: Call,
    (told, taking): (ToldAgain, Option<Taking>),
) -> Response {
    let ToldAgain { entry, body } = told;
    let dialect = call.request.needs.dialect;
    let now_ms = call.created_at_ms;
    let own_time = OwnTime::of(&call);
    let stream_type = call.door.stream_type(&call.request);
    let streams = call.request.needs.stream;
    app.metrics.in_flight.up(); // down again when the call is settled
    app.relay.settle_hit(call, entry.hit.clone()).await;
    if let Some(mut taking) = taking {
        if streams {
            taking.comes_as(Form::Stream(dialect, Framing::Sse));
        }
        taking.piece(&body);
        taking.complete();
    }
    let mut response = match streams {
        true => as_stream(Body::from(body), stream_type),
        false => reply::json_bytes(StatusCode::OK, body),
    };
    own_time.tell(response.headers_mut());
    describe_hit(response.headers_mut(), &entry, now_ms);
    response
}
