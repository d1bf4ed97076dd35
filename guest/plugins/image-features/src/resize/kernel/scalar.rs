//! The passes in plain Rust.

use crate::resize::Rows;
use crate::resize::axis::{Axis, PRECISION};

const HALF: i32 = 1 << (PRECISION - 1);

fn finish(sum: i32) -> u8 {
    (sum >> PRECISION).clamp(0, 255) as u8
}

/// One row along its columns: reads RGB from `row`, whose first pixel is `axis.first()`, and writes `axis.len()` pixels.
pub fn horizontal(row: &[u8], axis: &Axis, out: &mut [u8]) {
    let weights = axis.weights.chunks_exact(axis.padded_taps());
    let positions = axis.starts.iter().zip(&axis.counts).zip(weights);
    for (((start, count), weights), out) in positions.zip(out.chunks_exact_mut(3)) {
        let (start, count) = (*start as usize, *count as usize);
        let pixels = &row[start * 3..(start + count) * 3];
        let mut sums = [HALF; 3];
        for (pixel, w) in pixels.chunks_exact(3).zip(weights) {
            sums[0] += i32::from(pixel[0]) * w;
            sums[1] += i32::from(pixel[1]) * w;
            sums[2] += i32::from(pixel[2]) * w;
        }
        for (out, sum) in out.iter_mut().zip(sums) {
            *out = finish(sum);
        }
    }
}

/// Row `y` of the result from the rows of `source`, whose first is `axis.first()`: as many bytes as `out` has.
pub fn vertical(source: Rows<'_>, axis: &Axis, y: usize, out: &mut [u8]) {
    let (start, count) = (axis.starts[y] as usize, axis.counts[y] as usize);
    let weights = &axis.weights[y * axis.padded_taps()..][..count];
    let rows = &source.data[start * source.stride..];
    // In pieces that the compiler keeps in registers.
    const PIECE: usize = 32;
    for (i, out) in out.chunks_mut(PIECE).enumerate() {
        let mut sums = [HALF; PIECE];
        for (t, w) in weights.iter().enumerate() {
            let samples = &rows[t * source.stride + i * PIECE..][..out.len()];
            if let Ok(samples) = <&[u8; PIECE]>::try_from(samples) {
                for (sum, v) in sums.iter_mut().zip(samples) {
                    *sum += i32::from(*v) * w;
                }
            } else {
                for (sum, v) in sums.iter_mut().zip(samples) {
                    *sum += i32::from(*v) * w;
                }
            }
        }
        for (out, sum) in out.iter_mut().zip(sums) {
            *out = finish(sum);
        }
    }
}
