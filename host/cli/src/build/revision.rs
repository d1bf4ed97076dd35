//! The revision of the sources, as git knows it.

use std::path::Path;
use std::process::Command;

/// The commit that a plugin's sources are of, with `-dirty` behind it where tracked files differ from it. None where
/// they are in no repository, or the manifest is not tracked: then the repository around it is about something else.
pub fn of(manifest: &Path) -> Option<String> {
    let folder = manifest.parent()?;
    let name = manifest.file_name()?.to_str()?;
    git(folder, &["ls-files", "--error-unmatch", name])?;
    let commit = git(folder, &["rev-parse", "--verify", "HEAD"])?;
    // What is not tracked is left out, or a plugin built into the folder would make the next one another.
    let changed = git(folder, &["status", "--porcelain", "--untracked-files=no"])?;
    Some(match changed.is_empty() {
        true => commit,
        false => format!("{commit}-dirty"),
    })
}

fn git(folder: &Path, arguments: &[&str]) -> Option<String> {
    let output = Command::new("git")
        .current_dir(folder)
        .args(arguments)
        // A look at a repository is to leave nothing in it.
        .env("GIT_OPTIONAL_LOCKS", "0")
        .output()
        .ok()?;
    let said = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| said.trim().to_owned())
}
