//! Secrets at rest: what the database keeps of them only this house can read.
//!
//! | file | holds |
//! |---|---|
//! | `master.rs` | the master keys: the current one first, older ones to read with |
//! | `seal.rs` | AES-256-GCM over bytes, and the text that a sealed secret is |
//! | `vault.rs` | [`Vault`]: seals and opens, wraps data keys, renews what an old key has sealed |
//!
//! An envelope: each secret is sealed with a data key of its own, and that one with a master key,
//! whose id stands beside it. So a master key is changed by wrapping data keys anew, whatever they
//! have sealed, and a sealed text says which key it needs. What is sealed is bound to the place that
//! it is for (a noun and an id), so that it cannot be moved to another row.

mod master;
mod seal;
mod vault;

pub use master::{KeyMistake, MasterKeys};
pub(crate) use vault::unique_name;
pub use vault::{DataKey, Vault, VaultError};
