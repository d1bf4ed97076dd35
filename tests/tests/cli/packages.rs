//! The SDK as it is published: the `.crate` files that `cargo package` makes are all
//! that a plugin is built from.
//!
//! Nothing is downloaded: the plugin has this repository's lock file.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use wudf_tests::program::{release, wudf};

const PACKAGES: [&str; 2] = ["wudf-guest-macros", "wudf-guest"];

const MANIFEST: &str = r#"
[package]
name = "published"
version = "1.0.0"
edition = "2024"

[lib]
crate-type = ["cdylib"]

[dependencies]
wudf-guest = "VERSION"

[patch.crates-io]
wudf-guest = { path = "../wudf-guest-VERSION" }
wudf-guest-macros = { path = "../wudf-guest-macros-VERSION" }

[workspace]
"#;

const LIBRARY: &str = r#"
use wudf_guest::{Enum, Row, UdfOptions, udf};

#[derive(UdfOptions)]
struct Options {
    #[option(default = 2)]
    least: u32,
}

#[derive(Enum)]
enum Length {
    Short,
    Long,
}

#[derive(Row)]
struct Word<'a> {
    text: &'a str,
    length: Length,
}

struct Words {
    least: usize,
}

/// The words of a text.
#[udf]
impl Words {
    fn open(options: Options) -> Self {
        Self { least: options.least as usize }
    }

    fn words<'a>(&self, text: &'a str) -> Vec<Word<'a>> {
        text.split_whitespace()
            .filter(|word| word.len() >= self.least)
            .map(|text| Word {
                text,
                length: if text.len() < 5 { Length::Short } else { Length::Long },
            })
            .collect()
    }
}

wudf_guest::plugin!(Words);
"#;

/// Where the packages and the plugin are built.
fn target() -> PathBuf {
    release().with_file_name("tmp").join("wudf-packages-target")
}

fn cargo(folder: &Path, line: &str) {
    let output = Command::new(env!("CARGO"))
        .args(line.split_whitespace())
        .current_dir(folder)
        .env("CARGO_TARGET_DIR", target())
        .env("CARGO_NET_OFFLINE", "true")
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "cargo {line}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn a_plugin_is_built_from_the_packages_alone() {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let place = tempfile::tempdir().unwrap();
    let version = env!("CARGO_PKG_VERSION");

    // What does not stand in a package is missed when the plugin is built.
    let packages = PACKAGES.map(|name| format!("-p {name}")).join(" ");
    cargo(
        &repository,
        &format!("package --no-verify --allow-dirty {packages}"),
    );
    for name in PACKAGES {
        let package = target().join(format!("package/{name}-{version}.crate"));
        let unpacked = Command::new("tar")
            .arg("-xzf")
            .arg(package)
            .current_dir(place.path());
        assert!({ unpacked }.status().unwrap().success());
    }

    let plugin = place.path().join("published");
    fs::create_dir_all(plugin.join("src")).unwrap();
    fs::write(
        plugin.join("Cargo.toml"),
        MANIFEST.replace("VERSION", version),
    )
    .unwrap();
    fs::write(plugin.join("src/lib.rs"), LIBRARY).unwrap();
    fs::copy(repository.join("Cargo.lock"), plugin.join("Cargo.lock")).unwrap();
    cargo(&plugin, "build --release --target wasm32-wasip2");

    fs::copy(
        target().join("wasm32-wasip2/release/published.wasm"),
        place.path().join("published.wasm"),
    )
    .unwrap();
    fs::write(
        place.path().join("texts.csv"),
        "text\na packaged plugin runs\n",
    )
    .unwrap();
    let line = "run ./published.wasm:words texts.csv --option least=3 --output-format ndjson -o -";
    let ran = wudf(place.path(), line.split_whitespace())
        .run()
        .ends_with(0);
    let words = r#""words":[{"text":"packaged","length":"long"},{"text":"plugin","length":"long"},{"text":"runs","length":"short"}]"#;
    assert!(ran.text().contains(words), "{}", ran.text());
}
