//! What a call gives back: Arrow data that any library may take.

use arrow_array::ArrayRef;
use arrow_schema::FieldRef;
use pyo3::prelude::*;
use pyo3::types::PyCapsule;

use crate::export;

/// A named type, as an object with `__arrow_c_schema__`.
#[pyclass(frozen, module = "wudf._wudf")]
pub(crate) struct Field(pub(crate) FieldRef);

#[pymethods]
impl Field {
    /// The name.
    #[getter]
    fn name(&self) -> &str {
        self.0.name()
    }

    /// Whether values may be null.
    #[getter]
    fn nullable(&self) -> bool {
        self.0.is_nullable()
    }

    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        export::schema(py, &self.0)
    }

    fn __repr__(&self) -> String {
        let null = if self.0.is_nullable() {
            ""
        } else {
            " not null"
        };
        format!("{}: {}{null}", self.0.name(), self.0.data_type())
    }
}

/// Values in one piece, as an object with `__arrow_c_array__`.
#[pyclass(frozen, module = "wudf._wudf")]
pub(crate) struct Array {
    pub(crate) field: FieldRef,
    pub(crate) values: ArrayRef,
}

#[pymethods]
impl Array {
    #[pyo3(signature = (requested_schema = None))]
    fn __arrow_c_array__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyAny>>,
    ) -> PyResult<(Bound<'py, PyCapsule>, Bound<'py, PyCapsule>)> {
        // A wish, by the interface; whoever has it can cast.
        let _ = requested_schema;
        export::array(py, &self.field, &self.values)
    }

    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        export::schema(py, &self.field)
    }

    fn __len__(&self) -> usize {
        self.values.len()
    }

    fn __repr__(&self) -> String {
        format!(
            "<wudf.Array of {} {}>",
            self.values.len(),
            self.field.data_type()
        )
    }
}

/// Values in pieces, as an object with `__arrow_c_stream__`.
#[pyclass(frozen, module = "wudf._wudf")]
pub(crate) struct ChunkedArray {
    pub(crate) field: FieldRef,
    pub(crate) chunks: Vec<ArrayRef>,
}

#[pymethods]
impl ChunkedArray {
    #[pyo3(signature = (requested_schema = None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        let _ = requested_schema;
        export::stream(py, &self.field, &self.chunks)
    }

    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        export::schema(py, &self.field)
    }

    fn __len__(&self) -> usize {
        self.chunks.iter().map(|chunk| chunk.len()).sum()
    }

    fn __repr__(&self) -> String {
        format!(
            "<wudf.ChunkedArray of {} {} in {} chunks>",
            self.__len__(),
            self.field.data_type(),
            self.chunks.len()
        )
    }
}
