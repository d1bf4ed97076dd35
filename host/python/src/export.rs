//! Columns to Python: capsules of the Arrow PyCapsule interface. A capsule that
//! nobody takes lets go of what it holds when it is collected.

use std::collections::VecDeque;
use std::ffi::{CString, c_char, c_int, c_void};

use arrow_array::ffi::{FFI_ArrowArray, FFI_ArrowSchema};
use arrow_array::ffi_stream::FFI_ArrowArrayStream;
use arrow_array::{Array, ArrayRef};
use arrow_schema::Field;
use pyo3::prelude::*;
use pyo3::types::PyCapsule;

use crate::error::invalid;
use crate::import::{ARRAY, SCHEMA, STREAM};

/// What POSIX calls an invalid argument.
const EINVAL: c_int = 22;

/// A capsule with the schema of a field.
pub(crate) fn schema<'py>(py: Python<'py>, field: &Field) -> PyResult<Bound<'py, PyCapsule>> {
    let schema = FFI_ArrowSchema::try_from(field)
        .map_err(|e| invalid(py, format!("the type of `{}`: {e}", field.name())))?;
    PyCapsule::new_with_value(py, Schema(schema), SCHEMA)
}

/// A pair of capsules, with the schema of an array and the array.
pub(crate) fn array<'py>(
    py: Python<'py>,
    field: &Field,
    array: &ArrayRef,
) -> PyResult<(Bound<'py, PyCapsule>, Bound<'py, PyCapsule>)> {
    let exported = FFI_ArrowArray::new(&array.to_data());
    Ok((
        schema(py, field)?,
        PyCapsule::new_with_value(py, exported, ARRAY)?,
    ))
}

/// A capsule with a stream of arrays.
pub(crate) fn stream<'py>(
    py: Python<'py>,
    field: &Field,
    chunks: &[ArrayRef],
) -> PyResult<Bound<'py, PyCapsule>> {
    let source = Box::new(Source {
        field: field.clone(),
        chunks: chunks.iter().cloned().collect(),
        error: None,
    });
    let stream = FFI_ArrowArrayStream {
        get_schema: Some(get_schema),
        get_next: Some(get_next),
        get_last_error: Some(get_last_error),
        release: Some(release),
        private_data: Box::into_raw(source).cast(),
    };
    PyCapsule::new_with_value(py, stream, STREAM)
}

/// A schema on its way through Python.
#[repr(transparent)]
struct Schema(FFI_ArrowSchema);

// SAFETY: a schema of ours owns what it points to, and no thread is its own.
unsafe impl Send for Schema {}

/// What a stream of ours has left to give.
struct Source {
    field: Field,
    chunks: VecDeque<ArrayRef>,
    error: Option<CString>,
}

/// The source of a stream, unless the stream is released.
///
/// # Safety
/// The stream is one of ours, and nobody else is using it.
unsafe fn source<'a>(stream: *mut FFI_ArrowArrayStream) -> Option<&'a mut Source> {
    // SAFETY: the caller's word; the data is a source until the release.
    unsafe {
        let stream = stream.as_mut()?;
        stream.release?;
        stream.private_data.cast::<Source>().as_mut()
    }
}

unsafe extern "C" fn get_schema(
    stream: *mut FFI_ArrowArrayStream,
    out: *mut FFI_ArrowSchema,
) -> c_int {
    // SAFETY: the consumer calls a stream's functions with the stream, one at a time.
    let Some(source) = (unsafe { source(stream) }) else {
        return EINVAL;
    };
    match FFI_ArrowSchema::try_from(&source.field) {
        Ok(schema) => {
            // SAFETY: the consumer's place for a schema, which holds none yet.
            unsafe { out.write(schema) };
            0
        }
        Err(e) => {
            source.error = CString::new(e.to_string()).ok();
            EINVAL
        }
    }
}

unsafe extern "C" fn get_next(
    stream: *mut FFI_ArrowArrayStream,
    out: *mut FFI_ArrowArray,
) -> c_int {
    // SAFETY: as in `get_schema`.
    let Some(source) = (unsafe { source(stream) }) else {
        return EINVAL;
    };
    let next = match source.chunks.pop_front() {
        Some(chunk) => FFI_ArrowArray::new(&chunk.to_data()),
        None => FFI_ArrowArray::empty(),
    };
    // SAFETY: the consumer's place for an array, which holds none yet.
    unsafe { out.write(next) };
    0
}

unsafe extern "C" fn get_last_error(stream: *mut FFI_ArrowArrayStream) -> *const c_char {
    // SAFETY: as in `get_schema`.
    let error = unsafe { source(stream) }.and_then(|source| source.error.as_ref());
    error.map_or(std::ptr::null(), |error| error.as_ptr())
}

unsafe extern "C" fn release(stream: *mut FFI_ArrowArrayStream) {
    // SAFETY: the consumer releases a stream once, with the stream.
    let Some(stream) = (unsafe { stream.as_mut() }) else {
        return;
    };
    let data: *mut c_void = std::mem::replace(&mut stream.private_data, std::ptr::null_mut());
    if stream.release.take().is_some() && !data.is_null() {
        // SAFETY: made by `Box::into_raw` in `stream`, and taken out this once.
        drop(unsafe { Box::from_raw(data.cast::<Source>()) });
    }
}
