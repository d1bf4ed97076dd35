//! One small picture of each kind of file, drawn by `tests/sweep/make.py`, against what Pillow makes of it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use image_features::ErrorKind;
use image_features::decode::{Limits, decode};
use image_features::recipe::{Recipe, Resize, Size};
use image_features::transform::Preprocessor;
use serde_json::Value;

use crate::samples::{Sample, sha256};
use crate::windows::bmp;

/// Files that Pillow reads and this crate refuses.
const REFUSED: &[&str] = &[
    "tiff-grey12.tif",
    "tiff-lab.tif",
    "tiff-pillow-ccitt-bilevel.tif",
    "tiff-pillow-group3-bilevel.tif",
    "tiff-pillow-lzma-grey.tif",
    "tiff-pillow-lzma.tif",
    "tiff-pillow-zstd-grey.tif",
    "tiff-pillow-zstd.tif",
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sweep")
}

/// All files and their references.
pub fn files() -> Vec<Sample> {
    let folder = folder();
    let json = fs::read(folder.join("reference.json")).expect("reference.json");
    let reference: Value = serde_json::from_slice(&json).expect("reference.json is JSON");
    let files = reference["files"].as_object().expect("files");
    let in_folder = fs::read_dir(folder.join("files"))
        .expect("a folder")
        .count();
    assert_eq!(files.len(), in_folder, "each file has a reference");
    files
        .iter()
        .map(|(name, facts)| Sample {
            name: name.clone(),
            bytes: fs::read(folder.join("files").join(name)).expect("a file"),
            facts: facts.clone(),
        })
        .collect()
}

/// The files that are read, with their pixels.
fn pictures() -> Vec<(Sample, image_features::decode::Picture)> {
    let read = |sample: Sample| {
        let picture = decode(&sample.bytes, &Limits::default(), false).ok()?;
        Some((sample, picture))
    };
    files().into_iter().filter_map(read).collect()
}

#[test]
fn pixels_are_pillow_s_or_refused() {
    let mut wrong = Vec::new();
    let mut refused = BTreeSet::new();
    for Sample { name, bytes, facts } in files() {
        match decode(&bytes, &Limits::default(), false) {
            Ok(picture) => {
                let size = (facts["width"].as_u64(), facts["height"].as_u64());
                if size != (Some(picture.width.into()), Some(picture.height.into()))
                    || facts["rgb_sha256"] != sha256(&picture.data)
                {
                    wrong.push(name);
                }
            }
            Err(error) if error.kind() == ErrorKind::Unsupported => {
                println!("{name}: {error}");
                refused.insert(name);
            }
            Err(error) => wrong.push(format!("{name}: {error}")),
        }
    }
    assert!(wrong.is_empty(), "{} differ: {wrong:#?}", wrong.len());
    let known: BTreeSet<String> = REFUSED.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(refused, known, "refused, and known to be");
}

/// Whatever part of a picture is decoded, and whatever was before in the buffers.
#[test]
fn parts_are_those_of_the_whole() {
    for (resize, crop) in [(40, 30), (9, 4)] {
        let recipe = Recipe {
            resize: Resize::Short(resize),
            crop: Size::square(crop),
            ..Recipe::default()
        };
        let mut preprocessor = Preprocessor::<f32>::new(recipe.clone()).expect("a recipe");
        let (mut part, mut whole) = (Vec::new(), Vec::new());
        for (Sample { name, bytes, .. }, picture) in pictures() {
            preprocessor.tensor(&bytes, &mut part).expect(&name);
            Preprocessor::<f32>::new(recipe.clone())
                .expect("a recipe")
                .tensor(
                    &bmp(picture.width, picture.height, &picture.data),
                    &mut whole,
                )
                .expect(&name);
            assert!(part == whole, "{name}, {resize} and {crop}");
        }
    }
}
