//! Credentials that were stored by API: a workspace's own, and those of the house.
//!
//! | file | holds |
//! |---|---|
//! | `stored.rs` | [`Stored`]: a credential as a setting of the store, its text sealed within |
//! | `opened.rs` | [`Opened`]: all of them ready to be presented, by provider |
//! | `mask.rs` | what may be shown of one |
//!
//! A credential with a workspace is that workspace's own ("bring your own key"): its calls present it
//! before any of the house, cost nothing here, and count apart. One without a workspace is the house's,
//! as those of the configuration are.

pub mod mask;
pub mod opened;
pub mod stored;

pub use opened::Opened;
pub use stored::{PREFIX, Stored};
