//! The way out to addresses that somebody else has written: one client, and a guard at its door.
//!
//! A URL in a request or a destination may name our own network, or a cloud's metadata. So a name is
//! resolved here, every address that is not a public one is taken out (unless the operator allows its
//! network), and the connection goes to what was checked, not to what the name says a moment later.
//! Redirects are never followed: they would lead around the guard.
//!
//! | file | holds |
//! |---|---|
//! | `guard.rs` | which addresses may be asked |
//! | `resolve.rs` | names to addresses that the guard lets through |
//! | `client.rs` | [`Egress`]: one bounded request and its bounded answer |

mod client;
mod guard;
mod resolve;

pub use client::{Answer, Egress, EgressError};
pub use guard::{Guard, Network, NetworkMistake};
