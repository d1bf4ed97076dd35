//! The arguments of one call: the rows of a chunk, cast to what the function
//! takes.

use std::collections::BTreeMap;

use arrow_array::{Array, ArrayRef};
use arrow_schema::Field;

use super::cast::{cast_rows, without};
use crate::function::Failure;
use crate::{Error, ErrorKind, Result};

/// Arguments as the function takes them, and the rows that have none.
pub(crate) struct Prepared {
    /// One array for each argument; a row that could not be cast is null there.
    pub arrays: Vec<ArrayRef>,
    failed: BTreeMap<usize, String>,
}

/// Cuts the rows out of the columns and casts them. Failures cost their rows,
/// not the call. Arguments that are `constant` were cast when the function was opened.
///
/// # Errors
/// As [`cast_rows`].
pub(crate) fn prepare(
    columns: &[ArrayRef],
    fields: &[Field],
    start: usize,
    len: usize,
    constant: &dyn Fn(usize) -> bool,
) -> Result<Prepared> {
    let mut failed = BTreeMap::new();
    let arrays = columns.iter().zip(fields).enumerate();
    let arrays = arrays.map(|(i, (array, field))| {
        if constant(i) {
            return Ok(array.clone());
        }
        let part = if start == 0 && len == array.len() {
            array.clone()
        } else {
            array.slice(start, len)
        };
        let at = |what: &str| format!("argument `{}`: {what}", field.name());
        let cast = cast_rows(&part, field.data_type())
            .map_err(|e| Error::new(e.kind(), at(e.message())))?;
        for (row, why) in cast.failures {
            failed.entry(row).or_insert_with(|| at(&why));
        }
        Ok(cast.values)
    });
    let arrays = arrays.collect::<Result<_>>()?;
    Ok(Prepared { arrays, failed })
}

impl Prepared {
    /// Adds the rows that could not be cast to those that failed, in whose place they
    /// are: the function saw a null and may have said something of that. Rows are counted
    /// from `start`.
    pub(crate) fn add_failures(self, start: usize, failures: &mut Vec<Failure>) {
        if self.failed.is_empty() {
            return;
        }
        let mut all: BTreeMap<usize, Failure> = failures.drain(..).map(|f| (f.row, f)).collect();
        for (row, message) in self.failed {
            let failure = Failure {
                row: start + row,
                kind: ErrorKind::Row,
                code: "invalid-input".to_owned(),
                message,
            };
            all.insert(failure.row, failure);
        }
        failures.extend(all.into_values());
    }
}

/// The values, null in each row that failed.
///
/// # Errors
/// Arrow's.
pub(crate) fn null_failed(values: &ArrayRef, failures: &[Failure]) -> Result<ArrayRef> {
    let rows = failures.iter().map(|failure| failure.row);
    let rows: Vec<usize> = rows.filter(|row| values.is_valid(*row)).collect();
    without(values, rows.into_iter())
}
