//! OTLP: spans and metrics as OpenTelemetry sends them.
//!
//! | file | holds |
//! |---|---|
//! | `protobuf.rs` | the four wire types of protobuf, as far as OTLP needs them |
//! | `traces.rs` | `ExportTraceServiceRequest` in protobuf |
//! | `metrics.rs` | `ExportMetricsServiceRequest` in protobuf |
//! | `json.rs` | `ExportTraceServiceRequest` in JSON, as the standard spells it |
//! | `grpc.rs` | the frame around one message, and what the end of an answer says |
//!
//! The messages are written by hand: they are a dozen, they change by addition only, and a test lets
//! the standard's own library read what is written here. The alternative was two crates with derives
//! and a second HTTP stack behind them.

pub mod grpc;
pub mod json;
pub mod metrics;
mod protobuf;
pub mod traces;

use crate::span::Attributes;

/// Who tells: the attributes of the resource, and the version of the scope.
#[derive(Debug, Clone, PartialEq)]
pub struct Teller {
    /// `service.name` and its like.
    pub resource: Attributes,
    /// The scope: the name of the program.
    pub scope: &'static str,
    /// Its version.
    pub version: &'static str,
}
