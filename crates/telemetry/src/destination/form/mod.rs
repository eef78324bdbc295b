//! The forms that are not OTLP.
//!
//! | file | holds |
//! |---|---|
//! | `event.rs` | product analytics: an event for each call |
//! | `llm_spans.rs` | an intake of spans of its own kind, in JSON |
//! | `rows.rs` | warehouses: a line of JSON for each span |
//! | `statement.rs` | the same rows, as one SQL statement with a bound text |

pub(super) mod event;
pub(super) mod llm_spans;
pub(super) mod rows;
pub(super) mod statement;
