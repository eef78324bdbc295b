//! What others are told of calls: spans, metrics, and the guarded way out.
//!
//! Floor 3. Read in this order:
//!
//! 1. [`span`] and [`call`]: the record of a finished call as a trace, in OpenTelemetry's words for
//!    generative AI. Nothing of it is measured apart: whatever a span says, the record says.
//! 2. [`content`]: what was asked and answered, for destinations that ask for it, and nobody else.
//! 3. [`metric`]: counters, gauges and histograms, as they are at one moment.
//! 4. [`otlp`]: both as OTLP, in protobuf and in JSON.
//! 5. [`egress`]: the only sockets to where somebody else says that things are to be sent.
//! 6. [`export`]: a bounded queue of finished calls, batches, and a collector at its end. It never
//!    makes a call wait: what does not fit is dropped and counted.
//! 7. [`destination`]: to whom workspaces have their calls told, each in its own form.
//!
//! No credential comes this way; prompts and answers do only in [`content`], which is not printable.

pub mod call;
pub mod content;
pub mod destination;
pub mod egress;
pub mod export;
pub mod metric;
pub mod otlp;
pub mod span;
