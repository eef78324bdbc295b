//! The way out and the queue, over real sockets. That what is written is OTLP is proved with the
//! standard's own library, by `tests/telemetry/run`.
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop there"
)]

mod destination;
mod egress;
mod export;
mod peer;
