//! Tests of the ledger through its public API: tables of operations, seeded random runs, calendars.
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop there"
)]
#![expect(clippy::print_stdout, reason = "a failing seed is printed")]

mod books;
mod budget;
mod ceiling;
mod entry;
mod lease;
mod network;
mod random;
mod reservation;
mod settlement;
mod simulation;
mod window;
