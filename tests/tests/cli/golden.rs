//! What the program says, word for word.

use insta::assert_snapshot;
use serde_json::Value;
use wudf_fixtures::PLAIN;
use wudf_tests::program::wudf;

use super::{folder, left, run, write};

/// What differs between machines and builds.
const FILTERS: &[(&str, &str)] = &[
    (r"sha256:[0-9a-f]{64}", "sha256:[DIGEST]"),
    (r#""size": \d+"#, r#""size": [SIZE]"#),
    (r"\d+(\.\d+)? (B|KiB|MiB)\b", "[SIZE]"),
    (
        r"[\d.]+ (ms|s|min \d+ s), [\d.,]+ rows/s",
        "[TIME], [RATE] rows/s",
    ),
    (r"wudf \d+\.\d+\.\d+", "wudf [VERSION]"),
    (r"(\d rows?), [\d.]+ (ms|s|min \d+ s)", "$1, [TIME]"),
    // Where a plugin is slow to compile, it is said.
    (
        r"-- stderr\ncompiling [^\n]* for this processor; cached for later runs\n-- exit",
        "-- exit",
    ),
    (
        r"compiling [^\n]* for this processor; cached for later runs\n",
        "",
    ),
    // The test plugin grows.
    (
        r"add_one, nothing, [a-z0-9_, ]+",
        "add_one, nothing, [MORE]",
    ),
];

pub fn check(name: &str, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.set_filters(FILTERS.to_vec());
    settings.bind(|| assert_snapshot!(name, text));
}

/// A golden file of several runs.
fn check_runs(name: &str, folder: &tempfile::TempDir, lines: &[&str], status: i32) {
    let runs = lines.iter().map(|line| {
        let ran = run(folder, line).ends_with(status);
        if status != 0 {
            assert_eq!(ran.text(), "", "{line}: errors go to stderr");
        }
        ran.transcript()
    });
    check(name, &runs.collect::<Vec<_>>().join("\n"));
}

#[test]
fn help() {
    let folder = folder();
    for command in [
        "",
        "run",
        "sql",
        "pipe",
        "inspect",
        "new",
        "build",
        "test",
        "model",
        "model seed",
        "model list",
        "push",
        "pull",
        "list",
        "remove",
        "update",
        "key",
        "key new",
        "sign",
        "verify",
        "doctor",
        "demo",
        "completions",
        "man",
    ] {
        let long = run(&folder, &format!("{command} --help")).ends_with(0);
        assert_eq!(long.stderr, "");
        check(
            format!("help {command}").trim().replace(' ', "_").as_str(),
            &long.transcript(),
        );
        let short = run(&folder, &format!("{command} -h")).ends_with(0);
        assert!(short.stdout.len() <= long.stdout.len(), "{command}");
        let widest = long.text().lines().map(|line| line.chars().count()).max();
        assert!(widest <= Some(120), "{command}: {widest:?} columns");
    }
    check("help_root_short", &run(&folder, "-h").transcript());
    check("help_run_short", &run(&folder, "run -h").transcript());
}

#[test]
fn version() {
    let ran = run(&folder(), "--version").ends_with(0);
    assert_eq!(ran.text(), format!("wudf {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn inspect() {
    let folder = folder();
    let text = run(&folder, "inspect image-features").ends_with(0);
    check("inspect_text", &text.transcript());
    let json = run(&folder, "inspect image-features --json").ends_with(0);
    check("inspect_json", &json.transcript());
    let json: Value = serde_json::from_str(json.text()).unwrap();
    assert_eq!(json["name"], "image-features");
    // Plain functions, and what cannot be one.
    std::fs::write(folder.path().join("plain.wasm"), PLAIN.bytes).unwrap();
    let plain = run(&folder, "inspect plain.wasm").ends_with(0);
    check("inspect_plain", &plain.transcript());
    // Every type has a name.
    let kit = run(&folder, "inspect kit.wasm").ends_with(0);
    let echoes = kit.text().lines().filter(|line| line.starts_with("echo_"));
    let signatures: Vec<&str> = echoes.collect();
    check("inspect_kit_signatures", &signatures.join("\n"));
}

#[test]
fn models() {
    let folder = folder();
    let list = |more: &[&str]| {
        let words = ["model", "list"].iter().chain(more);
        wudf(folder.path(), words)
            .env("XDG_CACHE_HOME", folder.path().join("cache"))
            .run()
            .ends_with(0)
    };
    let here = folder.path().to_str().unwrap().to_owned();
    let mut text = list(&[]).transcript().replace(&here, "[HOME]");
    text += &list(&["--json"]).transcript();
    let models = folder.path().join("cache/wudf/models");
    std::fs::create_dir_all(&models).unwrap();
    std::fs::write(
        models.join(format!("sha256-{}.onnx", "0af1".repeat(16))),
        vec![0; 3 << 20],
    )
    .unwrap();
    std::fs::write(models.join("half.part"), "").unwrap();
    text += &list(&[]).transcript();
    text += &list(&["--json"]).transcript().replace(&here, "[HOME]");
    check("model_list", &text);
}

#[test]
fn seeded_models_are_files() {
    let folder = folder();
    let seed = |more: &str| run(&folder, &format!("model seed tiny {more}")).ends_with(0);
    let said = seed("-o a.onnx --seed 7");
    assert_eq!(said.text(), "");
    check("model_seed", &said.transcript());
    seed("-o b.onnx --seed 7");
    seed("-o c.onnx --seed 8");
    let bytes = |name: &str| std::fs::read(folder.path().join(name)).unwrap();
    assert!(bytes("a.onnx").len() > 4000);
    assert_eq!(bytes("a.onnx"), bytes("b.onnx"));
    assert_ne!(bytes("a.onnx"), bytes("c.onnx"));
    assert_eq!(left(folder.path()), ["a.onnx", "b.onnx", "c.onnx"]);
}

/// The names in JSON, without what they stand for.
fn keys(value: &Value, path: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => fields
            .iter()
            .for_each(|(name, value)| keys(value, &format!("{path}.{name}"), found)),
        Value::Array(items) => items
            .iter()
            .for_each(|item| keys(item, &format!("{path}[]"), found)),
        _ => found.push(path.to_owned()),
    }
}

#[test]
fn doctor() {
    let folder = folder();
    let json = run(&folder, "doctor --json").ends_with(0);
    assert_eq!(json.stderr, "");
    let json: Value = serde_json::from_str(json.text()).unwrap();
    let mut found = Vec::new();
    keys(&json, "", &mut found);
    found.sort();
    found.dedup();
    check("doctor_json_keys", &found.join("\n"));
    let text = run(&folder, "doctor").ends_with(0);
    for wanted in [
        "rten",
        "onnxruntime",
        "openvino",
        "not usable",
        "compiled plugins",
        "image-features",
    ] {
        assert!(text.text().contains(wanted), "{wanted}: {}", text.text());
    }
}

#[test]
fn completions() {
    let folder = folder();
    for shell in ["bash", "zsh", "fish"] {
        let ran = run(&folder, &format!("completions {shell}")).ends_with(0);
        assert_eq!(ran.stderr, "");
        for wanted in ["inspect", "on-error", "completions"] {
            assert!(ran.text().contains(wanted), "{shell}: {wanted}");
        }
    }
    run(&folder, "completions tcsh").ends_with(2);
}

#[test]
fn wrong_command_lines() {
    let lines = [
        "",
        "rum",
        "run",
        "run image-features",
        "run image-features a.jpg --on-error ignore",
        "run image-features a.jpg --option crop",
        "run image-features a.jpg --threads 0",
        "run image-features a.jpg --memory much",
        "run image-features a.jpg --memory 100",
        "run image-features a.jpg --output-format xlsx",
        "model",
        "doctor --jsn",
    ];
    check_runs("errors_command_line", &folder(), &lines, 2);
}

#[test]
fn what_stops_a_run() {
    let folder = folder();
    write(&folder, "a.csv", "n,s\n1,a\n2,b\n");
    write(&folder, "b.csv", "n,other\n1,a\n");
    write(&folder, "both.csv", "a,b\n1,2\n");
    write(&folder, "c.ndjson", "{\"n\": 1}\n");
    write(&folder, "taken.csv", "n,error,fails,fails_error\n1,a,2,b\n");
    write(&folder, "a.parquet", "this is no Parquet");
    write(&folder, "broken.wasm", "this is no plugin");
    write(&folder, "broken.onnx", "this is no model");
    write(&folder, "picture", "this is no picture");
    write(
        &folder,
        "names.ndjson",
        "{\"url\": \"a\", \"n\": {\"x\": 1, \"y\": \"b\"}}\n",
    );
    std::fs::create_dir(folder.path().join("empty")).unwrap();
    let lines = [
        // The plugin.
        "run image-feature picture",
        "run ./gone.wasm:f a.csv",
        "run broken.wasm:f a.csv",
        "inspect broken.wasm",
        "run image-features:image_tensors picture",
        "run kit.wasm a.csv",
        // Its options.
        "run image-features:image_tensor picture -o out.parquet --option corp=192",
        "run image-features:image_tensor picture -o out.parquet --option crop=large",
        "run image-features:image_tensor picture -o out.parquet --option crop=0",
        "run image-features:image_tensor picture -o out.parquet --option interpolation=cubic",
        "run image-features:image_tensor picture -o out.parquet --option mean=[1,2]",
        "run kit.wasm:add_one a.csv --column n -o out.csv --option a=1",
        "run kit.wasm:sized_list a.csv --column n -o out.csv",
        // Models.
        "run image-features picture -o out.parquet",
        "run image-features picture -o out.parquet --model resnet=seeded:resnet50",
        "run image-features picture -o out.parquet --model resnet50=gone.onnx",
        "run image-features picture -o out.parquet --model resnet50=broken.onnx --backend rten",
        "run image-features picture -o out.parquet --model resnet50=seeded:resnet51",
        "run image-features picture -o out.parquet --model resnet50",
        "run image-features picture -o out.parquet --model resnet50=seeded:tiny --backend tensorflow",
        "run image-features picture -o out.parquet --model resnet50=seeded:tiny --model resnet50=seeded:tiny",
        "run image-features picture -o out.parquet --model resnet50=seeded:tiny --backend rten --option layer=fc9",
        "model seed resnet51 -o out.onnx",
        // Columns.
        "run kit.wasm:add_one a.csv -o out.csv --column m",
        "run kit.wasm:add_one a.csv -o out.csv --column s",
        "run kit.wasm:add_one a.csv -o out.csv --column n --column s",
        "run kit.wasm:add_one both.csv -o out.csv",
        "run kit.wasm:add_one a.csv -o out.csv --column n --as s",
        "run kit.wasm:add_one a.csv -o out.csv --column n --drop m",
        "run kit.wasm:fails taken.csv -o out.csv --column n",
        "run kit.wasm:fails taken.csv -o out.csv --column n --drop fails",
        "run kit.wasm:upper names.ndjson -o out.csv --column n",
        // Input.
        "run kit.wasm:add_one *.tsv -o out.csv",
        "run kit.wasm:add_one gone.csv -o out.csv",
        "run kit.wasm:add_one empty -o out.csv",
        "run kit.wasm:add_one a.csv b.csv --column n -o out.csv",
        "run kit.wasm:add_one a.csv c.ndjson --column n -o out.csv",
        "run kit.wasm:add_one a.csv picture --column n -o out.csv",
        "run kit.wasm:add_one a.parquet --column n -o out.csv",
        "run kit.wasm:add_one - a.csv -o out.csv",
        "run kit.wasm:add_one - --input-format parquet -o out.csv",
        // Output.
        "run kit.wasm:add_one a.csv --column n -o out.xlsx",
        "run kit.wasm:add_one a.csv --column n -o out",
        "run kit.wasm:add_one a.csv --column n -o -",
        "run kit.wasm:add_one a.csv --column n -o empty",
        "run kit.wasm:add_one a.csv --column n -o empty --output-format csv",
        "run kit.wasm:add_one a.csv --column n -o gone/out.csv",
        "demo --photos gone --out demo",
    ];
    let before = left(folder.path());
    check_runs("errors_of_runs", &folder, &lines, 3);
    assert_eq!(left(folder.path()), before, "nothing is left behind");
}

#[test]
fn tables_for_people() {
    let folder = folder();
    let rows: String = (0..30)
        .map(|n| format!("{n},{}\n", "word ".repeat(n % 20)))
        .collect();
    write(&folder, "a.csv", &format!("n,words\n{rows}"));
    write(
        &folder,
        "lists.ndjson",
        "{\"x\": [1, 2.5, 3, 4, 5]}\n{\"x\": null}\n{\"x\": []}\n",
    );
    let lines = [
        "run kit.wasm:add_one a.csv --column n",
        "run kit.wasm:add_one a.csv --column n --limit 2",
        "run kit.wasm:echo_list lists.ndjson",
        "run kit.wasm:answer a.csv --limit 1",
        "run kit.wasm:blob_len lists.ndjson --input-format binary --drop modificationTime",
    ];
    check_runs("tables", &folder, &lines, 0);
}
