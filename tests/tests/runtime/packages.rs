//! The SDK as it is published: the `.crate` files that `cargo package` makes are all
//! that a plugin is built from.
//!
//! Nothing is downloaded: the plugin has this repository's lock file. It has what no
//! other test plugin has: batches, constants and types that are the caller's.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use arrow_array::cast::AsArray as _;
use arrow_array::types::{Int64Type, UInt32Type};
use arrow_array::{ArrayRef, Int64Array, ListArray, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Schema};
use wudf::{Argument, Plugin, Session};
use wudf_tests::host::builder;
use wudf_tests::program::release;

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
use wudf_guest::{
    Arguments, Column, Dynamic, Enum, Model, Result, Row, Schema, UdfOptions, fail, udf,
};

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

/// How many rows the batch has that a row is in.
#[udf(batch = 3)]
fn together(numbers: Column<'_, i64>) -> Vec<Result<u32>> {
    let rows = numbers.len() as u32;
    numbers
        .iter()
        .map(|&number| if number < 0 { fail!("{number} is negative") } else { Ok(rows) })
        .collect()
}

struct Constant {
    known: bool,
}

/// Whether a text is the other, and whether that was known before.
#[udf]
impl Constant {
    fn open(arguments: &Arguments<'_>) -> Result<Self> {
        let known = arguments.constant::<String>("other")?.is_some();
        Ok(Self { known })
    }

    fn constant(&self, text: &str, other: &str) -> (bool, bool) {
        (text == other, self.known)
    }
}

#[derive(Default)]
struct First;

/// The first item of a list of whatever.
#[udf]
impl First {
    fn returns(arguments: &Arguments<'_>) -> Result<Schema> {
        arguments.schema("list")?.item()
    }

    fn first<'a>(&self, list: Dynamic<'a>) -> Option<Dynamic<'a>> {
        match list {
            Dynamic::List(items) => items.into_iter().next(),
            _ => None,
        }
    }
}

/// The names of a model's inputs.
#[udf]
fn inputs(model: &str) -> Result<Vec<String>> {
    let inputs = Model::describe(model)?.inputs;
    Ok(inputs.into_iter().map(|input| input.name).collect())
}

wudf_guest::plugin!(Words, together, Constant, First, inputs);
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

/// Builds the plugin from the packages, and nothing else of the repository.
fn plugin(session: &Session) -> Plugin {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let place = tempfile::tempdir().unwrap();
    let version = env!("CARGO_PKG_VERSION");

    let packages = PACKAGES.map(|name| format!("-p {name}")).join(" ");
    cargo(
        &repository,
        &format!("package --no-verify --allow-dirty {packages}"),
    );
    for name in PACKAGES {
        let package = target().join(format!("package/{name}-{version}.crate"));
        let mut tar = Command::new("tar");
        let tar = tar.arg("-xzf").arg(package).current_dir(place.path());
        assert!(tar.status().unwrap().success());
    }

    let folder = place.path().join("published");
    fs::create_dir_all(folder.join("src")).unwrap();
    let manifest = MANIFEST.replace("VERSION", version);
    fs::write(folder.join("Cargo.toml"), manifest).unwrap();
    fs::write(folder.join("src/lib.rs"), LIBRARY).unwrap();
    fs::copy(repository.join("Cargo.lock"), folder.join("Cargo.lock")).unwrap();
    cargo(&folder, "build --release --target wasm32-wasip2");

    let built = target().join("wasm32-wasip2/release/published.wasm");
    Plugin::from_bytes(session, "published", &fs::read(built).unwrap()).unwrap()
}

fn pretty(array: &ArrayRef) -> String {
    let field = Field::new("x", array.data_type().clone(), true);
    let schema = Arc::new(Schema::new(vec![field]));
    let batch = RecordBatch::try_new(schema, vec![array.clone()]).unwrap();
    let formatted = arrow_cast::pretty::pretty_format_batches(&[batch]).unwrap();
    formatted.to_string()
}

#[test]
fn a_plugin_is_built_from_the_packages_alone() {
    let session = builder().threads(1).build().unwrap();
    let plugin = plugin(&session);
    let strings = |texts: &[&str]| -> ArrayRef { Arc::new(StringArray::from(texts.to_vec())) };

    let words = plugin
        .open("words", &serde_json::json!({"least": 3}))
        .unwrap();
    let result = words.call(&[strings(&["a packaged plugin runs"])]).unwrap();
    let text = pretty(&result);
    for word in [
        "{text: packaged, length: long}",
        "{text: runs, length: short}",
    ] {
        assert!(text.contains(word), "{text}");
    }

    // The host cuts batches of three rows; a null is in none of them.
    let together = plugin.open("together", &serde_json::json!({})).unwrap();
    assert_eq!(together.signature().properties["rows-per-call"], "3");
    assert_eq!(together.signature().properties["nulls"], "skip");
    let numbers: ArrayRef = Arc::new(Int64Array::from(vec![
        Some(1),
        Some(2),
        None,
        Some(4),
        Some(-5),
        Some(6),
        Some(7),
    ]));
    let output = together.evaluate(&[numbers]).unwrap();
    assert_eq!(
        output
            .failures
            .iter()
            .map(|failure| failure.row)
            .collect::<Vec<_>>(),
        [4]
    );
    assert_eq!(output.failures[0].code, "invalid-input");
    let rows: Vec<_> = output.values.as_primitive::<UInt32Type>().iter().collect();
    assert_eq!(rows.len(), 7);
    assert_eq!(rows[2], None);
    assert!(rows.iter().flatten().all(|rows| *rows <= 3), "{rows:?}");
    assert!(
        rows.contains(&Some(3)) || rows.contains(&Some(2)),
        "{rows:?}"
    );

    // A constant is known at open, and a column is not.
    let constant = plugin.open("constant", &serde_json::json!({})).unwrap();
    let text = pretty(
        &constant
            .call(&[strings(&["a", "b"]), strings(&["b", "b"])])
            .unwrap(),
    );
    assert!(text.contains("{f0: false, f1: false}"), "{text}");
    let bound = constant
        .bind(&[
            Argument::column(Field::new("text", DataType::Utf8, true)),
            Argument::constant("other", strings(&["b"])),
        ])
        .unwrap();
    let text = pretty(&bound.call(&[strings(&["a", "b"])]).unwrap());
    assert!(
        text.contains("{f0: false, f1: true}") && text.contains("{f0: true, f1: true}"),
        "{text}"
    );

    // Types are the caller's.
    let first = plugin.open("first", &serde_json::json!({})).unwrap();
    assert_eq!(first.signature().to_string(), "first(list: any) -> any");
    let lists: ArrayRef = Arc::new(ListArray::from_iter_primitive::<Int64Type, _, _>(vec![
        Some(vec![Some(7), Some(8)]),
        None,
        Some(vec![]),
    ]));
    let firsts = first.call(&[lists]).unwrap();
    let firsts: Vec<_> = firsts.as_primitive::<Int64Type>().iter().collect();
    assert_eq!(firsts, [Some(7), None, None]);

    // The host is asked, and has no such model.
    let inputs = plugin.open("inputs", &serde_json::json!({})).unwrap();
    let output = inputs.evaluate(&[strings(&["nothing"])]).unwrap();
    assert_eq!(output.failures[0].code, "model");
    let message = &output.failures[0].message;
    assert!(message.contains("nothing"), "{message}");
}
