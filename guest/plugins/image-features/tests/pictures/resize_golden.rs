//! Scaling against digests of Pillow's results: see resize_golden.py.

use crate::samples::sha256;
use image_features::resize::{Axis, Interpolation, Resizer, Rows, vertical_first};

fn pattern(width: u32, height: u32) -> Vec<u8> {
    let mut state = width.wrapping_mul(65_536).wrapping_add(height);
    let sample = |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    (0..width * height * 3).map(sample).collect()
}

fn interpolation(name: &str) -> Interpolation {
    match name {
        "nearest" => Interpolation::Nearest,
        "box" => Interpolation::Box,
        "bilinear" => Interpolation::Bilinear,
        "hamming" => Interpolation::Hamming,
        "bicubic" => Interpolation::Bicubic,
        "lanczos" => Interpolation::Lanczos,
        other => panic!("{other}"),
    }
}

/// Scales the whole picture, and keeps a window of (x, y, width, height).
fn resize(
    data: &[u8],
    from: (u32, u32),
    to: (u32, u32),
    by: Interpolation,
    window: [u32; 4],
) -> Vec<u8> {
    let [x, y, width, height] = window;
    let (mut horizontal, mut vertical) = (Axis::default(), Axis::default());
    horizontal.set(by, from.0, to.0, x..x + width);
    vertical.set(by, from.1, to.1, y..y + height);
    let stride = from.0 as usize * 3;
    let source = Rows {
        data: &data[vertical.first() * stride + horizontal.first() * 3..],
        stride,
    };
    let mut out = Vec::new();
    Resizer::default().resize(
        source,
        &horizontal,
        &vertical,
        vertical_first(from, to),
        |row, samples| {
            assert_eq!(row * width as usize * 3, out.len());
            out.extend_from_slice(samples);
        },
    );
    out
}

/// From size, to size, filter, start of the digest.
type Case = ((u32, u32), (u32, u32), String, String);

fn cases() -> Vec<Case> {
    let rows: Vec<(u32, u32, u32, u32, String, String)> =
        serde_json::from_str(include_str!("resize_golden.json")).expect("the fixture");
    rows.into_iter()
        .map(|(w, h, to_w, to_h, name, digest)| ((w, h), (to_w, to_h), name, digest))
        .collect()
}

#[test]
fn as_pillow() {
    let mut wrong = Vec::new();
    for (from, to, name, digest) in cases() {
        let out = resize(
            &pattern(from.0, from.1),
            from,
            to,
            interpolation(&name),
            [0, 0, to.0, to.1],
        );
        if !sha256(&out).starts_with(&digest) {
            wrong.push(format!("{from:?} to {to:?} by {name}"));
        }
    }
    assert!(wrong.is_empty(), "{} differ: {wrong:#?}", wrong.len());
}

/// A window of the result is the same as a cut from the whole.
#[test]
fn windows() {
    for (from, to, name, _) in cases() {
        let (data, by) = (pattern(from.0, from.1), interpolation(&name));
        let whole = resize(&data, from, to, by, [0, 0, to.0, to.1]);
        let [x, y, width, height] = [to.0 / 3, to.1 / 4, to.0.div_ceil(2), to.1.div_ceil(2)];
        let cut: Vec<u8> = whole
            .chunks_exact(to.0 as usize * 3)
            .skip(y as usize)
            .take(height as usize)
            .flat_map(|row| &row[x as usize * 3..(x + width) as usize * 3])
            .copied()
            .collect();
        assert!(
            resize(&data, from, to, by, [x, y, width, height]) == cut,
            "{from:?} to {to:?} by {name}"
        );
    }
}

/// The examples in the documentation of the rule.
#[test]
fn order_of_passes() {
    assert!(vertical_first((320, 641), (256, 512)));
    assert!(vertical_first((100, 150), (64, 64)));
    assert!(!vertical_first((320, 640), (256, 512)));
    assert!(!vertical_first((375, 500), (256, 341)));
}
