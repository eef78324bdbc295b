//! Keys: the secrets that callers present, stored as hashes only.
//!
//! 1. `key`: what a key is, and how its hash and its label come about.
//! 2. `kept`: made, found, listed, changed and deleted in the database.

mod kept;
mod key;

pub(crate) use kept::insert;
pub use kept::{KeyFilter, KeyPatch, Keys};
pub use key::{KeyHash, LimitReset, NewKey, StoredKey, TERMS, masked};
