//! One handle, two engines: the only folder that knows which one it is, and the only one that knows
//! sqlx.
//!
//! Both engines are driven through sqlx's `Any` driver rather than an enum of two pools: `$1`, `$2`
//! bind in both, nulls are typed, and each statement is written and tested once. What `Any` cannot
//! carry is avoided by house rule: columns are `BIGINT` or `TEXT` only (SQLite's `BOOLEAN` and
//! PostgreSQL's `NUMERIC`, which `SUM` returns, are unknown to it, so sums are cast back), and text
//! is bound as `String` (its `Arc<str>` reaches an `unreachable!` in the SQLite driver of sqlx 0.9).
//!
//! 1. `handle`: the open database, its pools, and how transactions begin. `pools`: how they are made.
//! 2. `transaction`, `statement`: what is done in one, and with what. `errors`: who must act.
//! 3. `readers`: threads that stand back, for those who read much; `priority`: how they do. `log`: the
//!    log of SQLite, emptied beside those who write.

mod errors;
mod handle;
mod log;
mod pools;
mod priority;
mod readers;
mod statement;
#[cfg(test)]
mod tests;
mod transaction;

pub(crate) use handle::{Database, Engine};
pub(crate) use readers::Lane;
pub(crate) use statement::{Row, Statement, in_powers_of_two, placeholders, rows_named};
pub(crate) use transaction::Transaction;
