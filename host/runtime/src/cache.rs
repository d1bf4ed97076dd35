//! Folders whose contents are taken as they are: compiled plugins, which run as native
//! code, and optimised models.
//!
//! Nothing in them is verified again, neither by a digest nor by a signature, so a
//! folder is used only if nobody but its owner could have written to it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Where compiled code is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cache {
    /// In `wudf/compiled` of the user's cache folder. Where others could write to that,
    /// nothing is kept, and a warning says so.
    #[default]
    User,
    /// In this folder, which has to be this user's alone: see [`private_folder`].
    Folder(PathBuf),
    /// Nowhere: every process compiles anew.
    Off,
}

impl Cache {
    /// The folder, if there is one.
    pub fn folder(&self) -> Option<PathBuf> {
        match self {
            Self::User => Some(user_folder()?.join("compiled")),
            Self::Folder(folder) => Some(folder.clone()),
            Self::Off => None,
        }
    }
}

/// `wudf` where the system wants a user's caches: in `$XDG_CACHE_HOME` or `~/.cache`, in
/// `~/Library/Caches` on macOS, in `%LOCALAPPDATA%` on Windows. None for a user without
/// a home.
pub fn user_folder() -> Option<PathBuf> {
    let absolute = |path: Option<PathBuf>| path.filter(|path| path.is_absolute());
    let variable = |name| absolute(std::env::var_os(name).map(PathBuf::from));
    let home = || absolute(std::env::home_dir());
    let cache = if cfg!(windows) {
        variable("LOCALAPPDATA")?
    } else if cfg!(target_os = "macos") {
        home()?.join("Library").join("Caches")
    } else {
        variable("XDG_CACHE_HOME").or_else(|| Some(home()?.join(".cache")))?
    };
    Some(cache.join("wudf"))
}

/// Makes a folder that only this user can write to, or checks one that exists: it is
/// this user's, and nobody else can replace it or a folder above it. Others lose their
/// access to it; files that they own or could have changed are removed.
///
/// On Windows the folder is only made: a user's own folders are private there.
///
/// # Errors
/// [`io::ErrorKind::PermissionDenied`] when others could write there; what the system
/// says when the folder cannot be made or read.
pub fn private_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)?;
    #[cfg(unix)]
    unix::check(folder)?;
    Ok(())
}

#[cfg(unix)]
mod unix {
    use std::fs::{self, Metadata, Permissions};
    use std::io;
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
    use std::path::Path;

    const WRITE_GROUP: u32 = 0o020;
    const WRITE_OTHERS: u32 = 0o002;
    const STICKY: u32 = 0o1000;

    pub(super) fn check(folder: &Path) -> io::Result<()> {
        let user = rustix::process::geteuid().as_raw();
        // A link's own folder counts as well as what it leads to.
        for path in [std::path::absolute(folder)?, folder.canonicalize()?] {
            for above in path.ancestors().skip(1) {
                above_is_safe(above, &fs::metadata(above)?, user)?;
            }
        }
        let metadata = fs::metadata(folder)?;
        if metadata.uid() != user {
            return Err(refused(folder, "belongs to another user"));
        }
        let reachable = metadata.mode() & 0o077 != 0;
        if reachable {
            fs::set_permissions(folder, Permissions::from_mode(0o700))?;
        }
        remove_what_is_not_ours(folder, user, reachable)
    }

    /// Whether nobody else can put another folder in the place of one in this one.
    fn above_is_safe(path: &Path, metadata: &Metadata, user: u32) -> io::Result<()> {
        if metadata.uid() != user && metadata.uid() != 0 {
            return Err(refused(path, "belongs to another user"));
        }
        // Where every user has a group of their own, folders are theirs to write to.
        let own_group = metadata.gid() == rustix::process::getegid().as_raw();
        let writers = match own_group {
            true => WRITE_OTHERS,
            false => WRITE_OTHERS | WRITE_GROUP,
        };
        if metadata.mode() & writers != 0 && metadata.mode() & STICKY == 0 {
            return Err(refused(path, "can be written to by other users"));
        }
        Ok(())
    }

    fn remove_what_is_not_ours(folder: &Path, user: u32, reachable: bool) -> io::Result<()> {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let path = entry.path();
            let metadata = match fs::symlink_metadata(&path) {
                Ok(metadata) => metadata,
                // Another process of ours has just removed it.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            let writable = metadata.mode() & (WRITE_GROUP | WRITE_OTHERS) != 0;
            if metadata.uid() != user || metadata.is_symlink() || (reachable && writable) {
                let removed = match metadata.is_dir() {
                    true => fs::remove_dir_all(&path),
                    false => fs::remove_file(&path),
                };
                match removed {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                    _ => tracing::warn!("removed {}: others could have written it", path.display()),
                }
            } else if metadata.is_dir() {
                remove_what_is_not_ours(&path, user, reachable)?;
            }
        }
        Ok(())
    }

    fn refused(path: &Path, why: &str) -> io::Error {
        let message = format!(
            "{} {why}, so that what is kept there cannot be trusted",
            path.display()
        );
        io::Error::new(io::ErrorKind::PermissionDenied, message)
    }
}

#[cfg(all(test, unix))]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn chmod(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_new_folder_is_private() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("a/b");
        private_folder(&folder).unwrap();
        assert_eq!(mode(&folder), 0o700);
        private_folder(&folder).unwrap();
    }

    #[test]
    fn what_others_could_have_changed_is_removed() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("cache");
        private_folder(&folder).unwrap();
        for (name, allowed) in [("ours", 0o644), ("shared", 0o666)] {
            let file = folder.join(name);
            fs::write(&file, name).unwrap();
            chmod(&file, allowed);
        }
        // In a folder that nobody else can enter, a file's own mode says nothing.
        private_folder(&folder).unwrap();
        assert!(folder.join("shared").exists());
        chmod(&folder, 0o755);
        std::os::unix::fs::symlink("/etc", folder.join("link")).unwrap();
        private_folder(&folder).unwrap();
        assert_eq!(mode(&folder), 0o700);
        assert!(folder.join("ours").exists());
        assert!(!folder.join("shared").exists());
        assert!(!folder.join("link").is_symlink());
    }

    #[test]
    fn a_place_where_others_write_is_refused() {
        let place = tempfile::tempdir().unwrap();
        let shared = place.path().join("shared");
        fs::create_dir(&shared).unwrap();
        chmod(&shared, 0o777);
        let error = private_folder(&shared.join("cache")).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::PermissionDenied, "{error}");
        // As /tmp is: nobody removes or renames what is another's.
        chmod(&shared, 0o1777);
        private_folder(&shared.join("cache")).unwrap();
    }

    #[test]
    fn another_users_files_are_refused() {
        if !rustix::process::geteuid().is_root() {
            return wudf_test_support::skipped("not root: no file can be given to another user");
        }
        let nobody = Some(65_534);
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("cache");
        private_folder(&folder).unwrap();
        let file = folder.join("entry");
        fs::write(&file, "native code").unwrap();
        std::os::unix::fs::chown(&file, nobody, nobody).unwrap();
        private_folder(&folder).unwrap();
        assert!(!file.exists());
        std::os::unix::fs::chown(&folder, nobody, nobody).unwrap();
        let error = private_folder(&folder).unwrap_err();
        assert!(error.to_string().contains("another user"), "{error}");
    }
}
