//! `Histogram`: observations counted in fixed buckets, lock-free and in integers.

use std::sync::atomic::{AtomicU64, Ordering};

/// Upper bounds of the buckets of a histogram, ascending, and how many digits of the integer stand
/// behind the point when it is shown (6: the integer counts microseconds, the page shows seconds).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scale {
    /// Inclusive upper bounds, in the integer's own unit.
    pub bounds: &'static [u64],
    /// Digits behind the point on the page.
    pub digits: u32,
}

/// Bounds for whole calls, in microseconds: OpenTelemetry's advice for
/// `gen_ai.client.operation.duration`, one step longer because reasoning takes minutes.
pub const CALL_DURATION: Scale = Scale {
    bounds: &[
        10_000,
        20_000,
        40_000,
        80_000,
        160_000,
        320_000,
        640_000,
        1_280_000,
        2_560_000,
        5_120_000,
        10_240_000,
        20_480_000,
        40_960_000,
        81_920_000,
        163_840_000,
    ],
    digits: 6,
};

/// Bounds for the time to the first token, in microseconds.
pub const FIRST_TOKEN: Scale = Scale {
    bounds: &[
        10_000, 20_000, 40_000, 60_000, 80_000, 100_000, 250_000, 500_000, 750_000, 1_000_000,
        2_500_000, 5_000_000, 7_500_000, 10_000_000, 30_000_000,
    ],
    digits: 6,
};

/// Bounds for our own time before a call leaves, in microseconds.
pub const OVERHEAD: Scale = Scale {
    bounds: &[
        25, 50, 100, 200, 400, 800, 1_600, 3_200, 6_400, 12_800, 25_600, 102_400,
    ],
    digits: 6,
};

/// Bounds for tokens per call: OpenTelemetry's advice for `gen_ai.client.token.usage`, up to the
/// largest context there is.
pub const TOKENS: Scale = Scale {
    bounds: &[
        1, 4, 16, 64, 256, 1_024, 4_096, 16_384, 65_536, 262_144, 1_048_576, 4_194_304,
    ],
    digits: 0,
};

/// Counts per bucket, and the sum of what was observed.
#[derive(Debug)]
pub struct Histogram {
    scale: Scale,
    /// One per bound, and one for what lies above the last.
    counts: Box<[AtomicU64]>,
    sum: AtomicU64,
}

/// A histogram read at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// The scale it was counted on.
    pub scale: Scale,
    /// Observations at or below each bound, cumulative; the last one counts them all.
    pub cumulative: Vec<u64>,
    /// The sum of all observations, in the integer's own unit.
    pub sum: u64,
}

impl Histogram {
    /// An empty histogram on a scale.
    #[must_use]
    pub fn new(scale: Scale) -> Self {
        Self {
            scale,
            counts: (0..=scale.bounds.len())
                .map(|_| AtomicU64::new(0))
                .collect(),
            sum: AtomicU64::new(0),
        }
    }

    /// Counts one observation, in the integer's own unit.
    pub fn observe(&self, value: u64) {
        let bucket = self.scale.bounds.partition_point(|bound| *bound < value);
        if let Some(count) = self.counts.get(bucket) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        self.sum.fetch_add(value, Ordering::Relaxed);
    }

    /// Reads all buckets. Observations that arrive meanwhile may be in the sum and not yet in a
    /// bucket; the next reading has them.
    #[must_use]
    pub fn read(&self) -> Reading {
        let mut total = 0_u64;
        let cumulative = self
            .counts
            .iter()
            .map(|count| {
                total = total.saturating_add(count.load(Ordering::Relaxed));
                total
            })
            .collect();
        Reading {
            scale: self.scale,
            cumulative,
            sum: self.sum.load(Ordering::Relaxed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_observation_on_a_bound_belongs_to_its_bucket() {
        let histogram = Histogram::new(Scale {
            bounds: &[10, 20],
            digits: 0,
        });
        for value in [0, 10, 11, 20, 21, 1_000] {
            histogram.observe(value);
        }
        let reading = histogram.read();
        assert_eq!(reading.cumulative, [2, 4, 6]);
        assert_eq!(reading.sum, 1_062);
    }

    #[test]
    fn every_scale_ascends() {
        for scale in [CALL_DURATION, FIRST_TOKEN, OVERHEAD, TOKENS] {
            assert!(scale.bounds.is_sorted_by(|a, b| a < b), "{scale:?}");
        }
    }
}
