//! Files that are cut off or damaged: an error or a picture, never a panic, never a flood of memory.

use std::panic::{AssertUnwindSafe, catch_unwind};

use image_features::ErrorKind;
use image_features::decode::{Limits, decode};
use image_features::recipe::Recipe;
use image_features::transform::Preprocessor;

use crate::samples::{self, Sample};
use crate::sweep;

fn preprocessor() -> Preprocessor {
    Preprocessor::<f32>::new(Recipe::default()).expect("the default recipe")
}

/// Runs every damaged file; gives the messages of those that panicked.
fn panics(files: impl Iterator<Item = (String, Vec<u8>)>) -> Vec<String> {
    let mut out = Vec::new();
    let mut preprocessor = preprocessor();
    files
        .filter(|(_, bytes)| {
            catch_unwind(AssertUnwindSafe(|| {
                preprocessor.tensor(bytes, &mut out).is_ok()
            }))
            .is_err()
        })
        .map(|(name, _)| name)
        .collect()
}

#[test]
fn truncated() {
    let mut preprocessor = preprocessor();
    let mut accepted = Vec::new();
    for Sample { name, bytes, .. } in samples::all() {
        for percent in [0, 1, 5, 20, 50, 80, 95, 98] {
            let mut len = bytes.len() * percent / 100;
            if name.ends_with(".png") {
                // Behind the last pixel there are a checksum and an end mark, without which Pillow takes a PNG, too.
                len = len.min(bytes.len() - 24);
            }
            let cut = &bytes[..len];
            // Its first frame is whole by then, and Pillow takes it too.
            if name == "gif-animated.gif" && percent >= 50 {
                continue;
            }
            if preprocessor.tensor(cut, &mut Vec::new()).is_ok() {
                accepted.push(format!("{name} at {percent}%"));
            }
        }
    }
    assert!(accepted.is_empty(), "{accepted:#?}");
}

#[test]
fn every_length() {
    let cuts = samples::formats()
        .into_iter()
        .chain(sweep::files())
        .flat_map(|Sample { name, bytes, .. }| {
            let step = (bytes.len() / 150).max(1);
            let lengths = (0..bytes.len().min(100))
                .chain((100..bytes.len()).step_by(step))
                .collect::<Vec<_>>();
            lengths.into_iter().map(move |len| {
                (
                    format!("{name}, {len} bytes"),
                    bytes[..len.min(bytes.len())].to_vec(),
                )
            })
        });
    let panics = panics(cuts);
    assert!(panics.is_empty(), "{panics:#?}");
}

#[test]
fn damaged() {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let rounds = std::env::var("IMAGE_FEATURES_FUZZ_ROUNDS")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(40);
    let mut files = Vec::new();
    for Sample { name, bytes, .. } in samples::formats().into_iter().chain(sweep::files()) {
        for round in 0..rounds {
            let mut bytes = bytes.clone();
            for _ in 0..1 + random() % 8 {
                // Half of the damage goes to the header, where it does the most.
                let reach = if random() % 2 == 0 {
                    bytes.len().min(200)
                } else {
                    bytes.len()
                };
                let at = (random() % reach as u64) as usize;
                match random() % 3 {
                    0 => bytes[at] ^= 1 << (random() % 8),
                    1 => bytes[at] = random() as u8,
                    _ => bytes[at] = if random() % 2 == 0 { 0xff } else { 0 },
                }
            }
            files.push((format!("{name}, round {round}"), bytes));
        }
    }
    let panics = panics(files.into_iter());
    assert!(panics.is_empty(), "{panics:#?}");
}

#[test]
fn kinds() {
    let kind = |bytes: &[u8]| {
        decode(bytes, &Limits::default(), false)
            .map(|_| ())
            .map_err(|e| e.kind())
    };
    assert_eq!(kind(b""), Err(ErrorKind::UnknownFormat));
    assert_eq!(kind(b"%PDF-1.7 and so on"), Err(ErrorKind::UnknownFormat));
    assert_eq!(kind(b"\x89PNG\r\n\x1a\n"), Err(ErrorKind::Truncated));
    assert_eq!(kind(b"BM"), Err(ErrorKind::Truncated));
    assert_eq!(kind(b"GIF89a"), Err(ErrorKind::Truncated));
    assert_eq!(kind(b"\xff\xd8\xff"), Err(ErrorKind::Truncated));
    assert_eq!(kind(b"II*\0"), Err(ErrorKind::Truncated));
    assert_eq!(kind(b"RIFF\xff\0\0\0WEBPVP8 "), Err(ErrorKind::Truncated));
}

/// A header that claims 60,000 x 60,000 pixels, and limits that a small picture exceeds.
#[test]
fn bombs() {
    let mut bomb = b"BM".to_vec();
    for v in [
        0,
        0,
        54,
        40,
        60_000,
        60_000,
        24 << 16 | 1,
        0,
        0,
        0,
        0,
        0,
        0u32,
    ] {
        bomb.extend_from_slice(&v.to_le_bytes());
    }
    let error = decode(&bomb, &Limits::default(), false).expect_err("a bomb");
    assert_eq!(error.kind(), ErrorKind::TooLarge);
    assert_eq!(
        error.to_string(),
        "BMP: 60000 x 60000 pixels exceed the limit of 178956970"
    );

    for limits in [
        Limits {
            max_pixels: 500,
            ..Limits::default()
        },
        Limits {
            max_memory: 1000,
            ..Limits::default()
        },
    ] {
        for Sample { name, bytes, .. } in samples::formats() {
            let error = decode(&bytes, &limits, false).expect_err(&name);
            assert_eq!(error.kind(), ErrorKind::TooLarge, "{name}: {error}");
        }
    }
}
