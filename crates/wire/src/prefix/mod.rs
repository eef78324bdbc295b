//! Fingerprints of what a provider's prompt cache goes by, so that it can be said why it was of no use:
//! which part of the prompt changed, and where in it. No content need be kept for that.
//!
//! | file | holds |
//! |---|---|
//! | `fingerprint.rs` | [`Prefix`]: the parts of a request in the order of the cache (tools, instructions, messages), each as a few hashes |
//! | `compare.rs` | [`Prefix::compare`]: the first part that differs, and how |

mod compare;
mod fingerprint;

pub use compare::{Change, Difference};
pub use fingerprint::Prefix;
