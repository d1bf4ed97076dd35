//! Runs cargo: sources in, a component out, the same everywhere.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail, ensure};
use serde::Deserialize;
use toml::Value;

use super::How;
use crate::project::{Package, cargo_program};

pub const TARGET: &str = "wasm32-wasip2";

/// The profile of plugins, which is the crate's own `release` but for this.
/// Names of functions stay: a trap's backtrace has them.
const PROFILE: [&str; 4] = [
    "profile.wudf-plugin.inherits='release'",
    "profile.wudf-plugin.lto='fat'",
    "profile.wudf-plugin.codegen-units=1",
    "profile.wudf-plugin.strip='debuginfo'",
];

/// Compiles a plugin crate, and gives the component.
pub fn compile(package: &Package, how: &How<'_>) -> Result<Vec<u8>> {
    let library = package.library()?;
    check_target(&package.folder)?;
    if how.auditable {
        check_auditable()?;
    }
    let mut command = Command::new(cargo_program());
    command.current_dir(&package.folder);
    if how.auditable {
        command.arg("auditable");
    }
    // As nothing but a cdylib: cargo leaves out link-time optimisation for what is also a library.
    command.args([
        "rustc",
        "--lib",
        "--crate-type",
        "cdylib",
        "--target",
        TARGET,
        "--profile",
        "wudf-plugin",
    ]);
    command.args(["--message-format", "json-render-diagnostics"]);
    for setting in PROFILE {
        command.args(["--config", setting]);
    }
    set_flags(&mut command, flags(package));
    if how.talk.is_quiet() {
        command.arg("--quiet");
    }
    command.args(how.more).stderr(Stdio::inherit());
    let output = command.output().context("cannot run cargo")?;
    ensure!(
        output.status.success(),
        "{} does not compile: cargo ended with {}",
        package.manifest.name,
        output.status
    );
    let file = artifact(&output.stdout, library)
        .with_context(|| format!("cargo made no .wasm file of {}", package.manifest.name))?;
    let bytes = fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
    ensure!(
        bytes.starts_with(b"\0asm\x0d\0\x01\0"),
        "{} is no component: wudf needs {TARGET}",
        file.display()
    );
    Ok(bytes)
}

/// That there is a standard library to compile with. Without this check every crate would fail with an error of its own.
fn check_target(folder: &Path) -> Result<()> {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(&rustc)
        .current_dir(folder)
        .args(["--print", "target-libdir", "--target", TARGET])
        .output()
        .with_context(|| {
            format!(
                "cannot run {}: plugins are built with Rust, which https://rustup.rs installs",
                rustc.display()
            )
        })?;
    let libraries = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    ensure!(
        output.status.success() && Path::new(&libraries).is_dir(),
        "plugins are compiled for {TARGET}, which is not installed: run `rustup target add {TARGET}`"
    );
    Ok(())
}

fn check_auditable() -> Result<()> {
    let found = Command::new(cargo_program())
        .args(["auditable", "--version"])
        .output()
        .is_ok_and(|output| output.status.success());
    if !found {
        bail!(
            "--auditable needs cargo-auditable, which is not installed: run `cargo install cargo-auditable`"
        );
    }
    Ok(())
}

/// The compiler's flags: vectors; loops of a known, small number of steps unrolled twice as readily as usual, because
/// the host's check at the end of each step costs more than the code takes room; and names for the folders of this
/// machine, which panics would have in their messages, so that the same sources make the same plugin everywhere.
fn flags(package: &Package) -> Vec<String> {
    let mut flags = vec![
        "-Ctarget-feature=+simd128".to_owned(),
        "-Cllvm-args=-unroll-threshold=600".to_owned(),
    ];
    let mut rename = |path: &Path, name: &str| {
        flags.push(format!("--remap-path-prefix={}={name}", path.display()));
    };
    // The last that fits wins.
    for dependency in &package.manifest.dependencies {
        if let Some(path) = dependency.path.as_deref()
            && !path.starts_with(&package.workspace_root)
        {
            rename(path, &format!("/{}", dependency.name));
        }
    }
    rename(&package.workspace_root, "/plugin");
    rename(&package.target_directory, "/target");
    let home = env::var_os("CARGO_HOME").map(PathBuf::from);
    if let Some(home) = home.or_else(|| Some(env::home_dir()?.join(".cargo"))) {
        rename(&home, "/cargo");
    }
    flags
}

/// Adds to what the user's own configuration has, in the place that wins.
fn set_flags(command: &mut Command, mut flags: Vec<String>) {
    const ENCODED: &str = "CARGO_ENCODED_RUSTFLAGS";
    let encoded = env::var(ENCODED).ok().filter(|own| !own.is_empty());
    let own = encoded.or_else(|| {
        let plain = env::var("RUSTFLAGS").ok()?;
        let words: Vec<&str> = plain.split_whitespace().collect();
        Some(words.join("\x1f")).filter(|own| !own.is_empty())
    });
    match own {
        Some(own) => {
            flags.insert(0, own);
            command.env(ENCODED, flags.join("\x1f"));
        }
        None => {
            let flags = Value::Array(flags.into_iter().map(Value::String).collect());
            let setting = format!("target.{TARGET}.rustflags={flags}");
            command.args(["--config", &setting]);
        }
    }
}

#[derive(Deserialize)]
struct Message {
    reason: String,
    target: Option<Target>,
    #[serde(default)]
    filenames: Vec<PathBuf>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
}

/// The .wasm file of the library among cargo's messages.
fn artifact(messages: &[u8], library: &str) -> Option<PathBuf> {
    let lines = messages.split(|byte| *byte == b'\n');
    let messages = lines.filter_map(|line| serde_json::from_slice::<Message>(line).ok());
    let ours = messages.filter(|message| {
        message.reason == "compiler-artifact"
            && message
                .target
                .as_ref()
                .is_some_and(|target| target.name == library)
    });
    let mut files = ours.flat_map(|message| message.filenames);
    files.rfind(|file| {
        file.extension()
            .is_some_and(|extension| extension == "wasm")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_found_among_messages() {
        let messages = br#"{"reason":"compiler-artifact","target":{"name":"syn"},"filenames":["/t/libsyn.rlib"]}
{"reason":"compiler-artifact","target":{"name":"hello"},"filenames":["/t/hello.d","/t/hello.wasm"]}
garbage
{"reason":"build-finished","success":true}"#;
        assert_eq!(
            artifact(messages, "hello"),
            Some(PathBuf::from("/t/hello.wasm"))
        );
        assert_eq!(artifact(messages, "syn"), None);
    }
}
