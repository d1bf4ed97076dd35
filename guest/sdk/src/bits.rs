//! Validity bitmaps: one bit a value, set where there is one.

/// The validity of a column that is read.
#[derive(Clone, Copy, Debug)]
pub struct Validity<'a>(Option<&'a [u8]>);

impl<'a> Validity<'a> {
    /// The validity of a node with these nulls. `None` when the bitmap is too
    /// short for `length` values.
    pub fn new(bitmap: &'a [u8], nulls: u64, length: usize) -> Option<Self> {
        if nulls == 0 || bitmap.is_empty() {
            return (nulls == 0).then_some(Self(None));
        }
        (bitmap.len() >= length.div_ceil(8)).then_some(Self(Some(bitmap)))
    }

    /// Whether no value is null.
    #[inline]
    pub fn all_valid(&self) -> bool {
        self.0.is_none()
    }

    /// Whether there are values in the 64 rows from this one, a multiple of 64.
    #[inline]
    pub fn block_valid(&self, row: usize) -> bool {
        self.0
            .is_none_or(|bits| bits.get(row / 8..row / 8 + 8) == Some(&[0xff; 8]))
    }

    /// Whether there is a value in this row.
    #[inline]
    pub fn is_valid(&self, row: usize) -> bool {
        self.0.is_none_or(|bits| bit(bits, row))
    }
}

/// Bit number `index`, least significant first.
#[inline]
pub fn bit(bits: &[u8], index: usize) -> bool {
    bits[index / 8] >> (index % 8) & 1 == 1
}

/// Bits that are appended one by one.
#[derive(Clone, Debug, Default)]
pub struct Bits {
    bytes: Vec<u8>,
    length: usize,
}

impl Bits {
    /// Room for `length` bits.
    pub fn with_capacity(length: usize) -> Self {
        Self {
            bytes: Vec::with_capacity(length.div_ceil(8)),
            length: 0,
        }
    }

    /// Appends one bit.
    #[inline]
    pub fn push(&mut self, bit: bool) {
        let at = self.length % 8;
        if at == 0 {
            self.bytes.push(0);
        }
        if let Some(last) = self.bytes.last_mut() {
            *last |= u8::from(bit) << at;
        }
        self.length += 1;
    }

    /// Appends the low `count` bits, at most 64.
    #[inline]
    pub fn push_block(&mut self, bits: u64, count: usize) {
        if count == 64 && self.length.is_multiple_of(8) {
            self.bytes.extend_from_slice(&bits.to_le_bytes());
            self.length += 64;
        } else {
            (0..count).for_each(|at| self.push(bits >> at & 1 == 1));
        }
    }

    /// Appends `count` bits that are the same.
    pub fn push_many(&mut self, bit: bool, count: usize) {
        let end = self.length + count;
        while self.length < end && !self.length.is_multiple_of(8) {
            self.push(bit);
        }
        let whole = (end - self.length) / 8;
        self.bytes
            .resize(self.bytes.len() + whole, if bit { 0xff } else { 0 });
        self.length += whole * 8;
        while self.length < end {
            self.push(bit);
        }
    }

    /// The bytes; the bits behind the last are 0.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

/// The validity of a column that is written. There is no bitmap until the first
/// null.
#[derive(Clone, Debug, Default)]
pub struct ValidityBuilder {
    bits: Option<Bits>,
    length: usize,
    nulls: usize,
}

impl ValidityBuilder {
    /// Appends `count` values.
    #[inline]
    pub fn valid(&mut self, count: usize) {
        self.length += count;
        if let Some(bits) = &mut self.bits {
            bits.push_many(true, count);
        }
    }

    /// Appends a null.
    pub fn null(&mut self) {
        let length = self.length;
        self.bits
            .get_or_insert_with(|| {
                let mut bits = Bits::with_capacity(length + 1);
                bits.push_many(true, length);
                bits
            })
            .push(false);
        self.length += 1;
        self.nulls += 1;
    }

    /// How many values and nulls there are.
    pub fn len(&self) -> usize {
        self.length
    }

    /// How many nulls there are.
    pub fn nulls(&self) -> usize {
        self.nulls
    }

    /// The bitmap, empty when there are no nulls.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bits.map(Bits::into_bytes).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn bits_come_back(values in prop::collection::vec(any::<bool>(), 0..200)) {
            let mut bits = Bits::default();
            values.iter().for_each(|&value| bits.push(value));
            let bytes = bits.into_bytes();
            prop_assert_eq!(bytes.len(), values.len().div_ceil(8));
            for (at, &value) in values.iter().enumerate() {
                prop_assert_eq!(bit(&bytes, at), value);
            }
        }

        #[test]
        fn many_is_one_by_one(runs in prop::collection::vec((any::<bool>(), 0usize..40), 0..20)) {
            let (mut fast, mut slow) = (Bits::default(), Bits::default());
            for (value, count) in runs {
                fast.push_many(value, count);
                (0..count).for_each(|_| slow.push(value));
            }
            prop_assert_eq!(fast.length, slow.length);
            prop_assert_eq!(fast.into_bytes(), slow.into_bytes());
        }

        #[test]
        fn blocks_are_one_by_one(blocks in prop::collection::vec((any::<u64>(), 0usize..65), 0..20)) {
            let (mut fast, mut slow) = (Bits::default(), Bits::default());
            for (bits, count) in blocks {
                fast.push_block(bits, count);
                (0..count).for_each(|at| slow.push(bits >> at & 1 == 1));
            }
            prop_assert_eq!(fast.into_bytes(), slow.into_bytes());
        }

        #[test]
        fn validity_comes_back(values in prop::collection::vec(any::<bool>(), 0..200)) {
            let mut built = ValidityBuilder::default();
            for &value in &values {
                if value { built.valid(1) } else { built.null() }
            }
            let (nulls, length) = (built.nulls() as u64, built.len());
            prop_assert_eq!(length, values.len());
            let bytes = built.into_bytes();
            prop_assert_eq!(bytes.is_empty(), nulls == 0);
            let read = Validity::new(&bytes, nulls, length).expect("long enough");
            for (at, &value) in values.iter().enumerate() {
                prop_assert_eq!(read.is_valid(at), value);
            }
        }
    }

    #[test]
    fn a_short_bitmap_is_refused() {
        assert!(Validity::new(&[0xff], 1, 9).is_none());
        assert!(Validity::new(&[], 1, 9).is_none());
        assert!(Validity::new(&[], 0, 9).is_some());
    }
}
