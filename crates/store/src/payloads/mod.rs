//! Content of calls, apart from their records: compressed, sealed, many in one segment.
//!
//! | file | holds |
//! |---|---|
//! | `objects.rs` | [`Objects`]: where segments lie, by name; a directory, or memory |
//! | `sealed.rs` | [`SealedPayload`]: one payload, compressed and sealed under a key of its own; [`Sealer`]: who does so |
//! | `index.rs` | the rows: which segment holds a payload, and the keys |
//! | `archive.rs` | [`Archive`]: writes segments, reads single payloads |
//! | `erase.rs` | deleting: one payload, many, and what is too old |
//! | `sweep.rs` | what is left of deleting: bytes that nothing opens any more; small segments joined |
//!
//! Three keys, one inside the other: the master key wraps the key of a segment, that one the key of
//! each of its payloads. So a master key is changed by wrapping a few keys anew, and deleting the row
//! of a payload, with its key in it, makes the payload unreadable at once, wherever its bytes are. The
//! bytes go when the segment is next written anew, which a job does soon. A segment is of one workspace
//! and one UTC day: what has been kept for long enough goes by dropping segments whole.
//!
//! A segment is written once, as a whole, and never changed: that is all that a bucket can do, and a
//! crash leaves no half of one. Its row is there first, so that none is forgotten.

mod archive;
mod erase;
mod index;
mod objects;
mod sealed;
mod sweep;

pub use archive::{Archive, ArchiveError, NewPayload};
pub use erase::Erase;
pub use index::ContentTotals;
pub use objects::{Directory, InMemory, ObjectError, Objects};
pub use sealed::{SealedPayload, Sealer};
