//! Providers who speak this dialect, where the caller does not: requests out of the vocabulary,
//! answers into it.
//!
//! | file | does |
//! |---|---|
//! | `compose.rs` | a request: everything in one order |
//! | `thinking.rs` | how hard the model is to think |
//! | `tools.rs` | functions |
//! | `turns.rs`, `parts.rs` | contents |
//! | `reader.rs` | chunks and whole answers → events |

mod compose;
mod parts;
mod reader;
mod thinking;
mod tools;
mod turns;

pub(super) use compose::write;
pub(super) use reader::Answer;
