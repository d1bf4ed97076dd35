//! Where sample pictures are.

use std::path::{Path, PathBuf};

use crate::skipped;

pub(crate) fn repository() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here)
}

/// The repository's own pictures, one or more of each format and mode, with a `reference.json`: `tests/pictures/make.py` says
/// what is in it.
pub fn pictures() -> PathBuf {
    repository().join("tests/pictures")
}

/// A folder of more samples beside the repository, `../shared/NAME`, or in it. Without one (a plain clone has none) the test is
/// recorded as skipped in part.
pub fn shared(name: &str) -> Option<PathBuf> {
    let folder = find(name);
    if folder.is_none() {
        skipped(&format!(
            "more samples: ../shared/{name} with a reference.json is missing"
        ));
    }
    folder
}

fn find(name: &str) -> Option<PathBuf> {
    let parents = [repository().parent(), Some(repository())];
    parents
        .into_iter()
        .flatten()
        .map(|parent| parent.join("shared").join(name))
        .find(|folder| folder.join("reference.json").is_file())
}
