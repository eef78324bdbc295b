//! `ExportMetricsServiceRequest` in protobuf. Numbers of fields: opentelemetry-proto 1.x,
//! `metrics.proto`. Everything is cumulative since the start of the process.

use super::protobuf::Message;
use super::{Teller, traces};
use crate::metric::{Buckets, Labels, Metric, Points};

const CUMULATIVE: u64 = 2;

/// From when until when is counted, Unix nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The start of the process.
    pub start_ns: u64,
    /// Now.
    pub now_ns: u64,
}

/// All metrics as one request.
#[must_use]
pub fn request(teller: &Teller, metrics: &[Metric], span: Span) -> Vec<u8> {
    let scope = Message::default()
        .message(1, &traces::scope(teller))
        .messages(2, metrics.iter().map(|metric| written(metric, span)));
    let resource = Message::default()
        .message(1, &Message::default().attributes(1, &teller.resource))
        .message(2, &scope);
    Message::default().message(1, &resource).into_bytes()
}

fn written(metric: &Metric, span: Span) -> Message {
    let message = Message::default()
        .text(1, &metric.name)
        .text(2, &metric.description)
        .text(3, metric.unit);
    match &metric.points {
        Points::Gauges(points) => {
            message.message(5, &Message::default().messages(1, numbers(points, span)))
        }
        Points::Counters(points) => {
            let sum = Message::default()
                .messages(1, numbers(points, span))
                .number(2, CUMULATIVE)
                .number(3, 1);
            message.message(7, &sum)
        }
        Points::Histograms(points) => {
            let points = points.iter();
            let points = points.map(|(labels, buckets)| histogram(labels, buckets, span));
            let histogram = Message::default().messages(1, points).number(2, CUMULATIVE);
            message.message(9, &histogram)
        }
    }
}

fn numbers(points: &[(Labels, f64)], span: Span) -> impl Iterator<Item = Message> {
    points.iter().map(move |(labels, value)| {
        Message::default()
            .fixed64(2, span.start_ns)
            .fixed64(3, span.now_ns)
            .present_fixed64(4, value.to_bits())
            .messages(7, labels.iter().map(label))
    })
}

fn histogram(labels: &Labels, buckets: &Buckets, span: Span) -> Message {
    let count = buckets
        .counts
        .iter()
        .fold(0_u64, |sum, count| sum.saturating_add(*count));
    Message::default()
        .fixed64(2, span.start_ns)
        .fixed64(3, span.now_ns)
        .fixed64(4, count)
        .present_fixed64(5, buckets.sum.to_bits())
        .packed64(6, buckets.counts.iter().copied())
        .packed64(7, buckets.bounds.iter().map(|bound| bound.to_bits()))
        .messages(9, labels.iter().map(label))
}

fn label((name, value): &(String, String)) -> Message {
    let value = Message::default().present_bytes(1, value.as_bytes());
    Message::default().text(1, name).message(2, &value)
}
