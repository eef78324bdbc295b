//! Broadcast: workspaces have their finished calls told to destinations of their own.
//!
//! | file | holds |
//! |---|---|
//! | `stored.rs` | a destination as it is kept: a setting of the store, its own settings sealed |
//! | `book.rs` | [`Broadcast`]: the destinations in memory, and the calls that wait to be sorted |
//! | `sort.rs` | which destinations are told of a call, once its content is there |
//! | `spool.rs` | what waits for one destination, bounded in bytes, and what it never took |
//! | `room.rs`, `letter.rs` | the same on the disk, sealed, for the next life |
//! | `batch.rs` | calls that are sent together, in memory and on the disk |
//! | `deliver.rs` | sending, trying again |
//!
//! A call is offered when it was recorded, and waits for nothing but its content, which comes when its
//! answer has gone down: the queue is bounded, so is each spool, and what does not fit is counted. Whatever is sent goes through the guarded way out.

mod batch;
pub mod book;
pub mod deliver;
mod letter;
pub mod room;
pub mod sort;
pub mod spool;
pub mod stored;

pub use book::{Broadcast, Live, Offered};
pub use room::Room;
pub use stored::{Destination, PREFIX};
