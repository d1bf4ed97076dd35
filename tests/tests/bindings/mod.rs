//! The Rust bindings of WIT that are checked in are those that wit-bindgen writes
//! today. `BLESS=1` writes them anew.

use std::fs;
use std::path::Path;

use wit_bindgen_core::wit_parser::Resolve;
use wit_bindgen_core::{Files, WorldGenerator as _};
use wit_bindgen_rust::Opts;

/// What wit-bindgen makes of a world.
fn generated(wit: &Path, world: &str, opts: Opts) -> String {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_path(wit).unwrap();
    let world = resolve.select_world(&[package], Some(world)).unwrap();
    let mut files = Files::default();
    let mut generator = opts.build();
    generator.generate(&mut resolve, world, &mut files).unwrap();
    let mut files = files.iter();
    let (_, code) = files.next().unwrap();
    assert!(files.next().is_none(), "more than one file");
    String::from_utf8(code.to_vec()).unwrap()
}

/// That a file is what it should be, or writes it.
fn check(file: &Path, code: &str) {
    if std::env::var_os("BLESS").is_some_and(|bless| bless == "1") {
        return fs::write(file, code).unwrap();
    }
    let found = fs::read_to_string(file).unwrap_or_default();
    assert!(
        found == code,
        "{} is not what wit-bindgen writes today: run this test again with BLESS=1",
        file.display()
    );
}

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

#[test]
fn bindings_of_the_contract_are_current() {
    let opts = Opts {
        format: true,
        generate_all: true,
        pub_export_macro: true,
        export_macro_name: Some("export".to_owned()),
        default_bindings_module: Some("wudf_guest::bindings".to_owned()),
        ..Opts::default()
    };
    let code = generated(&root().join("wit"), "wudf:plugin/scalar-plugin", opts);
    check(&root().join("guest/sdk/src/generated.rs"), &code);
}

#[test]
fn bindings_of_the_plain_plugin_are_current() {
    let opts = Opts {
        format: true,
        ..Opts::default()
    };
    let plain = root().join("tests/plugins/plain");
    let code = generated(&plain.join("wit"), "plain", opts);
    check(&plain.join("src/generated.rs"), &code);
}
