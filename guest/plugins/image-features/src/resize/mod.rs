//! Scaling as Pillow 13 scales 8-bit RGB, bit for bit.
//!
//! The rule was read from Pillow's `src/libImaging/Resample.c`; no code is from there:
//!
//! - Each axis has its own weights, in `f64`: see [`Axis`]. They become integers with 22 fractional bits.
//! - A pass sums samples times weights from 2^21, shifts right by 22 and clips to 0..=255. Two passes, so that a sample
//!   is rounded to eight bits between them.
//! - The order of the passes is seen in the result. Horizontal first is the rule; **vertical first** if the rows become
//!   fewer, and the number of rows lost is more than twice the number of columns lost (columns gained count as
//!   negative): [`vertical_first`]. Pillow 12 and before never did that.
//! - [`Nearest`](Interpolation::Nearest) takes another way in Pillow, by stepping positions; here it is an axis with one
//!   weight of one.
//!
//! Only a window of the result is computed, and only what it needs of the source is read: rounding happens sample by
//! sample, so a window is the same as a crop afterwards.

mod axis;
mod kernel;

pub use axis::{Axis, Interpolation};
pub use kernel::scalar;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
pub use kernel::simd128;

#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
use kernel::scalar as active;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
use kernel::simd128 as active;

/// Bytes that a row may be longer than its pixels: kernels write whole vectors.
const SLACK: usize = 16;

/// Whether Pillow 13 runs the vertical pass first, for a picture of (width, height) `from` and a result of `to`.
pub fn vertical_first(from: (u32, u32), to: (u32, u32)) -> bool {
    let columns_lost = i64::from(from.0) - i64::from(to.0);
    let rows_lost = i64::from(from.1) - i64::from(to.1);
    rows_lost > 0 && rows_lost > columns_lost * 2
}

/// Interleaved RGB rows to read from.
#[derive(Debug, Clone, Copy)]
pub struct Rows<'a> {
    /// Rows of `stride` bytes; the last may end with its last pixel.
    pub data: &'a [u8],
    /// Bytes from one row to the next.
    pub stride: usize,
}

/// The two passes, with their buffers.
#[derive(Debug, Default)]
pub struct Resizer {
    between: Vec<u8>,
    row: Vec<u8>,
}

impl Resizer {
    /// Scales `source` by both axes and hands every row of the result, top to bottom, to `emit`: its index and
    /// `horizontal.len() * 3` bytes.
    ///
    /// The first pixel of `source` is the first that the axes read ([`Axis::first`]); it must reach to the last
    /// ([`Axis::end`]).
    pub fn resize(
        &mut self,
        source: Rows<'_>,
        horizontal: &Axis,
        vertical: &Axis,
        vertical_first: bool,
        mut emit: impl FnMut(usize, &[u8]),
    ) {
        let out_bytes = horizontal.len() * 3;
        if out_bytes == 0 || vertical.is_empty() {
            return;
        }
        if vertical_first {
            let in_bytes = (horizontal.end() - horizontal.first()) * 3;
            // The horizontal pass reads whole vectors: as much past the end as its padded weights reach.
            self.between
                .resize(in_bytes + horizontal.padded_taps() * 3 + SLACK, 0);
            self.row.resize(out_bytes + SLACK, 0);
            for y in 0..vertical.len() {
                active::vertical(source, vertical, y, &mut self.between[..in_bytes]);
                active::horizontal(&self.between, horizontal, &mut self.row);
                emit(y, &self.row[..out_bytes]);
            }
        } else {
            let rows = vertical.end() - vertical.first();
            let stride = out_bytes + SLACK;
            self.between.resize(rows * stride, 0);
            let reach =
                (horizontal.end() - horizontal.first() + horizontal.padded_taps()) * 3 + SLACK;
            for (y, out) in self.between.chunks_exact_mut(stride).enumerate() {
                let row = &source.data[y * source.stride..];
                if row.len() >= reach {
                    active::horizontal(row, horizontal, out);
                } else {
                    // The last rows: whole vectors would reach past the end of the picture.
                    self.row.clear();
                    self.row.extend_from_slice(row);
                    self.row.resize(reach, 0);
                    active::horizontal(&self.row, horizontal, out);
                }
            }
            self.row.resize(out_bytes, 0);
            let between = Rows {
                data: &self.between,
                stride,
            };
            for y in 0..vertical.len() {
                active::vertical(between, vertical, y, &mut self.row[..out_bytes]);
                emit(y, &self.row[..out_bytes]);
            }
        }
    }
}
