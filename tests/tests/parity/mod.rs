//! The same tensors as Pillow and torchvision, and the same features from every backend, through the real program.
//!
//! The repository has small pictures of every format and mode, with references. Photographs and larger files lie beside it, in
//! `../shared`, on some machines.

mod large;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use arrow_array::Array as _;
use serde_json::Value;
use tempfile::tempdir;
use wudf_test_support::skipped;
use wudf_tests::pictures;
use wudf_tests::program::{Ran, names_in, wudf};
use wudf_tests::samples::{Recipe, Samples, digest};
use wudf_tests::tables::{column, read_parquet, texts, vectors};

/// The digests of tensors by file name, as the program makes them with these options.
fn tensors(pattern: &str, options: &[String]) -> BTreeMap<String, String> {
    let folder = tempdir().unwrap();
    let words = [
        "run",
        "image-features:image_tensor",
        pattern,
        "-o",
        "t.parquet",
    ];
    let options = options.iter().flat_map(|option| ["--option", option]);
    wudf(folder.path(), words.into_iter().chain(options))
        .run()
        .ends_with(0);
    let table = read_parquet(&folder.path().join("t.parquet"));
    assert_eq!(column(&table, "error").null_count(), table.num_rows());
    let names = texts(&table, "path").into_iter().map(|path| {
        let path = path.unwrap();
        path.rsplit('/').next().unwrap().to_owned()
    });
    let digests = vectors(&table, "image_tensor").into_iter();
    names
        .zip(digests.map(|tensor| digest(&tensor.unwrap())))
        .collect()
}

/// A recipe's options as the command line has them.
fn command_line(recipe: &Recipe) -> Vec<String> {
    let word = |value: &Value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let options = recipe.options.iter();
    options
        .map(|(name, value)| format!("{name}={}", word(value)))
        .collect()
}

fn assert_reference(samples: &Samples, pattern: &str, count: usize) {
    let pattern = samples.folder().join(pattern);
    for recipe in samples.recipes() {
        assert_eq!(recipe.tensors.len(), count, "{}", recipe.name);
        let found = tensors(pattern.to_str().unwrap(), &command_line(&recipe));
        assert_eq!(found, recipe.tensors, "{}", recipe.name);
    }
}

#[test]
fn pictures_of_every_format_are_pillow_s_bit_for_bit() {
    let samples = Samples::own();
    assert!(samples.recipes().len() > 10);
    // By the last letters of their names: not the script, and not the reference.
    assert_reference(&samples, "*[fgp]", samples.names().len());
}

#[test]
fn photographs_are_pillow_s_bit_for_bit() {
    if let Some(photos) = Samples::shared("photos") {
        assert_reference(&photos, "*.jpg", 40);
    }
}

#[test]
fn files_of_every_format_are_pillow_s_bit_for_bit() {
    if let Some(formats) = Samples::shared("formats") {
        assert_reference(&formats, "[!r]*", 47);
    }
}

/// Pictures that other tests paint. The golden file's digests are Pillow 13's and torchvision's for the same files, checked when
/// it was made; a change of them is to be checked again.
#[test]
fn painted_pictures_keep_their_tensors() {
    let folder = tempdir().unwrap();
    for (name, bytes) in pictures::samples() {
        fs::write(folder.path().join(name), bytes).unwrap();
    }
    let tensors = tensors(folder.path().to_str().unwrap(), &[]);
    let lines: Vec<String> = tensors
        .iter()
        .map(|(name, digest)| format!("{digest}  {name}"))
        .collect();
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!("painted_tensors", lines.join("\n")));
}

/// Photographs where there are some, the repository's pictures elsewhere: a folder, and how many are in it.
fn some_pictures(most: usize) -> (tempfile::TempDir, usize) {
    let folder = tempdir().unwrap();
    let samples = Samples::shared("photos").unwrap_or_else(Samples::own);
    let mut names = samples.names();
    names.truncate(most);
    for name in &names {
        fs::write(folder.path().join(name), samples.read(name)).unwrap();
    }
    (folder, names.len())
}

fn features(pictures: &Path, out: &Path, more: &[&str]) -> (Ran, Vec<Vec<f32>>) {
    features_of("seeded:resnet50", pictures, out, more)
}

fn features_of(model: &str, pictures: &Path, out: &Path, more: &[&str]) -> (Ran, Vec<Vec<f32>>) {
    let model = format!("resnet50={model}");
    let mut words = vec!["run", "image-features", "--model", &model];
    words.extend(["-o", out.to_str().unwrap(), pictures.to_str().unwrap()]);
    words.extend(more);
    let mut run = wudf(pictures, words);
    if let Some(environment) = std::env::var_os("VIRTUAL_ENV") {
        run = run.env("VIRTUAL_ENV", environment);
    }
    let ran = run.run();
    let vectors = match ran.status {
        Some(0) => vectors(&read_parquet(out), "image_features"),
        _ => Vec::new(),
    };
    (ran, vectors.into_iter().map(Option::unwrap).collect())
}

/// The largest difference, as a part of the largest value.
fn difference(one: &[f32], other: &[f32]) -> f32 {
    assert_eq!(one.len(), other.len());
    let largest = one.iter().fold(0.0_f32, |largest, x| largest.max(x.abs()));
    assert!(largest > 0.0, "all features are zero");
    one.iter()
        .zip(other)
        .fold(0.0_f32, |most, (a, b)| most.max((a - b).abs()))
        / largest
}

/// The backends beside rten, and what their libraries are called.
const OTHERS: [(&str, &str); 2] = [("onnxruntime", "ONNX Runtime"), ("openvino", "OpenVINO")];

#[test]
fn backends_agree_on_the_features_of_photographs() {
    let (photos, count) = some_pictures(40);
    let out = tempdir().unwrap();
    let (ran, rten) = features(
        photos.path(),
        &out.path().join("rten.parquet"),
        &["--backend", "rten"],
    );
    ran.ends_with(0);
    assert_eq!(rten.len(), count);
    for (at, vector) in rten.iter().enumerate() {
        assert_eq!(vector.len(), 2048);
        assert!(vector.iter().all(|x| x.is_finite()));
        // Pictures differ, and so do their features.
        assert!(
            at == 0 || difference(vector, &rten[0]) > 1e-3,
            "picture {at}"
        );
    }

    for (backend, library) in OTHERS {
        let (ran, other) = features(
            photos.path(),
            &out.path().join(format!("{backend}.parquet")),
            &["--backend", backend],
        );
        if has_no(library, &ran) {
            continue;
        }
        ran.ends_with(0);
        assert_eq!(other.len(), count);
        for (at, (one, other)) in rten.iter().zip(&other).enumerate() {
            let difference = difference(one, other);
            assert!(difference < 1e-3, "{backend}, picture {at}: {difference}");
        }
    }
}

/// Whether there is no such library to test with, which is recorded as a skip.
fn has_no(library: &str, ran: &Ran) -> bool {
    let none = ran.status == Some(3) && ran.stderr.contains(&format!("{library} was not found"));
    if none {
        skipped(&format!(
            "{library} is not installed in VIRTUAL_ENV: {}",
            ran.stderr
        ));
    }
    none
}

/// Rows that a real backend runs together give what they give alone, each its own.
#[test]
fn rows_in_batches_give_what_they_give_alone() {
    let (pictures, count) = some_pictures(40);
    let out = tempdir().unwrap();
    for (backend, library) in [("rten", "rten"), OTHERS[0], OTHERS[1]] {
        let run = |name: &str, model: &str| {
            let file = out.path().join(format!("{backend}-{name}.parquet"));
            let more = ["--backend", backend, "--threads", "8"];
            features_of(model, pictures.path(), &file, &more)
        };
        let (ran, alone) = run("alone", "seeded:tiny");
        if has_no(library, &ran) {
            continue;
        }
        ran.ends_with(0);
        let (ran, batches) = run("batches", "seeded:tiny,batch=4");
        ran.ends_with(0);
        assert_eq!((alone.len(), batches.len()), (count, count));
        for (at, (alone, batches)) in alone.iter().zip(&batches).enumerate() {
            let difference = difference(alone, batches);
            assert!(difference < 1e-5, "{backend}, picture {at}: {difference}");
        }
    }
}

#[test]
fn onnx_runtime_leaves_nothing_of_its_own() {
    let (photos, _) = some_pictures(1);
    let cache = tempdir().unwrap();
    let words = [
        "run",
        "image-features",
        photos.path().to_str().unwrap(),
        "--model",
        "resnet50=seeded:tiny",
        "--backend",
        "onnxruntime",
    ];
    let environment = std::env::var_os("VIRTUAL_ENV").unwrap_or_default();
    let ran = wudf(photos.path(), words)
        .env("VIRTUAL_ENV", environment)
        .env("XDG_CACHE_HOME", cache.path())
        .env("HOME", cache.path())
        .run();
    if has_no("ONNX Runtime", &ran) {
        return;
    }
    ran.ends_with(0);
    // No number of the device, no database of events.
    assert_eq!(names_in(cache.path()), ["wudf"]);
    assert_eq!(names_in(&cache.path().join("wudf")), ["compiled"]);
}

#[test]
fn logits_are_a_thousand() {
    let (photos, count) = some_pictures(3);
    let out = tempdir().unwrap().path().with_extension("parquet");
    let (ran, logits) = features(
        photos.path(),
        &out,
        &["--backend", "rten", "--option", "layer=logits"],
    );
    fs::remove_file(&out).unwrap();
    ran.ends_with(0);
    assert_eq!(
        logits.iter().map(Vec::len).collect::<Vec<_>>(),
        vec![1000; count]
    );
}

#[test]
fn a_model_that_was_written_to_a_file_is_the_one_made_on_the_spot() {
    let (photos, count) = some_pictures(2);
    let out = tempdir().unwrap();
    let path = |name: &str| out.path().join(name).to_str().unwrap().to_owned();
    wudf(
        out.path(),
        ["model", "seed", "tiny", "-o", "tiny.onnx", "--seed", "3"],
    )
    .run()
    .ends_with(0);
    let run = |source: &str, to: &str| {
        let model = format!("resnet50={source}");
        let words = [
            "run",
            "image-features",
            "--backend",
            "rten",
            "--model",
            &model,
        ];
        let words = words
            .into_iter()
            .chain(["-o", to, photos.path().to_str().unwrap()]);
        wudf(out.path(), words).run().ends_with(0);
        vectors(&read_parquet(Path::new(&path(to))), "image_features")
    };
    let from_file = run("tiny.onnx", "file.parquet");
    assert_eq!(from_file.len(), count);
    assert_eq!(from_file, run("seeded:tiny?seed=3", "seeded.parquet"));
    assert_ne!(from_file, run("seeded:tiny?seed=4", "other.parquet"));
}
