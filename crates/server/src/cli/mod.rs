//! What can be typed. Results go to stdout, everything else to stderr.
//!
//! | command | file |
//! |---|---|
//! | `serve` | `serve.rs` |
//! | `check` | `check.rs` |
//! | `key …` | `key.rs` |
//! | `console …` | `console.rs` |
//! | `budget …`, `credits …` | `budget.rs` |
//! | `ledger …` | `ledger.rs` |
//! | `records …` | `records.rs` |
//! | `content …` | `content.rs`, `content_arguments.rs` |
//! | `catalog …` | `catalog.rs`, `fetch.rs` |
//! | `plan` | `plan.rs` |
//! | `demo` (feature `demo`) | `demo/` |
//!
//! Exit status: 0 done, 1 failed, 2 wrong usage.

pub mod arguments;
pub mod budget;
pub mod catalog;
pub mod check;
pub mod console;
pub mod content;
pub mod content_arguments;
#[cfg(feature = "demo")]
pub mod demo;
pub mod fetch;
pub mod key;
pub mod ledger;
pub mod plan;
pub mod records;
pub mod run;
pub mod serve;

pub use run::main;
