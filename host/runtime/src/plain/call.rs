//! Calls of a plain function, row by row.

use std::sync::atomic::{AtomicUsize, Ordering};

use arrow_array::ArrayRef;
use wasmtime::Store;

use super::column::Column;
use super::lift::{Returned, Value};
use super::lower::{self, Row};
use super::{Opened, PlainFunction, text};
use crate::instance::State;
use crate::{ErrorKind, Limits};

/// What a batch may still return. All of its threads take from it, while they append rows.
pub(crate) struct Budget {
    limit: usize,
    left: AtomicUsize,
}

impl Budget {
    /// [`Limits::output`] for as many rows as one call has, and again for as many more.
    /// 32-bit offsets count no more than 2 GiB.
    pub(crate) fn new(limits: &Limits, rows: usize) -> Self {
        let calls = rows.div_ceil(limits.chunk_rows.max(1)).max(1);
        let limit = limits.output.saturating_mul(calls).min(i32::MAX as usize);
        Self {
            limit,
            left: AtomicUsize::new(limit),
        }
    }

    fn left(&self) -> usize {
        self.left.load(Ordering::Relaxed)
    }

    /// Takes this many bytes; false if there are not as many left.
    fn take(&self, bytes: usize) -> bool {
        let less = |left: usize| left.checked_sub(bytes);
        let relaxed = Ordering::Relaxed;
        self.left.fetch_update(relaxed, relaxed, less).is_ok()
    }
}

/// Why a row has no value.
pub(crate) struct Failure {
    /// Counted from 0 within the chunk.
    pub row: usize,
    /// Where the host found it; else it is what the code says.
    pub kind: Option<ErrorKind>,
    /// A word of the contract's list, such as `invalid-input`.
    pub code: String,
    pub message: String,
}

/// The rows of a chunk so far.
pub(crate) struct Rows {
    pub column: Column,
    pub failures: Vec<Failure>,
}

impl Failure {
    fn new(row: usize, kind: Option<ErrorKind>, code: &str, message: String) -> Self {
        Self {
            row,
            kind,
            code: code.to_owned(),
            message,
        }
    }
}

/// What may come through the host at one time besides results: what a plugin prints.
const LEAST_FUEL: usize = 1 << 20;

impl PlainFunction {
    /// No rows yet.
    pub(crate) fn rows(&self) -> Rows {
        Rows {
            column: Column::new(&self.returns),
            failures: Vec::new(),
        }
    }

    /// Calls the function for each row of the arguments, and appends to `rows`, which counts
    /// on from what it has. Rows that it has not come to are missing when it fails.
    ///
    /// # Errors
    /// What ended the instance, in the first row that is missing.
    pub(crate) fn call(
        &self,
        store: &mut Store<State>,
        opened: &Opened,
        arguments: &[ArrayRef],
        count: usize,
        budget: &Budget,
        rows: &mut Rows,
    ) -> wasmtime::Result<()> {
        let Rows { column, failures } = rows;
        let before = column.len();
        let func = opened.func.typed::<Row<'_>, Returned>(&*store)?;
        let usual = store.hostcall_fuel();
        for row in 0..count {
            match self.has_values(arguments, row) {
                Ok(true) => {}
                Ok(false) => {
                    column.push_nulls(1);
                    continue;
                }
                Err(message) => {
                    column.push_nulls(1);
                    let (row, code) = (before + row, text::INVALID_INPUT);
                    failures.push(Failure::new(row, None, code, message));
                    continue;
                }
            }
            // A result for which there is no room left is not even copied.
            let least = if self.infers { usual } else { LEAST_FUEL };
            store.set_hostcall_fuel(budget.left().max(least).min(usual));
            let arguments = Row {
                this: opened.this,
                shapes: &self.arguments,
                arrays: arguments,
                row,
            };
            let Returned(value) = func.call(&mut *store, arguments)?;
            let failure = match self.value(value) {
                Ok(value) => {
                    let bytes = value.size(&self.returns);
                    if budget.take(bytes) {
                        column
                            .push(&self.returns, value)
                            .map_err(wasmtime::Error::msg)?;
                        continue;
                    }
                    let message = format!(
                        "a result of {bytes} bytes exceeds the output limit of {} bytes for the batch: return less, pass fewer rows at a time, or raise Limits::output",
                        budget.limit
                    );
                    Failure::new(before + row, Some(ErrorKind::Memory), "too-large", message)
                }
                Err((code, message)) => Failure::new(before + row, None, &code, message),
            };
            // Messages are bounded each; together they are counted as far as there is room.
            budget.take(failure.message.len());
            failures.push(failure);
            column.push_nulls(1);
        }
        store.set_hostcall_fuel(usual);
        Ok(())
    }

    /// Whether all arguments of a row have a value: as in SQL there is none for a null, and
    /// no call.
    fn has_values(&self, arguments: &[ArrayRef], row: usize) -> Result<bool, String> {
        for ((array, shape), field) in arguments
            .iter()
            .zip(&self.arguments)
            .zip(&self.signature.arguments)
        {
            match lower::check(array, lower::at(array, row), shape) {
                Ok(true) => {}
                Ok(false) => return Ok(false),
                Err(reason) => return Err(format!("argument `{}`: {reason}", field.name())),
            }
        }
        Ok(true)
    }

    /// The value of what was returned; of an error its code and its text.
    fn value(&self, value: Value) -> Result<Value, (String, String)> {
        let Some(error) = &self.fails else {
            return Ok(value);
        };
        match value {
            Value::Case(0, Some(value)) => Ok(*value),
            Value::Case(_, value) => Err(text::failure(error.as_ref(), value.as_deref())),
            value => Ok(value),
        }
    }
}
