//! Numbers, dates, times and booleans.

use super::{Builder, Value};
use crate::bindings::wudf::plugin::arrow::Node;
use crate::bits::{Bits, ValidityBuilder};
use crate::error::Error;
use crate::read::BLOCK;
use crate::types::{Primitive, for_primitives};

#[cfg(target_endian = "big")]
compile_error!("Arrow's buffers are little-endian, and are written as they lie in memory");

/// A column of plain values: their bytes, because bytes are what crosses.
#[derive(Debug)]
pub struct PrimitiveBuilder<T> {
    bytes: Vec<u8>,
    validity: ValidityBuilder,
    of: std::marker::PhantomData<T>,
}

impl<T: Primitive> PrimitiveBuilder<T> {
    /// Appends values as they lie in memory.
    #[inline]
    pub fn extend(&mut self, values: &[T]) {
        self.bytes.extend_from_slice(bytemuck::cast_slice(values));
        self.validity.valid(values.len());
    }

    /// Appends a block of values, `STEP` of them at a time.
    ///
    /// There is room for all of them before the first is computed: a call in
    /// between, which growing is, makes compilers put all vectors on the stack.
    #[inline]
    fn block<const STEP: usize>(&mut self, mut value: impl FnMut(usize) -> T) {
        const { assert!(BLOCK.is_multiple_of(STEP), "a block is whole steps") };
        let size = BLOCK * size_of::<T>();
        self.bytes.reserve(size);
        let block = &mut self.bytes.spare_capacity_mut()[..size];
        for (step, bytes) in block.chunks_exact_mut(STEP * size_of::<T>()).enumerate() {
            let values = std::array::from_fn::<_, STEP, _>(|row| value(step * STEP + row));
            bytes.write_copy_of_slice(bytemuck::cast_slice(&values));
        }
        // SAFETY: the steps have written all of the block, which lies behind the
        // last byte and within the capacity.
        unsafe { self.bytes.set_len(self.bytes.len() + size) };
        self.validity.valid(BLOCK);
    }

    /// Room for so many bytes more.
    pub fn reserve(&mut self, bytes: usize) {
        self.bytes.reserve(bytes);
    }
}

impl<T: Primitive> Builder for PrimitiveBuilder<T> {
    fn with_capacity(rows: usize) -> Self {
        Self {
            bytes: Vec::with_capacity(rows * size_of::<T>()),
            validity: ValidityBuilder::default(),
            of: std::marker::PhantomData,
        }
    }
    fn null(&mut self) {
        self.bytes
            .extend_from_slice(bytemuck::bytes_of(&T::zeroed()));
        self.validity.null();
    }
    fn filler(&mut self, count: usize) {
        self.bytes
            .resize(self.bytes.len() + count * size_of::<T>(), 0);
        self.validity.valid(count);
    }
    fn finish(self, nodes: &mut Vec<Node>) -> Result<(), Error> {
        nodes.push(leaf(self.validity, vec![self.bytes]));
        Ok(())
    }
}

/// A node of these buffers behind its validity.
pub(crate) fn leaf(validity: ValidityBuilder, buffers: Vec<Vec<u8>>) -> Node {
    let (length, nulls) = (validity.len(), validity.nulls());
    let mut all = Vec::with_capacity(buffers.len() + 1);
    all.push(validity.into_bytes());
    all.extend(buffers);
    Node {
        length: length as u64,
        null_count: nulls as u64,
        buffers: all,
    }
}

/// How many values of a block are in registers at one time: what four vectors
/// hold. More would be written twice, to the stack first.
const fn step(size: usize) -> usize {
    let values = 4 * 16 / size;
    if values < BLOCK { values } else { BLOCK }
}

macro_rules! values {
    ($([$($generics:tt)*] $type:ty, $size:literal;)*) => {
        $(impl<$($generics)*> Value for $type {
            type Builder = PrimitiveBuilder<$type>;

            #[inline]
            fn append(self, to: &mut Self::Builder) {
                to.extend(&[self]);
            }
            #[inline]
            fn append_block(to: &mut Self::Builder, value: impl FnMut(usize) -> Self) {
                to.block::<{ step($size) }>(value);
            }
            fn append_all(values: Vec<Self>, to: &mut Self::Builder) {
                to.extend(&values);
            }
        })*
    };
}

for_primitives!(values);

/// A column of booleans.
#[derive(Debug)]
pub struct BoolBuilder {
    bits: Bits,
    validity: ValidityBuilder,
}

impl Builder for BoolBuilder {
    fn with_capacity(rows: usize) -> Self {
        Self {
            bits: Bits::with_capacity(rows),
            validity: ValidityBuilder::default(),
        }
    }
    fn null(&mut self) {
        self.bits.push(false);
        self.validity.null();
    }
    fn filler(&mut self, count: usize) {
        self.bits.push_many(false, count);
        self.validity.valid(count);
    }
    fn finish(self, nodes: &mut Vec<Node>) -> Result<(), Error> {
        nodes.push(leaf(self.validity, vec![self.bits.into_bytes()]));
        Ok(())
    }
}

impl Value for bool {
    type Builder = BoolBuilder;

    #[inline]
    fn append(self, to: &mut BoolBuilder) {
        to.bits.push(self);
        to.validity.valid(1);
    }
    #[inline]
    fn append_block(to: &mut BoolBuilder, mut value: impl FnMut(usize) -> bool) {
        let bits = (0..BLOCK).fold(0, |bits, row| bits | u64::from(value(row)) << row);
        to.bits.push_block(bits, BLOCK);
        to.validity.valid(BLOCK);
    }
}
