//! Every sample picture, against the digests that Pillow and torchvision gave.

use image_features::decode::{Limits, decode};
use image_features::resize::Interpolation;
use image_features::transform::{Preprocessor, Recipe};
use serde_json::Value;

use crate::samples::{self, Sample, sha256};

/// The recipe that options of the plugin stand for.
fn recipe(options: &Value) -> Recipe {
    let mut recipe = Recipe::default();
    let number = |value: &Value| value.as_u64().expect("a number") as u32;
    let three = |value: &Value| {
        let numbers = value.as_array().expect("three numbers").iter();
        let numbers: Vec<f32> = numbers
            .map(|number| number.as_f64().expect("a number") as f32)
            .collect();
        numbers.try_into().expect("three numbers")
    };
    for (name, value) in options.as_object().into_iter().flatten() {
        match name.as_str() {
            "resize" => recipe.resize = number(value),
            "crop" => recipe.crop = number(value),
            "mean" => recipe.mean = three(value),
            "std" => recipe.std = three(value),
            "exif_orientation" => recipe.exif_orientation = value == &Value::Bool(true),
            "interpolation" => {
                recipe.interpolation = match value.as_str().expect("a name") {
                    "nearest" => Interpolation::Nearest,
                    "box" => Interpolation::Box,
                    "bilinear" => Interpolation::Bilinear,
                    "hamming" => Interpolation::Hamming,
                    "bicubic" => Interpolation::Bicubic,
                    "lanczos" => Interpolation::Lanczos,
                    other => panic!("no interpolation is called {other}"),
                }
            }
            other => panic!("no option is called {other}"),
        }
    }
    recipe
}

/// Tensors equal: all pictures, all recipes.
#[test]
fn tensors_are_bit_identical() {
    let mut wrong = Vec::new();
    let tensors = samples::tensors();
    for tensor in &tensors {
        let name = format!("{}, {}", tensor.name, tensor.recipe);
        let mut preprocessor = Preprocessor::new(recipe(&tensor.options)).expect("a recipe");
        let mut values = Vec::new();
        match preprocessor.tensor(&tensor.bytes, &mut values) {
            Ok(()) => {
                let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
                if tensor.sha256 != sha256(&bytes) {
                    wrong.push(name);
                }
            }
            Err(error) => wrong.push(format!("{name}: {error}")),
        }
    }
    println!("{} tensors", tensors.len());
    assert!(
        wrong.is_empty(),
        "{} of {} differ: {wrong:#?}",
        wrong.len(),
        tensors.len()
    );
}

/// A preprocessor keeps buffers from picture to picture, and nothing of the pictures.
#[test]
fn one_preprocessor_serves_all_pictures() {
    let mut preprocessor = Preprocessor::new(Recipe::default()).expect("the default recipe");
    let mut values = Vec::new();
    for tensor in samples::tensors() {
        if tensor.recipe == "default" {
            preprocessor
                .tensor(&tensor.bytes, &mut values)
                .unwrap_or_else(|error| panic!("{}: {error}", tensor.name));
            let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
            assert_eq!(tensor.sha256, sha256(&bytes), "{}", tensor.name);
        }
    }
}

/// Pixels equal, before anything is scaled.
#[test]
fn pixels_are_bit_identical() {
    let mut wrong = Vec::new();
    for Sample { name, bytes, facts } in samples::all() {
        match decode(&bytes, &Limits::default(), false) {
            Ok(picture) => {
                if facts["rgb_sha256"] != sha256(&picture.data) {
                    wrong.push(name);
                }
            }
            Err(error) => wrong.push(format!("{name}: {error}")),
        }
    }
    assert!(wrong.is_empty(), "{} differ: {wrong:#?}", wrong.len());
}
