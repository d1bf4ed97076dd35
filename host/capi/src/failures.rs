//! `wudf_failures`: the rows of a call that have no value.

use std::ffi::{CStr, CString, c_char};
use std::ptr;

use runtime::Failure;

use crate::border::{c_string, free, pointer_to};
use crate::error;

/// The rows, in ascending order.
pub struct Failures(Vec<Row>);

struct Row {
    row: i64,
    kind: CString,
    message: CString,
}

impl From<Vec<Failure>> for Failures {
    fn from(failures: Vec<Failure>) -> Self {
        let row = |failure: &Failure| Row {
            row: error::row(Some(failure.row)),
            kind: c_string(failure.kind.name()),
            message: c_string(&failure.message),
        };
        Self(failures.iter().map(row).collect())
    }
}

/// One of them.
///
/// # Safety
/// `failures` is NULL or failures that live for `'a`.
unsafe fn at<'a>(failures: *const Failures, index: usize) -> Option<&'a Row> {
    // SAFETY: as the function's own.
    unsafe { pointer_to(failures) }?.0.get(index)
}

/// How many there are.
///
/// # Safety
/// `failures` is NULL or failures that were not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wudf_failures_count(failures: *const Failures) -> usize {
    // SAFETY: as the function's own.
    unsafe { pointer_to(failures) }.map_or(0, |failures| failures.0.len())
}

/// The row of one, or -1.
///
/// # Safety
/// `failures` is NULL or failures that were not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wudf_failures_row(failures: *const Failures, index: usize) -> i64 {
    // SAFETY: as the function's own.
    unsafe { at(failures, index) }.map_or(-1, |row| row.row)
}

/// The kind of one.
///
/// # Safety
/// `failures` is NULL or failures that were not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wudf_failures_kind(
    failures: *const Failures,
    index: usize,
) -> *const c_char {
    // SAFETY: as the function's own.
    unsafe { at(failures, index) }.map_or(ptr::null(), |row| CStr::as_ptr(&row.kind))
}

/// The reason of one.
///
/// # Safety
/// `failures` is NULL or failures that were not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wudf_failures_message(
    failures: *const Failures,
    index: usize,
) -> *const c_char {
    // SAFETY: as the function's own.
    unsafe { at(failures, index) }.map_or(ptr::null(), |row| CStr::as_ptr(&row.message))
}

/// Frees failures.
///
/// # Safety
/// `failures` is NULL or failures that were not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wudf_failures_free(failures: *mut Failures) {
    // SAFETY: as the function's own; `wudf_evaluate` boxed them.
    unsafe { free(failures) }
}
