//! `wudf_error`: kind, message and row, as C strings.

use std::ffi::{CStr, CString, c_char};
use std::ptr;

use runtime::ErrorKind;

use crate::border::{c_string, free, pointer_to};

/// Why something failed.
#[derive(Clone)]
pub struct Error {
    kind: &'static str,
    message: String,
    row: Option<usize>,
}

/// An error as the caller has it.
pub struct Handle {
    kind: CString,
    message: CString,
    row: i64,
}

impl Error {
    /// A pointer, or a column, that cannot be.
    pub fn arguments(message: impl Into<String>) -> Self {
        runtime::Error::new(ErrorKind::InvalidArguments, message).into()
    }

    /// A setting that cannot be.
    pub fn options(message: impl Into<String>) -> Self {
        runtime::Error::new(ErrorKind::InvalidOptions, message).into()
    }

    /// A panic, which is a mistake of ours.
    pub fn internal(payload: &(dyn std::any::Any + Send)) -> Self {
        let said = payload
            .downcast_ref::<&str>()
            .copied()
            .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
            .unwrap_or("no reason given");
        Self {
            kind: "internal",
            message: format!("wudf crashed, please report this: {said}"),
            row: None,
        }
    }

    /// The error in a place of the caller's.
    pub fn into_raw(self) -> *mut Handle {
        Box::into_raw(Box::new(Handle {
            kind: c_string(self.kind),
            message: c_string(&self.message),
            row: row(self.row),
        }))
    }
}

impl From<runtime::Error> for Error {
    fn from(error: runtime::Error) -> Self {
        Self {
            kind: error.kind().name(),
            message: error.to_string(),
            row: error.row(),
        }
    }
}

/// A row as C has it.
pub fn row(row: Option<usize>) -> i64 {
    row.and_then(|row| i64::try_from(row).ok()).unwrap_or(-1)
}

/// The kind.
///
/// # Safety
/// `error` is NULL or an error that was not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wudf_error_kind(error: *const Handle) -> *const c_char {
    // SAFETY: as the function's own.
    let error = unsafe { pointer_to(error) };
    error.map_or(ptr::null(), |error| CStr::as_ptr(&error.kind))
}

/// The message.
///
/// # Safety
/// `error` is NULL or an error that was not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wudf_error_message(error: *const Handle) -> *const c_char {
    // SAFETY: as the function's own.
    let error = unsafe { pointer_to(error) };
    error.map_or(ptr::null(), |error| CStr::as_ptr(&error.message))
}

/// The row, or -1.
///
/// # Safety
/// `error` is NULL or an error that was not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wudf_error_row(error: *const Handle) -> i64 {
    // SAFETY: as the function's own.
    let error = unsafe { pointer_to(error) };
    error.map_or(-1, |error| error.row)
}

/// Frees an error.
///
/// # Safety
/// `error` is NULL or an error that was not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wudf_error_free(error: *mut Handle) {
    // SAFETY: as the function's own; errors are made by `into_raw` only.
    unsafe { free(error) }
}
