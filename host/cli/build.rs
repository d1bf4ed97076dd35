//! Lists the files of the SDK's crates, which `wudf new` writes into a new plugin crate.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// Files and folders, from the repository's root. The manifest of the workspace
/// and the lock file are read for what the manifests of the SDK take from them.
const CARRIED: &[&str] = &[
    "LICENSE",
    "Cargo.toml",
    "Cargo.lock",
    "guest/sdk",
    "guest/sdk-macros",
];

/// What is in these folders and not published.
const LEFT_OUT: &[&str] = &["tests", "target"];

fn main() {
    if let Err(error) = run() {
        println!("cargo::error={error}");
    }
}

fn run() -> io::Result<()> {
    let variable = |name: &str| {
        env::var_os(name)
            .map(PathBuf::from)
            .ok_or_else(|| io::Error::other(format!("{name} is not set")))
    };
    let root = variable("CARGO_MANIFEST_DIR")?
        .join("../..")
        .canonicalize()?;
    println!("cargo::rerun-if-changed=build.rs");
    let mut files = Vec::new();
    for carried in CARRIED {
        let path = root.join(carried);
        println!("cargo::rerun-if-changed={}", path.display());
        collect(&path, &mut files)?;
    }
    files.sort();

    let mut code = String::from("const FILES: &[(&str, &str)] = &[\n");
    for file in &files {
        let name: Vec<_> = file
            .strip_prefix(&root)
            .map_err(io::Error::other)?
            .iter()
            .map(|part| part.to_string_lossy())
            .collect();
        let name = name.join("/");
        let _ = writeln!(code, "    ({name:?}, include_str!({file:?})),");
    }
    code.push_str("];\n");
    fs::write(variable("OUT_DIR")?.join("carried.rs"), code)
}

fn collect(path: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    if !path.is_dir() {
        files.push(path.to_owned());
        return Ok(());
    }
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        // Hidden files are those of editors.
        if !name.starts_with('.') && !LEFT_OUT.contains(&&*name) {
            collect(&entry.path(), files)?;
        }
    }
    Ok(())
}
