//! Numbers from a seed: the same question has the same answer, in whichever order it is asked.

/// A number from 0 to below 1 for a seed and a question.
pub(crate) fn even(seed: u64, question: &[u64]) -> f64 {
    let mixed = question.iter().fold(mix(seed ^ 0x9e37_79b9), |hash, part| {
        mix(hash.wrapping_mul(0x0100_0000_01b3) ^ mix(part.wrapping_add(0x9e37_79b9_7f4a_7c15)))
    });
    (mixed >> 11) as f64 / (1_u64 << 53) as f64
}

/// A number between two others.
pub(crate) fn between(seed: u64, question: &[u64], (low, high): (i64, i64)) -> i64 {
    low + (even(seed, question) * (high - low) as f64) as i64
}

const fn mix(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}
