//! The same tensors as Pillow and torchvision, and the same features from every
//! backend, through the real program.
//!
//! Photographs and files of every format lie beside the repository, in
//! `../shared`, where there is one; a test that finds none says so and passes.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use arrow_array::Array as _;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use tempfile::tempdir;
use wudf_tests::pictures;
use wudf_tests::program::{Ran, names_in, wudf};
use wudf_tests::tables::{column, read_parquet, texts, vectors};

/// A folder beside the repository.
fn shared(name: &str) -> Option<PathBuf> {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let folder = repository.parent()?.join("shared").join(name);
    if folder.join("reference.json").is_file() {
        return Some(folder);
    }
    // Past the capture of output: who runs the tests is to see it.
    let _ = writeln!(
        std::io::stderr(),
        "SKIPPED: there is no ../shared/{name} with a reference.json beside the repository"
    );
    None
}

fn sha256(vector: &[f32]) -> String {
    let bytes: Vec<u8> = vector.iter().flat_map(|x| x.to_le_bytes()).collect();
    Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// The digests of tensors by file name, as the program makes them.
fn tensors(pattern: &str) -> BTreeMap<String, String> {
    let folder = tempdir().unwrap();
    wudf(
        folder.path(),
        [
            "run",
            "image-features:image_tensor",
            pattern,
            "-o",
            "t.parquet",
        ],
    )
    .run()
    .ends_with(0);
    let table = read_parquet(&folder.path().join("t.parquet"));
    assert_eq!(column(&table, "error").null_count(), table.num_rows());
    let names = texts(&table, "path").into_iter().map(|path| {
        let path = path.unwrap();
        path.rsplit('/').next().unwrap().to_owned()
    });
    let digests = vectors(&table, "image_tensor").into_iter().map(|tensor| {
        let tensor = tensor.unwrap();
        assert_eq!(tensor.len(), 3 * 224 * 224);
        sha256(&tensor)
    });
    names.zip(digests).collect()
}

fn assert_reference(folder: &Path, pattern: &str, key: &str, count: usize) {
    let text = fs::read_to_string(folder.join("reference.json")).unwrap();
    let reference: Value = serde_json::from_str(&text).unwrap();
    let wanted: BTreeMap<String, String> = reference[key]
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, facts)| {
            (
                name.clone(),
                facts["tensor_sha256"].as_str().unwrap().to_owned(),
            )
        })
        .collect();
    assert_eq!(wanted.len(), count);
    let found = tensors(folder.join(pattern).to_str().unwrap());
    assert_eq!(found, wanted);
}

#[test]
fn photographs_are_pillow_s_bit_for_bit() {
    if let Some(photos) = shared("photos") {
        assert_reference(&photos, "*.jpg", "photos", 40);
    }
}

#[test]
fn files_of_every_format_are_pillow_s_bit_for_bit() {
    if let Some(formats) = shared("formats") {
        assert_reference(&formats, "[!r]*", "files", 47);
    }
}

/// For machines without `../shared`. These digests are Pillow 13's and numpy's
/// for the same files, checked when the golden file was made; a change of them
/// is to be checked again.
#[test]
fn painted_pictures_keep_their_tensors() {
    let folder = tempdir().unwrap();
    for (name, bytes) in pictures::samples() {
        fs::write(folder.path().join(name), bytes).unwrap();
    }
    let tensors = tensors(folder.path().to_str().unwrap());
    let lines: Vec<String> = tensors
        .iter()
        .map(|(name, digest)| format!("{digest}  {name}"))
        .collect();
    insta::assert_snapshot!("painted_tensors", lines.join("\n"));
}

/// Photographs where there are some, painted pictures elsewhere: a folder, and
/// how many are in it.
fn some_pictures(most: usize) -> (tempfile::TempDir, usize) {
    let folder = tempdir().unwrap();
    let photos = shared("photos").map(|photos| {
        let entries = fs::read_dir(photos)
            .unwrap()
            .map(|entry| entry.unwrap().path());
        let mut photos: Vec<PathBuf> = entries
            .filter(|path| path.extension().is_some_and(|e| e == "jpg"))
            .collect();
        photos.sort();
        photos.truncate(most);
        photos
    });
    match photos {
        Some(photos) => {
            for photo in &photos {
                fs::copy(photo, folder.path().join(photo.file_name().unwrap())).unwrap();
            }
            (folder, photos.len())
        }
        None => {
            let samples = pictures::samples();
            let count = samples.len();
            for (name, bytes) in samples {
                fs::write(folder.path().join(name), bytes).unwrap();
            }
            (folder, count)
        }
    }
}

fn features(pictures: &Path, out: &Path, more: &[&str]) -> (Ran, Vec<Vec<f32>>) {
    let mut words = vec![
        "run",
        "image-features",
        "--model",
        "resnet50=seeded:resnet50",
    ];
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

    for (backend, library) in [("onnxruntime", "ONNX Runtime"), ("openvino", "OpenVINO")] {
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

/// Whether there is no such library to test with, which is said.
fn has_no(library: &str, ran: &Ran) -> bool {
    let none = ran.status == Some(3) && ran.stderr.contains(&format!("{library} was not found"));
    if none {
        // Past the capture of output: who runs the tests is to see it.
        let _ = writeln!(
            std::io::stderr(),
            "SKIPPED: {library} was not found through VIRTUAL_ENV: {}",
            ran.stderr
        );
    }
    none
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
    assert_eq!(names_in(cache.path()), ["wasmtime"]);
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
