//! Every sample picture, against the digests that Pillow and torchvision gave.

mod samples;

use image_features::decode::{Limits, decode};
use image_features::transform::{Preprocessor, Recipe};
use samples::{Sample, samples, sha256};

/// Tensors equal: all photographs, all formats.
#[test]
fn tensors_are_bit_identical() {
    let mut preprocessor = Preprocessor::new(Recipe::default()).expect("the default recipe");
    let mut tensor = Vec::new();
    let mut wrong = Vec::new();
    let mut count = 0;
    for Sample {
        name,
        bytes,
        reference,
    } in samples("photos").chain(samples("formats"))
    {
        count += 1;
        match preprocessor.tensor(&bytes, &mut tensor) {
            Ok(()) => {
                let bytes: Vec<u8> = tensor.iter().flat_map(|v| v.to_le_bytes()).collect();
                if reference["tensor_sha256"] != sha256(&bytes) {
                    wrong.push(name);
                }
            }
            Err(error) => wrong.push(format!("{name}: {error}")),
        }
    }
    println!("{count} pictures");
    assert!(
        wrong.is_empty(),
        "{} of {count} differ: {wrong:#?}",
        wrong.len()
    );
}

/// Pixels equal, before anything is scaled.
#[test]
fn pixels_are_bit_identical() {
    let mut wrong = Vec::new();
    for Sample {
        name,
        bytes,
        reference,
    } in samples("photos").chain(samples("formats"))
    {
        match decode(&bytes, &Limits::default(), false) {
            Ok(picture) => {
                if reference["rgb_sha256"] != sha256(&picture.data) {
                    wrong.push(name);
                }
            }
            Err(error) => wrong.push(format!("{name}: {error}")),
        }
    }
    assert!(wrong.is_empty(), "{} differ: {wrong:#?}", wrong.len());
}
