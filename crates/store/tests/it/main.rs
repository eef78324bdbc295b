//! The store against real engines: each test runs on SQLite and, where there is one, on PostgreSQL.
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop there"
)]

mod away;
mod breaks;
mod chance;
mod changes;
mod cubes;
mod generations;
mod index;
mod journal;
mod keys;
mod kill;
mod kill_money;
mod ledgers;
mod line;
mod list;
mod migrations;
mod money;
mod payloads;
mod recorder;
mod records;
mod rollups;
mod sample;
mod secrets;
mod session_list;
mod storm;
mod suite;
mod verify;
