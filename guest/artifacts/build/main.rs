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
        true => compile::take(prebuilt, SHIPPED),
        false => compile::compile(SHIPPED),
    };
    if let Err(message) = made {
        for line in message.lines() {
            println!("cargo::error={line}");
        }
    }
}
