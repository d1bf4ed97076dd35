//! The vector passes against the plain ones. Only a build for WebAssembly has both.
#![cfg(all(target_arch = "wasm32", target_feature = "simd128"))]

use image_features::resize::{Axis, Interpolation, Rows, scalar, simd128};

#[test]
fn vectors_are_plain() {
    let mut state = 1u32;
    let samples: Vec<u8> = (0..1 << 17)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            // The extremes are where saturation happens.
            [(state >> 24) as u8, 0, 255][(state >> 16) as usize % 3]
        })
        .collect();
    let mut axis = Axis::default();
    for by in [
        Interpolation::Nearest,
        Interpolation::Box,
        Interpolation::Bilinear,
        Interpolation::Hamming,
        Interpolation::Bicubic,
        Interpolation::Lanczos,
    ] {
        for (from, to) in [
            (500, 341),
            (375, 256),
            (256, 256),
            (31, 58),
            (1, 9),
            (9, 1),
            (300, 7),
            (7, 300),
            (201, 200),
        ] {
            for range in [0..to, to / 3..to, 0..to.min(5), to - 1..to] {
                axis.set(by, from, to, range.clone());
                let name = format!("{from} to {to} by {by:?}, {range:?}");
                let (mut plain, mut vectors) =
                    (vec![0; axis.len() * 3 + 16], vec![0; axis.len() * 3 + 16]);
                let row = &samples[axis.first() * 3..];
                scalar::horizontal(row, &axis, &mut plain[..axis.len() * 3]);
                simd128::horizontal(row, &axis, &mut vectors);
                assert!(
                    plain[..axis.len() * 3] == vectors[..axis.len() * 3],
                    "horizontal {name}"
                );

                for width in [1, 15, 16, 17, 100] {
                    let stride = width + 3;
                    let source = Rows {
                        data: &samples[axis.first() * stride..],
                        stride,
                    };
                    let (mut plain, mut vectors) = (vec![0; width], vec![0; width]);
                    for y in 0..axis.len() {
                        scalar::vertical(source, &axis, y, &mut plain);
                        simd128::vertical(source, &axis, y, &mut vectors);
                        assert!(
                            plain == vectors,
                            "vertical {name}, row {y} of {width} bytes"
                        );
                    }
                }
            }
        }
    }
}
