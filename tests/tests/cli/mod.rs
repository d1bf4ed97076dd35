//! The program `wudf` from outside: its output, its messages and its exit status.
//!
//! Golden files are in `tests/tests/snapshots`; `INSTA_UPDATE=always` writes them
//! again.

mod crates;
mod data;
mod demo;
mod formats;
mod golden;
#[cfg(unix)]
mod languages;
mod memory;
mod python;
mod rows;
#[cfg(unix)]
mod signals;
mod sql;
mod streams;
mod watch;

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use wudf_tests::program::wudf;

/// An empty folder with the test plugin `kit.wasm` in it.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("kit.wasm"), wudf_fixtures::KIT.bytes).unwrap();
    folder
}

/// Runs a command line whose words have no spaces in them.
fn run(folder: &TempDir, line: &str) -> wudf_tests::program::Ran {
    wudf(folder.path(), line.split_whitespace()).run()
}

fn write(folder: &TempDir, name: &str, text: &str) {
    fs::write(folder.path().join(name), text).unwrap();
}

fn read(folder: &TempDir, name: &str) -> String {
    fs::read_to_string(folder.path().join(name)).unwrap()
}

/// What is in the folder, without the plugin.
fn left(folder: &Path) -> Vec<String> {
    let mut names = wudf_tests::program::names_in(folder);
    names.retain(|name| !name.ends_with(".wasm"));
    names
}
