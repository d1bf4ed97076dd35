//! The sources of a plugin: a folder with a `Cargo.toml`, for plugins in Rust,
//! or a `wudf.toml`, for those in other languages.

mod cargo;
mod manifest;
mod settings;

use std::env;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;

pub use cargo::{Package, program as cargo_program};
pub use manifest::{Language, Sources};
pub use settings::{Case, Settings};

/// The manifest of a plugin in a language other than Rust.
pub const MANIFEST: &str = "wudf.toml";
const CARGO: &str = "Cargo.toml";

/// What a plugin will say about itself.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct About {
    pub name: String,
    pub version: String,
    pub description: Option<String>,
    pub license: Option<String>,
    #[serde(default)]
    pub authors: Vec<String>,
    pub repository: Option<String>,
    pub homepage: Option<String>,
}

/// How it is compiled.
#[derive(Debug)]
pub enum Code {
    Rust(Box<Package>),
    Wit(Sources),
}

/// The sources of a plugin.
#[derive(Debug)]
pub struct Project {
    pub folder: PathBuf,
    pub manifest: PathBuf,
    pub about: About,
    pub settings: Settings,
    pub code: Code,
    /// Where what is built goes.
    pub target: PathBuf,
}

impl Project {
    /// Reads a manifest that [`locate`] or [`above`] found.
    pub fn read(manifest: &Path) -> Result<Self> {
        let folder = manifest.parent().unwrap_or(Path::new("")).to_owned();
        if manifest.file_name().is_some_and(|name| name == MANIFEST) {
            let (about, sources, settings) = manifest::read(manifest)?;
            return Ok(Self {
                target: folder.join("target"),
                manifest: manifest.to_owned(),
                folder,
                about,
                settings,
                code: Code::Wit(sources),
            });
        }
        let package = Package::read(manifest)?;
        Ok(Self {
            folder,
            manifest: manifest.to_owned(),
            about: package.about(),
            settings: package.settings()?,
            target: package.target_directory.clone(),
            code: Code::Rust(Box::new(package)),
        })
    }

    /// Where the finished plugin is unless `-o` says otherwise.
    pub fn plugin(&self) -> PathBuf {
        let file = format!("{}.wasm", self.about.name);
        self.target.join("wudf").join(file)
    }

    /// A source that is newer than the plugin, if there is one.
    pub fn newer_source(&self) -> Option<PathBuf> {
        let built = changed(&self.plugin());
        let mut files: Vec<PathBuf> = vec![self.manifest.clone()];
        match &self.code {
            Code::Rust(_) => {
                files.push(self.folder.join("Cargo.lock"));
                files.extend(below(&self.folder.join("src")));
            }
            Code::Wit(sources) => {
                files.extend(below(&sources.wit));
                // Modules are imported by name: all sources beside those that the manifest names.
                let extensions: &[&str] = match sources.language {
                    Language::Python => &["py"],
                    Language::Js => &["js", "mjs"],
                    Language::C => &["c", "h"],
                };
                files.extend(sources.files.iter().cloned());
                files.extend(below(&self.folder).filter(|path| {
                    let extension = path.extension().and_then(|extension| extension.to_str());
                    extension.is_some_and(|extension| extensions.contains(&extension))
                }));
            }
        }
        let newest = files.into_iter().max_by_key(|path| changed(path))?;
        (changed(&newest) > built).then_some(newest)
    }
}

/// The files below a folder, or the file itself; what is built or installed is left out.
fn below(path: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    let sources = |entry: &walkdir::DirEntry| {
        let name = entry.file_name().to_string_lossy();
        entry.depth() == 0
            || !(["target", "node_modules", "__pycache__"].contains(&&*name)
                || name.starts_with('.'))
    };
    walkdir::WalkDir::new(path)
        .into_iter()
        .filter_entry(sources)
        .flatten()
        .filter(|entry| entry.file_type().is_file())
        .map(walkdir::DirEntry::into_path)
}

fn changed(path: &Path) -> Option<SystemTime> {
    path.metadata()
        .and_then(|metadata| metadata.modified())
        .ok()
}

/// The manifest of a project: its folder's or the file itself; without a path that of this folder, or of one above.
pub fn locate(path: Option<&Path>) -> Result<PathBuf> {
    let found = match path {
        Some(path) if path.is_dir() => in_folder(path),
        Some(path) => Some(path.to_owned()).filter(|file| file.is_file()),
        None => above(),
    };
    let Some(manifest) = found else {
        let place = path.map_or("here or above".to_owned(), |path| {
            format!("in {}", path.display())
        });
        bail!(
            "no {CARGO} or {MANIFEST} {place}: change to a plugin's folder, or create one with `wudf new NAME`"
        );
    };
    manifest
        .canonicalize()
        .with_context(|| format!("cannot find {}", manifest.display()))
}

/// The nearest manifest, from the current folder upwards.
pub fn above() -> Option<PathBuf> {
    let here = env::current_dir().ok()?;
    here.ancestors().find_map(in_folder)
}

fn in_folder(folder: &Path) -> Option<PathBuf> {
    [MANIFEST, CARGO]
        .map(|name| folder.join(name))
        .into_iter()
        .find(|file| file.is_file())
}

/// A path as one would write it here.
pub fn from_here(path: &Path) -> PathBuf {
    let here = env::current_dir().and_then(|here| here.canonicalize());
    let below = here.ok().and_then(|here| path.strip_prefix(here).ok());
    below
        .filter(|path| !path.as_os_str().is_empty())
        .unwrap_or(path)
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_built_or_installed_is_no_source() {
        let folder = tempfile::tempdir().unwrap();
        for name in [
            "a.py",
            "lib/b.py",
            "target/c.py",
            "node_modules/d.py",
            ".venv/e.py",
        ] {
            let file = folder.path().join(name);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, "").unwrap();
        }
        let mut names: Vec<_> = below(folder.path())
            .map(|path| path.file_name().unwrap().to_owned())
            .collect();
        names.sort();
        assert_eq!(names, ["a.py", "b.py"]);
    }
}
