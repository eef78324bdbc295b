//! Sign-in to the console: sessions in cookies, one-time links, and a password.
//!
//! A session is a management key that a browser holds: a random secret in a cookie, stored as its
//! hash, kept current in memory by the change feed as keys are, and resolved where keys are
//! ([`crate::caller`]). All of it is settings, so that every replica knows it and none needs a table.
//!
//! - [`cookie`]: how a browser presents one, and why nobody else's page can.
//! - [`open`]: what is stored of one.
//! - [`link`]: the one-time link that a first start prints.
//! - [`password`]: the password, and how few guesses it takes.

pub mod cookie;
pub mod link;
pub mod open;
pub mod password;

/// What the names of all settings of this module begin with.
pub const PREFIX: &str = "console/";
