//! What plugins say of themselves.

use std::sync::Arc;

use pyo3::prelude::*;
use wudf::Volatility;

use crate::columns::Field;

/// What a function is called, takes and returns.
#[pyclass(frozen, module = "wudf._wudf")]
pub(crate) struct Signature(wudf::Signature);

impl Signature {
    pub(crate) fn new(signature: &wudf::Signature) -> Self {
        Self(signature.clone())
    }
}

#[pymethods]
impl Signature {
    /// The function's name.
    #[getter]
    fn name(&self) -> &str {
        &self.0.name
    }

    /// What the function does; the first line stands alone.
    #[getter]
    fn doc(&self) -> &str {
        &self.0.doc
    }

    /// The arguments.
    #[getter]
    fn arguments(&self) -> Vec<Field> {
        let arguments = self.0.arguments.iter();
        arguments.map(|f| Field(Arc::new(f.clone()))).collect()
    }

    /// The result, before a policy for failed rows.
    #[getter]
    fn returns(&self) -> Field {
        Field(Arc::new(self.0.returns.clone()))
    }

    /// `immutable`, `stable` or `volatile`.
    #[getter]
    fn volatility(&self) -> &'static str {
        match self.0.volatility {
            Volatility::Immutable => "immutable",
            Volatility::Stable => "stable",
            _ => "volatile",
        }
    }

    /// The models that it runs, by name.
    #[getter]
    fn models(&self) -> Vec<String> {
        self.0.models.clone()
    }

    /// The assets that it reads, by name.
    #[getter]
    fn assets(&self) -> Vec<String> {
        self.0.assets.clone()
    }

    /// Its options, as a JSON Schema.
    #[getter]
    fn options<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        py.import("json")?
            .call_method1("loads", (self.0.options.to_string(),))
    }

    fn __str__(&self) -> String {
        self.0.to_string()
    }

    fn __repr__(&self) -> String {
        format!("<wudf.Signature {}>", self.0)
    }
}

/// What a plugin is and offers.
#[pyclass(frozen, module = "wudf._wudf")]
pub(crate) struct Plugin(wudf::Plugin);

impl Plugin {
    pub(crate) fn new(plugin: wudf::Plugin) -> Self {
        Self(plugin)
    }
}

#[pymethods]
impl Plugin {
    /// Its name.
    #[getter]
    fn name(&self) -> &str {
        self.0.name()
    }

    /// `sha256:` and the digest of its bytes.
    #[getter]
    fn digest(&self) -> &str {
        self.0.digest()
    }

    /// The size of its file in bytes.
    #[getter]
    fn size(&self) -> usize {
        self.0.size()
    }

    /// The interfaces that it asks the host for.
    #[getter]
    fn imports(&self) -> Vec<String> {
        self.0.imports().to_vec()
    }

    /// Its functions.
    #[getter]
    fn functions(&self) -> Vec<Signature> {
        self.0.signatures().iter().map(Signature::new).collect()
    }

    fn __repr__(&self) -> String {
        let names: Vec<&str> = self.0.signatures().iter().map(|s| &*s.name).collect();
        format!("<wudf.Plugin {}: {}>", self.0.name(), names.join(", "))
    }
}
