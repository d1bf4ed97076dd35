//! Every sample picture, against the digests that Pillow and torchvision gave.

use image_features::decode::{Limits, decode};
use image_features::options::Preprocessing;
use image_features::recipe::Recipe;
use image_features::transform::Preprocessor;
use serde_json::Value;
use wudf_guest::UdfOptions;

use crate::samples::{self, Sample, sha256};

/// The recipe that options of the plugin stand for.
pub fn recipe(options: &Value) -> Recipe {
    let mut object = options.as_object().cloned().unwrap_or_default();
    let options = Preprocessing::take(&mut object).expect("options");
    assert!(object.is_empty(), "no options: {object:?}");
    options.recipe().expect("a recipe")
}

/// Tensors equal: all pictures, all recipes.
#[test]
fn tensors_are_bit_identical() {
    let mut wrong = Vec::new();
    let tensors = samples::tensors();
    for tensor in &tensors {
        let name = format!("{}, {}", tensor.name, tensor.recipe);
        let mut preprocessor = Preprocessor::<f32>::new(recipe(&tensor.options)).expect("a recipe");
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
    let mut preprocessor = Preprocessor::<f32>::new(Recipe::default()).expect("the default recipe");
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
