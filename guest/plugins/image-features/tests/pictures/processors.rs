//! Presets, models' own files and single options, against the Python processors; hashes and thumbnails, against imagehash
//! and Pillow. `tests/processors/make.py` made the reference.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use image_features::decode::decode;
use image_features::hash::Hasher;
use image_features::options::Preprocessing;
use image_features::recipe::{Recipe, Size};
use image_features::thumbnail::Thumbnailer;
use image_features::transform::Preprocessor;
use serde_json::{Map, Value};
use wudf_guest::{Half, OptionValue, UdfOptions, testing};

use crate::samples::sha256;

/// What make.py wrote.
fn reference() -> Value {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/processors/reference.json");
    let json = fs::read(file).expect("reference.json");
    serde_json::from_slice(&json).expect("reference.json is JSON")
}

/// The folders that there are: the repository's pictures, and the photographs of `../shared`.
fn folders() -> Vec<(&'static str, PathBuf)> {
    let photos = wudf_test_support::shared("photos").map(|folder| ("photos", folder));
    std::iter::once(("pictures", wudf_test_support::pictures()))
        .chain(photos)
        .collect()
}

/// The files of a folder with what a case has for each.
fn expected<'a>(
    reference: &'a Value,
    case: &'a Value,
    part: &str,
    folder: &Path,
) -> Vec<(&'a str, Vec<u8>, &'a str)> {
    let names = reference[part].as_array().expect("names of files");
    let digests: Vec<_> = case[part].as_str().expect("digests").split(' ').collect();
    assert_eq!(names.len(), digests.len(), "a digest for each picture");
    names
        .iter()
        .zip(digests)
        .map(|(name, digest)| {
            let name = name.as_str().expect("a name");
            let bytes = fs::read(folder.join(name)).expect("a picture that reference.json names");
            (name, bytes, digest)
        })
        .collect()
}

fn short(bytes: &[u8]) -> String {
    let mut digest = sha256(bytes);
    digest.truncate(12);
    digest
}

/// The pictures of a case whose tensors are others, and how many it has.
fn differing<T: image_features::element::Element>(
    recipe: &Recipe,
    reference: &Value,
    case: &Value,
) -> (Vec<String>, usize) {
    let (mut wrong, mut count) = (Vec::new(), 0);
    let mut preprocessor = Preprocessor::<T>::new(recipe.clone()).expect("a recipe");
    let mut tensor = Vec::new();
    for (part, folder) in folders() {
        for (name, bytes, digest) in expected(reference, case, part, &folder) {
            preprocessor.tensor(&bytes, &mut tensor).expect(name);
            count += 1;
            if short(&bytes_of(&tensor)) != digest {
                wrong.push(name.to_owned());
            }
        }
    }
    (wrong, count)
}

/// As they lie in memory.
fn bytes_of<T: image_features::element::Element>(tensor: &[T]) -> Vec<u8> {
    bytemuck::cast_slice(tensor).to_vec()
}

#[test]
fn tensors_are_those_of_the_python_processors() {
    let reference = reference();
    let cases = reference["cases"].as_object().expect("cases");
    let mut wrong = BTreeMap::new();
    let mut all = 0;
    for (name, case) in cases {
        let mut options = case["options"].as_object().cloned().expect("options");
        let element = options.remove("element").unwrap_or("f32".into());
        let _file = case
            .get("file")
            .map(|file| testing::asset("file", file.to_string()));
        let preprocessing = Preprocessing::take(&mut options).expect("options");
        assert!(options.is_empty(), "no options: {options:?}");
        let recipe = preprocessing
            .recipe()
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        let (differ, count) = match element.as_str() {
            Some("f32") => differing::<f32>(&recipe, &reference, case),
            Some("f16") => differing::<Half>(&recipe, &reference, case),
            Some("u8") => differing::<u8>(&recipe, &reference, case),
            other => panic!("no element is called {other:?}"),
        };
        all += count;
        if !differ.is_empty() {
            wrong.insert(name, format!("{} of {count}: {differ:?}", differ.len()));
        }
    }
    println!("{} cases, {all} tensors", cases.len());
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// What one of the other functions makes of a picture, as the reference has it.
fn other(function: &str, options: &Map<String, Value>, bytes: &[u8]) -> String {
    let number = |name: &str, default| {
        let value = options.get(name).map_or(Some(default), Value::as_u64);
        value.expect("a number") as u32
    };
    let text = |name: &str| options.get(name).and_then(Value::as_str);
    match function {
        "image_hash" => {
            let kind = options.get("kind").expect("a kind");
            let kind = OptionValue::parse(kind).expect("a kind");
            let mut hasher =
                Hasher::new(kind, number("size", 8), Recipe::default()).expect("a hash");
            hasher.hash(bytes).expect("a picture")
        }
        "image_thumbnail" => {
            let size = options
                .get("size")
                .map_or(Size::square(128), |size| Size::parse(size).expect("a size"));
            let mut thumbnailer = Thumbnailer::new(size);
            thumbnailer.quality = number("quality", 75) as u8;
            if let Some(format) = options.get("format") {
                thumbnailer.format = OptionValue::parse(format).expect("a format");
            }
            let file = thumbnailer.thumbnail(bytes).expect("a picture");
            match text("format") {
                Some("png") => {
                    let picture = decode(&file, &Default::default(), false).expect("a PNG");
                    short(&picture.data)
                }
                _ => short(&file),
            }
        }
        other => panic!("no function is called {other}"),
    }
}

#[test]
fn hashes_and_thumbnails_are_those_of_python() {
    let reference = reference();
    let mut wrong = BTreeMap::new();
    for (name, case) in reference["others"].as_object().expect("other functions") {
        let function = case["function"].as_str().expect("a name");
        let options = case["options"].as_object().expect("options");
        for (part, folder) in folders() {
            for (picture, bytes, expected) in expected(&reference, case, part, &folder) {
                let found = other(function, options, &bytes);
                if found != expected {
                    let all: &mut Vec<_> = wrong.entry(name).or_default();
                    all.push(format!("{picture}: {found}, not {expected}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
