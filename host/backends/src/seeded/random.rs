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

    /// `rows` rows of `n` numbers from -`bound` to `bound`, as little-endian
    /// f32.
    pub(super) fn uniform(&mut self, rows: usize, n: usize, bound: f32) -> Vec<u8> {
        self.rows(rows, n, bound, false)
    }

    /// The same, with each row's mean taken from it.
    ///
    /// What a rectifier lets through is positive, and a filter whose weights
    /// sum to much sees mostly that: after 50 layers all pictures would look
    /// alike.
    pub(super) fn centred(&mut self, rows: usize, n: usize, bound: f32) -> Vec<u8> {
        self.rows(rows, n, bound, true)
    }

    fn rows(&mut self, rows: usize, n: usize, bound: f32, centred: bool) -> Vec<u8> {
        const STEPS: f32 = (1 << 23) as f32;
        let mut bytes = Vec::with_capacity(4 * rows * n);
        let mut row = vec![0.0_f32; n];
        for _ in 0..rows {
            for value in &mut row {
                // 24 bits: each value is an f32 exactly.
                *value = ((self.next() >> 40) as f32 / STEPS - 1.0) * bound;
            }
            let mean = if centred {
                row.iter().sum::<f32>() / n as f32
            } else {
                0.0
            };
            row.iter()
                .for_each(|value| bytes.extend_from_slice(&(value - mean).to_le_bytes()));
        }
        bytes
    }
}
