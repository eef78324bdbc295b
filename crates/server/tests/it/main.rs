//! The server, driven from outside: a real listener, real sockets, simulated providers.
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop there"
)]

mod admin;
mod api;
mod cli;
mod config;
mod credentials;
mod door;
mod fleet;
mod followed;
mod jobs;
mod protocols;
mod replicas;
mod schema;
mod stage;
mod tidy;
