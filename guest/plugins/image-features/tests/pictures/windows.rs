//! Decoding a part of a JPEG gives the pixels of the whole, whatever its sampling.

use image_features::ErrorKind;
use image_features::decode::{Limits, decode};
use image_features::recipe::{Recipe, Resize, Size};
use image_features::transform::Preprocessor;
use libjpeg_turbo_rs::{Encoder, PixelFormat, Subsampling};

use crate::samples;

/// A tensor by way of a BMP of the decoded picture, which is decoded in full, and one of the JPEG itself.
fn check(name: &str, bytes: &[u8], recipe: &Recipe) {
    let mut preprocessor = Preprocessor::<f32>::new(recipe.clone()).expect("a recipe");
    let picture = decode(bytes, &Limits::default(), false).expect(name);
    let (mut part, mut whole) = (Vec::new(), Vec::new());
    preprocessor.tensor(bytes, &mut part).expect(name);
    preprocessor
        .tensor(
            &bmp(picture.width, picture.height, &picture.data),
            &mut whole,
        )
        .expect(name);
    assert!(
        part == whole,
        "{name}, {} x {}: the part differs from the whole",
        picture.width,
        picture.height
    );
}

/// A top-down BMP of 24 bits.
pub fn bmp(width: u32, height: u32, rgb: &[u8]) -> Vec<u8> {
    let mut file = b"BM".to_vec();
    for v in [
        0,
        0,
        54,
        40,
        width,
        height.wrapping_neg(),
        24 << 16 | 1,
        0,
        0,
        0,
        0,
        0,
        0,
    ] {
        file.extend_from_slice(&v.to_le_bytes());
    }
    for row in rgb.chunks_exact(width as usize * 3) {
        file.extend(
            row.as_chunks::<3>()
                .0
                .iter()
                .flat_map(|[r, g, b]| [*b, *g, *r]),
        );
        file.resize(file.len() + row.len().next_multiple_of(4) - row.len(), 0);
    }
    file
}

fn recipes() -> [Recipe; 3] {
    let default = Recipe::default();
    [
        default.clone(),
        Recipe {
            resize: Resize::Short(300),
            crop: Size::square(40),
            ..default.clone()
        },
        Recipe {
            resize: Resize::Short(64),
            crop: Size::square(32),
            ..default
        },
    ]
}

#[test]
fn samples_of_jpeg() {
    for sample in samples::all() {
        if sample.name.ends_with(".jpg") {
            recipes()
                .iter()
                .for_each(|recipe| check(&sample.name, &sample.bytes, recipe));
        }
    }
}

#[test]
fn every_sampling() {
    use Subsampling::{S24, S410, S411, S420, S422, S440, S441, S444};
    let mut state = 1u32;
    for (width, height) in [(301, 517), (640, 200), (97, 411)] {
        // Smooth slopes with noise, so that chroma counts and every coefficient occurs.
        let rgb: Vec<u8> = (0..width * height * 3)
            .map(|i| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (i / 7 % 200) as u8 ^ (state >> 29) as u8 ^ (i % 3 * 60) as u8
            })
            .collect();
        for sampling in [S444, S422, S420, S440, S411, S441, S410, S24] {
            for progressive in [false, true] {
                let encoder = Encoder::new(&rgb, width, height, PixelFormat::Rgb)
                    .quality(80)
                    .subsampling(sampling);
                let Ok(bytes) = encoder.progressive(progressive).encode() else {
                    println!("the encoder does not write {sampling:?}, progressive: {progressive}");
                    continue;
                };
                let name = format!("{sampling:?}, progressive: {progressive}");
                recipes()
                    .iter()
                    .for_each(|recipe| check(&name, &bytes, recipe));
            }
        }
    }
}

/// With less memory other parts are decoded, until there is too little.
#[test]
fn limits_of_memory_change_no_pixels() {
    for sampling in [Subsampling::S444, Subsampling::S420] {
        for (width, height, progressive) in [(120, 700, false), (700, 120, false), (120, 700, true)]
        {
            let rgb: Vec<u8> = (0..width * height * 3)
                .map(|i| (i / 5 % 240) as u8)
                .collect();
            let bytes = Encoder::new(&rgb, width, height, PixelFormat::Rgb)
                .subsampling(sampling)
                .progressive(progressive)
                .encode()
                .expect("a JPEG");
            let tensor = |max_memory| {
                let recipe = Recipe {
                    resize: Resize::Short(48),
                    crop: Size::square(40),
                    limits: Limits {
                        max_memory,
                        ..Limits::default()
                    },
                    ..Recipe::default()
                };
                let mut values = Vec::new();
                let mut preprocessor = Preprocessor::<f32>::new(recipe).expect("a recipe");
                preprocessor
                    .tensor(&bytes, &mut values)
                    .map(|()| values)
                    .map_err(|error| error.kind())
            };
            let pixels = (width * height) as u64;
            let enough = tensor(pixels * 20).expect("a picture");
            let mut refused = 0;
            for tenths in 10..120 {
                match tensor(pixels * tenths / 10) {
                    Ok(values) => assert!(values == enough, "{sampling:?}, {tenths} tenths"),
                    Err(kind) => {
                        assert_eq!(kind, ErrorKind::TooLarge);
                        refused += 1;
                    }
                }
            }
            assert!(refused > 0 && refused < 110, "{refused} of 110");
        }
    }
}
