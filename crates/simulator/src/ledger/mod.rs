//! The simulator's own ledger: what it was asked and what it served, to compare with what others say.

mod book;
mod entry;
mod exchange;

pub(crate) use book::Shown;
pub use book::{Ledger, Limits, Totals};
pub use entry::{End, Entry, Usage};
pub(crate) use exchange::{Exchange, Head, Request};
