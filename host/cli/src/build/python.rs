//! Python, by componentize-py.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use super::{How, tools};
use crate::project::{Project, Sources};

const TOOL: &str = "componentize-py";
/// The version that is tested; others may name modules and classes otherwise.
const TESTED: &str = "0.25";

/// Makes a component of the module that the manifest names, and of what it imports.
pub fn compile(
    project: &Project,
    sources: &Sources,
    world: &str,
    how: &How<'_>,
) -> Result<Vec<u8>> {
    let tool = find(&project.folder)?;
    let version = tools::version(&tool).unwrap_or_default();
    tools::check_version(
        TOOL,
        version.trim_start_matches(TOOL).trim(),
        TESTED,
        how.talk,
    );
    let source = sources.files.first().context("no source")?;
    let module = source
        .file_stem()
        .and_then(|stem| stem.to_str())
        .with_context(|| format!("{} is not the name of a Python module", source.display()))?;
    let output = project.target.join("wudf").join("python.wasm");
    let mut command = Command::new(&tool);
    command
        .current_dir(source.parent().unwrap_or(&project.folder))
        .arg("--wit-path")
        .arg(&sources.wit)
        .args(["--world", world, "componentize", module, "--output"])
        .arg(&output)
        .args(how.more)
        // Compiled modules beside the sources are of no use to anybody.
        .env("PYTHONDONTWRITEBYTECODE", "1");
    let doing = format!("building {} with {version}", project.about.name);
    tools::run(&mut command, &doing, how.talk)?;
    let bytes = fs::read(&output).with_context(|| format!("cannot read {}", output.display()))?;
    let _ = fs::remove_file(&output);
    Ok(bytes)
}

/// The tool of the active virtual environment, of the project's own, or on the `PATH`.
fn find(folder: &Path) -> Result<PathBuf> {
    let active = env::var_os("VIRTUAL_ENV").map(PathBuf::from);
    let environments = active.into_iter().chain([folder.join(".venv")]);
    let folders: Vec<PathBuf> = environments.map(|folder| folder.join("bin")).collect();
    tools::find(TOOL, &folders)
        .with_context(|| format!("{TOOL} is not installed: run `pip install '{TOOL}=={TESTED}.*'`"))
}
