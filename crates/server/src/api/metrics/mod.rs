//! What the process counts about its calls, and `GET /metrics`, which tells it to Prometheus.
//!
//! - [`recorder`]: [`Metrics`], the counters themselves; `observe` is called once per finished call.
//! - [`histogram`]: counts in fixed buckets, in integers.
//! - [`page`]: the counters by family, and the path that serves them. `counted`: those of calls as they
//!   ended; `house`: what is read at the moment of the page.
//! - [`families`]: how a family is written for Prometheus and for a collector.
//!
//! Names come from OpenTelemetry's GenAI conventions where it has one; ours begin with `waybill_`.
//! The only labels that depend on data are slugs of providers and models, and the number of their
//! values is capped, so that no caller can make this grow.

mod counted;
pub mod families;
pub mod histogram;
mod house;
pub mod page;
pub mod recorder;

pub use page::get;
pub use recorder::{Counter, Gauge, Metrics};

#[cfg(test)]
mod tests;
