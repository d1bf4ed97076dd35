//! Loading OpenVINO's library, once per process.

use std::ffi::c_void;
use std::path::{Path, PathBuf};
use std::ptr::NonNull;
use std::sync::{Mutex, PoisonError};

use libloading::Library;
use wudf::nn::{Error, ErrorKind};

use super::Options;
use super::api::{self, Api};
use crate::search::Wanted;

pub(super) const WANTED: Wanted = Wanted {
    name: "OpenVINO",
    stem: "openvino_c",
    package: "openvino",
    folder: "libs",
    majors: &[],
    elsewhere,
};

/// The oldest that will do: element types have other numbers in earlier ones.
const OLDEST: (u32, u32) = (2025, 1);

/// OpenVINO in this process.
#[derive(Clone)]
pub(super) struct Loaded {
    pub(super) path: PathBuf,
    pub(super) version: String,
    pub(super) library: &'static Openvino,
}

/// The library and its core, which have no end: both have threads.
pub(super) struct Openvino {
    pub(super) api: Api,
    pub(super) core: NonNull<api::Core>,
    /// The process that loaded it. Those that are forked from it have its
    /// memory, but not its threads.
    pub(super) process: u32,
}

// SAFETY: functions, and a core that OpenVINO documents to be safe to use from
// many threads.
unsafe impl Send for Openvino {}
// SAFETY: as above.
unsafe impl Sync for Openvino {}

static LOADED: Mutex<Option<Loaded>> = Mutex::new(None);

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
    let (path, (library, api, version)) = WANTED.find(named, probe)?;
    let failed = |e: api::Failure| {
        Error::new(
            ErrorKind::Runtime,
            format!("cannot start OpenVINO {}: {e}", path.display()),
        )
    };
    // SAFETY: gives a core, or a status that says why not.
    let core = api
        .made(|core| unsafe { (api.new_core)(core) })
        .map_err(failed)?;
    // Its threads run to the end of the process.
    std::mem::forget(library);
    tracing::debug!(library = %path.display(), %version, "loaded OpenVINO");
    let library = Box::leak(Box::new(Openvino {
        api,
        core,
        process: std::process::id(),
    }));
    Ok(loaded
        .insert(Loaded {
            path,
            version,
            library,
        })
        .clone())
}

/// A library, its functions and its version, if it is an OpenVINO that will do.
fn probe(path: &Path) -> Result<(Library, Api, String), Error> {
    let unsupported = |what: String| {
        Error::new(
            ErrorKind::Unsupported,
            format!(
                "{} is OpenVINO {what}; upgrade it with `pip install -U openvino`",
                path.display()
            ),
        )
    };
    // SAFETY: loading a library runs its initialisers. This one is OpenVINO's
    // by its name and place, or the one that the user named.
    let library = unsafe { Library::new(path) }.map_err(|e| {
        Error::new(
            ErrorKind::NotFound,
            format!(
                "cannot load OpenVINO from {}: {e}; {}",
                path.display(),
                WANTED.install()
            ),
        )
    })?;
    // SAFETY: looks for a name only.
    if unsafe { library.get::<*const c_void>(b"ov_get_openvino_version\0") }.is_err() {
        return Err(Error::new(
            ErrorKind::NotFound,
            format!(
                "{} is not OpenVINO: it has no ov_get_openvino_version; {}",
                path.display(),
                WANTED.install()
            ),
        ));
    }
    // SAFETY: OpenVINO's by that name; the caller keeps it loaded.
    let api = unsafe { Api::of(&library) }
        .map_err(|missing| unsupported(format!("without {missing}")))?;
    let version = version(&api).map_err(|e| unsupported(format!("without a version: {e}")))?;
    suitable(&version).map_err(unsupported)?;
    // Types have changed their numbers before.
    for (ty, size) in api::SIZES {
        if element_size(&api, ty).ok() != Some(size) {
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!(
                    "{} is OpenVINO {version}, which numbers element types otherwise than 2025.1 to 2026.4; this wudf is too old for it",
                    path.display()
                ),
            ));
        }
    }
    Ok((library, api, version))
}

/// `2026.4.1` of `2026.4.1-21543-abcdef-releases/2026/4`.
fn version(api: &Api) -> Result<String, api::Failure> {
    let mut version = api::Version {
        build: std::ptr::null(),
        description: std::ptr::null(),
    };
    // SAFETY: writes two texts, or gives a status.
    api.check(unsafe { (api.version)(&mut version) })?;
    // SAFETY: null or a C string, until it is freed below.
    let build = unsafe { api::text(version.build) };
    // SAFETY: filled above, freed once.
    unsafe { (api.free_version)(&mut version) };
    Ok(build.split('-').next().unwrap_or_default().to_owned())
}

fn element_size(api: &Api, ty: api::ElementType) -> Result<usize, api::Failure> {
    let mut memory = [0_u64; 1];
    let mut dims = [1_i64];
    let shape = api::Shape {
        rank: 1,
        dims: dims.as_mut_ptr(),
    };
    // SAFETY: one element of any type fits into the memory, which outlives the
    // tensor; the dimensions are copied.
    let tensor = api.made(|tensor| unsafe {
        (api.new_tensor)(ty, shape, memory.as_mut_ptr().cast(), tensor)
    })?;
    let mut size = 0;
    // SAFETY: a live tensor.
    let result = api.check(unsafe { (api.tensor_size)(tensor.as_ptr(), &mut size) });
    // SAFETY: made above, freed once.
    unsafe { (api.free_tensor)(tensor.as_ptr()) };
    result.map(|()| size)
}

/// Whether a version of OpenVINO will do; the reason if not.
pub(super) fn suitable(version: &str) -> Result<(), String> {
    let mut parts = version.split('.').map(|part| part.parse::<u32>());
    match (parts.next(), parts.next()) {
        (Some(Ok(year)), Some(Ok(release))) if (year, release) >= OLDEST => Ok(()),
        (Some(Ok(_)), Some(Ok(_))) => Err(format!(
            "{version}, but {}.{} or a later one is needed",
            OLDEST.0, OLDEST.1
        )),
        _ => Err(format!("of version `{version}`, which cannot be read")),
    }
}

/// Where Intel's archives and the distributions' packages put it.
fn elsewhere() -> Vec<PathBuf> {
    let mut installations: Vec<PathBuf> = std::env::var_os("INTEL_OPENVINO_DIR")
        .map(PathBuf::from)
        .into_iter()
        .collect();
    let mut archives: Vec<PathBuf> = std::fs::read_dir("/opt/intel")
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name.starts_with("openvino")
        })
        .collect();
    archives.sort();
    installations.extend(archives.into_iter().rev());
    let machine = match std::env::consts::ARCH {
        "x86_64" => "intel64",
        other => other,
    };
    let mut folders: Vec<PathBuf> = installations
        .into_iter()
        .map(|folder| folder.join("runtime").join("lib").join(machine))
        .collect();
    let triple = format!("/usr/lib/{}-linux-gnu", std::env::consts::ARCH);
    let system = [
        "/usr/local/lib",
        &triple,
        "/usr/lib64",
        "/usr/lib",
        "/opt/homebrew/lib",
    ];
    folders.extend(system.map(PathBuf::from));
    folders
}
