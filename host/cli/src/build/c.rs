//! C, by clang and wasi-libc. The bindings are written here, and the module that
//! clang links becomes a component here: no other tool is needed.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use wasi_preview1_component_adapter_provider::{
    WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER,
};
use wit_bindgen_core::Files;
use wit_component::ComponentEncoder;

use super::wit::Wit;
use super::{How, tools};
use crate::output;
use crate::project::{Project, Sources};

/// Releases of clang that are looked for by name where there is no `clang`; 14 and 19 are tested.
const RELEASES: std::ops::RangeInclusive<u32> = 14..=30;
const INSTALL: &str = "apt install clang lld wasi-libc libclang-rt-dev-wasm32";

/// The compiler's flags: as `wudf build` has them for Rust, a library without `main`, and no paths of this machine.
const FLAGS: [&str; 5] = [
    "--target=wasm32-wasi",
    "-O2",
    "-msimd128",
    "-mexec-model=reactor",
    "-Wall",
];

/// Compiles the files that the manifest names.
pub fn compile(
    project: &Project,
    sources: &Sources,
    mut wit: Wit,
    how: &How<'_>,
) -> Result<Vec<u8>> {
    let clang = find()?;
    let version = tools::version(&clang).unwrap_or_default();
    let folder = project.target.join("wudf");
    let bindings = folder.join("bindings");
    let generated = write_bindings(&mut wit, &bindings)?;
    let module = folder.join("c.wasm");
    let mut command = Command::new(&clang);
    command
        .current_dir(&project.folder)
        .args(FLAGS)
        .arg(format!(
            "-ffile-prefix-map={}=/plugin",
            project.folder.display()
        ))
        .arg("-I")
        .arg(&bindings)
        .args(&sources.files)
        .args(generated)
        .args(how.more)
        .arg("-o")
        .arg(&module);
    let doing = format!("building {} with {version}", project.about.name);
    if let Err(error) = tools::run(&mut command, &doing, how.talk) {
        check_toolchain(&clang, &folder)?;
        return Err(error);
    }
    let core = fs::read(&module).with_context(|| format!("cannot read {}", module.display()))?;
    let _ = fs::remove_file(&module);
    component(&core).with_context(|| {
        format!(
            "{} does not match its WIT: its functions are declared in {}",
            project.about.name,
            crate::project::from_here(&bindings).display()
        )
    })
}

fn component(module: &[u8]) -> Result<Vec<u8>> {
    ComponentEncoder::default()
        .module(module)?
        .adapter(
            WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME,
            WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER,
        )?
        .validate(true)
        .encode()
}

/// Writes the header, and what is compiled and linked besides the author's files.
fn write_bindings(wit: &mut Wit, folder: &Path) -> Result<Vec<PathBuf>> {
    let cannot = || format!("cannot write {}", folder.display());
    let mut files = Files::default();
    let mut generator = wit_bindgen_c::Opts::default().build();
    generator
        .generate(&mut wit.resolve, wit.world, &mut files)
        .context("cannot generate C bindings for this WIT")?;
    fs::create_dir_all(folder).with_context(cannot)?;
    let mut linked = Vec::new();
    for (name, bytes) in files.iter() {
        let path = folder.join(name);
        output::write_file(&path, bytes).with_context(cannot)?;
        if !name.ends_with(".h") {
            linked.push(path);
        }
    }
    Ok(linked)
}

/// The clang of `WASI_SDK_PATH`, else on the `PATH`.
fn find() -> Result<PathBuf> {
    if let Some(sdk) = env::var_os("WASI_SDK_PATH").map(PathBuf::from) {
        let clang = sdk.join("bin");
        return tools::find("clang", &[clang]).with_context(|| {
            format!(
                "WASI_SDK_PATH names {}, which has no bin/clang",
                sdk.display()
            )
        });
    }
    let numbered = RELEASES.rev().map(|release| format!("clang-{release}"));
    let mut names = std::iter::once("clang".to_owned()).chain(numbered);
    names
        .find_map(|name| tools::find(&name, &[]))
        .with_context(|| format!("clang is not installed: run `{INSTALL}`"))
}

/// Tells a fault of the author's from a toolchain that cannot build anything.
fn check_toolchain(clang: &Path, folder: &Path) -> Result<()> {
    let source = folder.join("probe.c");
    let probe = folder.join("probe.wasm");
    let text = "#include <stdlib.h>\nvoid *probe(void) { return malloc(1); }\n";
    output::write_file(&source, text.as_bytes())
        .with_context(|| format!("cannot write {}", source.display()))?;
    let ran = Command::new(clang)
        .args(FLAGS)
        .arg(&source)
        .arg("-o")
        .arg(&probe)
        .output();
    for file in [&source, &probe] {
        let _ = fs::remove_file(file);
    }
    match ran {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => bail!(
            "{} cannot compile for wasm32-wasi: run `{INSTALL}`, or set WASI_SDK_PATH\n{}",
            clang.display(),
            String::from_utf8_lossy(&output.stderr).trim()
        ),
        Err(error) => Err(error).with_context(|| format!("cannot run {}", clang.display())),
    }
}
