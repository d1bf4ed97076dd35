//! Calls of a plain function, row by row.

use arrow_array::ArrayRef;
use wasmtime::Store;

use super::column::Column;
use super::lift::{Returned, Value};
use super::lower::{self, Row};
use super::{Opened, PlainFunction, text};
use crate::ErrorKind;
use crate::budget::{Budget, Over};
use crate::instance::State;
use crate::schedule::LEAST_FUEL;

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

/// Bytes after which the rows of a chunk go on in a new column. Joining columns holds one
/// of them twice, and memory of this size goes back to the system when it is dropped (the
/// most that glibc's `M_MMAP_THRESHOLD` comes to by itself).
const COLUMN: usize = 32 << 20;

/// The rows of a chunk so far.
pub(crate) struct Rows {
    /// Those before the last column's.
    full: Vec<Column>,
    column: Column,
    /// What the last column holds.
    bytes: usize,
    pub failures: Vec<Failure>,
}

impl Rows {
    /// Rows so far.
    pub(crate) fn len(&self) -> usize {
        self.full.iter().map(Column::len).sum::<usize>() + self.column.len()
    }

    /// Appends rows without a value.
    pub(crate) fn push_nulls(&mut self, rows: usize) {
        self.column.push_nulls(rows);
    }

    /// The columns that the rows are in, in order.
    pub(crate) fn into_columns(self) -> (Vec<Column>, Vec<Failure>) {
        let mut columns = self.full;
        columns.push(self.column);
        (columns, self.failures)
    }
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

impl PlainFunction {
    /// No rows yet.
    pub(crate) fn rows(&self) -> Rows {
        Rows {
            full: Vec::new(),
            column: Column::new(&self.returns),
            bytes: 0,
            failures: Vec::new(),
        }
    }

    /// Calls the function for each row of the arguments, and appends to `rows`, which counts
    /// on from what it has. Rows that it has not come to are missing: when it fails, and
    /// when a column is full.
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
        let before = rows.len();
        if rows.bytes >= COLUMN {
            rows.bytes = 0;
            let next = Column::new(&self.returns);
            rows.full.push(std::mem::replace(&mut rows.column, next));
        }
        let Rows {
            column,
            failures,
            bytes: held,
            ..
        } = rows;
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
                    let message = match budget.take(bytes) {
                        Ok(()) => {
                            column
                                .push(&self.returns, value)
                                .map_err(wasmtime::Error::msg)?;
                            *held += bytes;
                            if *held >= COLUMN {
                                break;
                            }
                            continue;
                        }
                        Err(Over::Limit(limit)) => format!(
                            "a result of {bytes} bytes exceeds the output limit of {limit} bytes for the batch: return less, pass fewer rows at a time, or raise Limits::output"
                        ),
                        Err(Over::Memory(why)) => format!("a result of {bytes} bytes: {why}"),
                    };
                    Failure::new(before + row, Some(ErrorKind::Memory), "too-large", message)
                }
                Err((code, message)) => Failure::new(before + row, None, &code, message),
            };
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
