//! The backend `onnxruntime`: ONNX Runtime, loaded when present.
//!
//! wudf is not linked against ONNX Runtime. Its shared library is searched when
//! a process starts ([`OnnxRuntime::find`]), and any from version 1.22 on will
//! do; `pip install onnxruntime` brings one.

mod deadline;
mod library;
mod optimized;
mod raw;
mod session;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ort::environment::Environment;
use wudf::nn::{Backend, Error, LoadRequest, Model, ModelSpec};

use crate::source::Sources;
use crate::stamp;

/// How to find ONNX Runtime.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Options {
    /// The shared library, or the folder that it lies in; searched when `None`.
    pub library: Option<PathBuf>,
}

impl Options {
    /// Options with this library, or with the one in this folder.
    pub fn library(path: impl Into<PathBuf>) -> Self {
        Self {
            library: Some(path.into()),
        }
    }
}

/// The backend `onnxruntime`: ONNX models on the CPU or an NVIDIA GPU.
///
/// One session holds a model for all its callers. On the CPU each run stays on
/// its caller's thread, and none waits for another; on a GPU runs take turns.
/// Any tensor type of wasi:nn passes, and truth values as u8.
#[derive(Clone)]
pub struct OnnxRuntime {
    sources: Arc<Sources>,
    environment: Environment,
    library: PathBuf,
    version: String,
}

impl OnnxRuntime {
    /// Finds ONNX Runtime and loads it into this process: the library that
    /// `options` names; otherwise the first that is recent enough
    ///
    /// 1. in the Python environment that is active (`VIRTUAL_ENV`,
    ///    `CONDA_PREFIX`), then in those of the `python3` and `python` on `PATH`;
    /// 2. among the libraries that the system's loader knows.
    ///
    /// A process has one ONNX Runtime: once one is loaded it is given to
    /// everyone who names none.
    ///
    /// # Errors
    /// [`NotFound`](wudf::nn::ErrorKind::NotFound) when there is none, or none
    /// where `options` says, with what to install;
    /// [`Unsupported`](wudf::nn::ErrorKind::Unsupported) when what was found is
    /// too old, or when `options` name another than the one already loaded.
    pub fn find(options: &Options, sources: Arc<Sources>) -> Result<Self, Error> {
        let library::Loaded {
            environment,
            path,
            version,
        } = library::load(options)?;
        Ok(Self {
            sources,
            environment,
            library: path,
            version,
        })
    }

    /// Where the library lies; a bare file name when the system's loader found
    /// it.
    pub fn library_path(&self) -> &Path {
        &self.library
    }

    /// The library's version, such as `1.32.0`.
    pub fn version(&self) -> &str {
        &self.version
    }
}

impl std::fmt::Debug for OnnxRuntime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OnnxRuntime")
            .field("library", &self.library)
            .field("version", &self.version)
            .finish()
    }
}

impl Backend for OnnxRuntime {
    fn name(&self) -> &str {
        "onnxruntime"
    }

    fn load(&self, request: &LoadRequest<'_>) -> Result<Box<dyn Model>, Error> {
        Ok(Box::new(session::Session::load(
            request,
            &self.sources,
            &self.environment,
            &self.version,
        )?))
    }

    fn identity(&self, spec: &ModelSpec) -> Option<String> {
        stamp::identity(spec)
    }
}

#[cfg(test)]
mod tests;
