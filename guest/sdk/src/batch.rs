//! Functions of many rows: what `#[udf(batch)]` is made of.

use std::fmt::Display;
use std::ops::Deref;

use crate::error::{Coded, Error, any_error};
use crate::function::{Columns, Results, Udf};
use crate::read::{Absent, Argument, Arguments};
use crate::write::{Builder, Outcome, Sink, Value};

/// The values of one argument in the rows of a batch: a slice of them.
///
/// Rows in which an argument is null are not in the batch: their result is null. A
/// function that looks at nulls takes a `Column<'_, Option<T>>`.
///
/// ```
/// use wudf_guest::{Column, testing, udf};
///
/// /// The share that a number has in the sum of its batch.
/// #[udf(batch)]
/// fn share(numbers: Column<'_, f64>) -> Vec<f64> {
///     let sum: f64 = numbers.iter().sum();
///     numbers.iter().map(|number| number / sum).collect()
/// }
///
/// assert_eq!(testing::values::<share>([1.0, 3.0]), [0.25, 0.75]);
/// ```
#[derive(Clone, Debug)]
pub struct Column<'a, T: Argument> {
    values: Vec<T::Value<'a>>,
}

impl<T: Argument> Default for Column<'_, T> {
    fn default() -> Self {
        Self { values: Vec::new() }
    }
}

impl<'a, T: Argument> Column<'a, T> {
    pub(crate) fn push(&mut self, value: T::Value<'a>) {
        self.values.push(value);
    }

    /// The values, to keep.
    pub fn into_vec(self) -> Vec<T::Value<'a>> {
        self.values
    }
}

impl<'a, T: Argument> Deref for Column<'a, T> {
    type Target = [T::Value<'a>];

    fn deref(&self) -> &Self::Target {
        &self.values
    }
}

impl<'a, T: Argument> IntoIterator for Column<'a, T> {
    type Item = T::Value<'a>;
    type IntoIter = std::vec::IntoIter<T::Value<'a>>;

    fn into_iter(self) -> Self::IntoIter {
        self.values.into_iter()
    }
}

impl<'c, 'a, T: Argument> IntoIterator for &'c Column<'a, T> {
    type Item = &'c T::Value<'a>;
    type IntoIter = std::slice::Iter<'c, T::Value<'a>>;

    fn into_iter(self) -> Self::IntoIter {
        self.values.iter()
    }
}

/// An argument of a function of many rows.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an argument of a function of many rows",
    label = "not a column",
    note = "a function with `#[udf(batch)]` takes columns, such as `Column<'_, &str>`"
)]
pub trait IsColumn {
    /// The type of one row's value.
    type Type: Argument;
}

impl<T: Argument> IsColumn for Column<'_, T> {
    type Type = T;
}

/// What a function of many rows may return.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the result of a function of many rows",
    label = "not a `Vec` with a value for each row",
    note = "a function with `#[udf(batch)]` returns a `Vec<T>` or a `Vec<Result<T, _>>`, with a value or a \
            failure for each row, or a `Result` of these, whose error is that of all rows"
)]
pub trait BatchOutcome {
    /// The outcome of one row.
    type Outcome: Outcome;

    /// Appends the outcomes of all rows.
    fn put_all(self, to: Batch<'_, BuilderOf<Self>>) -> Result<(), Error>;
}

type BuilderOf<B> = <<<B as BatchOutcome>::Outcome as Outcome>::Value as Value>::Builder;

impl<O: Outcome> BatchOutcome for Vec<O> {
    type Outcome = O;

    fn put_all(self, to: Batch<'_, BuilderOf<Self>>) -> Result<(), Error> {
        if self.len() != to.present {
            let message = format!("returned {} results for {} rows", self.len(), to.present);
            return Err(Error::internal(message));
        }
        let mut outcomes = self.into_iter();
        to.each(|sink| {
            if let Some(outcome) = outcomes.next() {
                outcome.put(sink);
            }
        });
        Ok(())
    }
}

impl<O: Outcome, E: Display + 'static> BatchOutcome for Result<Vec<O>, E> {
    type Outcome = O;

    fn put_all(self, to: Batch<'_, BuilderOf<Self>>) -> Result<(), Error> {
        match self {
            Ok(outcomes) => outcomes.put_all(to),
            Err(error) => {
                let error = any_error(error);
                to.each(|sink| sink.failure(error.clone()));
                Ok(())
            }
        }
    }
}

impl<O: Outcome> BatchOutcome for Coded<Vec<O>> {
    type Outcome = O;

    fn put_all(self, to: Batch<'_, BuilderOf<Self>>) -> Result<(), Error> {
        self.0.put_all(to)
    }
}

/// Where the results of a batch go.
#[derive(Debug)]
pub struct Batch<'a, B> {
    pub(crate) sink: &'a mut Sink<B>,
    /// The rows that are not in the batch, in order.
    pub(crate) absent: &'a [(usize, Absent)],
    /// How many rows are in the batch.
    pub(crate) present: usize,
}

impl<B: Builder> Batch<'_, B> {
    /// Appends what `put` appends for each row of the batch, and the others between
    /// them.
    fn each(self, mut put: impl FnMut(&mut Sink<B>)) {
        let mut absent = self.absent.iter().peekable();
        for row in 0..self.present + self.absent.len() {
            match absent.next_if(|(at, _)| *at == row) {
                Some((_, why)) => self.sink.absent(*why),
                None => put(self.sink),
            }
        }
    }
}

/// Where the results of a function's batch go.
pub type BatchOf<'a, U> = Batch<'a, <<<U as Udf>::Returns as Outcome>::Value as Value>::Builder>;

/// The arguments of a function's batch.
pub type Gathered<'a, U> = <<U as Udf>::Arguments as Arguments>::Gathered<'a>;

/// Computes all rows of a call at once.
pub fn call<U: Udf>(
    udf: &mut U,
    columns: &Columns<'_, U>,
    rows: usize,
    results: &mut Results<U>,
) -> Result<(), Error> {
    let mut gathered = Gathered::<U>::default();
    let mut absent = Vec::new();
    for row in 0..rows {
        match U::Arguments::get(columns, row) {
            Ok(values) => U::Arguments::gather(&mut gathered, values),
            Err(why) => absent.push((row, why)),
        }
    }
    let to = Batch {
        sink: results,
        absent: &absent,
        present: rows - absent.len(),
    };
    if to.present == 0 {
        to.each(|_| {});
        return Ok(());
    }
    udf.batch(gathered, to)
}
