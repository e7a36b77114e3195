//! Chance from a seed: the same throws every time, on every machine.

/// A sequence of throws.
pub struct Dice(u64);

impl Dice {
    /// The dice of one case under a seed.
    pub fn new(seed: u64, case: u32) -> Self {
        Self(seed.wrapping_mul(0xd129_42f5_8d1c_3b0b) ^ u64::from(case).wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    /// The next throw (SplitMix64).
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`; zero when there is none.
    pub fn below(&mut self, end: u64) -> u64 {
        if end == 0 { 0 } else { self.next() % end }
    }

    /// True in so many of a hundred throws.
    pub fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// One of several.
    pub fn pick<T: Copy, const N: usize>(&mut self, from: &[T; N]) -> T {
        const { assert!(N > 0) };
        // Below N, which is a length.
        from[self.below(N as u64) as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_throws_the_same_and_cases_differ() {
        let throw = |seed, case| Dice::new(seed, case).below(u64::MAX);
        assert_eq!(throw(7, 1), throw(7, 1));
        assert_ne!(throw(7, 1), throw(7, 2));
        assert_ne!(throw(7, 1), throw(8, 1));
    }
}
