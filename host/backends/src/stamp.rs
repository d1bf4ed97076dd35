//! Whether files are still those that were read.

use std::collections::HashMap;
use std::fs::Metadata;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use wudf::nn::{ModelSource, ModelSpec};

use crate::files;
use crate::source::Source;

/// A file's time and size; and, where the system has them, what changes when a file is
/// replaced by one of the same time and size, or written to and given its old time.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Stamp {
    modified: SystemTime,
    size: u64,
    /// The inode, and when that was changed.
    place: Option<(u64, i64, i64)>,
}

/// The stamp of a file that is there.
pub fn of(path: &Path) -> Option<Stamp> {
    let metadata = std::fs::metadata(path).ok()?;
    Some(Stamp {
        modified: metadata.modified().ok()?,
        size: metadata.len(),
        place: place(&metadata),
    })
}

#[cfg(unix)]
fn place(metadata: &Metadata) -> Option<(u64, i64, i64)> {
    use std::os::unix::fs::MetadataExt as _;
    Some((metadata.ino(), metadata.ctime(), metadata.ctime_nsec()))
}

#[cfg(not(unix))]
fn place(_: &Metadata) -> Option<(u64, i64, i64)> {
    None
}

/// The stamps of a model that is a file: its own, and those of the files that hold its
/// weights. Of others there are none.
pub fn of_model(source: &ModelSource) -> Vec<Option<Stamp>> {
    match Source::of(source) {
        Some(Source::Path(path)) => {
            let own = of(&path);
            let weights = own.as_ref().map(|own| weights(&path, own));
            let weights = weights.unwrap_or_default();
            let weights = weights.iter().map(|path| of(path));
            std::iter::once(own.clone()).chain(weights).collect()
        }
        _ => Vec::new(),
    }
}

/// What tells one state of a model's files from another, for
/// [`Backend::identity`](wudf::nn::Backend::identity); none for one that a plugin brought.
pub(crate) fn identity(spec: &ModelSpec) -> Option<String> {
    match spec.source {
        ModelSource::Bytes(_) => None,
        _ => Some(format!("{:?}", of_model(&spec.source))),
    }
}

/// Models' files as they were read, and the files that they name.
type Known = HashMap<PathBuf, (Stamp, Vec<PathBuf>)>;

/// The files that a model's file names, which is read once for each stamp that it has.
fn weights(path: &Path, own: &Stamp) -> Vec<PathBuf> {
    static KNOWN: Mutex<Option<Known>> = Mutex::new(None);
    let lock = || KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((stamp, files)) = lock().get_or_insert_default().get(path)
        && stamp == own
    {
        return files.clone();
    }
    // What is wrong with the file, loading it will say.
    let mut files = files(path).unwrap_or_default();
    files.retain(|file| file != path);
    let entry = (own.clone(), files.clone());
    lock()
        .get_or_insert_default()
        .insert(path.to_owned(), entry);
    files
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_the_same_time_and_size_is_another() {
        let folder = tempfile::tempdir().unwrap();
        let (path, other) = (folder.path().join("a"), folder.path().join("b"));
        std::fs::write(&path, "one").unwrap();
        let before = of(&path).unwrap();
        assert_eq!(of(&path).unwrap(), before);
        std::fs::write(&other, "two").unwrap();
        let times = std::fs::FileTimes::new().set_modified(before.modified);
        let file = std::fs::File::options().write(true).open(&other).unwrap();
        file.set_times(times).unwrap();
        std::fs::rename(&other, &path).unwrap();
        assert_ne!(of(&path).unwrap(), before);
    }
}
