//! wudf behind a C interface: `include/wudf.h` is its documentation, and this
//! what is behind it.
//!
//! Handles are boxes whose pointers the caller keeps. What can fail gives an
//! [`error::Error`] or NULL, and no panic leaves a function. Columns that come
//! in are borrowed for the length of a call, and checked before they are read.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod border;
mod error;
mod failures;
mod function;
mod spec;
mod stats;

use std::ffi::{CStr, c_char};

/// The library's version.
#[unsafe(no_mangle)]
pub extern "C" fn wudf_version() -> *const c_char {
    const VERSION: &CStr =
        match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
            Ok(version) => version,
            Err(_) => c"",
        };
    VERSION.as_ptr()
}
