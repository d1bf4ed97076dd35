//! Programs that other languages are built with: found, run, and named when they are missing.

use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

use crate::progress;
use crate::talk::Talk;

/// A program of that name: in one of the folders, else on the `PATH`.
pub fn find(name: &str, folders: &[PathBuf]) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let name = format!("{name}{}", env::consts::EXE_SUFFIX);
    folders
        .iter()
        .cloned()
        .chain(env::split_paths(&path))
        .map(|folder| folder.join(&name))
        .find(|file| file.is_file())
}

/// What `--version` prints, on one line.
pub fn version(program: &Path) -> Option<String> {
    let output = Command::new(program).arg("--version").output().ok()?;
    let said = String::from_utf8(output.stdout).ok()?;
    output
        .status
        .success()
        .then(|| said.lines().next().unwrap_or_default().to_owned())
}

/// Warns of a version of a tool that wudf is not tested with.
pub fn check_version(tool: &str, version: &str, tested: &str, talk: Talk) {
    let is_tested = version
        .split(|c: char| c.is_whitespace() || c == '@')
        .any(|word| word == tested || word.starts_with(&format!("{tested}.")));
    if !is_tested {
        talk.warn(&format!(
            "{tool} is version {version}; wudf is tested with {tested}"
        ));
    }
}

/// Runs a tool that says little while it works. What it prints is shown when it fails, or with `-v`.
pub fn run(command: &mut Command, doing: &str, talk: Talk) -> Result<()> {
    tracing::info!(?command, "running");
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let program = name_of(command.get_program());
    let output = progress::step(talk, doing, || command.output())
        .with_context(|| format!("cannot run {program}"))?;
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    if !output.status.success() {
        bail!("{program} failed ({})\n{}", output.status, said.trim());
    }
    tracing::debug!("{}", said.trim());
    // Warnings of a compiler are worth a look even when it succeeds.
    if said.contains("warning:") {
        talk.say(said.trim());
    }
    Ok(())
}

fn name_of(program: &OsStr) -> String {
    let path = Path::new(program);
    path.file_name()
        .unwrap_or(program)
        .to_string_lossy()
        .into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_found_in_folders_first() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(format!("sh{}", env::consts::EXE_SUFFIX));
        std::fs::write(&file, "").unwrap();
        assert_eq!(find("sh", &[folder.path().to_owned()]), Some(file));
        assert_eq!(find("no-such-program-anywhere", &[]), None);
    }
}
