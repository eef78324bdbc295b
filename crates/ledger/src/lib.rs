//! Money: prices, costs, amounts, and the record of what a call was and cost.
//!
//! # Units and rounding, on one page
//!
//! | Type | Is | Unit | Lives in |
//! |---|---|---|---|
//! | [`Price`] | a rate | pico-USD (10⁻¹² USD) per unit, `u64` | catalog, price snapshots |
//! | [`Cost`] | an exact product | pico-USD, `i128` | memory only, never stored |
//! | [`Amount`] | money | nano-USD (10⁻⁹ USD), `i64` | SQL, JSON, Rust APIs |
//!
//! [`cost`](cost::cost) is the only place where units meet prices. Nothing is divided until the
//! last step, and there is one rounding, up, to the nano-dollar, once per generation. No float
//! touches money; the lints below hold that.
#![deny(
    clippy::arithmetic_side_effects,
    clippy::float_arithmetic,
    clippy::as_conversions
)]

pub mod amount;
pub mod books;
pub mod budget;
pub mod cost;
pub mod decimal;
pub mod entry;
pub mod generation;
pub mod lease;
pub mod price;
pub mod quality;
pub mod reservation;
pub mod settlement;
pub mod trace;
pub mod window;

pub use amount::Amount;
pub use books::{Admission, Ask, Books, BooksUnavailable, Exhausted, Hold, Ticket};
pub use budget::{Budget, BudgetId, BudgetWindow, CallFacts, Enforcement, Selector, Subject};
pub use cost::{Bill, Charge, Cost, Extent, Unpriced, affordable_output, ceiling, cost};
pub use entry::{Account, Entry, EntryKind, Event};
pub use generation::{Attempt, Generation, GenerationId, Outcome, Share, UsageSource};
pub use lease::Holding;
pub use price::{Circumstances, Condition, Price, PriceOverride, PriceSheet};
pub use reservation::{FreeCalls, Ledgerbook, Tally, Verdict};
pub use settlement::{AbortStopsBill, Action, Basis, Ending, Rule, UsageKnown};
pub use window::{CalendarUnit, Window, WindowError, WindowId, WindowKind, Zone};
