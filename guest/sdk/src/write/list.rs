//! Lists, and lists of a fixed size.

use super::bytes::OffsetsBuilder;
use super::primitive::{PrimitiveBuilder, leaf};
use super::{Builder, FixSize, Value};
use crate::bindings::wudf::plugin::arrow::Node;
use crate::bits::ValidityBuilder;
use crate::error::Error;
use crate::schema::Typed;
use crate::types::{Item, Primitive};

/// How many items of a list of fixed size a column makes room for at first:
/// tensors are large, and a batch may fail in its first row.
const ROOM: usize = 1 << 20;

/// A column of lists, of any size or of one that is fixed when the function is
/// opened.
#[derive(Debug)]
pub struct ListBuilder<B> {
    offsets: OffsetsBuilder,
    items: B,
    count: usize,
    validity: ValidityBuilder,
    size: Option<usize>,
    refusal: Option<String>,
}

impl<B: Builder> ListBuilder<B> {
    /// A list of so many items, which `append` appends.
    #[inline]
    fn push(&mut self, count: usize, append: impl FnOnce(&mut B)) {
        if let Some(size) = self.size {
            if size != count {
                self.refusal = Some(format!(
                    "the result has {count} items where the options make it {size}"
                ));
                return;
            }
        } else {
            self.count += count;
            self.offsets.end(self.count);
        }
        append(&mut self.items);
        self.validity.valid(1);
    }
}

impl<B: Builder> Builder for ListBuilder<B> {
    fn with_capacity(rows: usize) -> Self {
        Self {
            offsets: OffsetsBuilder::with_capacity(rows),
            items: B::with_capacity(0),
            count: 0,
            validity: ValidityBuilder::default(),
            size: None,
            refusal: None,
        }
    }
    fn null(&mut self) {
        match self.size {
            Some(size) => self.items.filler(size),
            None => self.offsets.end(self.count),
        }
        self.validity.null();
    }
    fn filler(&mut self, count: usize) {
        match self.size {
            Some(size) => self.items.filler(size * count),
            None => (0..count).for_each(|_| self.offsets.end(self.count)),
        }
        self.validity.valid(count);
    }
    const REFUSES: bool = true;
    fn refusal(&mut self) -> Option<String> {
        self.refusal.take()
    }
    fn finish(self, nodes: &mut Vec<Node>) -> Result<(), Error> {
        let buffers = match self.size {
            Some(_) => vec![],
            None => vec![self.offsets.finish()?],
        };
        nodes.push(leaf(self.validity, buffers));
        self.items.finish(nodes)
    }
}

impl<B: Builder> FixSize for ListBuilder<B> {
    fn fix_size(&mut self, size: u32, rows: usize) {
        let size = size as usize;
        self.size = Some(size);
        self.items = B::with_capacity(size.saturating_mul(rows).min(ROOM));
    }
}

impl<T: Value + Item> Value for Vec<T> {
    type Builder = ListBuilder<T::Builder>;

    fn append(self, to: &mut Self::Builder) {
        to.push(self.len(), |items| T::append_all(self, items));
    }
}

impl<T> Value for &[T]
where
    T: Primitive + Item + Typed,
{
    type Builder = ListBuilder<PrimitiveBuilder<T>>;

    fn append(self, to: &mut Self::Builder) {
        to.push(self.len(), |items| items.extend(self));
    }
}

/// A column of lists of `N` items.
#[derive(Debug)]
pub struct ArrayBuilder<B, const N: usize> {
    items: B,
    validity: ValidityBuilder,
}

impl<B: Builder, const N: usize> Builder for ArrayBuilder<B, N> {
    fn with_capacity(rows: usize) -> Self {
        Self {
            items: B::with_capacity(rows * N),
            validity: ValidityBuilder::default(),
        }
    }
    fn null(&mut self) {
        self.items.filler(N);
        self.validity.null();
    }
    fn filler(&mut self, count: usize) {
        self.items.filler(N * count);
        self.validity.valid(count);
    }
    fn finish(self, nodes: &mut Vec<Node>) -> Result<(), Error> {
        nodes.push(leaf(self.validity, vec![]));
        self.items.finish(nodes)
    }
}

impl<T: Value + Item, const N: usize> Value for [T; N] {
    type Builder = ArrayBuilder<T::Builder, N>;

    fn append(self, to: &mut Self::Builder) {
        self.into_iter().for_each(|item| item.append(&mut to.items));
        to.validity.valid(1);
    }
}
