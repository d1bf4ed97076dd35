//! Programs in C and C++ against the built libraries.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use wudf_tests::program::{alone, release};

/// How a program finds wudf.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    Shared,
    Static,
}

/// What a static library wants beside itself, as `host/capi/README.md` says.
pub const STATIC: [&str; 5] = ["-lgcc_s", "-lpthread", "-ldl", "-lm", "-lc"];

/// The folder of the C interface.
pub fn folder() -> PathBuf {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    repository.join("host/capi")
}

/// The compiler of this name, or what the environment calls it; none, if it does not run.
pub fn compiler(variable: &str, name: &str) -> Option<PathBuf> {
    let compiler = std::env::var_os(variable).unwrap_or_else(|| name.into());
    let version = Command::new(&compiler).arg("--version").output();
    version.ok()?.status.success().then(|| compiler.into())
}

/// Compiles sources (relative to [`folder`]) without a warning, and links them.
pub fn compile(
    compiler: &Path,
    link: Link,
    flags: &[&str],
    sources: &[&str],
    program: &Path,
) -> Result<(), String> {
    let mut command = Command::new(compiler);
    command
        .args(["-Wall", "-Wextra", "-Werror", "-pedantic", "-g", "-O1"])
        .args(flags)
        .arg("-I")
        .arg(folder().join("include"))
        .args(sources.iter().map(|source| folder().join(source)))
        .arg("-o")
        .arg(program);
    let release = release();
    let library = match link {
        Link::Shared => release.join("libwudf.so"),
        Link::Static => release.join("libwudf.a"),
    };
    assert!(
        library.is_file(),
        "{} is not there: run `cargo build --release --workspace` first (make test does)",
        library.display()
    );
    match link {
        Link::Shared => {
            let installed = installed(&library, program);
            command.arg("-L").arg(&installed).arg("-lwudf");
            let mut rpath = std::ffi::OsString::from("-Wl,-rpath,");
            rpath.push(&installed);
            command.arg(rpath).arg("-lpthread");
        }
        Link::Static => {
            command.arg(library).args(STATIC);
        }
    }
    let output = command.output().unwrap();
    match output.status.success() {
        true => Ok(()),
        false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
    }
}

/// A folder beside the program with the library under the names that linking and
/// running look for, as `make install-c` makes them.
fn installed(library: &Path, program: &Path) -> PathBuf {
    let folder = program.with_extension("lib");
    std::fs::create_dir_all(&folder).unwrap();
    let major = env!("CARGO_PKG_VERSION_MAJOR");
    for name in ["libwudf.so".to_owned(), format!("libwudf.so.{major}")] {
        let _ = std::fs::remove_file(folder.join(&name));
        std::os::unix::fs::symlink(library, folder.join(&name)).unwrap();
    }
    folder
}

/// A program that was compiled, to be run without what the environment of the test says.
pub fn program(program: &Path) -> Command {
    let mut command = Command::new(program);
    alone(&mut command);
    command
}

/// What a program said, for when it went wrong.
pub fn transcript(output: &Output) -> String {
    format!(
        "{}\n-- stdout\n{}\n-- stderr\n{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}
