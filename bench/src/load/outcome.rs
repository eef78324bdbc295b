//! What came of many calls: times, counts, and the first thing that went wrong.

use std::time::Duration;

use tokio::time::Instant;

use super::line::Seen;
use crate::measure::histogram::Histogram;

/// What one worker, or all of them together, have seen.
#[derive(Clone, Default)]
pub(crate) struct Outcome {
    /// From the moment a call was (meant to be) sent to its last byte.
    pub(crate) latency: Histogram,
    /// From the same moment to the first event of a stream, or the first bytes of a whole body.
    pub(crate) first: Histogram,
    /// Calls that went well.
    pub(crate) calls: u64,
    /// Calls that did not, or never left.
    pub(crate) errors: u64,
    /// Events of all streams.
    pub(crate) chunks: u64,
    /// The first error, in words.
    pub(crate) first_error: Option<String>,
    /// From the first call's start to the last call's end.
    pub(crate) wall: Duration,
}

impl Outcome {
    /// Counts a call that began, or was meant to, at this moment.
    pub(crate) fn note(&mut self, began: Instant, seen: &anyhow::Result<Seen>) {
        match seen {
            Ok(seen) => {
                self.calls += 1;
                self.chunks += seen.chunks;
                self.latency
                    .record(seen.ended.saturating_duration_since(began));
                self.first
                    .record(seen.first.saturating_duration_since(began));
            }
            Err(error) => self.note_error(format!("{error:#}")),
        }
    }

    pub(crate) fn note_error(&mut self, error: String) {
        self.errors += 1;
        self.first_error.get_or_insert(error);
    }

    pub(crate) fn absorb(&mut self, other: Self) {
        self.latency.absorb(&other.latency);
        self.first.absorb(&other.first);
        self.calls += other.calls;
        self.errors += other.errors;
        self.chunks += other.chunks;
        if self.first_error.is_none() {
            self.first_error = other.first_error;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::schedule::Schedule;

    fn seen(ended: Instant) -> anyhow::Result<Seen> {
        Ok(Seen {
            first: ended,
            ended,
            chunks: 0,
        })
    }

    /// A provider that takes 1 ms per call and stalls once for a second, asked 100 times a second over one
    /// connection for ten seconds.
    #[test]
    fn calls_that_queue_behind_a_stall_are_charged_for_the_wait() {
        let start = Instant::now();
        let schedule = Schedule::new(start, 100);
        let (mut from_intended, mut from_send) = (Outcome::default(), Outcome::default());
        let mut is_free_at = start;
        for index in 0..1000 {
            let sent = schedule.intended(index).max(is_free_at);
            let service = Duration::from_millis(if index == 500 { 1000 } else { 1 });
            is_free_at = sent + service;
            from_intended.note(schedule.intended(index), &seen(is_free_at));
            from_send.note(sent, &seen(is_free_at));
        }
        let honest = from_intended.latency.percentiles();
        let flattering = from_send.latency.percentiles();
        assert!(flattering.p99_us < 1_020, "{flattering:?}");
        assert!(honest.p99_us > 890_000, "{honest:?}");
        assert!(honest.p90_us > 1_020, "{honest:?}");
        assert!(honest.p50_us < 1_020, "{honest:?}");
    }

    #[test]
    fn an_end_before_the_beginning_is_zero_and_not_a_panic() {
        let start = Instant::now();
        let mut outcome = Outcome::default();
        outcome.note(start + Duration::from_secs(1), &seen(start));
        assert_eq!(outcome.latency.percentiles().max_us, 0);
    }

    #[test]
    fn the_first_error_stays_the_first() {
        let mut all = Outcome::default();
        for error in ["reset", "refused"] {
            let mut one = Outcome::default();
            one.note(Instant::now(), &Err(anyhow::anyhow!(error)));
            all.absorb(one);
        }
        assert_eq!((all.errors, all.first_error.as_deref()), (2, Some("reset")));
    }
}
