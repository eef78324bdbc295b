//! The journal: what has been settled and is not in the database yet, on this machine's disk.
//!
//! A folder of append-only segments, `<number>.wal`. One thread owns it: it writes everything that
//! waits, makes it durable with one `fdatasync`, and only then tells those who wait (group commit).
//! A segment is removed when all of its records are in the database. The next one is written
//! beforehand, as zeros to its full length with its header and under its name, so that making a record durable
//! is one write: no length and no block of a file changes, for which the file system would write a journal of
//! its own, and the record that begins a segment waits no longer than others. What a segment holds is not
//! the journal's business: a record is one JSON object, and giving one twice to whoever replays it
//! must be harmless.
//!
//! | file | holds |
//! |---|---|
//! | `segment.rs` | the form of a segment: header, frames, and what can be read of a damaged one |
//! | `crc.rs` | CRC-32C |
//! | `disk.rs` | the few things that are done to files, so that tests can make them fail |
//! | `tally.rs` | which segments there are, and how many of their records are still needed |
//! | `spare.rs` | the next segment, written beforehand |
//! | `writer.rs` | the segment that is written: rotation, what is left after an error |
//! | `keeper.rs` | the thread: who waits, for how long, and what they are told |
//! | `replay.rs` | what a start finds |
//! | `open.rs` | [`Journal`]: opening, appending, reading back, closing |
//!
//! Order comes from the numbers of segments and the places in them, never from a clock.

mod crc;
mod disk;
mod keeper;
mod open;
mod replay;
mod segment;
mod spare;
mod tally;
#[cfg(test)]
mod tests;
mod writer;

pub(crate) use open::{Journal, Place};
pub use open::{JournalError, JournalOptions};
