//! gRPC, as far as one message there and one back need it: a frame, and the status at the end.
//!
//! Source: grpc.io, "gRPC over HTTP2". Whether a failure may be tried again: OTLP's specification.

use bytes::{BufMut as _, Bytes, BytesMut};
use http::HeaderMap;

/// The media type of requests and answers.
pub const CONTENT_TYPE: &str = "application/grpc";

/// The method that takes spans.
pub const TRACES: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";

/// The method that takes metrics.
pub const METRICS: &str = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export";

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Status(pub u32);

impl Status {
    /// It was done.
    pub const OK: Self = Self(0);
    /// Nothing was said.
    pub const UNKNOWN: Self = Self(2);

    /// What the headers or trailers of an answer say.
    #[must_use]
    pub fn read(headers: &HeaderMap) -> Option<Self> {
        let text = headers.get("grpc-status")?.to_str().ok()?;
        text.trim().parse().ok().map(Self)
    }

    /// Whether the same may be sent again: cancelled, deadline exceeded, exhausted, aborted, out of
    /// range, unavailable, data loss.
    #[must_use]
    pub const fn may_be_retried(self) -> bool {
        matches!(self.0, 1 | 4 | 8 | 10 | 11 | 14 | 15)
    }
}

/// One message, not compressed.
#[must_use]
pub fn frame(message: &[u8]) -> Bytes {
    let mut framed = BytesMut::with_capacity(message.len() + 5);
    framed.put_u8(0);
    framed.put_u32(u32::try_from(message.len()).unwrap_or(u32::MAX));
    framed.put_slice(message);
    framed.freeze()
}
