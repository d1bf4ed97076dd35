//! `wudf_stats`: what has been done with a function so far.

use std::ffi::{CStr, CString, c_char};
use std::ptr;

use wudf_adapter::describe;

use crate::border::{c_string, free, pointer_to};
use crate::function::Function;

/// A snapshot, as JSON.
pub struct Stats(CString);

/// The counters as they are now.
///
/// # Safety
/// `function` is NULL or a function that was not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wudf_function_stats(function: *const Function) -> *mut Stats {
    // SAFETY: as the function's own.
    let function = unsafe { pointer_to(function) };
    function.map_or(ptr::null_mut(), |function| {
        let stats = describe::stats(&function.udf().function().stats());
        Box::into_raw(Box::new(Stats(c_string(&stats.to_string()))))
    })
}

/// The snapshot as a JSON object.
///
/// # Safety
/// `stats` is NULL or a snapshot that was not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wudf_stats_json(stats: *const Stats) -> *const c_char {
    // SAFETY: as the function's own.
    let stats = unsafe { pointer_to(stats) };
    stats.map_or(ptr::null(), |stats| CStr::as_ptr(&stats.0))
}

/// Frees a snapshot.
///
/// # Safety
/// `stats` is NULL or a snapshot that was not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wudf_stats_free(stats: *mut Stats) {
    // SAFETY: as the function's own; `wudf_function_stats` boxed it.
    unsafe { free(stats) }
}
