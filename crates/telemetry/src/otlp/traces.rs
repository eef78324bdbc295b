//! `ExportTraceServiceRequest` in protobuf. Numbers of fields: opentelemetry-proto 1.x, `trace.proto`.

use super::Teller;
use super::protobuf::Message;
use crate::span::{Span, SpanKind, Status};

/// Status code `ERROR`.
const ERROR: u64 = 2;

/// All spans as one request, of one resource and one scope.
#[must_use]
pub fn request(teller: &Teller, spans: &[Span]) -> Vec<u8> {
    let scope = Message::default()
        .message(1, &scope(teller))
        .messages(2, spans.iter().map(span));
    let resource = Message::default()
        .message(1, &Message::default().attributes(1, &teller.resource))
        .message(2, &scope);
    Message::default().message(1, &resource).into_bytes()
}

pub(super) fn scope(teller: &Teller) -> Message {
    Message::default()
        .text(1, teller.scope)
        .text(2, teller.version)
}

fn span(span: &Span) -> Message {
    let parent = span.parent.map(|parent| parent.0);
    let message = Message::default()
        .bytes(1, &span.trace.0)
        .bytes(2, &span.id.0)
        .text(3, span.state.as_deref().unwrap_or_default())
        .bytes(4, parent.as_ref().map_or(&[], |id| &id[..]))
        .text(5, &span.name)
        .number(6, kind(span.kind))
        .fixed64(7, span.start_ns)
        .fixed64(8, span.end_ns)
        .attributes(9, &span.attributes);
    match &span.status {
        Status::Unset => message,
        Status::Error(what) => {
            let status = Message::default().text(2, what).number(3, ERROR);
            message.message(15, &status)
        }
    }
}

/// The number of a kind in the standard.
pub(super) const fn kind(kind: SpanKind) -> u64 {
    match kind {
        SpanKind::Server => 2,
        SpanKind::Client => 3,
    }
}
