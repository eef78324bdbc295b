//! Floor 3: what replicas share quickly, through Valkey (or anything that speaks its protocol).
//!
//! Nothing here is the truth about anything: that is the database. Whatever is kept here may be gone
//! at any moment, and whoever asks must be able to go on without an answer.
//!
//! - [`Link`] is the one connection: every question has a deadline, and while Valkey does not answer
//!   nobody waits for it.
//! - [`lease`] hands out parts of a count that all replicas share.

mod lease;
mod link;
mod scripts;

pub use lease::{COUNT_MAX, Claim, Leased, lease};
pub use link::{Away, DEADLINE, Figures, Link};
