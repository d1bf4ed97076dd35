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

/// The columns of a struct's fields: a tuple.
pub trait Builders {
    /// Empty columns with room for as many values.
    fn with_capacity(rows: usize) -> Self;
    /// Appends values to each that nobody will read.
    fn filler(&mut self, count: usize);
    /// Appends the nodes of each.
    fn finish(self, nodes: &mut Vec<Node>) -> Result<(), Error>;
}

macro_rules! tuples {
    ($(($($name:ident $at:tt),+))*) => {
        $(impl<$($name: Builder),+> Builders for ($($name,)+) {
            fn with_capacity(rows: usize) -> Self {
                ($($name::with_capacity(rows),)+)
            }
            fn filler(&mut self, count: usize) {
                $(self.$at.filler(count);)+
            }
            fn finish(self, nodes: &mut Vec<Node>) -> Result<(), Error> {
                $(self.$at.finish(nodes)?;)+
                Ok(())
            }
        })*
    };
}

tuples! {
    (A 0)
    (A 0, B 1)
    (A 0, B 1, C 2)
    (A 0, B 1, C 2, D 3)
    (A 0, B 1, C 2, D 3, E 4)
    (A 0, B 1, C 2, D 3, E 4, F 5)
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6)
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7)
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8)
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9)
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10)
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10, L 11)
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
