//! A provider's error, read: in whichever dialect it was written, by one rule.
//!
//! Providers wrap the same few facts (a message, a code or type, perhaps a status) in a handful of
//! shapes, and hosts mix them, so one reader knows all shapes. How an error is written for a caller
//! differs by dialect and is in the dialect's folder.

mod exception;
mod facts;
mod mask;
mod read;
mod texts;

pub(crate) use exception::read_exception;
pub(crate) use facts::facts;
pub use read::read_error;
