//! Counts times in buckets less than 0.8 % wide, so that percentiles of millions of calls cost 37 kB.

use std::time::Duration;

use serde::Serialize;

/// Buckets per power of two, as a power of two itself: 128 of them, so a bucket is at most 1/128 of its value wide.
const STEP_BITS: u32 = 7;
const STEPS: u64 = 1 << STEP_BITS;
/// Times are counted up to 2^42 ns, which is 73 minutes; what is longer counts as that.
const NANOS_MAX: u64 = (1 << 42) - 1;
const SLOTS: usize = slot_of(NANOS_MAX) + 1;

/// Times and how often each was seen.
#[derive(Clone)]
pub(crate) struct Histogram {
    counts: Box<[u64]>,
    total: u64,
    sum_nanos: u128,
    max_nanos: u64,
}

/// What a report says about many times, in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Percentiles {
    pub(crate) mean_us: u64,
    pub(crate) p50_us: u64,
    pub(crate) p90_us: u64,
    pub(crate) p99_us: u64,
    pub(crate) p999_us: u64,
    pub(crate) max_us: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self {
            counts: vec![0; SLOTS].into_boxed_slice(),
            total: 0,
            sum_nanos: 0,
            max_nanos: 0,
        }
    }
}

impl Histogram {
    pub(crate) fn record(&mut self, time: Duration) {
        let nanos = u64::try_from(time.as_nanos())
            .unwrap_or(u64::MAX)
            .min(NANOS_MAX);
        self.counts[slot_of(nanos)] += 1;
        self.total += 1;
        self.sum_nanos += u128::from(nanos);
        self.max_nanos = self.max_nanos.max(nanos);
    }

    /// Adds everything that another histogram has counted.
    pub(crate) fn absorb(&mut self, other: &Self) {
        for (mine, theirs) in self.counts.iter_mut().zip(&other.counts) {
            *mine += theirs;
        }
        self.total += other.total;
        self.sum_nanos += other.sum_nanos;
        self.max_nanos = self.max_nanos.max(other.max_nanos);
    }

    /// The smallest time that at least so many thousandths of all times do not exceed (nearest rank), rounded up to
    /// the end of its bucket and never above the largest time seen. Zero when nothing was recorded.
    pub(crate) fn quantile(&self, per_mille: u32) -> Duration {
        let rank = (u128::from(self.total) * u128::from(per_mille))
            .div_ceil(1000)
            .max(1);
        let mut seen = 0_u128;
        for (slot, count) in self.counts.iter().enumerate() {
            seen += u128::from(*count);
            if seen >= rank {
                return Duration::from_nanos(end_of(slot).min(self.max_nanos));
            }
        }
        Duration::ZERO
    }

    pub(crate) fn percentiles(&self) -> Percentiles {
        let at = |per_mille| microseconds(self.quantile(per_mille));
        let mean = self
            .sum_nanos
            .checked_div(u128::from(self.total))
            .unwrap_or(0);
        Percentiles {
            mean_us: u64::try_from(mean / 1000).unwrap_or(u64::MAX),
            p50_us: at(500),
            p90_us: at(900),
            p99_us: at(990),
            p999_us: at(999),
            max_us: microseconds(Duration::from_nanos(self.max_nanos)),
        }
    }
}

fn microseconds(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// The bucket of a time. Below 256 ns every nanosecond has its own.
const fn slot_of(nanos: u64) -> usize {
    if nanos < 2 * STEPS {
        return nanos as usize;
    }
    let shift = 63 - nanos.leading_zeros() - STEP_BITS;
    ((shift as u64 + 1) * STEPS + ((nanos >> shift) - STEPS)) as usize
}

/// The largest time of a bucket, in nanoseconds.
const fn end_of(slot: usize) -> u64 {
    let slot = slot as u64;
    if slot < 2 * STEPS {
        return slot;
    }
    let shift = slot / STEPS - 1;
    ((slot % STEPS + STEPS + 1) << shift) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(micros: impl IntoIterator<Item = u64>) -> Histogram {
        let mut histogram = Histogram::default();
        micros
            .into_iter()
            .for_each(|us| histogram.record(Duration::from_micros(us)));
        histogram
    }

    #[test]
    fn every_bucket_ends_right_before_the_next_begins() {
        for slot in 0..SLOTS {
            let end = end_of(slot);
            assert_eq!(slot_of(end), slot);
            if end < NANOS_MAX {
                assert_eq!(slot_of(end + 1), slot + 1);
            }
        }
    }

    #[test]
    fn a_bucket_is_less_than_eight_thousandths_wide() {
        for nanos in [300, 1_000, 12_345, 999_999, 5_000_000, 7_777_777_777] {
            let end = end_of(slot_of(nanos));
            assert!(
                end >= nanos && (end - nanos) * 1000 < nanos * 8,
                "{nanos} ends at {end}"
            );
        }
    }

    #[test]
    fn percentiles_of_one_to_a_thousand_are_their_ranks() {
        let percentiles = of(1..=1000).percentiles();
        let near = |found: u64, exact: u64| found >= exact && (found - exact) * 1000 <= exact * 8;
        assert!(near(percentiles.p50_us, 500), "{percentiles:?}");
        assert!(near(percentiles.p90_us, 900), "{percentiles:?}");
        assert!(near(percentiles.p99_us, 990), "{percentiles:?}");
        assert!(near(percentiles.p999_us, 999), "{percentiles:?}");
        assert_eq!((percentiles.mean_us, percentiles.max_us), (500, 1000));
    }

    #[test]
    fn one_slow_call_in_a_hundred_shows_above_p99_only() {
        let percentiles = of(std::iter::repeat_n(100, 99).chain([50_000])).percentiles();
        assert!(percentiles.p99_us < 102, "{percentiles:?}");
        assert_eq!(percentiles.max_us, 50_000);
        assert_eq!(percentiles.p999_us, 50_000);
    }

    #[test]
    fn nothing_recorded_is_zero_and_what_is_too_long_is_capped() {
        assert_eq!(of([]).percentiles(), Percentiles::default());
        let mut histogram = Histogram::default();
        histogram.record(Duration::MAX);
        assert_eq!(histogram.quantile(500), Duration::from_nanos(NANOS_MAX));
    }

    #[test]
    fn absorbing_is_the_same_as_recording_everything_in_one() {
        let (mut left, right, both) = (of(1..50), of(50..=900), of(1..=900));
        left.absorb(&right);
        assert_eq!(left.percentiles(), both.percentiles());
        assert_eq!(left.total, both.total);
    }
}
