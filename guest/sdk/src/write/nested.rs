//! Values that may be null, and structs.

use super::primitive::leaf;
use super::{Builder, Value};
use crate::bindings::wudf::plugin::arrow::Node;
use crate::bits::ValidityBuilder;
use crate::error::Error;

impl<V: Value> Value for Option<V> {
    type Builder = V::Builder;

    #[inline]
    fn append(self, to: &mut Self::Builder) {
        match self {
            Some(value) => value.append(to),
            None => to.null(),
        }
    }
}

/// The columns of a struct's fields, nested as [`Arguments`](crate::read::Arguments)
/// are.
pub trait Builders {
    /// Empty columns with room for as many values.
    fn with_capacity(rows: usize) -> Self;
    /// Appends values to each that nobody will read.
    fn filler(&mut self, count: usize);
    /// Appends the nodes of each.
    fn finish(self, nodes: &mut Vec<Node>) -> Result<(), Error>;
}

impl Builders for () {
    fn with_capacity(_: usize) {}
    fn filler(&mut self, _: usize) {}
    fn finish(self, _: &mut Vec<Node>) -> Result<(), Error> {
        Ok(())
    }
}

impl<A: Builder, B: Builders> Builders for (A, B) {
    fn with_capacity(rows: usize) -> Self {
        (A::with_capacity(rows), B::with_capacity(rows))
    }
    fn filler(&mut self, count: usize) {
        self.0.filler(count);
        self.1.filler(count);
    }
    fn finish(self, nodes: &mut Vec<Node>) -> Result<(), Error> {
        self.0.finish(nodes)?;
        self.1.finish(nodes)
    }
}

/// A column of structs. What `#[derive(Row)]` writes to.
#[derive(Debug)]
pub struct StructBuilder<B> {
    fields: B,
    validity: ValidityBuilder,
}

impl<B: Builders> StructBuilder<B> {
    /// One struct; its fields are to be appended to these columns.
    #[inline]
    pub fn row(&mut self) -> &mut B {
        self.validity.valid(1);
        &mut self.fields
    }
}

impl<B: Builders> Builder for StructBuilder<B> {
    fn with_capacity(rows: usize) -> Self {
        Self {
            fields: B::with_capacity(rows),
            validity: ValidityBuilder::default(),
        }
    }
    fn null(&mut self) {
        self.fields.filler(1);
        self.validity.null();
    }
    fn filler(&mut self, count: usize) {
        self.fields.filler(count);
        self.validity.valid(count);
    }
    fn finish(self, nodes: &mut Vec<Node>) -> Result<(), Error> {
        nodes.push(leaf(self.validity, vec![]));
        self.fields.finish(nodes)
    }
}
