//! The plugin crate that is worked on: what cargo says of it.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};
use serde::Deserialize;

/// A plugin crate.
#[derive(Debug)]
pub struct Package {
    pub folder: PathBuf,
    pub manifest: Manifest,
    pub workspace_root: PathBuf,
    pub target_directory: PathBuf,
}

/// What of the manifest matters here.
#[derive(Debug, Deserialize)]
pub struct Manifest {
    pub name: String,
    pub version: String,
    pub description: Option<String>,
    pub license: Option<String>,
    #[serde(default)]
    pub authors: Vec<String>,
    pub repository: Option<String>,
    pub homepage: Option<String>,
    #[serde(default)]
    pub dependencies: Vec<Dependency>,
    manifest_path: PathBuf,
    #[serde(default)]
    targets: Vec<Target>,
    metadata: Option<serde_json::Value>,
}

#[derive(Debug, Deserialize)]
pub struct Dependency {
    pub name: String,
    /// Where it is in the file system, if it is there.
    pub path: Option<PathBuf>,
}

#[derive(Debug, Deserialize)]
struct Target {
    name: String,
    kind: Vec<String>,
}

#[derive(Deserialize)]
struct Workspace {
    packages: Vec<Manifest>,
    workspace_root: PathBuf,
    target_directory: PathBuf,
}

/// The manifest of a crate: its folder's or the file itself; without a path that of this folder, or of one above.
pub fn locate(path: Option<&Path>) -> Result<PathBuf> {
    let found = match path {
        Some(path) if path.is_dir() => Some(path.join("Cargo.toml")),
        Some(path) => Some(path.to_owned()),
        None => above(),
    };
    let Some(manifest) = found.filter(|file| file.is_file()) else {
        let place = path.map_or("here or above".to_owned(), |path| {
            format!("in {}", path.display())
        });
        bail!("there is no Cargo.toml {place}: `wudf new NAME` makes a plugin crate");
    };
    manifest
        .canonicalize()
        .with_context(|| format!("cannot find {}", manifest.display()))
}

/// The nearest manifest, from the current folder upwards.
pub fn above() -> Option<PathBuf> {
    let here = env::current_dir().ok()?;
    let manifest = here.ancestors().map(|folder| folder.join("Cargo.toml"));
    manifest.into_iter().find(|file| file.is_file())
}

impl Package {
    /// Asks cargo, which knows of workspaces, and of where the build goes.
    pub fn read(manifest: &Path) -> Result<Self> {
        let output = Command::new(cargo())
            .args([
                "metadata",
                "--no-deps",
                "--format-version",
                "1",
                "--manifest-path",
            ])
            .arg(manifest)
            .output()
            .context(
                "cannot run cargo: plugins are built with Rust, which https://rustup.rs installs",
            )?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            bail!("cargo cannot read {}\n{}", manifest.display(), said.trim());
        }
        let mut workspace: Workspace =
            serde_json::from_slice(&output.stdout).context("cargo's answer is not as expected")?;
        let found = workspace
            .packages
            .iter()
            .position(|one| one.manifest_path == manifest);
        let Some(found) = found else {
            let names: Vec<&str> = workspace
                .packages
                .iter()
                .map(|one| one.name.as_str())
                .collect();
            bail!(
                "{} is a workspace of several crates: build one by its folder, as in `wudf build FOLDER` ({})",
                manifest.display(),
                names.join(", ")
            );
        };
        Ok(Self {
            folder: manifest.parent().unwrap_or(Path::new("")).to_owned(),
            manifest: workspace.packages.swap_remove(found),
            workspace_root: workspace.workspace_root,
            target_directory: workspace.target_directory,
        })
    }

    /// The name of its library as the compiler has it.
    pub fn library(&self) -> Result<&str> {
        let targets = &self.manifest.targets;
        let is_library = |target: &&Target| {
            let kinds = ["lib", "rlib", "cdylib", "dylib", "staticlib"];
            target
                .kind
                .iter()
                .any(|kind| kinds.contains(&kind.as_str()))
        };
        let library = targets.iter().find(is_library);
        let library = library.with_context(|| {
            format!(
                "{} has no library: a plugin's functions are in src/lib.rs",
                self.manifest.name
            )
        })?;
        Ok(&library.name)
    }

    /// Where the finished plugin is when nobody says otherwise.
    pub fn plugin(&self) -> PathBuf {
        let file = format!("{}.wasm", self.manifest.name);
        self.target_directory.join("wudf").join(file)
    }

    /// What `[package.metadata.wudf]` names as the input of a trial run.
    pub fn example(&self) -> Result<Vec<PathBuf>> {
        let settings = self
            .manifest
            .metadata
            .as_ref()
            .and_then(|all| all.get("wudf"));
        let example = settings.and_then(|wudf| wudf.get("example"));
        let example = example.unwrap_or(&serde_json::Value::Null);
        let one = example.as_str().map(|name| vec![name.to_owned()]);
        let names = one.or_else(|| serde_json::from_value(example.clone()).ok());
        let names = names
            .context("`example` in [package.metadata.wudf] of Cargo.toml is no list of files")?;
        ensure!(
            !names.is_empty(),
            "`example` in [package.metadata.wudf] of Cargo.toml names nothing"
        );
        Ok(names.iter().map(|name| self.folder.join(name)).collect())
    }
}

/// The cargo that runs this program, else the user's.
pub fn cargo() -> OsString {
    env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
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
