//! Loading ONNX Runtime's library, once per process.

use std::ffi::CStr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use ort::environment::Environment;
use ort::logging::LogLevel;
use wudf::nn::{Error, ErrorKind};

use super::Options;
use crate::search::Wanted;

/// ONNX Runtime in this process.
#[derive(Clone)]
pub(super) struct Loaded {
    pub(super) environment: Environment,
    pub(super) path: PathBuf,
    pub(super) version: String,
}

/// The one that is loaded: `ort` keeps the library in a global, and so does ONNX
/// Runtime its environment.
static LOADED: Mutex<Option<Loaded>> = Mutex::new(None);

pub(super) const WANTED: Wanted = Wanted {
    name: "ONNX Runtime",
    stem: "onnxruntime",
    package: "onnxruntime",
    folder: "capi",
    majors: &["1"],
    elsewhere: Vec::new,
};

pub(super) fn load(options: &Options) -> Result<Loaded, Error> {
    let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
    let named = options
        .library
        .as_deref()
        .map(|path| WANTED.in_named(path))
        .transpose()?;
    if let Some(loaded) = &*loaded {
        WANTED.check_loaded(named.as_deref(), &loaded.path)?;
        return Ok(loaded.clone());
    }
    let (path, version) = WANTED.find(named, probe)?;
    let environment = environment(&path)?;
    tracing::debug!(library = %path.display(), %version, "loaded ONNX Runtime");
    Ok(loaded
        .insert(Loaded {
            environment,
            path,
            version,
        })
        .clone())
}

/// The version of a library, if it is an ONNX Runtime that will do. `ort` would
/// panic on some that are not.
fn probe(path: &Path) -> Result<String, Error> {
    let not = |what: &str| {
        Error::new(
            ErrorKind::NotFound,
            format!(
                "{} is not ONNX Runtime: {what}; {}",
                path.display(),
                WANTED.install()
            ),
        )
    };
    // SAFETY: loading a library runs its initialisers. This one is ONNX
    // Runtime's by its name and place, or the one that the user named.
    let library = unsafe { libloading::Library::new(path) }.map_err(|e| {
        Error::new(
            ErrorKind::NotFound,
            format!(
                "cannot load ONNX Runtime from {}: {e}; {}",
                path.display(),
                WANTED.install()
            ),
        )
    })?;
    // SAFETY: the type is that of ONNX Runtime's C API, stable since 1.0.
    let base = unsafe {
        library.get::<unsafe extern "C" fn() -> *const ort::sys::OrtApiBase>(b"OrtGetApiBase\0")
    }
    .map_err(|_| not("it has no OrtGetApiBase"))?;
    // SAFETY: takes nothing, and gives null or a static.
    let base = unsafe { base().as_ref() }.ok_or_else(|| not("OrtGetApiBase gives nothing"))?;
    // SAFETY: gives null or a static C string.
    let version = unsafe { (base.GetVersionString)() };
    if version.is_null() {
        return Err(not("it has no version"));
    }
    // SAFETY: not null, see above, and ends in NUL by the API's contract.
    let version = unsafe { CStr::from_ptr(version) }
        .to_string_lossy()
        .into_owned();
    suitable(&version).map_err(|why| {
        Error::new(
            ErrorKind::Unsupported,
            format!(
                "{} is ONNX Runtime {why}; upgrade it with `pip install -U onnxruntime`",
                path.display()
            ),
        )
    })?;
    // SAFETY: gives null for a version of the API that the library lacks.
    if unsafe { (base.GetApi)(ort::sys::ORT_API_VERSION) }.is_null() {
        return Err(Error::new(
            ErrorKind::Unsupported,
            format!(
                "{} says it is ONNX Runtime {version}, but lacks its API",
                path.display()
            ),
        ));
    }
    Ok(version)
}

/// Whether a version of ONNX Runtime will do; the reason if not.
pub(super) fn suitable(version: &str) -> Result<(), String> {
    let needed = ort::MINOR_VERSION;
    let mut parts = version.split('.').map(|part| part.parse::<u32>());
    match (parts.next(), parts.next()) {
        (Some(Ok(1)), Some(Ok(minor))) if minor >= needed => Ok(()),
        (Some(Ok(_)), Some(Ok(_))) => Err(format!(
            "{version}, but 1.{needed} or a later 1.x is needed"
        )),
        _ => Err(format!("of version `{version}`, which cannot be read")),
    }
}

fn environment(path: &Path) -> Result<Environment, Error> {
    let runtime = |e: &dyn std::error::Error| {
        Error::new(
            ErrorKind::Runtime,
            format!("cannot start ONNX Runtime {}: {e}", path.display()),
        )
    };
    ort::init_from(path)
        .map_err(|e| runtime(&e))?
        .with_name("wudf")
        .with_telemetry(false)
        .with_logger(Arc::new(
            |level, category: &str, _: &str, place: &str, message: &str| match level {
                LogLevel::Error | LogLevel::Fatal => tracing::warn!(category, place, "{message}"),
                LogLevel::Warning => tracing::debug!(category, place, "{message}"),
                _ => tracing::trace!(category, place, "{message}"),
            },
        ))
        .build()
        .map_err(|e| runtime(&e))
}
