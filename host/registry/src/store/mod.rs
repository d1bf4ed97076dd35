//! What was pulled, kept by digest and shared by every process of a user.
//!
//! ```text
//! blobs/sha256/HEX                      every manifest, config and layer
//! models/HEX/FILE                       a model's files under their names
//! partial/HEX, partial/HEX.lock         what is on its way
//! repositories/HOST/NAME/_tags/TAG      the digest that the tag named last
//! repositories/HOST/NAME/_manifests/HEX what was pulled from there, and when
//! repositories/HOST/NAME/_referrers/HEX/HEX  what hangs on it
//! ```
//!
//! Nothing has its name before it is whole and checked. Nothing is trusted
//! because it lies here, either: a process checks each blob when it first
//! reads it.

mod repositories;
mod sweep;

pub(crate) use repositories::MOST_REFERRERS;

use std::collections::HashSet;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::SystemTime;

use sha2::{Digest, Sha256};

use crate::client::Sink;
use crate::text::{digest_of, hex};
use crate::{Error, ErrorKind, Result};

/// A folder that may not be there, and that may not be writable.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    root: Option<PathBuf>,
}

/// What the store has of a blob.
#[derive(Debug)]
pub(crate) enum Look<T> {
    Here(T),
    Missing,
    /// There is a file of that name with other bytes.
    Changed,
}

impl Store {
    pub(crate) fn new(root: Option<PathBuf>) -> Self {
        Self { root }
    }

    pub(crate) fn root(&self) -> Result<&Path> {
        self.root.as_deref().ok_or_else(|| {
            Error::new(
                ErrorKind::Io,
                "there is no folder for what is pulled: neither the environment nor the system names one for caches; set WUDF_STORE",
            )
        })
    }

    fn blob(&self, digest: &str) -> Option<PathBuf> {
        let hex = digest.strip_prefix("sha256:")?;
        Some(self.root.as_ref()?.join("blobs").join("sha256").join(hex))
    }

    /// A blob's bytes.
    pub(crate) fn read(&self, digest: &str, limit: u64) -> Look<Vec<u8>> {
        let Some(path) = self.blob(digest) else {
            return Look::Missing;
        };
        let Ok(metadata) = fs::metadata(&path) else {
            return Look::Missing;
        };
        if metadata.len() > limit {
            return Look::Changed;
        }
        let Ok(bytes) = fs::read(&path) else {
            return Look::Missing;
        };
        let known = is_checked(&path, digest, &metadata) && bytes.len() as u64 == metadata.len();
        if !known {
            if digest_of(&bytes) != digest {
                return Look::Changed;
            }
            set_checked(&path, digest, &metadata);
        }
        Look::Here(bytes)
    }

    /// A blob's file, its bytes checked.
    pub(crate) fn file(&self, digest: &str) -> Look<PathBuf> {
        match self.blob(digest) {
            None => Look::Missing,
            Some(path) => match check(&path, digest) {
                Look::Here(()) => Look::Here(path),
                Look::Missing => Look::Missing,
                Look::Changed => Look::Changed,
            },
        }
    }

    /// Puts bytes in under their digest.
    pub(crate) fn put(&self, bytes: &[u8]) -> Result<String> {
        let digest = digest_of(bytes);
        self.root()?;
        if let Some(path) = self.blob(&digest)
            && !matches!(self.file(&digest), Look::Here(_))
        {
            write(&path, bytes).map_err(|e| failed(&path, &e))?;
        }
        Ok(digest)
    }

    /// Has a blob brought in, once for all processes that want it now. `bring`
    /// gets what is there of it, and checks what it makes of it.
    pub(crate) fn fetch(
        &self,
        digest: &str,
        bring: impl FnOnce(&mut Sink) -> Result<()>,
    ) -> Result<PathBuf> {
        let folder = self.root()?.join("partial");
        let hex = digest.trim_start_matches("sha256:");
        let partial = folder.join(hex);
        let place = self.blob(digest).unwrap_or_default();
        let io = |e: io::Error| failed(&partial, &e);
        fs::create_dir_all(&folder).map_err(io)?;
        if let Some(blobs) = place.parent() {
            fs::create_dir_all(blobs).map_err(io)?;
        }
        let lock = folder.join(format!("{hex}.lock"));
        let _alone = Held::exclusive(&lock).map_err(io)?;
        match check(&place, digest) {
            Look::Here(()) => {
                let _ = fs::remove_file(&lock);
                return Ok(place);
            }
            Look::Missing => {}
            Look::Changed => {
                tracing::warn!(
                    "{} has changed in the store and is fetched again",
                    place.display()
                );
                fs::remove_file(&place).map_err(io)?;
            }
        }
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&partial)
            .map_err(io)?;
        let mut sink = Sink::file(file).map_err(io)?;
        if let Err(e) = bring(&mut sink) {
            // The start of what is right is worth keeping, but not more.
            if !matches!(e.kind(), ErrorKind::Network | ErrorKind::Unauthorized) {
                let _ = fs::remove_file(&partial);
            }
            return Err(e);
        }
        sink.sync().map_err(io)?;
        drop(sink);
        fs::rename(&partial, &place).map_err(io)?;
        if let Ok(metadata) = fs::metadata(&place) {
            set_checked(&place, digest, &metadata);
        }
        // Those who wait on it find the blob in its place.
        let _ = fs::remove_file(&lock);
        Ok(place)
    }

    /// Keeps others from sweeping while something is pulled.
    pub(crate) fn hold(&self) -> Option<Held> {
        let root = self.root.as_ref()?;
        fs::create_dir_all(root).ok()?;
        Held::new(&root.join("lock"), File::lock_shared).ok()
    }

    /// A model's files under their names, in a folder of their own; the path
    /// of the first. They are the blobs themselves where the file system has
    /// hard links.
    pub(crate) fn place(&self, manifest: &str, files: &[(String, String)]) -> Result<PathBuf> {
        let hex = manifest.trim_start_matches("sha256:");
        let folder = self.root()?.join("models").join(hex);
        let io = |e: io::Error| failed(&folder, &e);
        fs::create_dir_all(&folder).map_err(io)?;
        for (name, digest) in files {
            let to = folder.join(name);
            if matches!(check(&to, digest), Look::Here(())) {
                continue;
            }
            let from = self.blob(digest).unwrap_or_default();
            // Beside its place first, so that others see the whole file or none.
            let beside = beside(&folder).map_err(io)?.into_temp_path();
            fs::remove_file(&beside).map_err(io)?;
            let linked = fs::hard_link(&from, &beside);
            if linked.is_err() {
                fs::copy(&from, &beside).map_err(io)?;
                File::open(&beside).and_then(|f| f.sync_all()).map_err(io)?;
            }
            fs::rename(&beside, &to).map_err(io)?;
            if !matches!(check(&to, digest), Look::Here(())) {
                return Err(Error::new(
                    ErrorKind::Digest,
                    format!("{} changed while it was put in its place", to.display()),
                ));
            }
        }
        let first = files.first().map(|(name, _)| folder.join(name));
        Ok(first.unwrap_or(folder))
    }
}

fn failed(path: &Path, e: &io::Error) -> Error {
    let path = path.display();
    Error::new(
        ErrorKind::Io,
        format!("cannot write to the store at {path}: {e}"),
    )
}

/// Checks a file, unless this process did and it is the same still.
fn check(path: &Path, digest: &str) -> Look<()> {
    let Ok(mut file) = File::open(path) else {
        return Look::Missing;
    };
    let Ok(metadata) = file.metadata() else {
        return Look::Missing;
    };
    if is_checked(path, digest, &metadata) {
        return Look::Here(());
    }
    let mut hash = Sha256::new();
    match io::copy(&mut file, &mut hash) {
        Ok(_) if format!("sha256:{}", hex(&hash.finalize())) == digest => {
            set_checked(path, digest, &metadata);
            Look::Here(())
        }
        _ => Look::Changed,
    }
}

/// Which bytes were found in a file, and what tells the file from another and
/// from itself after a change.
type Mark = (String, PathBuf, u64, u64, Option<SystemTime>);

#[cfg(unix)]
fn mark(_: &Path, digest: &str, metadata: &Metadata) -> Mark {
    use std::os::unix::fs::MetadataExt;
    // Not the path: a link to a blob is the blob.
    let device = PathBuf::from(metadata.dev().to_string());
    let (inode, len) = (metadata.ino(), metadata.len());
    (digest.into(), device, inode, len, metadata.modified().ok())
}

#[cfg(not(unix))]
fn mark(path: &Path, digest: &str, metadata: &Metadata) -> Mark {
    let (path, len) = (path.to_owned(), metadata.len());
    (digest.into(), path, 0, len, metadata.modified().ok())
}

static CHECKED: Mutex<Option<HashSet<Mark>>> = Mutex::new(None);

// A process may have been forked from one that held this: what cannot be asked
// is checked again.
fn is_checked(path: &Path, digest: &str, metadata: &Metadata) -> bool {
    let Ok(checked) = CHECKED.try_lock() else {
        return false;
    };
    let mark = mark(path, digest, metadata);
    checked
        .as_ref()
        .is_some_and(|checked| checked.contains(&mark))
}

fn set_checked(path: &Path, digest: &str, metadata: &Metadata) {
    if let Ok(mut checked) = CHECKED.try_lock() {
        checked
            .get_or_insert_default()
            .insert(mark(path, digest, metadata));
    }
}

/// A lock on a file, which ends with this or with the process.
pub(crate) struct Held(File);

impl Held {
    fn new(path: &Path, lock: impl Fn(&File) -> io::Result<()>) -> io::Result<Self> {
        loop {
            let mut options = OpenOptions::new();
            options.read(true).write(true).create(true).truncate(false);
            let file = options.open(path)?;
            lock(&file)?;
            let held = Self(file);
            // Who had it before may have removed it.
            if held.is_at(path) {
                return Ok(held);
            }
        }
    }

    fn exclusive(path: &Path) -> io::Result<Self> {
        Self::new(path, File::lock)
    }

    #[cfg(unix)]
    fn is_at(&self, path: &Path) -> bool {
        use std::os::unix::fs::MetadataExt;
        let number = |metadata: io::Result<Metadata>| metadata.ok().map(|m| (m.dev(), m.ino()));
        number(self.0.metadata()) == number(fs::metadata(path))
    }

    #[cfg(not(unix))]
    fn is_at(&self, _: &Path) -> bool {
        true
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // A child that was forked meanwhile has the file open too, and would
        // hold the lock for as long as it lives.
        let _ = self.0.unlock();
    }
}

/// A file that is written beside its place, with the permissions that files
/// have here.
pub(crate) fn beside(folder: &Path) -> io::Result<tempfile::NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".wudf-");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // The umask takes from these what it takes from other files.
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    builder.tempfile_in(folder)
}

/// Writes a whole file, or none.
fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let mut file = beside(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|e| e.error).map(drop)
}
