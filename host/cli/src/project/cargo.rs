//! A plugin crate: what cargo says about it.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;

use super::{About, Settings};

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

impl Package {
    /// Asks cargo, which knows of workspaces, and of where the build goes.
    pub fn read(manifest: &Path) -> Result<Self> {
        let output = Command::new(program())
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

    /// What the plugin will say about itself.
    pub fn about(&self) -> About {
        let manifest = &self.manifest;
        About {
            name: manifest.name.clone(),
            version: manifest.version.clone(),
            description: manifest.description.clone(),
            license: manifest.license.clone(),
            authors: manifest.authors.clone(),
            repository: manifest.repository.clone(),
            homepage: manifest.homepage.clone(),
        }
    }

    /// `[package.metadata.wudf]`.
    pub fn settings(&self) -> Result<Settings> {
        let metadata = self.manifest.metadata.as_ref();
        let table = metadata.and_then(|metadata| metadata.get("wudf"));
        Settings::read(table, "[package.metadata.wudf] of Cargo.toml")
    }
}

/// The cargo that runs this program, else the user's.
pub fn program() -> OsString {
    env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}
