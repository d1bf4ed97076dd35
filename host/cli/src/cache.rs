//! The folders that keep what need not be made twice.

use std::path::{Path, PathBuf};

use wudf::Cache;
use wudf::cache::user_folder;
use wudf_adapter::{Fetch, Registries};

/// What is this program's own.
pub fn own() -> Option<PathBuf> {
    user_folder()
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

/// Compiled plugins.
pub fn compiled() -> Option<PathBuf> {
    Cache::User.folder()
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
