//! Strings and binary values.

use std::borrow::Cow;
use std::mem::MaybeUninit;

use super::primitive::leaf;
use super::{Builder, Value};
use crate::bindings::wudf::plugin::arrow::Node;
use crate::bits::ValidityBuilder;
use crate::error::{Error, code};
use crate::read::BLOCK;

/// 32-bit offsets, which begin with 0.
#[derive(Debug)]
pub struct OffsetsBuilder {
    bytes: Vec<u8>,
    overflowed: bool,
}

impl OffsetsBuilder {
    /// Room for as many values.
    pub fn with_capacity(rows: usize) -> Self {
        let mut bytes = Vec::with_capacity((rows + 1) * 4);
        bytes.extend_from_slice(&[0; 4]);
        Self {
            bytes,
            overflowed: false,
        }
    }

    /// A value ends here.
    #[inline]
    pub fn end(&mut self, at: usize) {
        let end = i32::try_from(at).unwrap_or_else(|_| {
            self.overflowed = true;
            i32::MAX
        });
        self.bytes.extend_from_slice(&end.to_le_bytes());
    }

    /// A block of values ends here, in ascending order.
    #[inline]
    fn ends(&mut self, ends: &[u32; BLOCK]) {
        self.overflowed |= ends[BLOCK - 1] > i32::MAX as u32;
        self.bytes.extend_from_slice(bytemuck::cast_slice(ends));
    }

    /// The offsets, unless they ran over.
    pub fn finish(self) -> Result<Vec<u8>, Error> {
        if self.overflowed {
            return Err(Error::of(
                code::TOO_LARGE,
                "the results of one call exceed 2,147,483,647 bytes or items, the limit of 32-bit \
                 offsets: call with fewer rows",
            ));
        }
        Ok(self.bytes)
    }
}

/// Appends bytes. Short values are moved as a few vectors or words: for a length
/// that it does not know, a compiler writes WebAssembly's `memory.copy`, which is a
/// call of the host and costs more than the rest of a short value's row.
#[inline(always)]
fn append(values: &mut Vec<u8>, value: &[u8]) {
    const SHORT: usize = 64;
    if value.len() > SHORT {
        return values.extend_from_slice(value);
    }
    values.reserve(SHORT);
    let room = &mut values.spare_capacity_mut()[..value.len()];
    match value.len() {
        0 => {}
        1 => ends::<1>(room, value),
        2..4 => ends::<2>(room, value),
        4..8 => ends::<4>(room, value),
        8..16 => ends::<8>(room, value),
        16..32 => ends::<16>(room, value),
        _ => ends::<32>(room, value),
    }
    // SAFETY: all of `room`, which is as long as the value and lies behind the last
    // byte and within the capacity, has been written.
    unsafe { values.set_len(values.len() + value.len()) };
}

/// Writes the first `N` bytes of a value and the last `N`, which is all of one that
/// has `N` to `2 * N`.
///
/// # Panics
/// When it has not, or `room` is of another length.
#[inline(always)]
fn ends<const N: usize>(room: &mut [MaybeUninit<u8>], value: &[u8]) {
    assert!((N..=2 * N).contains(&value.len()) && room.len() == value.len());
    if let (Some(first), Some(last)) = (value.first_chunk::<N>(), value.last_chunk::<N>()) {
        room[..N].write_copy_of_slice(first);
        room[value.len() - N..].write_copy_of_slice(last);
    }
}

/// A column of strings or binary values.
#[derive(Debug)]
pub struct BytesBuilder {
    offsets: OffsetsBuilder,
    values: Vec<u8>,
    validity: ValidityBuilder,
}

impl BytesBuilder {
    #[inline]
    fn push(&mut self, value: &[u8]) {
        append(&mut self.values, value);
        self.offsets.end(self.values.len());
        self.validity.valid(1);
    }
}

impl Builder for BytesBuilder {
    fn with_capacity(rows: usize) -> Self {
        Self {
            offsets: OffsetsBuilder::with_capacity(rows),
            values: Vec::new(),
            validity: ValidityBuilder::default(),
        }
    }
    fn null(&mut self) {
        self.offsets.end(self.values.len());
        self.validity.null();
    }
    fn filler(&mut self, count: usize) {
        (0..count).for_each(|_| self.push(&[]));
    }
    fn finish(self, nodes: &mut Vec<Node>) -> Result<(), Error> {
        nodes.push(leaf(
            self.validity,
            vec![self.offsets.finish()?, self.values],
        ));
        Ok(())
    }
}

macro_rules! values {
    ($($type:ty),*) => {
        $(impl Value for $type {
            type Builder = BytesBuilder;

            #[inline]
            fn append(self, to: &mut BytesBuilder) {
                to.push(AsBytes::as_bytes(&self));
            }
            #[inline]
            fn append_block(to: &mut BytesBuilder, mut value: impl FnMut(usize) -> Self) {
                let ends = std::array::from_fn(|row| {
                    append(&mut to.values, AsBytes::as_bytes(&value(row)));
                    // There are no more than 32 bits of memory.
                    to.values.len() as u32
                });
                to.offsets.ends(&ends);
                to.validity.valid(BLOCK);
            }
        })*
    };
}

values!(&[u8], Vec<u8>, Cow<'_, [u8]>, &str, String, Cow<'_, str>);

/// The bytes of strings and of binary values.
trait AsBytes {
    fn as_bytes(&self) -> &[u8];
}

impl<T: AsRef<[u8]> + ?Sized> AsBytes for &T {
    #[inline]
    fn as_bytes(&self) -> &[u8] {
        (**self).as_ref()
    }
}

macro_rules! as_bytes {
    ($($type:ty),*) => {
        $(impl AsBytes for $type {
            #[inline]
            fn as_bytes(&self) -> &[u8] {
                (**self).as_ref()
            }
        })*
    };
}

as_bytes!(Vec<u8>, String, Cow<'_, [u8]>, Cow<'_, str>);

impl Value for char {
    type Builder = BytesBuilder;

    #[inline]
    fn append(self, to: &mut BytesBuilder) {
        to.push(self.encode_utf8(&mut [0; 4]).as_bytes());
    }
}

impl Value for serde_json::Value {
    type Builder = BytesBuilder;

    fn append(self, to: &mut BytesBuilder) {
        to.push(self.to_string().as_bytes());
    }
}

/// A column of binary values of `N` bytes.
#[derive(Debug)]
pub struct FixedBytesBuilder<const N: usize> {
    bytes: Vec<u8>,
    validity: ValidityBuilder,
}

impl<const N: usize> Builder for FixedBytesBuilder<N> {
    fn with_capacity(rows: usize) -> Self {
        Self {
            bytes: Vec::with_capacity(rows * N),
            validity: ValidityBuilder::default(),
        }
    }
    fn null(&mut self) {
        self.bytes.extend_from_slice(&[0; N]);
        self.validity.null();
    }
    fn filler(&mut self, count: usize) {
        self.bytes.resize(self.bytes.len() + count * N, 0);
        self.validity.valid(count);
    }
    fn finish(self, nodes: &mut Vec<Node>) -> Result<(), Error> {
        nodes.push(leaf(self.validity, vec![self.bytes]));
        Ok(())
    }
}

impl<const N: usize> Value for [u8; N] {
    type Builder = FixedBytesBuilder<N>;

    #[inline]
    fn append(self, to: &mut FixedBytesBuilder<N>) {
        (&self).append(to);
    }
}

impl<const N: usize> Value for &[u8; N] {
    type Builder = FixedBytesBuilder<N>;

    #[inline]
    fn append(self, to: &mut FixedBytesBuilder<N>) {
        to.bytes.extend_from_slice(self);
        to.validity.valid(1);
    }
}

#[cfg(test)]
mod tests {
    use super::append;

    #[test]
    fn every_length_arrives() {
        let value: Vec<u8> = (0..=255).collect();
        let (mut fast, mut slow) = (Vec::new(), Vec::new());
        for length in (0..=value.len()).chain((0..=value.len()).rev()) {
            append(&mut fast, &value[..length]);
            slow.extend_from_slice(&value[..length]);
            assert_eq!(fast, slow, "{length} bytes");
        }
    }
}
