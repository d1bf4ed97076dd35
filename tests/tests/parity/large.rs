//! Photographs of the largest cameras, under the limits that a plugin has by default.

use std::fs;

use image::{ImageFormat, RgbImage};
use tempfile::tempdir;
use wudf_tests::pictures::encode;

use super::tensors;

/// 108 megapixels as a JPEG without subsampling, which takes the most memory. Every column block has its own colour, so that
/// a crop from another place would be seen.
fn photograph(width: u32, height: u32) -> Vec<u8> {
    let row: Vec<u8> = (0..width)
        .flat_map(|x| [(x / 64) as u8, (x / 640 * 9) as u8, 128])
        .collect();
    let pixels = row.repeat(height as usize);
    let picture = RgbImage::from_raw(width, height, pixels).unwrap();
    encode(picture, ImageFormat::Jpeg)
}

#[test]
fn photographs_of_108_megapixels_fit_the_default_memory() {
    let folder = tempdir().unwrap();
    let landscape = photograph(12_000, 9_000);
    fs::write(folder.path().join("1.jpg"), &landscape).unwrap();
    fs::write(folder.path().join("2.jpg"), photograph(9_000, 12_000)).unwrap();
    fs::write(folder.path().join("3.jpg"), &landscape).unwrap();
    // One after the other in one instance, which keeps its memory.
    let tensors = tensors(folder.path().to_str().unwrap(), &[]);
    assert_eq!(tensors.len(), 3);
    assert_eq!(tensors["1.jpg"], tensors["3.jpg"]);
    assert_ne!(tensors["1.jpg"], tensors["2.jpg"]);
}
