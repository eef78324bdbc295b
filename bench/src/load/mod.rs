//! The load generator: one connection, what is sent over it, and three ways to drive many of them.

#[cfg(test)]
mod canned;
pub(crate) mod closed;
pub(crate) mod frames;
pub(crate) mod line;
pub(crate) mod open;
pub(crate) mod order;
pub(crate) mod outcome;
pub(crate) mod slow;
