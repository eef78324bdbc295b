//! The response cache: the answer to a call, told again to whoever asks exactly the same with the same key.
//!
//! Off unless a call asks for it (`X-OpenRouter-Cache: true`, or `X-Waybill-Cache`). It lives in this
//! process's memory, within a bound in bytes; a hit holds no money, asks no provider, and is a call of its
//! own in the record. What others are told is in `docs/caching.md`.
//!
//! | file | does |
//! |---|---|
//! | `asked.rs` | what a call's headers ask for, and the key of what it asks |
//! | `entries.rs` | the answers that are kept: bounded, the longest unused goes first |
//! | `keeping.rs` | takes one answer on its way down, and keeps it if it was whole |
//! | `told.rs` | the headers that tell of it |

mod asked;
mod entries;
mod keeping;
mod told;

pub(crate) use asked::Asked;
pub(crate) use entries::Entry;
pub use keeping::{Keeping, ResponseCache};
pub(crate) use told::{describe_hit, describe_miss};
