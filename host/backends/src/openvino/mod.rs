//! The backend `openvino`: OpenVINO, loaded when present.
//!
//! wudf is not linked against OpenVINO. The shared library of its C interface is
//! searched when a model first asks for it ([`OpenVino::find`]), and any from
//! version 2025.1 on will do; `pip install openvino` brings one.

mod api;
mod bf16;
mod library;
mod raw;
mod session;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use wudf::nn::{Backend, Error, LoadRequest, Model, ModelSpec};

pub use self::bf16::Bf16;
use crate::source::Sources;
use crate::stamp;

/// How to find OpenVINO.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Options {
    /// The shared library of the C interface, or the folder that it lies in;
    /// searched when `None`.
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

/// The backend `openvino`: ONNX models on the CPU.
///
/// Computes in f32, whatever the processor, unless the catalogue asks for
/// another [`Precision`](wudf::nn::Precision) that the processor has; models
/// of whole numbers stay as they are. One compiled model serves all callers. A
/// run takes one thread of OpenVINO's, of which there are as many as the process
/// may use processors, while its caller waits. Any tensor type of wasi:nn
/// passes, and truth values as u8.
#[derive(Clone)]
pub struct OpenVino {
    sources: Arc<Sources>,
    loaded: library::Loaded,
}

impl OpenVino {
    /// Finds OpenVINO and loads it into this process: the library that
    /// `options` names; otherwise the first that is recent enough
    ///
    /// 1. in the Python environment that is active (`VIRTUAL_ENV`,
    ///    `CONDA_PREFIX`), then in those of the `python3` and `python` on `PATH`;
    /// 2. in the folders of Intel's archives (`INTEL_OPENVINO_DIR`,
    ///    `/opt/intel/openvino*`) and of the system;
    /// 3. where the system's loader looks.
    ///
    /// A process has one OpenVINO: once one is loaded it is given to everyone
    /// who names none.
    ///
    /// # Errors
    /// [`NotFound`](wudf::nn::ErrorKind::NotFound) when there is none, or none
    /// where `options` says, with what to install;
    /// [`Unsupported`](wudf::nn::ErrorKind::Unsupported) when what was found is
    /// too old, or when `options` name another than the one already loaded.
    pub fn find(options: &Options, sources: Arc<Sources>) -> Result<Self, Error> {
        let loaded = library::load(options)?;
        Ok(Self { sources, loaded })
    }

    /// Where the library lies; a bare file name when the system's loader found
    /// it.
    pub fn library_path(&self) -> &Path {
        &self.loaded.path
    }

    /// The library's version, such as `2026.4.1`.
    pub fn version(&self) -> &str {
        &self.loaded.version
    }

    /// The precisions that a model may ask for on this processor, as the catalogue
    /// writes them: `f32`, and `bf16` or `f16` where it has them. [`Bf16::here`] says
    /// whether `bf16` is likely to be faster.
    ///
    /// # Errors
    /// When OpenVINO's CPU plugin is missing.
    pub fn precisions(&self) -> Result<Vec<&'static str>, Error> {
        session::precisions(self.loaded.library)
    }
}

impl std::fmt::Debug for OpenVino {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OpenVino")
            .field("library", &self.loaded.path)
            .field("version", &self.loaded.version)
            .finish()
    }
}

impl Backend for OpenVino {
    fn name(&self) -> &str {
        "openvino"
    }

    fn load(&self, request: &LoadRequest<'_>) -> Result<Box<dyn Model>, Error> {
        Ok(Box::new(session::Session::load(
            request,
            &self.sources,
            self.loaded.library,
        )?))
    }

    fn identity(&self, spec: &ModelSpec) -> Option<String> {
        stamp::identity(spec)
    }
}

#[cfg(test)]
mod tests;
