//! Rate limits: requests, tokens and calls at once; and the guard against a key that runs away.
//!
//! All of it is memory of this process and arithmetic, and time is a parameter; but for `sharing.rs`,
//! which leases parts of the limits from Valkey where several replicas share them.
//!
//! | file | holds |
//! |---|---|
//! | `rule.rs` | one limit, and the rows that it is written in |
//! | `count.rs` | one counter, and how much of a limit this replica may count |
//! | `counters.rs` | windows and live calls, sharded, bounded |
//! | `gate.rs` | a call against all of its limits: in by all of them, or by none |
//! | `standing.rs` | how a limit stands for a call, and what is said of one that is met |
//! | `sharing.rs` | the task that leases parts of limits, and how calls wait for it |
//! | `providers.rs` | limits of providers and endpoints, as the relay asks about them |
//! | `velocity.rs` | what keys have spent within an hour |
//! | `headers.rs` | how a standing looks in headers |

pub mod count;
pub mod counters;
pub mod gate;
pub mod headers;
pub mod providers;
pub mod rule;
pub mod sharing;
pub mod standing;
#[cfg(test)]
mod tests;
pub mod velocity;

pub use gate::{Asker, Gate, Visit};
pub use providers::AtProviders;
pub use rule::{Measure, Per, RateRow, Rule, Span, WithoutValkey};
pub use sharing::Keeper;
pub use standing::{Reading, Refused, Standing};
pub use velocity::{Spent, Velocity};
