//! What every function of the interface does at the border.

use std::ffi::{CStr, CString, c_char};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;

use crate::error::{Error, Handle};

/// Does work of which a panic is an error: none must cross into C.
pub fn caught<T>(work: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|payload| Err(Error::internal(payload.as_ref())))
}

/// Does the work of a function, and gives what went wrong.
pub fn guard(work: impl FnOnce() -> Result<(), Error>) -> *mut Handle {
    match caught(work) {
        Ok(()) => ptr::null_mut(),
        Err(error) => error.into_raw(),
    }
}

/// What a pointer points to, unless it is NULL.
///
/// # Safety
/// The pointer is NULL or points to a `T` that lives, unchanged, for `'a`.
pub unsafe fn pointer_to<'a, T>(pointer: *const T) -> Option<&'a T> {
    // SAFETY: as the function's own.
    unsafe { pointer.as_ref() }
}

/// As [`pointer_to`], for pointers that may not be NULL.
///
/// # Safety
/// As [`pointer_to`].
pub unsafe fn required<'a, T>(pointer: *const T, what: &str) -> Result<&'a T, Error> {
    // SAFETY: as the function's own.
    unsafe { pointer_to(pointer) }.ok_or_else(|| is_null(what))
}

/// A string that may not be NULL.
///
/// # Safety
/// The pointer is NULL or points to a C string that lives, unchanged, for `'a`.
pub unsafe fn text<'a>(pointer: *const c_char, what: &str) -> Result<&'a str, Error> {
    if pointer.is_null() {
        return Err(is_null(what));
    }
    // SAFETY: it is not NULL, so that it is a C string.
    unsafe { CStr::from_ptr(pointer) }
        .to_str()
        .map_err(|_| Error::arguments(format!("`{what}` is not UTF-8")))
}

pub fn is_null(what: &str) -> Error {
    Error::arguments(format!("`{what}` is NULL"))
}

/// A C string; none has a NUL within, so what plugins say loses theirs.
pub fn c_string(text: &str) -> CString {
    CString::new(text.replace('\0', "\u{fffd}")).unwrap_or_default()
}

/// Ends what a handle stands for.
///
/// # Safety
/// The pointer is NULL or of a box that nobody else will use any more.
pub unsafe fn free<T>(handle: *mut T) {
    if !handle.is_null() {
        // SAFETY: as the function's own.
        let handle = unsafe { Box::from_raw(handle) };
        // There is nobody to tell.
        let _ = catch_unwind(AssertUnwindSafe(|| drop(handle)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panics_are_errors() {
        let error = guard(|| panic!("at the {}", "disco"));
        // SAFETY: it was just given.
        unsafe {
            let kind = crate::error::wudf_error_kind(error);
            assert_eq!(CStr::from_ptr(kind), c"internal");
            let message = CStr::from_ptr(crate::error::wudf_error_message(error));
            assert!(message.to_str().unwrap().ends_with("at the disco"));
            crate::error::wudf_error_free(error);
        }
        assert!(guard(|| Ok(())).is_null());
    }

    #[test]
    fn strings_end_where_they_end() {
        assert_eq!(c_string("a\0b"), c"a\u{fffd}b".to_owned());
    }
}
