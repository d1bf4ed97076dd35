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
/// not the call. `constant` has the arguments that were cast when the function was
/// opened.
pub(crate) fn prepare(
    columns: &[ArrayRef],
    fields: &[Field],
    start: usize,
    len: usize,
    constant: &dyn Fn(usize) -> Option<ArrayRef>,
) -> Result<Prepared> {
    let mut failed = BTreeMap::new();
    let arrays = columns.iter().zip(fields).enumerate();
    let arrays = arrays.map(|(i, (array, field))| {
        if let Some(value) = constant(i) {
            return Ok(value);
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
    /// The rows that could not be cast.
    pub(crate) fn into_failed(self) -> BTreeMap<usize, String> {
        self.failed
    }
}

/// Adds the rows that could not be cast to those that the function failed: they
/// have no value, whatever it made of the null that it saw.
pub(crate) fn settle(
    failed: BTreeMap<usize, String>,
    start: usize,
    values: ArrayRef,
    failures: Vec<Failure>,
) -> Result<(ArrayRef, Vec<Failure>)> {
    if failed.is_empty() {
        return Ok((values, failures));
    }
    let values = without(&values, failed.keys().copied())?;
    let mut all: BTreeMap<usize, Failure> = failures.into_iter().map(|f| (f.row, f)).collect();
    for (row, message) in failed {
        let row = start + row;
        let kind = ErrorKind::Row;
        let code = "invalid-input".to_owned();
        all.insert(
            row,
            Failure {
                row,
                kind,
                code,
                message,
            },
        );
    }
    Ok((values, all.into_values().collect()))
}
