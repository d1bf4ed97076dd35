//! The folders that keep what need not be made twice.

use std::path::{Path, PathBuf};

use wudf_adapter::{Fetch, Registries};

/// What is this program's own.
pub fn own() -> Option<PathBuf> {
    Some(user_cache()?.join("wudf"))
}

/// Downloaded models.
pub fn models() -> Option<PathBuf> {
    Some(own()?.join("models"))
}

/// What was pulled from registries.
pub fn pulled() -> Option<PathBuf> {
    let registry = Registries::default().open(&Fetch::default()).ok()?;
    registry.folder().map(Path::to_owned)
}

/// Compiled plugins, where wasmtime keeps what it compiles for all its embedders.
pub fn compiled() -> Option<PathBuf> {
    let cache = user_cache()?;
    Some(if cfg!(windows) {
        cache
            .join("BytecodeAlliance")
            .join("wasmtime")
            .join("cache")
    } else if cfg!(target_os = "macos") {
        cache.join("BytecodeAlliance.wasmtime")
    } else {
        cache.join("wasmtime")
    })
}

/// The bytes of all files below a folder.
pub fn size(folder: &Path) -> u64 {
    let files = walkdir::WalkDir::new(folder)
        .into_iter()
        .flatten()
        .filter(|entry| entry.file_type().is_file());
    files
        .filter_map(|entry| entry.metadata().ok())
        .map(|metadata| metadata.len())
        .sum()
}

/// Whether files can be made in a folder, which need not exist yet.
pub fn is_writable(folder: &Path) -> bool {
    match folder.ancestors().find(|ancestor| ancestor.exists()) {
        Some(existing) => tempfile::tempfile_in(existing).is_ok(),
        None => false,
    }
}

fn user_cache() -> Option<PathBuf> {
    let absolute = |name| {
        std::env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    if cfg!(windows) {
        absolute("LOCALAPPDATA")
    } else if cfg!(target_os = "macos") {
        Some(std::env::home_dir()?.join("Library").join("Caches"))
    } else {
        absolute("XDG_CACHE_HOME").or_else(|| Some(std::env::home_dir()?.join(".cache")))
    }
}
