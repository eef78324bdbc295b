//! When each call of an open-loop run is meant to leave, whatever happened to the calls before it.
//!
//! Latency counts from that moment and not from the real send: a call that had to wait because every connection was
//! busy waited for the gateway as much as one that was on its way. Leaving that wait out ("coordinated omission")
//! makes a stall of a second look like a single slow call.

use std::time::Duration;

use tokio::time::Instant;

const NANOS_PER_SECOND: u128 = 1_000_000_000;

/// A constant rate from a start.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Schedule {
    start: Instant,
    /// Calls per second, at least 1.
    rate: u32,
}

impl Schedule {
    pub(crate) fn new(start: Instant, rate: u32) -> Self {
        Self {
            start,
            rate: rate.max(1),
        }
    }

    /// How many calls belong to a run of this length.
    pub(crate) fn calls_within(&self, time: Duration) -> u64 {
        let calls = time.as_nanos() * u128::from(self.rate) / NANOS_PER_SECOND;
        u64::try_from(calls).unwrap_or(u64::MAX)
    }

    /// When call number `index` (from 0) is meant to leave. Worked out from the start each time, so that rounding
    /// does not add up.
    pub(crate) fn intended(&self, index: u64) -> Instant {
        let nanos = u128::from(index) * NANOS_PER_SECOND / u128::from(self.rate);
        self.start + Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_that_does_not_divide_a_second_does_not_drift() {
        let start = Instant::now();
        let schedule = Schedule::new(start, 3);
        assert_eq!(schedule.intended(0), start);
        assert_eq!(
            schedule.intended(1),
            start + Duration::from_nanos(333_333_333)
        );
        assert_eq!(
            schedule.intended(3_000_000),
            start + Duration::from_secs(1_000_000)
        );
    }

    #[test]
    fn a_run_has_rate_times_seconds_calls() {
        let schedule = Schedule::new(Instant::now(), 700);
        assert_eq!(schedule.calls_within(Duration::from_secs(8)), 5600);
        assert_eq!(schedule.calls_within(Duration::from_millis(500)), 350);
        assert_eq!(
            Schedule::new(Instant::now(), 0).calls_within(Duration::from_secs(2)),
            2
        );
    }
}
