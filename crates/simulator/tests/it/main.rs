//! The simulator over real sockets: every ability, proven by a client that shares no code with it.

mod client;

mod anthropic;
mod content;
mod grammar;
mod http2;
mod ledger;
mod over_http;
mod pace;
mod personas;
mod plain;
mod raw;
mod trouble;
mod usage;
