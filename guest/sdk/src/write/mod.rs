//! From the results of single rows to Arrow buffers.

mod bytes;
mod list;
mod map;
mod nested;
mod numbers;
mod primitive;

pub use bytes::{BytesBuilder, OffsetsBuilder};
pub(crate) use primitive::leaf;

use std::fmt::Display;

pub use nested::{Builders, StructBuilder};
pub use numbers::Numbers;

use crate::bindings::exports::wudf::plugin::scalar::{Failure, Output};
use crate::bindings::wudf::plugin::arrow::{Field, Node};
use crate::error::{Coded, Error};
use crate::read::{Absent, BLOCK};
use crate::schema::Typed;

/// A column in the making.
pub trait Builder {
    /// An empty column with room for as many values.
    fn with_capacity(rows: usize) -> Self;
    /// An empty column of this type, which is known already but where the type is one of
    /// the caller's.
    fn with_schema(_: &[Field], rows: usize) -> Result<Self, Error>
    where
        Self: Sized,
    {
        Ok(Self::with_capacity(rows))
    }
    /// Appends a null.
    fn null(&mut self);
    /// Appends values that stand under a null and that nobody will read.
    fn filler(&mut self, count: usize);
    /// Whether a value can be refused.
    const REFUSES: bool = false;
    /// Why the last value was not appended, if it was not.
    fn refusal(&mut self) -> Option<String> {
        None
    }
    /// Appends the nodes.
    fn finish(self, nodes: &mut Vec<Node>) -> Result<(), Error>;
}

/// A type that a function can return, or a field or an item of one.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the result of a UDF",
    label = "not a type that a column can have",
    note = "a result is an integer of up to 64 bits, `f32`, `f64`, `Decimal`, `bool`, `char`, `&str` or \
            `String`, `&[u8]`, `Vec<u8>` or `[u8; N]` (binary), `Date`, `Time`, `Timestamp`, \
            `TimestampUtc`, `Duration`, `Json`, an enum that derives `Enum`, a struct that derives `Row`, \
            a tuple, `Vec<T>`, `&[T]`, `[T; N]`, `BTreeMap<K, V>` or `Option<T>` of these; and a \
            `Result` of any of these"
)]
pub trait Value: Typed {
    /// What makes a column of it.
    type Builder: Builder;

    /// Appends this value.
    fn append(self, to: &mut Self::Builder);

    /// Appends a block of values.
    #[inline]
    fn append_block(to: &mut Self::Builder, mut value: impl FnMut(usize) -> Self)
    where
        Self: Sized,
    {
        for row in 0..BLOCK {
            value(row).append(to);
        }
    }

    /// Appends many.
    fn append_all(values: Vec<Self>, to: &mut Self::Builder)
    where
        Self: Sized,
    {
        values.into_iter().for_each(|value| value.append(to));
    }
}

/// What a function may return: a value, or a value or a row's failure.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the result of a UDF",
    label = "not a type that a column can have",
    note = "a result is an integer of up to 64 bits, `f32`, `f64`, `Decimal`, `bool`, `char`, `&str` or \
            `String`, `&[u8]`, `Vec<u8>` or `[u8; N]` (binary), `Date`, `Time`, `Timestamp`, \
            `TimestampUtc`, `Duration`, `Json`, an enum that derives `Enum`, a struct that derives `Row`, \
            a tuple, `Vec<T>`, `&[T]`, `[T; N]`, `BTreeMap<K, V>` or `Option<T>` of these; and a \
            `Result` of any of these whose error can \
            be displayed"
)]
pub trait Outcome {
    /// The value without the failure.
    type Value: Value;

    /// Appends the outcome of one row.
    fn put(self, sink: &mut Results<Self>);

    /// Appends the outcomes of a block of rows.
    fn put_block(sink: &mut Results<Self>, outcome: impl FnMut(usize) -> Self)
    where
        Self: Sized;
}

impl<V: Value> Outcome for V {
    type Value = V;

    #[inline]
    fn put(self, sink: &mut Sink<V::Builder>) {
        sink.value(self);
    }

    #[inline]
    fn put_block(sink: &mut Sink<V::Builder>, mut outcome: impl FnMut(usize) -> V) {
        if V::Builder::REFUSES {
            (0..BLOCK).for_each(|row| outcome(row).put(sink));
        } else {
            V::append_block(&mut sink.builder, outcome);
            sink.row += BLOCK;
        }
    }
}

impl<V: Value, E: Display> Outcome for Result<V, E> {
    type Value = V;

    #[inline]
    fn put(self, sink: &mut Sink<V::Builder>) {
        match self {
            Ok(value) => sink.value(value),
            // Some errors put their causes into the alternate form.
            Err(error) => sink.failure(Error::new(format_args!("{error:#}"))),
        }
    }

    #[inline]
    fn put_block(sink: &mut Sink<V::Builder>, mut outcome: impl FnMut(usize) -> Self) {
        for row in 0..BLOCK {
            outcome(row).put(sink);
        }
    }
}

impl<V: Value> Outcome for Coded<V> {
    type Value = V;

    #[inline]
    fn put(self, sink: &mut Sink<V::Builder>) {
        match self.0 {
            Ok(value) => sink.value(value),
            Err(error) => sink.failure(error),
        }
    }

    #[inline]
    fn put_block(sink: &mut Sink<V::Builder>, mut outcome: impl FnMut(usize) -> Self) {
        for row in 0..BLOCK {
            outcome(row).put(sink);
        }
    }
}

/// A result's type, named as arguments' are.
pub trait IsOutcome {
    /// The type itself.
    type Type: Outcome;
}

impl<T: Outcome> IsOutcome for T {
    type Type = T;
}

/// Where outcomes of this type go.
pub type Results<O> = Sink<<<O as Outcome>::Value as Value>::Builder>;

/// The results of one call.
#[derive(Debug)]
pub struct Sink<B> {
    builder: B,
    failures: Vec<Failure>,
    row: usize,
}

impl<B: Builder> Sink<B> {
    /// Room for the results of so many rows.
    pub fn new(rows: usize) -> Self {
        Self::with_builder(B::with_capacity(rows))
    }

    /// Results that this builder takes.
    pub fn with_builder(builder: B) -> Self {
        Self {
            builder,
            failures: Vec::new(),
            row: 0,
        }
    }

    /// This row's value.
    #[inline]
    pub fn value(&mut self, value: impl Value<Builder = B>) {
        value.append(&mut self.builder);
        if let Some(refusal) = self.builder.refusal() {
            return self.failure(Error::internal(refusal));
        }
        self.row += 1;
    }

    /// This row is null.
    pub fn null(&mut self) {
        self.builder.null();
        self.row += 1;
    }

    /// This row has no value for an argument.
    pub fn absent(&mut self, absent: Absent) {
        match absent {
            Absent::Null => self.null(),
            Absent::Unfit(why) => {
                self.failure(Error::new(format_args!(
                    "an argument cannot be used: {why}"
                )));
            }
        }
    }

    /// This row failed.
    #[cold]
    pub fn failure(&mut self, error: Error) {
        let (code, message) = error.into_parts();
        self.failures.push(Failure {
            // A call has no more rows than fit a u32.
            row: self.row as u32,
            code,
            message,
        });
        self.null();
    }

    /// Everything, as it crosses to the host.
    pub fn finish(self) -> Result<Output, Error> {
        let mut values = Vec::new();
        self.builder.finish(&mut values)?;
        Ok(Output {
            values,
            failures: self.failures,
        })
    }
}

/// A builder that can make lists of one size, given when the function is opened.
#[diagnostic::on_unimplemented(
    message = "`list_size` is for functions that return lists",
    label = "the size of what does not have one",
    note = "a list is a `Vec<T>` or a `&[T]`, not of `u8`, or a `Result` of these"
)]
pub trait FixSize: Builder {
    /// Makes this a column of lists of `size` items.
    fn fix_size(&mut self, size: u32, rows: usize);
}
