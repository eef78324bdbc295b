//! The program itself, as a person or a script runs it.

mod catalog;
mod check;
mod content;
#[cfg(feature = "demo")]
mod demo;
mod full_disk;
mod key;
mod money;
mod plan;
pub(crate) mod program;
mod serve;
