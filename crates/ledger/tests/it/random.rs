//! A small xorshift, so that a seed is all that is needed to repeat a run.

/// Random numbers from a seed.
pub(crate) struct Random(u64);

impl Random {
    /// The numbers of this seed.
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// The next number.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 11
    }

    /// A number from 0 to `end`, exclusive.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// A number from 0 to `end`, exclusive, as money is counted.
    pub(crate) fn nanos(&mut self, end: i64) -> i64 {
        i64::try_from(self.below(u64::try_from(end).unwrap())).unwrap()
    }

    /// One of these.
    pub(crate) fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        let position = self.below(u64::try_from(of.len()).unwrap());
        &of[usize::try_from(position).unwrap()]
    }
}

/// Runs once for each seed, and names the seed that failed.
pub(crate) fn for_seeds(
    seeds: std::ops::Range<u64>,
    run: impl Fn(u64) + std::panic::RefUnwindSafe,
) {
    for seed in seeds {
        if let Err(panic) = std::panic::catch_unwind(|| run(seed)) {
            println!("failing seed: {seed}");
            std::panic::resume_unwind(panic);
        }
    }
}
