//! What the seed decides. Each endpoint draws for itself, so that adding or removing one moves no
//! call between the others.

/// A number above 0 and at most 1 that depends on seed and name only.
pub(super) fn draw(seed: u64, name: &str) -> f64 {
    let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let mixed = mix(mix(seed ^ 0x9e37_79b9_7f4a_7c15).wrapping_add(hash));
    ((mixed >> 11) + 1) as f64 / (1_u64 << 53) as f64
}

/// The finalizer of splitmix64: every bit of the input moves every bit of the output.
const fn mix(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// The race: whoever has the smallest time wins, with a probability in proportion to its weight.
pub(super) fn time(seed: u64, name: &str, weight: f64) -> f64 {
    if weight > 0.0 {
        -draw(seed, name).ln() / weight
    } else {
        f64::INFINITY
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_are_even_and_do_not_hang_together() {
        let mut bins = [0_u32; 20];
        let mut together = 0.0;
        const SEEDS: u64 = 100_000;
        for seed in 0..SEEDS {
            let (a, b) = (draw(seed, "a"), draw(seed, "b"));
            bins[((a * 20.0) as usize).min(19)] += 1;
            together += (a - 0.5) * (b - 0.5);
        }
        let expected = SEEDS as f64 / 20.0;
        let chi: f64 = bins
            .iter()
            .map(|n| (f64::from(*n) - expected).powi(2) / expected)
            .sum();
        // 19 degrees of freedom: 43.8 is exceeded once in a thousand.
        assert!(chi < 43.8, "{chi}");
        assert!((together / SEEDS as f64).abs() < 0.002, "{together}");
    }
}
