//! One handle, two engines: the only folder that knows which one it is, and the only one that knows
//! sqlx.
//!
//! Both engines are driven by their own drivers, of which there is an enum wherever one is held: a pool, a
//! transaction, a row. So each statement is written and tested once: `$1`, `$2` bind in both, and a NULL that
//! is bound has a type. House rule: columns are `BIGINT` or `TEXT` only, and sums are cast back to `BIGINT`
//! (PostgreSQL's `SUM` returns `NUMERIC`).
//! sqlx's own enum, `Any`, copied each text once more and took each row apart, whoever read of it.
//!
//! 1. `handle`: the open database, its pools, and how transactions begin. `pools`: how they are made.
//! 2. `transaction`, `statement`: what is done in one, and with what (`binds`, `row`). `errors`: who must
//!    act.
//! 3. `readers`: threads that stand back, for those who read much; `priority`, `rest`: how they do;
//!    `backend`: and sessions of PostgreSQL on this machine. `log`: the log of SQLite, emptied beside those
//!    who write.

mod backend;
mod binds;
mod errors;
mod handle;
mod log;
mod pools;
mod priority;
mod readers;
pub(crate) mod rest;
mod row;
mod statement;
#[cfg(test)]
mod tests;
mod transaction;

pub(crate) use handle::{Database, Engine};
pub(crate) use readers::Lane;
pub(crate) use row::{Place, Row};
pub(crate) use statement::{Statement, in_powers_of_two, placeholders, rows_named};
pub(crate) use transaction::Transaction;
