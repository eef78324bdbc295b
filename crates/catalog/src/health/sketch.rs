//! Sketch: how values are distributed, in buckets that grow by a fifth: 160 bytes, mergeable.

use serde::{Deserialize, Serialize};

/// Buckets per doubling; a value is known to within a ninth of itself.
const PER_DOUBLING: f64 = 4.0;

/// From 1 to a million.
pub(super) const BUCKETS: usize = 80;

/// Four percentiles: how much the luckier half, three quarters and so on of all calls get, at worst.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Percentiles {
    /// The median.
    pub p50: u32,
    /// Three of four do better.
    pub p75: u32,
    /// Nine of ten do better.
    pub p90: u32,
    /// All but one of a hundred do better.
    pub p99: u32,
}

impl Percentiles {
    /// In order of percentile.
    #[must_use]
    pub const fn all(self) -> [u32; 4] {
        [self.p50, self.p75, self.p90, self.p99]
    }
}

/// Counts of values by bucket. A bucket that is full halves them all: the shape stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sketch {
    counts: [u16; BUCKETS],
}

impl Default for Sketch {
    fn default() -> Self {
        Self {
            counts: [0; BUCKETS],
        }
    }
}

impl Sketch {
    /// Counts one value; 0 counts as 1, and what is above a million as a million.
    pub(super) fn add(&mut self, value: u32) {
        self.add_many(bucket(value), 1);
    }

    /// Counts so many values of one bucket.
    pub(super) fn add_many(&mut self, bucket: usize, count: u16) {
        let Some(slot) = self.counts.get(bucket).copied() else {
            return;
        };
        if slot.checked_add(count).is_none() {
            self.counts.iter_mut().for_each(|slot| *slot /= 2);
        }
        if let Some(slot) = self.counts.get_mut(bucket) {
            *slot = slot.saturating_add(count);
        }
    }

    /// The buckets that are not empty.
    pub(super) fn filled(&self) -> impl Iterator<Item = (usize, u16)> + '_ {
        let all = self.counts.iter().copied().enumerate();
        all.filter(|(_, count)| *count > 0)
    }
}

/// Many values, or several sketches added up. Adding is exact and in any order, so that the total of
/// parts is the total of all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Total {
    counts: [u32; BUCKETS],
    count: u32,
}

impl Default for Total {
    fn default() -> Self {
        Self {
            counts: [0; BUCKETS],
            count: 0,
        }
    }
}

impl Total {
    /// Counts one value; 0 counts as 1, and what is above a million as a million.
    pub fn count(&mut self, value: u32) {
        self.count_many(bucket(value), 1);
    }

    /// Counts so many values of one bucket, as [`Total::filled`] names it; of none that there is not.
    pub fn count_many(&mut self, bucket: usize, count: u32) {
        if let Some(slot) = self.counts.get_mut(bucket) {
            *slot = slot.saturating_add(count);
            self.count = self.count.saturating_add(count);
        }
    }

    /// The buckets that are not empty.
    pub fn filled(&self) -> impl Iterator<Item = (usize, u32)> + '_ {
        // Of many calls nothing is counted in some sketches: these are not looked through.
        let counts: &[u32] = if self.count > 0 { &self.counts } else { &[] };
        let all = counts.iter().copied().enumerate();
        all.filter(|(_, count)| *count > 0)
    }

    /// The value below which so large a share of all values lies, from 0 to 1; `None` of no values.
    #[must_use]
    pub fn percentile(&self, share: f64) -> Option<u32> {
        (self.count > 0).then(|| self.at(share))
    }

    pub(super) fn add(&mut self, sketch: &Sketch) {
        for (sum, count) in self.counts.iter_mut().zip(sketch.counts) {
            *sum = sum.saturating_add(u32::from(count));
            self.count = self.count.saturating_add(u32::from(count));
        }
    }

    /// Percentiles of a value of which less is better; `None` below `least` values.
    pub(super) fn low_is_good(&self, least: u32) -> Option<Percentiles> {
        self.percentiles(least, [0.50, 0.75, 0.90, 0.99])
    }

    /// Percentiles of a value of which more is better: nine of ten calls get more than `p90`.
    pub(super) fn high_is_good(&self, least: u32) -> Option<Percentiles> {
        self.percentiles(least, [0.50, 0.25, 0.10, 0.01])
    }

    /// What the slowest twentieth waits at least; `None` below `least` values.
    pub(super) fn slowest_twentieth(&self, least: u32) -> Option<u32> {
        (self.count >= least.max(1)).then(|| self.at(0.95))
    }

    fn percentiles(&self, least: u32, shares: [f64; 4]) -> Option<Percentiles> {
        if self.count < least.max(1) {
            return None;
        }
        let [p50, p75, p90, p99] = shares.map(|share| self.at(share));
        Some(Percentiles { p50, p75, p90, p99 })
    }

    /// The value below which so large a share of all values lies, interpolated inside its bucket.
    fn at(&self, share: f64) -> u32 {
        let wanted = f64::from(self.count) * share;
        let mut below = 0.0;
        for (index, count) in self.counts.iter().enumerate() {
            let count = f64::from(*count);
            if count > 0.0 && below + count >= wanted {
                let inside = ((wanted - below) / count).clamp(0.0, 1.0);
                return edge(index, inside);
            }
            below += count;
        }
        edge(BUCKETS - 1, 1.0)
    }
}

fn bucket(value: u32) -> usize {
    let position = f64::from(value.max(1)).log2() * PER_DOUBLING;
    // Between 0 and 128: it fits.
    (position as usize).min(BUCKETS - 1)
}

fn edge(bucket: usize, inside: f64) -> u32 {
    let position = bucket as f64 + inside;
    (position / PER_DOUBLING).exp2().round() as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: impl Iterator<Item = u32>) -> Total {
        let mut sketch = Sketch::default();
        values.for_each(|value| sketch.add(value));
        let mut total = Total::default();
        total.add(&sketch);
        total
    }

    #[test]
    fn percentiles_are_within_a_ninth_of_the_truth() {
        let found = of(1..=10_000).low_is_good(1).unwrap();
        for (found, truth) in found.all().into_iter().zip([5_000, 7_500, 9_000, 9_900]) {
            assert!(u32::abs_diff(found, truth) * 9 <= truth, "{found} {truth}");
        }
        let speeds = of(1..=10_000).high_is_good(1).unwrap();
        for (found, truth) in speeds.all().into_iter().zip([5_000, 2_500, 1_000, 100]) {
            assert!(u32::abs_diff(found, truth) * 9 <= truth, "{found} {truth}");
        }
        assert_eq!(of(1..=3).low_is_good(4), None);
    }

    #[test]
    fn the_total_of_parts_is_the_total_of_all() {
        let (mut all, mut sums) = (Total::default(), Total::default());
        for part in [1..=50_u32, 51..=3_000, 3_001..=2_000_000] {
            let mut own = Total::default();
            part.step_by(7).for_each(|value| {
                all.count(value);
                own.count(value);
            });
            own.filled()
                .for_each(|(bucket, count)| sums.count_many(bucket, count));
        }
        sums.count_many(BUCKETS, 1);
        assert_eq!(all, sums);
        assert_eq!(all.percentile(1.0), Some(1_048_576));
        assert_eq!(Total::default().percentile(0.5), None);
    }

    #[test]
    fn a_full_bucket_keeps_the_shape() {
        let values = (0..300_000_u32).map(|i| if i % 4 == 0 { 1_000 } else { 10 });
        let found = of(values).low_is_good(1).unwrap();
        assert!(found.p50 < 20 && found.p90 > 800, "{found:?}");
    }
}
