//! Where ONNX Runtime's library may lie.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use wudf::nn::{Error, ErrorKind};

/// What the library is called: the file name begins and goes on like this.
const NAME: (&str, &str) = if cfg!(windows) {
    ("onnxruntime", ".dll")
} else if cfg!(target_os = "macos") {
    ("libonnxruntime", ".dylib")
} else {
    ("libonnxruntime", ".so")
};

/// Under these names the system's loader is asked.
const LOADER_NAMES: &[&str] = if cfg!(windows) {
    &["onnxruntime.dll"]
} else if cfg!(target_os = "macos") {
    &["libonnxruntime.dylib"]
} else {
    &["libonnxruntime.so.1", "libonnxruntime.so"]
};

/// The library that a user names, itself or by its folder.
pub(super) fn in_named(path: &Path) -> Result<PathBuf, Error> {
    if path.is_dir() {
        return in_folder(path).ok_or_else(|| {
            Error::new(
                ErrorKind::NotFound,
                format!(
                    "there is no ONNX Runtime ({}*{}) in the folder {}",
                    NAME.0,
                    NAME.1,
                    path.display()
                ),
            )
        });
    }
    if path.is_file() {
        // `ort` would look for a relative path beside the program.
        return path.canonicalize().map_err(|e| {
            Error::new(
                ErrorKind::NotFound,
                format!("cannot read {}: {e}", path.display()),
            )
        });
    }
    if path.components().count() == 1 && LOADER_NAMES.iter().any(|name| path == Path::new(name)) {
        return Ok(path.to_owned());
    }
    Err(Error::new(
        ErrorKind::NotFound,
        format!(
            "ONNX Runtime's library {} does not exist; install one with `pip install onnxruntime`",
            path.display()
        ),
    ))
}

/// All libraries that lie where they are expected, the preferred first, then
/// the names for the system's loader.
pub(super) fn candidates() -> Vec<PathBuf> {
    let mut prefixes: Vec<PathBuf> = ["VIRTUAL_ENV", "CONDA_PREFIX"]
        .into_iter()
        .filter_map(env::var_os)
        .map(PathBuf::from)
        .collect();
    let path = env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = env::split_paths(&path)
        .filter(|folder| folder.is_absolute())
        .collect();
    for name in ["python3", "python"] {
        let name = format!("{name}{}", env::consts::EXE_SUFFIX);
        // The first is the one that a shell would run.
        let Some(python) = folders
            .iter()
            .map(|folder| folder.join(&name))
            .find(|file| file.is_file())
        else {
            continue;
        };
        // A virtual environment's python is a link: its packages lie beside the
        // link, the system's beside what it points to.
        let real = python.canonicalize().ok();
        prefixes.extend(
            [Some(python), real]
                .into_iter()
                .flatten()
                .filter_map(|file| prefix(&file)),
        );
    }
    if let Some(home) = env::home_dir() {
        prefixes.push(home.join(".local"));
    }
    let mut libraries: Vec<PathBuf> = Vec::new();
    for packages in prefixes.iter().flat_map(|prefix| package_folders(prefix)) {
        let found = in_folder(&packages.join("onnxruntime").join("capi"));
        libraries.extend(
            found
                .into_iter()
                .filter(|found| !libraries.contains(found))
                .collect::<Vec<_>>(),
        );
    }
    libraries.extend(LOADER_NAMES.iter().map(PathBuf::from));
    libraries
}

/// `/usr` for `/usr/bin/python3`.
fn prefix(python: &Path) -> Option<PathBuf> {
    let folder = python.parent()?;
    // On Windows python lies in the prefix itself.
    let direct = cfg!(windows) && folder.file_name().is_none_or(|name| name != "Scripts");
    Some(if direct { folder } else { folder.parent()? }.to_owned())
}

/// The folders below a prefix in which Python keeps packages.
fn package_folders(prefix: &Path) -> Vec<PathBuf> {
    let mut folders = vec![prefix.join("Lib").join("site-packages")];
    for lib in [
        prefix.join("lib"),
        prefix.join("lib64"),
        prefix.join("local").join("lib"),
    ] {
        let mut versions: Vec<PathBuf> = fs::read_dir(lib)
            .into_iter()
            .flatten()
            .flatten()
            .filter(|entry| entry.file_name().to_string_lossy().starts_with("python3"))
            .map(|entry| entry.path())
            .collect();
        // The newest first; `python3.9` comes before `python3.10`.
        versions.sort_by_key(|path| {
            let name = path.to_string_lossy().into_owned();
            let minor = name
                .rsplit_once("python3.")
                .and_then(|(_, minor)| minor.parse::<u32>().ok());
            std::cmp::Reverse((minor, name))
        });
        folders.extend(
            versions
                .iter()
                .flat_map(|v| [v.join("site-packages"), v.join("dist-packages")]),
        );
    }
    folders
}

/// The library in a folder: `libonnxruntime.so.1.32.0`, not
/// `libonnxruntime_providers_shared.so`.
fn in_folder(folder: &Path) -> Option<PathBuf> {
    let mut found: Vec<PathBuf> = fs::read_dir(folder)
        .ok()?
        .flatten()
        .filter(|entry| is_library(&entry.file_name().to_string_lossy()))
        .map(|entry| entry.path())
        .filter(|path| path.is_file())
        .collect();
    found.sort();
    found.pop()
}

pub(super) fn is_library(file: &str) -> bool {
    let Some(rest) = file.strip_prefix(NAME.0) else {
        return false;
    };
    // `.so`, `.so.1.32.0`, `.1.32.0.dylib`
    rest.starts_with('.') && (rest.ends_with(NAME.1) || rest.starts_with(NAME.1))
}
