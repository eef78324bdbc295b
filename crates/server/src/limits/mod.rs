//! Rate limits: requests, tokens and calls at once; and the guard against a key that runs away.
//!
//! All of it is memory of this process and arithmetic. Time is a parameter. With several replicas
//! each one counts what it serves itself: a limit of N is N per replica.
//!
//! | file | holds |
//! |---|---|
//! | `rule.rs` | one limit, and the rows that it is written in |
//! | `counters.rs` | windows and live calls, sharded, bounded |
//! | `gate.rs` | a call against all of its limits: in by all of them, or by none |
//! | `velocity.rs` | what keys have spent within an hour |
//! | `headers.rs` | how a standing looks in headers |

pub mod counters;
pub mod gate;
pub mod headers;
pub mod rule;
pub mod velocity;

pub use gate::{Asker, Gate, Reading, Refused, Standing};
pub use rule::{Measure, Per, RateRow, Rule, Span};
pub use velocity::Velocity;
