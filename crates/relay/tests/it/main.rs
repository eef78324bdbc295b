//! The relay against a simulated provider, over real sockets.
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on fails where it stands"
)]
#![expect(clippy::print_stdout, reason = "a test that cannot compare says so")]

mod breaking;
mod budgets;
mod cancellation;
mod connections;
mod counting;
mod credentials;
mod fallback;
mod hedging;
mod house;
mod moving;
mod reading;
mod record;
mod recorded;
mod recovering;
mod routing;
mod rows;
mod scripted;
mod settling;
mod signing;
mod streams;
mod unpriced;
