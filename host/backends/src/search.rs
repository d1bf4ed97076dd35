//! Where the shared libraries of backends may lie.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use wudf::nn::{Error, ErrorKind};

/// A library to look for.
pub(crate) struct Wanted {
    /// What people call it.
    pub(crate) name: &'static str,
    /// What its file is called after `lib` and before `.so`.
    pub(crate) stem: &'static str,
    /// The Python package that brings it.
    pub(crate) package: &'static str,
    /// The folder in that package.
    pub(crate) folder: &'static str,
    /// Major versions by which the system's loader may know it.
    pub(crate) majors: &'static [&'static str],
    /// Folders of other installations.
    pub(crate) elsewhere: fn() -> Vec<PathBuf>,
}

/// What goes before a library's name, and what comes after.
const AFFIXES: (&str, &str) = if cfg!(windows) {
    ("", ".dll")
} else if cfg!(target_os = "macos") {
    ("lib", ".dylib")
} else {
    ("lib", ".so")
};

impl Wanted {
    /// How to get one.
    pub(crate) fn install(&self) -> String {
        format!(
            "install it with `pip install {}`, or name its library",
            self.package
        )
    }

    /// Refuses a library when the process has loaded another.
    pub(crate) fn check_loaded(&self, named: Option<&Path>, loaded: &Path) -> Result<(), Error> {
        match named {
            Some(path) if !same_file(path, loaded) => Err(Error::new(
                ErrorKind::Unsupported,
                format!(
                    "{} {} is asked for, but this process has already loaded {}; a process can have one",
                    self.name,
                    path.display(),
                    loaded.display()
                ),
            )),
            _ => Ok(()),
        }
    }

    /// The library to use, and what `probe` says of it: the one that is `named`,
    /// otherwise the first that passes, or why none does.
    pub(crate) fn find<T>(
        &self,
        named: Option<PathBuf>,
        probe: impl Fn(&Path) -> Result<T, Error>,
    ) -> Result<(PathBuf, T), Error> {
        if let Some(path) = named {
            return probe(&path).map(|found| (path, found));
        }
        let mut unsuitable = Vec::new();
        for path in self.candidates() {
            match probe(&path) {
                Ok(found) => return Ok((path, found)),
                // The loader's own folders are tried by name, found or not.
                Err(e) if e.kind() == ErrorKind::NotFound => {
                    tracing::debug!(library = %path.display(), "{e}")
                }
                Err(e) => unsuitable.push(e.to_string()),
            }
        }
        Err(match unsuitable.is_empty() {
            true => Error::new(
                ErrorKind::NotFound,
                format!("{} was not found; {}", self.name, self.install()),
            ),
            false => Error::new(ErrorKind::Unsupported, unsuitable.join("; ")),
        })
    }

    /// The library that a user names, itself or by its folder.
    pub(crate) fn in_named(&self, path: &Path) -> Result<PathBuf, Error> {
        let not_found = |message: String| Error::new(ErrorKind::NotFound, message);
        if path.is_dir() {
            return self.in_folder(path).ok_or_else(|| {
                not_found(format!(
                    "there is no {} ({}{}*{}) in the folder {}",
                    self.name,
                    AFFIXES.0,
                    self.stem,
                    AFFIXES.1,
                    path.display()
                ))
            });
        }
        if path.is_file() {
            // A relative path would be looked for beside the program.
            return path
                .canonicalize()
                .map_err(|e| not_found(format!("cannot read {}: {e}", path.display())));
        }
        let loader_knows = || self.loader_names().iter().any(|name| path == name);
        if path.components().count() == 1 && loader_knows() {
            return Ok(path.to_owned());
        }
        Err(not_found(format!(
            "{}'s library {} does not exist; install one with `pip install {}`",
            self.name,
            path.display(),
            self.package
        )))
    }

    /// Under these names the system's loader is asked.
    fn loader_names(&self) -> Vec<PathBuf> {
        let (before, after) = AFFIXES;
        let plain = format!("{before}{}{after}", self.stem);
        let linux = !cfg!(windows) && !cfg!(target_os = "macos");
        let majors = self.majors.iter().filter(|_| linux);
        majors
            .map(|major| format!("{plain}.{major}").into())
            .chain([plain.clone().into()])
            .collect()
    }

    /// All libraries that lie where they are expected, the preferred first, then
    /// the names for the system's loader.
    fn candidates(&self) -> Vec<PathBuf> {
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
        let packages = prefixes
            .iter()
            .flat_map(|prefix| package_folders(prefix))
            .map(|packages| packages.join(self.package).join(self.folder));
        for folder in packages.chain((self.elsewhere)()) {
            if let Some(found) = self.in_folder(&folder)
                && !libraries.contains(&found)
            {
                libraries.push(found);
            }
        }
        libraries.extend(self.loader_names());
        libraries
    }

    /// The library in a folder: `libonnxruntime.so.1.32.0`, not
    /// `libonnxruntime_providers_shared.so`.
    fn in_folder(&self, folder: &Path) -> Option<PathBuf> {
        let mut found: Vec<PathBuf> = fs::read_dir(folder)
            .ok()?
            .flatten()
            .filter(|entry| self.is_library(&entry.file_name().to_string_lossy()))
            .map(|entry| entry.path())
            .filter(|path| path.is_file())
            .collect();
        found.sort();
        found.pop()
    }

    pub(crate) fn is_library(&self, file: &str) -> bool {
        let rest = file
            .strip_prefix(AFFIXES.0)
            .and_then(|file| file.strip_prefix(self.stem));
        // `.so`, `.so.1.32.0`, `.1.32.0.dylib`
        rest.is_some_and(|rest| {
            rest.starts_with('.') && (rest.ends_with(AFFIXES.1) || rest.starts_with(AFFIXES.1))
        })
    }
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

/// Whether two paths are of one file.
fn same_file(a: &Path, b: &Path) -> bool {
    a == b || matches!((a.canonicalize(), b.canonicalize()), (Ok(a), Ok(b)) if a == b)
}
