//! Compiles plugins and writes down where the files are: what the build scripts of
//! this crate and of the tests' fixtures share.

use std::collections::BTreeSet;
use std::env;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const TARGET: &str = "wasm32-wasip2";
const PROFILE: &str = "plugin";

/// Compiles packages of the repository and writes `artifacts.rs`, with a constant
/// for the path of each file and one for its bytes.
pub fn compile(packages: &[&str]) -> Result<(), String> {
    let root = repository()?;
    let out = path("OUT_DIR")?;
    // One folder for all build scripts of a profile, so that what plugins have in
    // common is compiled once: OUT_DIR is PROFILE/build/PACKAGE-HASH/out.
    let profile = out
        .ancestors()
        .nth(3)
        .ok_or_else(|| format!("{}: not where cargo builds", out.display()))?;
    let target_dir = profile.join("plugins");

    println!("cargo::rerun-if-env-changed=RUSTUP_TOOLCHAIN");
    check_target()?;

    let built = target_dir.join(TARGET).join(PROFILE);
    let mut code = String::new();
    let mut sources = BTreeSet::new();
    for package in packages {
        build(package, &root, &target_dir)?;
        let stem = built.join(package.replace('-', "_"));
        let file = out.join(format!("{package}.wasm"));
        copy_if_changed(&stem.with_extension("wasm"), &file)?;
        write_constants(&mut code, package, &file)?;
        sources.extend(dependencies(&stem.with_extension("d"))?);
    }
    write(&out.join("artifacts.rs"), &code)?;

    // Manifests are in no dependency file. The lock file is left out: it changes
    // with any crate of the workspace, and those of plugins also change these.
    sources.extend(manifests(&sources));
    sources.insert(root.join("Cargo.toml"));
    for source in sources {
        println!("cargo::rerun-if-changed={}", source.display());
    }
    Ok(())
}

/// The constants of one plugin.
pub fn write_constants(code: &mut String, package: &str, file: &Path) -> Result<(), String> {
    let name = package.replace('-', "_").to_uppercase();
    let file = file.to_str().ok_or("the path of the build is not UTF-8")?;
    let _ = writeln!(code, "const {name}_FILE: &str = {file:?};");
    let _ = writeln!(
        code,
        "static {name}_BYTES: &[u8] = include_bytes!({file:?});"
    );
    Ok(())
}

/// Writes a text file; an error names it.
pub fn write(file: &Path, text: &str) -> Result<(), String> {
    fs::write(file, text).map_err(|error| format!("{}: {error}", file.display()))
}

/// The root of the repository that the package is in.
fn repository() -> Result<PathBuf, String> {
    let root = path("CARGO_MANIFEST_DIR")?.join("../..");
    root.canonicalize()
        .map_err(|error| format!("{}: {error}", root.display()))
}

/// A folder that cargo names in a variable.
pub fn path(variable: &str) -> Result<PathBuf, String> {
    env::var_os(variable)
        .map(PathBuf::from)
        .ok_or_else(|| format!("{variable} is not set"))
}

/// That there is a standard library to compile plugins with. Without this check
/// every crate would fail with an error of its own.
fn check_target() -> Result<(), String> {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(&rustc)
        .args(["--print", "target-libdir", "--target", TARGET])
        .output()
        .map_err(|error| format!("{}: {error}", rustc.display()))?;
    let libraries = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    if output.status.success() && Path::new(&libraries).is_dir() {
        return Ok(());
    }
    Err(format!(
        "plugins are compiled for {TARGET}, which is not installed: run `rustup target add {TARGET}`"
    ))
}

/// Builds one plugin, in a target directory of its own kind, because the outer
/// build holds the lock of its own. One at a time and as nothing but a `cdylib`:
/// the packages are libraries too, and cargo leaves out link-time optimisation
/// for what is also a library.
fn build(package: &str, root: &Path, target_dir: &Path) -> Result<(), String> {
    let cargo = path("CARGO")?;
    let mut command = Command::new(&cargo);
    command
        .current_dir(root)
        .args([
            "rustc",
            "--package",
            package,
            "--lib",
            "--crate-type",
            "cdylib",
        ])
        .args(["--target", TARGET, "--profile", PROFILE, "--target-dir"])
        .arg(target_dir);
    for (name, _) in env::vars_os() {
        if name.to_str().is_some_and(leaks) {
            command.env_remove(name);
        }
    }
    // This variable wins over all others, and may hold spaces.
    command.env("CARGO_ENCODED_RUSTFLAGS", rustflags(root).join("\x1f"));

    let output = command
        .output()
        .map_err(|error| format!("{}: {error}", cargo.display()))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!(
        "{package} does not compile:\n{}",
        String::from_utf8_lossy(&output.stderr)
    ))
}

/// The compiler's flags, as `wudf build` has them: vectors; loops of a known, small
/// number of steps unrolled twice as readily as usual, because the host's check at
/// the end of each step costs more than the code takes room (decoding a JPEG, 13 %
/// of the time without this and 4 % with it); and names for the folders of this
/// machine, which panics would have in their messages, so that the same sources
/// make the same plugin everywhere.
fn rustflags(root: &Path) -> Vec<String> {
    let home = env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(env::home_dir()?.join(".cargo")));
    let mut flags = vec![
        "-Ctarget-feature=+simd128".to_owned(),
        "-Cllvm-args=-unroll-threshold=600".to_owned(),
    ];
    if let Some(home) = home {
        flags.push(format!("--remap-path-prefix={}=/cargo", home.display()));
    }
    flags.push(format!("--remap-path-prefix={}=/wudf", root.display()));
    flags
}

/// Whether a variable says something of the outer build that the inner one would
/// take for itself. Where cargo's files, proxies and registries are concerns
/// both.
fn leaks(name: &str) -> bool {
    const KEPT: &[&str] = &[
        "CARGO_HOME",
        "CARGO_HTTP_",
        "CARGO_NET_",
        "CARGO_REGISTR",
        "CARGO_SOURCE_",
    ];
    if name.starts_with("CARGO_") {
        return !KEPT.iter().any(|kept| name.starts_with(kept));
    }
    matches!(
        name,
        "RUSTFLAGS" | "RUSTDOCFLAGS" | "RUSTC_WRAPPER" | "RUSTC_WORKSPACE_WRAPPER"
    ) || matches!(
        name,
        "TARGET" | "HOST" | "PROFILE" | "OPT_LEVEL" | "DEBUG" | "OUT_DIR" | "NUM_JOBS"
    )
}

/// Copies, but leaves a file alone that is the same, so that nothing that
/// includes it is compiled again.
fn copy_if_changed(from: &Path, to: &Path) -> Result<(), String> {
    let bytes = fs::read(from).map_err(|error| format!("{}: {error}", from.display()))?;
    if fs::read(to).is_ok_and(|old| old == bytes) {
        return Ok(());
    }
    fs::write(to, bytes).map_err(|error| format!("{}: {error}", to.display()))
}

/// The source files that a `.d` file lists: those of this workspace, the
/// contract included, for cargo leaves out registry crates.
fn dependencies(file: &Path) -> Result<Vec<PathBuf>, String> {
    let text = fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
    let (_, files) = text
        .split_once(": ")
        .ok_or_else(|| format!("{}: not as expected", file.display()))?;
    // Spaces in names are escaped.
    let files = files
        .lines()
        .next()
        .unwrap_or_default()
        .replace("\\ ", "\0");
    Ok(files
        .split_whitespace()
        .map(|file| PathBuf::from(file.replace('\0', " ")))
        .collect())
}

/// The manifests of the packages that these files belong to.
fn manifests(sources: &BTreeSet<PathBuf>) -> Vec<PathBuf> {
    let manifest = |source: &PathBuf| {
        source
            .ancestors()
            .skip(1)
            .map(|folder| folder.join("Cargo.toml"))
            .find(|file| file.is_file())
    };
    sources.iter().filter_map(manifest).collect()
}
