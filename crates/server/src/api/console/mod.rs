//! The console: `GET /`, its files, and every path that its own router knows.
//!
//! What is served was built from `console/` at the root of the repository and is part of the binary
//! ([`files`]). A binary that was built without it serves [`page`], which says how to build it.

pub mod files;
pub mod page;
mod serve;

pub use serve::{asset, elsewhere, index};
