//! Errors, as Python has them: `wudf.Error`.

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyType;
use wudf::{Error, ErrorKind};

/// The exception for an error. The class is written in Python, where it can be
/// pickled.
pub(crate) fn raise(py: Python<'_>, error: &Error) -> PyErr {
    static CLASS: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    let exception = CLASS.import(py, "wudf._errors", "Error").and_then(|class| {
        class.call1((
            error.message(),
            error.kind().name(),
            error.plugin(),
            error.function(),
            error.row(),
        ))
    });
    match exception {
        Ok(exception) => PyErr::from_value(exception),
        Err(other) => other,
    }
}

/// The exception for arguments that are no columns for a function.
pub(crate) fn invalid(py: Python<'_>, message: impl Into<String>) -> PyErr {
    raise(py, &Error::new(ErrorKind::InvalidArguments, message))
}
