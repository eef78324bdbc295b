//! What a call may spend, before, while and after it. Money itself is reckoned in `ledger` only.
//!
//! | file | does |
//! |---|---|
//! | `terms.rs` | what the door says: who pays, and what happens where money or a price is lacking |
//! | `bound.rs` | the most that a call may use at an endpoint, and by which prices |
//! | `admit.rs` | before the first attempt: hold the money in every budget or in none; clamp or refuse |
//! | `reserved.rs` | while it streams: keep what is held ahead of what was streamed |
//! | `learned.rs` | how long answers to this key by this model were of late |
//! | `ending.rs` | after: which row of the settlement table holds |
//! | `drain.rs` | a caller that left a provider which bills on: read to the end, within bounds |
//! | `refusal.rs` | the words of it all |
//! | `counts.rs` | how often all this happened, for metrics |
//!
//! A call without budgets passes through none of this but the last row of the settlement table.

mod admit;
mod bound;
mod counts;
pub(crate) mod drain;
pub(crate) mod ending;
mod learned;
mod refusal;
mod reserved;
pub(crate) mod terms;

pub(crate) use admit::admit;
pub(crate) use bound::{is_admissible, output_tokens, prompt, sheet};
pub(crate) use counts::Tallies;
pub(crate) use learned::Learned;
pub(crate) use reserved::{GoingOn, Reserved};

pub use counts::Counts;
pub use drain::DrainBounds;
pub use terms::{AdmissionPolicy, AdmittedBy, UnpricedPolicy};
