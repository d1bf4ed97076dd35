//! Random weights that are the same on every machine.

/// SplitMix64 (Steele, Lea and Flood, 2014): a 64-bit counter through a mixer.
/// Only whole numbers and exactly rounded operations from here to the weights.
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// `n` numbers from -`bound` to `bound`, as little-endian f32.
    pub(super) fn uniform(&mut self, n: usize, bound: f32) -> Vec<u8> {
        const STEPS: f32 = (1 << 23) as f32;
        let mut bytes = Vec::with_capacity(4 * n);
        for _ in 0..n {
            // 24 bits: each value is an f32 exactly.
            let value = (self.next() >> 40) as f32 / STEPS - 1.0;
            bytes.extend_from_slice(&(value * bound).to_le_bytes());
        }
        bytes
    }
}
