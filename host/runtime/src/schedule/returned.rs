//! One call of a columnar function, and what has to be checked of what it returns.

use arrow_array::{Array as _, ArrayRef};

use super::{Part, Values};
use crate::budget::Budget;
use crate::columns::{lift, lower};
use crate::contract::RawOutput;
use crate::error::code_of;
use crate::function::{Failure, Ready};
use crate::instance::Handle;
use crate::{Error, ErrorKind, Result};

/// Lays columns out and calls a columnar function.
pub(super) fn columns(ready: &mut Ready, arrays: &[ArrayRef], len: usize) -> Result<RawOutput> {
    let Handle::Columnar(handle) = ready.handle else {
        return Err(Error::new(ErrorKind::UnknownFunction, "no such function"));
    };
    let columns: Vec<_> = arrays.iter().map(lower::lower).collect();
    let rows = u32::try_from(len)
        .map_err(|_| Error::new(ErrorKind::InvalidArguments, "more rows than one call takes"))?;
    ready.instance.call(handle, rows, &columns)
}

/// Checks what a plugin returned and makes a part of it.
pub(super) fn check(
    output: RawOutput,
    signature: &crate::Signature,
    start: usize,
    rows: usize,
    budget: &Budget,
) -> Result<Part> {
    let broken = |what: String| {
        Error::new(
            ErrorKind::InvalidOutput,
            format!("returned what it may not: {what}"),
        )
    };
    let values = lift::lift(&signature.declared, output.values, rows).map_err(broken)?;
    let said = output.failures;
    if said.len() > rows {
        return Err(broken(format!("{} failures of {rows} rows", said.len())));
    }
    let mut failures: Vec<Failure> = Vec::with_capacity(said.len());
    for failure in said {
        let row = failure.row as usize;
        let ascends = failures.last().is_none_or(|last| last.row < start + row);
        if row >= rows || !ascends || !values.is_null(row) {
            return Err(broken(format!("row {row} cannot have failed")));
        }
        let message = budget.message(crate::instance::reason(&failure.message));
        let code = code_of(&failure.code).to_owned();
        failures.push(Failure {
            row: start + row,
            kind: kind_of(&code),
            code,
            message,
        });
    }
    Ok(Part {
        start,
        values: Values::Array(values),
        failures,
    })
}

/// The kind of a row's failure to which the plugin gave this code.
pub(super) fn kind_of(code: &str) -> ErrorKind {
    match ErrorKind::of_code(code) {
        Some(kind @ (ErrorKind::Model | ErrorKind::Asset | ErrorKind::Timeout)) => kind,
        _ => ErrorKind::Row,
    }
}
