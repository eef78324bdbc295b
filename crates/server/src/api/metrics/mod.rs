//! What the process counts about its calls, and `GET /metrics`, which tells it to Prometheus.
//!
//! - [`recorder`]: [`Metrics`], the counters themselves; `observe` is called once per finished call.
//! - [`histogram`]: counts in fixed buckets, in integers.
//! - [`page`]: the counters as Prometheus text, and the path that serves it.
//!
//! Names come from OpenTelemetry's GenAI conventions where it has one; ours begin with `waybill_`.
//! The only label that depends on data is the provider's slug, and the number of its values is
//! capped, so that no caller can make this grow.

pub mod histogram;
pub mod page;
pub mod recorder;

pub use page::get;
pub use recorder::{Gauge, Metrics};

#[cfg(test)]
mod tests;
