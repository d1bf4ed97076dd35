//! Tests that cannot run on this machine, or only in part.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::PathBuf;

/// Records that the current test, or a part of it, does not run, and why: on stderr, and in the file that the environment
/// variable `WUDF_SKIPS` names. `make test` sets it, lists what is in it, and under `CI` fails for whatever
/// `tests/skips.allowed` does not name.
///
/// # Panics
/// When that file cannot be written: a skip that nobody sees counts as a pass.
pub fn skipped(reason: &str) {
    let reason = reason.split_whitespace().collect::<Vec<_>>().join(" ");
    let test = test();
    // Not `eprintln!`, which the test harness captures.
    let _ = writeln!(std::io::stderr().lock(), "SKIPPED {test}: {reason}");
    let Some(file) = std::env::var_os("WUDF_SKIPS") else {
        return;
    };
    // In one write, so that lines of parallel tests do not mix.
    let line = format!("{test}\t{reason}\n");
    OpenOptions::new()
        .append(true)
        .create(true)
        .open(&file)
        .and_then(|mut file| file.write_all(line.as_bytes()))
        .unwrap_or_else(|e| panic!("the skip of {test} cannot be recorded in {file:?}: {e}"));
}

/// The test's name: its binary, and its path in it, which the harness gives to its thread.
fn test() -> String {
    let program = std::env::current_exe().unwrap_or_default();
    let stem = program.file_stem().unwrap_or_default().to_string_lossy();
    // Cargo puts a hash behind the name.
    let binary = stem.rsplit_once('-').map_or(&*stem, |(name, _)| name);
    match std::thread::current().name() {
        Some(name) if name != "main" => format!("{binary}::{name}"),
        _ => binary.to_owned(),
    }
}

/// A program that the environment variable names, or that is on the `PATH`. Without it the test is recorded as skipped, with
/// `what` is not tested for it.
///
/// # Panics
/// When the variable names no file.
pub fn tool(variable: &str, name: &str, what: &str) -> Option<PathBuf> {
    if let Some(path) = std::env::var_os(variable).map(PathBuf::from) {
        assert!(
            path.is_file(),
            "{variable} names {path:?}, which is no file"
        );
        return Some(path);
    }
    let found = on_path(name);
    if found.is_none() {
        skipped(&format!(
            "{name} is not on the PATH (or {variable}): {what}"
        ));
    }
    found
}

fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder| folder.join(name))
        .find(|path| path.is_file())
}
