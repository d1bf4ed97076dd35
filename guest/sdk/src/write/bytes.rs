//! Strings and binary values.

use super::primitive::leaf;
use super::{Builder, Value};
use crate::bindings::wudf::plugin::arrow::Node;
use crate::bits::ValidityBuilder;
use crate::error::Error;

/// 32-bit offsets, which begin with 0.
#[derive(Debug)]
pub(super) struct OffsetsBuilder {
    bytes: Vec<u8>,
    overflowed: bool,
}

impl OffsetsBuilder {
    pub(super) fn with_capacity(rows: usize) -> Self {
        let mut bytes = Vec::with_capacity((rows + 1) * 4);
        bytes.extend_from_slice(&[0; 4]);
        Self {
            bytes,
            overflowed: false,
        }
    }

    /// A value ends here.
    #[inline]
    pub(super) fn end(&mut self, at: usize) {
        let end = i32::try_from(at).unwrap_or_else(|_| {
            self.overflowed = true;
            i32::MAX
        });
        self.bytes.extend_from_slice(&end.to_le_bytes());
    }

    /// The offsets, unless they ran over.
    pub(super) fn finish(self) -> Result<Vec<u8>, Error> {
        if self.overflowed {
            return Err(Error::new(
                "the results of one call take over 2,147,483,647 bytes or items, which is all that \
                 32-bit offsets reach: call with fewer rows",
            ));
        }
        Ok(self.bytes)
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
        self.values.extend_from_slice(value);
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
                to.push(self.as_ref());
            }
        })*
    };
}

values!(&[u8], Vec<u8>, &str, String);
