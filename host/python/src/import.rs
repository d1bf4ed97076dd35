//! Columns from Python: whatever has `__arrow_c_array__` or
//! `__arrow_c_stream__`. The buffers stay where they are.
//!
//! A capsule is only as good as who made it. Its name and whether it is still
//! full are checked here, what is in it in [`arrays`]; that pointers point to as
//! much as they should is the producer's word, as everywhere with the Arrow C
//! Data Interface.

use std::ffi::{CStr, c_void};
use std::ptr::NonNull;

use arrow_array::ArrayRef;
use arrow_array::ffi::{FFI_ArrowArray, FFI_ArrowSchema};
use arrow_array::ffi_stream::FFI_ArrowArrayStream;
use arrow_schema::DataType;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyTuple};
use wudf_adapter::arrays;

use crate::error::invalid;

pub(crate) const SCHEMA: &CStr = c"arrow_schema";
pub(crate) const ARRAY: &CStr = c"arrow_array";
pub(crate) const STREAM: &CStr = c"arrow_array_stream";

/// A column as it was given.
pub(crate) enum Column {
    /// In one piece.
    Array(ArrayRef),
    /// In pieces that come one after the other.
    Stream(Stream),
}

impl Column {
    /// Takes an object for a column.
    ///
    /// # Errors
    /// What is wrong with it: a `TypeError` when it is no Arrow data at all.
    pub(crate) fn of(object: &Bound<'_, PyAny>) -> PyResult<Self> {
        let py = object.py();
        if let Some(method) = object.getattr_opt(intern!(py, "__arrow_c_array__"))? {
            let pair = method.call0()?;
            let pair = pair
                .cast::<PyTuple>()
                .ok()
                .filter(|pair| pair.len() == 2)
                .ok_or_else(|| {
                    invalid(
                        py,
                        "__arrow_c_array__ gives a pair, of a schema and an array",
                    )
                })?;
            let schema = schema(&pair.get_item(0)?)?;
            let ty = data_type(py, &schema)?;
            let array = array(&pair.get_item(1)?)?;
            return adopt(py, array, &ty).map(Self::Array);
        }
        if let Some(method) = object.getattr_opt(intern!(py, "__arrow_c_stream__"))? {
            return Stream::of(&method.call0()?).map(Self::Stream);
        }
        Err(pyo3::exceptions::PyTypeError::new_err(format!(
            "a column is an object with __arrow_c_array__ or __arrow_c_stream__, not {}",
            object.get_type().name()?
        )))
    }

    /// The type of its values.
    pub(crate) fn data_type(&self) -> &DataType {
        match self {
            Self::Array(array) => array.data_type(),
            Self::Stream(stream) => &stream.ty,
        }
    }
}

/// Arrays of one type, one after the other.
pub(crate) struct Stream {
    stream: FFI_ArrowArrayStream,
    ty: DataType,
}

impl Stream {
    fn of(capsule: &Bound<'_, PyAny>) -> PyResult<Self> {
        let py = capsule.py();
        let pointer = pointer(capsule, STREAM)?.cast::<FFI_ArrowArrayStream>();
        // SAFETY: by the capsule's name it holds a stream, and the capsule
        // lives as long as `capsule`.
        if unsafe { pointer.as_ref() }.release.is_none() {
            return Err(used(py, STREAM));
        }
        // SAFETY: as above; the stream is moved out, and what stays behind is
        // marked as released.
        let mut stream = unsafe { FFI_ArrowArrayStream::from_raw(pointer.as_ptr()) };
        let mut schema = FFI_ArrowSchema::empty();
        let get = stream
            .get_schema
            .ok_or_else(|| invalid(py, "a stream without get_schema"))?;
        // SAFETY: the stream is not released, and `schema` is ours to fill.
        let code = unsafe { get(&raw mut stream, &raw mut schema) };
        if code != 0 {
            return Err(invalid(py, failure(&mut stream, code)));
        }
        let ty = data_type(py, &schema)?;
        Ok(Self { stream, ty })
    }

    /// The next array, `None` after the last. Whoever fills the stream may take
    /// its time, and may need Python for it.
    pub(crate) fn next(&mut self, py: Python<'_>) -> PyResult<Option<ArrayRef>> {
        let mut array = FFI_ArrowArray::empty();
        let get = self
            .stream
            .get_next
            .ok_or_else(|| invalid(py, "a stream without get_next"))?;
        let stream = &mut self.stream;
        let said = py.detach(|| {
            // SAFETY: the stream is not released, nobody else has it, and
            // `array` is ours to fill.
            let code = unsafe { get(stream, &raw mut array) };
            (code != 0).then(|| failure(stream, code))
        });
        // A producer in Python may have left what was raised there.
        if let Some(error) = PyErr::take(py) {
            return Err(error);
        }
        match said {
            Some(message) => Err(invalid(py, message)),
            None if array.is_released() => Ok(None),
            None => adopt(py, array, &self.ty).map(Some),
        }
    }
}

/// What a stream says of its last error.
fn failure(stream: &mut FFI_ArrowArrayStream, code: i32) -> String {
    let said = stream.get_last_error.and_then(|get| {
        // SAFETY: the stream is not released; it gives null or a C string that
        // is good until the next call.
        let text = NonNull::new(unsafe { get(stream) }.cast_mut())?;
        // SAFETY: not null, and ends in NUL by the interface.
        let text = unsafe { CStr::from_ptr(text.as_ptr()) };
        Some(text.to_string_lossy().into_owned())
    });
    match said {
        Some(text) => format!("the stream failed: {text}"),
        None => format!("the stream failed with code {code}"),
    }
}

/// The pointer of a capsule of that name.
fn pointer(capsule: &Bound<'_, PyAny>, name: &CStr) -> PyResult<NonNull<c_void>> {
    let py = capsule.py();
    let wanted = name.to_string_lossy();
    let capsule = capsule.cast::<PyCapsule>().map_err(|_| {
        let message = format!("a capsule `{wanted}` is wanted, which this is not");
        invalid(py, message)
    })?;
    if !capsule.is_valid_checked(Some(name)) {
        let found = match capsule.name()? {
            // SAFETY: the name of a capsule lives as long as it, which is held.
            Some(found) => format!("`{}`", unsafe { found.as_cstr() }.to_string_lossy()),
            None => "one without a name".into(),
        };
        let message = format!("a capsule `{wanted}` is wanted, not {found}");
        return Err(invalid(py, message));
    }
    capsule.pointer_checked(Some(name))
}

fn used(py: Python<'_>, name: &CStr) -> PyErr {
    let name = name.to_string_lossy();
    let message = format!("the capsule `{name}` is empty: it can be taken once, and has been");
    invalid(py, message)
}

/// Takes the schema out of its capsule.
pub(crate) fn schema(capsule: &Bound<'_, PyAny>) -> PyResult<FFI_ArrowSchema> {
    let pointer = pointer(capsule, SCHEMA)?.cast::<FFI_ArrowSchema>();
    // SAFETY: by its name the capsule holds a schema, and it lives as long as
    // `capsule`.
    if unsafe { pointer.as_ref() }.release.is_none() {
        return Err(used(capsule.py(), SCHEMA));
    }
    // SAFETY: as above; what stays behind is marked as released.
    Ok(unsafe { FFI_ArrowSchema::from_raw(pointer.as_ptr()) })
}

/// Takes the array out of its capsule.
fn array(capsule: &Bound<'_, PyAny>) -> PyResult<FFI_ArrowArray> {
    let pointer = pointer(capsule, ARRAY)?.cast::<FFI_ArrowArray>();
    // SAFETY: by its name the capsule holds an array, and it lives as long as
    // `capsule`.
    if unsafe { pointer.as_ref() }.is_released() {
        return Err(used(capsule.py(), ARRAY));
    }
    // SAFETY: as above; what stays behind is marked as released.
    Ok(unsafe { FFI_ArrowArray::from_raw(pointer.as_ptr()) })
}

/// The type that a schema means.
fn data_type(py: Python<'_>, schema: &FFI_ArrowSchema) -> PyResult<DataType> {
    // SAFETY: a producer of the interface made it.
    unsafe { arrays::data_type(schema) }
        .map_err(|e| invalid(py, format!("a column cannot be read: {e}")))
}

/// An array of the type; its buffers are the producer's until it is dropped.
fn adopt(py: Python<'_>, array: FFI_ArrowArray, ty: &DataType) -> PyResult<ArrayRef> {
    // SAFETY: a producer of the interface made it.
    unsafe { arrays::adopt(array, ty) }
        .map_err(|e| invalid(py, format!("a column cannot be read: {e}")))
}
