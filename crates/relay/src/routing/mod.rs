//! Which endpoints a call is sent to, one after another, and what is learned from each.
//!
//! | file | does |
//! |---|---|
//! | `question.rs` | what a plan is made from: the call, its account, its conversation, what answers cost |
//! | `tries.rs` | the planned endpoints, one after another, until one answers |
//! | `race.rs` | two endpoints at once, where the caller wants that: the first that speaks serves |
//! | `silences.rs` | endpoints that lose one race after another, which nobody else would notice |
//! | `recover.rs` | a stream that broke half-way, gone on with by the next endpoint, where the caller wants that |
//! | `after.rs` | what a failure leads to: the next endpoint, the same again, another model, the end |
//! | `gates.rs` | who may be asked just now: not more calls than allowed, one call after an outage |
//! | `wallets.rs` | which of a provider's credentials is presented |
//! | `stops.rs` | where a call may stop: an endpoint, and whose credential is presented there |
//! | `retries.rs` | the retry budget: a share of the traffic, so that trouble never multiplies it |
//! | `route.rs` | the plan of one call and whom it passed over, for the record |
//! | `metadata.rs` | what a caller may know of its route, when it asks |
//! | `watch.rs` | what an attempt says of its endpoint, for the health board |
//!
//! The plan itself is `catalog`'s; what travels is `attempt`'s and `pump`'s.

mod after;
mod gates;
mod metadata;
mod question;
mod race;
pub(crate) mod recover;
mod retries;
mod route;
mod silences;
mod stops;
mod tries;
mod wallets;
mod watch;

pub(crate) use gates::Gates;
pub use question::Planned;
pub(crate) use retries::Retries;
pub(crate) use route::Route;
pub use route::Skip;
pub(crate) use silences::Silences;
pub(crate) use wallets::{Chosen, Wallets};
