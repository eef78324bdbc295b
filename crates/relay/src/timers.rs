//! How long each step may take, and what time it is.

use std::time::Duration;

/// The four timers of an attempt, the deadline of a call, and when a waiting caller hears from us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timers {
    /// To open a connection to a provider, TLS included.
    pub connect: Duration,
    /// From sending a streamed request to the first event that carries content.
    pub first_token: Duration,
    /// Between two pieces of an answer once it has begun.
    pub idle: Duration,
    /// One attempt, from sending to the last byte. For a whole answer this is also the longest
    /// wait for its head, as providers send that only when they are done.
    pub total: Duration,
    /// The whole call, all attempts together.
    pub deadline: Duration,
    /// How long the status line of a stream is held back for the first event, so that an early
    /// failure keeps its own status.
    pub hold: Duration,
    /// After that: a comment to the caller this often while the provider is silent.
    pub keep_alive: Duration,
    /// How many endpoints may be tried for one call.
    pub attempts_max: usize,
}

impl Default for Timers {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            first_token: Duration::from_secs(120),
            idle: Duration::from_secs(120),
            total: Duration::from_secs(600),
            deadline: Duration::from_secs(900),
            hold: Duration::from_secs(10),
            keep_alive: Duration::from_secs(10),
            attempts_max: 4,
        }
    }
}

/// The calendar time, injected. (Durations are measured with tokio's clock, which tests can pause.)
pub trait Clock: Send + Sync {
    /// Unix time in milliseconds.
    fn now_ms(&self) -> i64;
}
