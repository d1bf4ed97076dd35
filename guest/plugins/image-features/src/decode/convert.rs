//! Samples to RGB, as Pillow's `convert("RGB")` makes them from each of its modes.

/// An RGB palette. Entries that a file does not define are black, as in Pillow.
pub(super) type Palette = [[u8; 3]; 256];

/// A palette from interleaved RGB.
pub(super) fn palette(rgb: &[u8]) -> Palette {
    let mut palette = [[0; 3]; 256];
    for (entry, colour) in palette.iter_mut().zip(rgb.chunks_exact(3)) {
        entry.copy_from_slice(colour);
    }
    palette
}

/// The palette that maps every index to that grey.
pub(super) fn identity() -> Palette {
    std::array::from_fn(|v| [v as u8; 3])
}

/// The palette of unsigned grey samples of 1, 2, 4 or 8 bits: 0 to black, the largest to white.
pub(super) fn grey(bits: u8) -> Palette {
    let max = (1u32 << bits) - 1;
    std::array::from_fn(|v| [(v as u32 * 255 / max).min(255) as u8; 3])
}

/// Rows of packed indices of 1, 2, 4 or 8 bits, most significant first, each row at its own byte.
pub(super) fn indexed(rows: &[u8], bits: u8, width: usize, palette: &Palette, rgb: &mut [u8]) {
    if width == 0 {
        return;
    }
    let per_byte = 8 / usize::from(bits);
    let mask = ((1u16 << bits) - 1) as u8;
    let stride = width.div_ceil(per_byte);
    for (row, out) in rows
        .chunks_exact(stride)
        .zip(rgb.chunks_exact_mut(width * 3))
    {
        if bits == 8 {
            for (v, out) in row.iter().zip(out.chunks_exact_mut(3)) {
                out.copy_from_slice(&palette[usize::from(*v)]);
            }
        } else {
            for (x, out) in out.chunks_exact_mut(3).enumerate() {
                let shift = 8 - bits as usize * (x % per_byte + 1);
                out.copy_from_slice(&palette[usize::from((row[x / per_byte] >> shift) & mask)]);
            }
        }
    }
}

/// One grey a pixel, by `value`, which gets `SIZE` bytes.
pub(super) fn greys<const SIZE: usize>(
    samples: &[u8],
    rgb: &mut [u8],
    value: impl Fn([u8; SIZE]) -> u8,
) {
    let (pixels, _) = samples.as_chunks::<SIZE>();
    for (pixel, out) in pixels.iter().zip(rgb.chunks_exact_mut(3)) {
        out.fill(value(*pixel));
    }
}

/// One colour a pixel, by `value`, which gets `SIZE` bytes.
pub(super) fn colours<const SIZE: usize>(
    samples: &[u8],
    rgb: &mut [u8],
    value: impl Fn([u8; SIZE]) -> [u8; 3],
) {
    let (pixels, _) = samples.as_chunks::<SIZE>();
    for (pixel, out) in pixels.iter().zip(rgb.chunks_exact_mut(3)) {
        out.copy_from_slice(&value(*pixel));
    }
}

/// Pillow's "I;16" and "I" to 8 bits: clipped, not scaled.
pub(super) fn clip(v: i64) -> u8 {
    v.clamp(0, 255) as u8
}

/// `a * b / 255`, rounded, as Pillow's `MULDIV255`.
fn mul_div_255(a: u32, b: u32) -> u32 {
    let t = a * b + 128;
    ((t >> 8) + t) >> 8
}

/// Pillow's "CMYK" (0 is no ink) to RGB.
pub(super) fn cmyk([c, m, y, k]: [u8; 4]) -> [u8; 3] {
    let white = 255 - u32::from(k);
    [c, m, y].map(|ink| white.saturating_sub(mul_div_255(u32::from(ink), white)) as u8)
}

/// Pillow's "YCbCr" to RGB, which is not libjpeg's: six fractional bits, and factors that are rounded towards zero.
pub(super) fn ycbcr([y, cb, cr]: [u8; 3]) -> [u8; 3] {
    let part = |factor: f64, v: u8| (factor * 64.0 * (f64::from(v) - 128.0) + 0.5) as i32;
    let shifted = |sum: i32| clip(i64::from(i32::from(y) + (sum >> 6)));
    [
        shifted(part(1.402, cr)),
        shifted(part(-0.34414, cb) + part(-0.71414, cr)),
        shifted(part(1.772, cb)),
    ]
}

/// One sample without its premultiplied alpha, as Pillow reads "RGBa".
pub(super) fn unpremultiply(v: u8, alpha: u8) -> u8 {
    match alpha {
        0 => 0,
        a => (u32::from(v) * 255 / u32::from(a)).min(255) as u8,
    }
}
