//! Compiles the plugins that ship, or takes those that the package brings.

mod compile;

use std::path::Path;

const SHIPPED: &[&str] = &["image-features"];

fn main() {
    println!("cargo::rerun-if-changed=build");
    // Only `make dist` puts it there, for the package on crates.io.
    let prebuilt = Path::new("prebuilt");
    let in_repository = Path::new("../plugins").is_dir();
    let made = match prebuilt.is_dir() && !in_repository {
        true => take(prebuilt, SHIPPED),
        false => compile::compile(SHIPPED),
    };
    if let Err(message) = made {
        for line in message.lines() {
            println!("cargo::error={line}");
        }
    }
}

/// Writes `artifacts.rs` for plugins that were compiled before.
fn take(folder: &Path, packages: &[&str]) -> Result<(), String> {
    let mut code = String::new();
    for package in packages {
        let file = compile::path("CARGO_MANIFEST_DIR")?
            .join(folder)
            .join(format!("{package}.wasm"));
        compile::write_constants(&mut code, package, &file)?;
    }
    compile::write(&compile::path("OUT_DIR")?.join("artifacts.rs"), &code)
}
