//! Broadcast: workspaces have their finished calls told to destinations of their own.
//!
//! | file | holds |
//! |---|---|
//! | `stored.rs` | a destination as it is kept: a setting of the store, its own settings sealed |
//! | `book.rs` | [`Broadcast`]: the destinations in memory, and the calls that wait to be sorted |
//! | `spool.rs` | what waits for one destination, bounded in bytes, and what it never took |
//! | `deliver.rs` | sorting, sending, trying again |
//!
//! A call is offered when it was recorded, and waits for nothing: the queue is bounded, so is each
//! spool, and what does not fit is counted. Whatever is sent goes through the guarded way out.

pub mod book;
pub mod deliver;
pub mod spool;
pub mod stored;

pub use book::{Broadcast, Live};
pub use stored::{Destination, PREFIX};
