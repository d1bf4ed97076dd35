//! The module `wudf._wudf`: opens functions and carries Arrow columns over the
//! PyCapsule interface, in and out. What Python's engines want of them is
//! written in Python, in the package `wudf` around it.

mod columns;
mod error;
mod export;
mod function;
mod import;
mod signature;

use std::collections::BTreeMap;
use std::path::PathBuf;

use pyo3::prelude::*;
use wudf_backends::catalogue;
use wudf_backends::source::Source;

/// Opens functions, and carries columns in and out.
#[pymodule]
mod _wudf {
    #[pymodule_export]
    use super::columns::{Array, ChunkedArray, Field};
    #[pymodule_export]
    use super::function::Function;
    #[pymodule_export]
    use super::signature::{Plugin, Signature};
    #[pymodule_export]
    use super::{inspect, model_source, plugins, separate, split};

    #[pymodule_export]
    #[allow(non_upper_case_globals, reason = "the name that Python wants")]
    const __version__: &str = env!("CARGO_PKG_VERSION");
}

/// The names of the plugins that the module brings.
#[pyfunction]
fn plugins() -> Vec<&'static str> {
    wudf_adapter::reference::shipped().collect()
}

/// The names of the plugins that come as files of their own, with the files, or None where
/// they are not installed.
#[pyfunction]
fn separate() -> BTreeMap<&'static str, Option<PathBuf>> {
    use wudf_adapter::separate::{NAMES, file};
    NAMES.iter().map(|name| (*name, file(name))).collect()
}

/// Takes `PLUGIN[:FUNCTION]` apart.
#[pyfunction]
fn split(reference: &str) -> (&str, Option<&str>) {
    wudf_adapter::reference::split(reference)
}

/// What a plugin offers.
#[pyfunction]
#[pyo3(signature = (plugin, *, policy = None, lock = None, locked = false, offline = false, plain_http = false))]
fn inspect(
    py: Python<'_>,
    plugin: String,
    policy: Option<PathBuf>,
    lock: Option<PathBuf>,
    locked: bool,
    offline: bool,
    plain_http: bool,
) -> PyResult<signature::Plugin> {
    let source = wudf_adapter::PluginSource::Named(plugin);
    let registries = wudf_adapter::Registries {
        store: None,
        offline,
        plain_http,
        lock,
        locked,
        policy,
    };
    py.detach(|| wudf_adapter::inspect(&source, &registries))
        .map(signature::Plugin::new)
        .map_err(|e| error::raise(py, &e))
}

/// Takes a model's entry apart: the path of its file, or None when it is none,
/// and the rest of the entry, settings included.
#[pyfunction]
fn model_source(py: Python<'_>, name: &str, entry: &str) -> PyResult<(Option<PathBuf>, String)> {
    let whole = format!("{name}={entry}");
    let spec = catalogue::parse(&whole)
        .map_err(|e| wudf::Error::new(wudf::ErrorKind::Model, e.to_string()))
        .map_err(|e| error::raise(py, &e))?;
    Ok(match (&spec.source, Source::of(&spec.source)) {
        (wudf::nn::ModelSource::Location(location), Some(Source::Path(path))) => {
            let settings = entry.strip_prefix(location.as_str()).unwrap_or_default();
            (Some(path), settings.to_owned())
        }
        _ => (None, entry.to_owned()),
    })
}
