//! Content of calls: what was asked and what was answered, for workspaces that want it kept, and for
//! destinations that want to be told it ([`crate::broadcast`]).
//!
//! Off unless a workspace, a key or a destination switches it on; never for a call under a zero-retention rule. On the
//! path of a call this costs a look at two switches, and where it is on, a counted reference to bytes
//! that are there anyway. Everything else happens beside it, within bounds: what does not fit is
//! dropped, and its record says so. See docs/payloads.md.
//!
//! | file | holds |
//! |---|---|
//! | `policy.rs` | [`Policy`]: what a workspace wants; whether a call is taken |
//! | `taking.rs` | [`Taking`]: the content of one call, while it runs |
//! | `telling.rs` | content for those who are told of calls |
//! | `keeper.rs` | [`Keeper`]: what is on its way, and within which bounds |
//! | `reading.rs` | reading and deleting what is kept or on its way |
//! | `writer.rs` | the one who seals and writes it, in batches |
//! | `document.rs` | the form in which it is kept |
//! | `redaction.rs`, `patterns.rs` | [`Redaction`]: what is taken out of it first |
//! | `open.rs` | from a configuration to a keeper |
//! | `bucket.rs` | [`Bucket`]: an S3-compatible bucket for its segments |

mod bucket;
mod document;
mod keeper;
mod open;
mod patterns;
mod policy;
mod reading;
mod redaction;
mod taking;
mod telling;
mod writer;

pub use bucket::Bucket;
pub use document::{Document, Failure};
pub use keeper::{Asked, ContentFigures, Keeper, KeeperLimits};
pub use open::{objects, open};
pub use policy::{CustomPattern, Policies, Policy, Written, is_never_kept};
pub use reading::Found;
pub use redaction::{BUILT_IN, Redaction};
pub use taking::{Form, Taking};
pub use telling::Listener;
