//! The passes with WebAssembly's 128-bit vectors: the same sums as [`scalar`](super::scalar), in another order.
//!
//! A 22-bit weight does not fit the 16-bit multiply-add, the only multiplication that is fast everywhere. Each weight is therefore
//! `low + (high << 15)`: two multiply-adds over pairs of pixels, joined at the end. All of it is exact modulo 2^32, and the
//! sums fit 32 bits, so that no order of adding changes them.

use core::arch::wasm32::*;

use crate::resize::Rows;
use crate::resize::axis::{Axis, GROUP, PRECISION};

const LANES: usize = 16;

#[inline(always)]
fn load(bytes: &[u8; LANES]) -> v128 {
    // SAFETY: the reference is valid for 16 bytes, and `v128_load` asks for no alignment.
    unsafe { v128_load(bytes.as_ptr().cast()) }
}

#[inline(always)]
fn load_halves(halves: &[i16; 2 * GROUP]) -> v128 {
    // SAFETY: the reference is valid for 16 bytes, and `v128_load` asks for no alignment.
    unsafe { v128_load(halves.as_ptr().cast()) }
}

#[inline(always)]
fn store(bytes: &mut [u8; LANES], v: v128) {
    // SAFETY: the reference is valid for 16 bytes, and `v128_store` asks for no alignment.
    unsafe { v128_store(bytes.as_mut_ptr().cast(), v) }
}

/// The sixteen bytes at `at`.
#[inline(always)]
fn at(bytes: &[u8], at: usize) -> &[u8; LANES] {
    match bytes[at..].first_chunk() {
        Some(chunk) => chunk,
        // The caller's buffer is too short: a bug of this crate.
        None => panic!("a vector past the end of a row"),
    }
}

/// Rounds, shifts and saturates four sums of four; lane i of sum j becomes byte 4j + i.
#[inline(always)]
fn finish(low: [v128; 4], high: [v128; 4]) -> v128 {
    let half = i32x4_splat(1 << (PRECISION - 1));
    let sum = |i: usize| {
        i32x4_shr(
            i32x4_add(i32x4_add(i32x4_shl(high[i], 15), low[i]), half),
            PRECISION,
        )
    };
    u8x16_narrow_i16x8(
        i16x8_narrow_i32x4(sum(0), sum(1)),
        i16x8_narrow_i32x4(sum(2), sum(3)),
    )
}

/// As [`scalar::horizontal`](super::scalar::horizontal), but reads up to `axis.padded_taps()` pixels and 16 bytes past the
/// last pixel that `axis` names, and may write 16 bytes past the last pixel of `out`: both must have them.
pub fn horizontal(row: &[u8], axis: &Axis, out: &mut [u8]) {
    match axis.padded_taps() / GROUP {
        1 => horizontal_by::<1>(row, axis, out),
        2 => horizontal_by::<2>(row, axis, out),
        3 => horizontal_by::<3>(row, axis, out),
        _ => horizontal_by::<0>(row, axis, out),
    }
}

/// `GROUPS` of weights an output position, 0 for any number.
#[inline(always)]
fn horizontal_by<const GROUPS: usize>(row: &[u8], axis: &Axis, out: &mut [u8]) {
    let groups = if GROUPS == 0 {
        axis.padded_taps() / GROUP
    } else {
        GROUPS
    };
    let pixel = |start: u32, halves: &[[i16; 2 * GROUP]]| {
        let (mut low, mut high) = (i32x4_splat(0), i32x4_splat(0));
        for (group, halves) in halves.iter().enumerate() {
            // Four pixels: rgbr gbrg brgb, and the next pixel's four bytes, which are not used.
            let v = load(at(row, start as usize * 3 + group * GROUP * 3));
            // Pairs of neighbours, 16 bits each: r0 r1 g0 g1 b0 b1 0 0, and the same of pixels 2 and 3.
            let zero = i8x16_splat(0);
            let first =
                i8x16_shuffle::<0, 16, 3, 16, 1, 16, 4, 16, 2, 16, 5, 16, 16, 16, 16, 16>(v, zero);
            let second = i8x16_shuffle::<6, 16, 9, 16, 7, 16, 10, 16, 8, 16, 11, 16, 16, 16, 16, 16>(
                v, zero,
            );
            let halves = load_halves(halves);
            let w = [
                i32x4_shuffle::<0, 0, 0, 0>(halves, halves),
                i32x4_shuffle::<1, 1, 1, 1>(halves, halves),
                i32x4_shuffle::<2, 2, 2, 2>(halves, halves),
                i32x4_shuffle::<3, 3, 3, 3>(halves, halves),
            ];
            low = i32x4_add(
                low,
                i32x4_add(i32x4_dot_i16x8(first, w[0]), i32x4_dot_i16x8(second, w[1])),
            );
            high = i32x4_add(
                high,
                i32x4_add(i32x4_dot_i16x8(first, w[2]), i32x4_dot_i16x8(second, w[3])),
            );
        }
        (low, high)
    };
    let (fours, rest) = axis.starts.as_chunks::<4>();
    let mut halves = axis.halves.chunks_exact(4 * groups);
    let mut done = 0;
    for (starts, halves) in fours.iter().zip(&mut halves) {
        let [a, b, c, d] =
            std::array::from_fn(|i| pixel(starts[i], &halves[i * groups..(i + 1) * groups]));
        let bytes = finish([a.0, b.0, c.0, d.0], [a.1, b.1, c.1, d.1]);
        write(out, done, bytes);
        done += 12;
    }
    for (start, halves) in rest.iter().zip(halves.remainder().chunks_exact(groups)) {
        let (low, high) = pixel(*start, halves);
        write(out, done, finish([low; 4], [high; 4]));
        done += 3;
    }
}

/// Writes four pixels of four bytes as four of three, and four bytes of nothing after them.
#[inline(always)]
fn write(out: &mut [u8], at: usize, pixels: v128) {
    let packed =
        i8x16_shuffle::<0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, 15, 15, 15, 15>(pixels, pixels);
    match out[at..].first_chunk_mut() {
        Some(chunk) => store(chunk, packed),
        None => panic!("a vector past the end of a row"),
    }
}

/// As [`scalar::vertical`](super::scalar::vertical).
pub fn vertical(source: Rows<'_>, axis: &Axis, y: usize, out: &mut [u8]) {
    let width = out.len();
    if width < LANES {
        return super::scalar::vertical(source, axis, y, out);
    }
    let count = axis.counts[y] as usize;
    let groups = axis.padded_taps() / GROUP;
    let halves = &axis.halves[y * groups..(y + 1) * groups];
    let rows = &source.data[axis.starts[y] as usize * source.stride..];
    // The row of tap `t`; the taps of weight zero that fill the last pair read the last row again.
    let row = |t: usize| &rows[t.min(count - 1) * source.stride..][..width];
    let mut x = 0;
    loop {
        let (mut low, mut high) = ([i32x4_splat(0); 4], [i32x4_splat(0); 4]);
        for (group, halves) in halves.iter().enumerate() {
            let weights = load_halves(halves);
            let first = group * GROUP;
            pair(
                load(at(row(first), x)),
                load(at(row(first + 1), x)),
                [
                    i32x4_shuffle::<0, 0, 0, 0>(weights, weights),
                    i32x4_shuffle::<2, 2, 2, 2>(weights, weights),
                ],
                &mut low,
                &mut high,
            );
            if first + 2 < count {
                pair(
                    load(at(row(first + 2), x)),
                    load(at(row(first + 3), x)),
                    [
                        i32x4_shuffle::<1, 1, 1, 1>(weights, weights),
                        i32x4_shuffle::<3, 3, 3, 3>(weights, weights),
                    ],
                    &mut low,
                    &mut high,
                );
            }
        }
        if let Some(chunk) = out[x..].first_chunk_mut() {
            store(chunk, finish(low, high));
        }
        if x + LANES >= width {
            return;
        }
        // The last vector overlaps the one before it.
        x = (x + LANES).min(width - LANES);
    }
}

/// Adds two rows' sixteen samples, times their weights' low and high halves.
#[inline(always)]
fn pair(a: v128, b: v128, [w_low, w_high]: [v128; 2], low: &mut [v128; 4], high: &mut [v128; 4]) {
    let left = i8x16_shuffle::<0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23>(a, b);
    let right = i8x16_shuffle::<8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31>(a, b);
    let samples = [
        u16x8_extend_low_u8x16(left),
        u16x8_extend_high_u8x16(left),
        u16x8_extend_low_u8x16(right),
        u16x8_extend_high_u8x16(right),
    ];
    for i in 0..4 {
        low[i] = i32x4_add(low[i], i32x4_dot_i16x8(samples[i], w_low));
        high[i] = i32x4_add(high[i], i32x4_dot_i16x8(samples[i], w_high));
    }
}
