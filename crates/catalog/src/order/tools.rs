//! How well endpoints call tools: three tiers. Section 9.9 of the digest, made to work at small scale.
//!
//! The reference wants 200 calls with tools in two hours from each of at least four endpoints before
//! it says anything. Here each endpoint begins with a prior (20 answers, 97 of 100 valid), so that a
//! few bad calls are enough to notice and a few good ones enough to forgive, and peers are compared
//! when there are four of them.

use crate::health::{Tools, Vital};

/// How well an endpoint calls tools, best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ToolTier {
    /// Enough calls, and nothing wrong with them.
    Good,
    /// Too few calls to say.
    Unknown,
    /// Worse than its peers, or simply bad.
    Bad,
}

impl ToolTier {
    /// The word in explanations.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Unknown => "insufficient_data",
            Self::Bad => "deprioritized",
        }
    }
}

const PRIOR_ANSWERS: f64 = 20.0;
const PRIOR_VALID: f64 = 0.97;

/// Fewer answers with tool calls than this say too little to be called good.
const ANSWERS_MIN: u32 = 10;

/// With the prior counted in, fewer valid answers than this are bad whatever the peers do.
const VALID_MIN: f64 = 0.85;

/// Peers are compared when there are at least so many.
const PEERS_MIN: usize = 4;

/// How far below the median of the peers is too far, in deviations.
const VALID_DEVIATIONS: f64 = 2.0;
const SPEED_DEVIATIONS: f64 = 1.5;

/// From the median absolute deviation to a standard deviation.
const MAD_TO_SIGMA: f64 = 1.4826;

/// The share of valid answers, with the prior counted in.
pub(crate) fn valid_share(tools: Tools) -> f64 {
    let valid = f64::from(tools.valid) + PRIOR_ANSWERS * PRIOR_VALID;
    valid / (f64::from(tools.all()) + PRIOR_ANSWERS)
}

/// The tier of each endpoint of one model.
pub(crate) fn tiers(vitals: &[Vital]) -> Vec<ToolTier> {
    let measured = vitals.iter().filter(|v| v.tools.all() >= ANSWERS_MIN);
    let valid_least = cutoff(
        measured.map(|v| valid_share(v.tools)).collect(),
        VALID_DEVIATIONS,
    );
    let speed = |vital: &Vital| vital.speed.map(|speed| f64::from(speed.p50));
    let speed_least = cutoff(vitals.iter().filter_map(speed).collect(), SPEED_DEVIATIONS);
    let tier = |vital: &Vital| {
        let share = valid_share(vital.tools);
        let is_slow = speed(vital).is_some_and(|own| own < speed_least);
        let is_worse = vital.tools.all() >= ANSWERS_MIN && share < valid_least;
        if share < VALID_MIN || is_worse || is_slow {
            ToolTier::Bad
        } else if vital.tools.all() < ANSWERS_MIN {
            ToolTier::Unknown
        } else {
            ToolTier::Good
        }
    };
    vitals.iter().map(tier).collect()
}

/// What is too far below the median; below everything when there are too few peers.
fn cutoff(mut values: Vec<f64>, deviations: f64) -> f64 {
    if values.len() < PEERS_MIN {
        return f64::NEG_INFINITY;
    }
    let median = median(&mut values);
    let mut distances: Vec<f64> = values.iter().map(|value| (value - median).abs()).collect();
    let sigma = self::median(&mut distances) * MAD_TO_SIGMA;
    // Peers that are all alike leave no room at all; a hundredth of the median is always left.
    median - deviations * sigma.max(median.abs() * 0.01)
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    let upper = values.get(middle).copied().unwrap_or(0.0);
    if values.len() % 2 == 1 {
        return upper;
    }
    let lower = middle.checked_sub(1).and_then(|i| values.get(i)).copied();
    f64::midpoint(lower.unwrap_or(upper), upper)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::health::Percentiles;

    fn vital(valid: u32, invalid: u32, speed: u32) -> Vital {
        Vital {
            tools: Tools { valid, invalid },
            speed: (speed > 0).then_some(Percentiles {
                p50: speed,
                ..Percentiles::default()
            }),
            ..Vital::default()
        }
    }

    #[test]
    fn tiers_follow_section_9_9_with_priors() {
        use ToolTier::{Bad, Good, Unknown};
        // valid, invalid, speed → tier; all of a row are peers
        for (peers, expected) in [
            (vec![(0, 0, 0)], vec![Unknown]),
            (vec![(50, 0, 0), (5, 0, 0)], vec![Good, Unknown]),
            // A few bad ones are noticed at once, even alone.
            (vec![(5, 5, 0), (0, 1, 0)], vec![Bad, Unknown]),
            // Four peers: two deviations below the median is too far, though 94 of 100 is not bad.
            (
                vec![(100, 0, 0), (99, 1, 0), (100, 0, 0), (188, 12, 0)],
                vec![Good, Good, Good, Bad],
            ),
            // Three peers are not compared.
            (
                vec![(100, 0, 0), (99, 1, 0), (188, 12, 0)],
                vec![Good, Good, Good],
            ),
            // One that is much slower than its peers.
            (
                vec![(50, 0, 500), (50, 0, 520), (50, 0, 480), (50, 0, 90)],
                vec![Good, Good, Good, Bad],
            ),
        ] {
            let vitals: Vec<Vital> = peers.iter().map(|(v, i, s)| vital(*v, *i, *s)).collect();
            assert_eq!(tiers(&vitals), expected, "{peers:?}");
        }
    }
}
