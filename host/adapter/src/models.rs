//! The models of a UDF, and what runs them.

use std::sync::Arc;

use wudf::nn::{Backend, ModelSpec};
use wudf::{Error, ErrorKind, Result, Signature};
use wudf_backends::source::Sources;
use wudf_backends::{Libraries, catalogue, defaults};

/// Catalogue entries that have been read, and the backends that run them.
pub struct Models {
    /// The entries.
    pub specs: Vec<ModelSpec>,
    /// The backends, the default one first.
    pub backends: Vec<Arc<dyn Backend>>,
}

impl Models {
    /// Reads entries, `NAME=SOURCE[,SETTING]...`. `backend` runs the models
    /// that name none; who names a backend's library wants it used.
    ///
    /// # Errors
    /// [`ErrorKind::Model`] for entries that cannot be read, a name that
    /// stands there twice, and backends that there are not.
    pub fn read(
        entries: impl IntoIterator<Item = impl AsRef<str>>,
        backend: Option<&str>,
        libraries: Libraries,
        sources: Arc<Sources>,
    ) -> Result<Self> {
        let model = |message: String| Error::new(ErrorKind::Model, message);
        let backend = backend.or(libraries.backend());
        let backends = defaults(libraries, sources);
        let mut specs: Vec<ModelSpec> = Vec::new();
        for entry in entries {
            let mut spec = catalogue::parse(entry.as_ref()).map_err(|e| model(e.to_string()))?;
            if spec.backend.is_none() {
                spec.backend = backend.map(Into::into);
            }
            if specs.iter().any(|other| other.name == spec.name) {
                return Err(model(format!("the model {} is named twice", spec.name)));
            }
            specs.push(spec);
        }
        let known = |name: &str| backends.iter().any(|backend| backend.name() == name);
        let named = specs.iter().filter_map(|spec| spec.backend.as_deref());
        if let Some(unknown) = backend.into_iter().chain(named).find(|name| !known(name)) {
            let names: Vec<&str> = backends.iter().map(|backend| backend.name()).collect();
            return Err(model(format!(
                "there is no backend {unknown}; there are {}",
                names.join(", ")
            )));
        }
        Ok(Self { specs, backends })
    }

    /// The first model that a function runs and no entry names.
    pub fn missing<'a>(&self, function: &'a Signature) -> Option<&'a str> {
        let given = |name: &str| self.specs.iter().any(|spec| spec.name == name);
        let mut wanted = function.models.iter().map(String::as_str);
        wanted.find(|name| !given(name))
    }
}
