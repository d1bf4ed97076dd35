//! JPEG, by `libjpeg-turbo-rs`: its pixels equal libjpeg-turbo's, which Pillow uses.

use libjpeg_turbo_rs::{DecodeLimits, Decoder, JpegError, PixelFormat};

use super::{Limits, Picture, Window, convert, orientation};
use crate::error::{Error, ErrorKind};

const NAME: &str = "JPEG";

/// Windows start at multiples of this and reach this much past what is wanted on every side: chroma at the window's
/// edge then is interpolated from the same neighbours as in the whole picture. 4:1:1 has units of 32 columns.
const MARGIN: u32 = 32;

/// More scans than any encoder writes, few enough to end a file made of nothing else.
const MAX_SCANS: usize = 500;

/// Decodes; gives the orientation. `wanted` is obeyed where the picture is not turned afterwards.
pub(super) fn decode(
    bytes: &[u8],
    limits: &Limits,
    exif_orientation: bool,
    wanted: impl FnOnce(u32, u32) -> Option<Window>,
    picture: &mut Picture,
) -> Result<u16, Error> {
    let parse_limits = DecodeLimits {
        max_pixels: limits.max_pixels,
        max_memory: Some(limits.max_memory),
        max_scans: MAX_SCANS,
        ..DecodeLimits::default()
    };
    let mut decoder = Decoder::new_with_limits(bytes, parse_limits).map_err(error)?;
    let header = decoder.header();
    let (width, height) = (u32::from(header.width), u32::from(header.height));
    if header.precision != 8 {
        return Err(Error::unsupported(NAME, format_args!("{} bits a sample", header.precision)));
    }
    let format = match header.components.len() {
        1 | 3 => PixelFormat::Rgb,
        4 => PixelFormat::Cmyk,
        n => return Err(Error::unsupported(NAME, format_args!("{n} components"))),
    };
    // Planes and pixels; several scans need all coefficients, two bytes each, as well.
    let samples = header.components.len() as u64;
    let bytes_per_pixel = samples * if decoder.has_multiple_scans() { 4 } else { 2 };
    limits.check(NAME, width, height, bytes_per_pixel)?;

    let orientation = if exif_orientation { orientation_of(&decoder) } else { 1 };
    let whole = Window { x: 0, y: 0, width, height };
    let window = match wanted(width, height) {
        // Of CMYK, the decoder gives other pixels when it is asked for a part.
        Some(window) if format == PixelFormat::Rgb && !(2..=8).contains(&orientation) => with_margin(window, whole),
        _ => whole,
    };
    decoder.set_output_format(format);
    // libjpeg's default. It matters for progressive files whose last scans are missing.
    decoder.set_block_smoothing(true);
    if window != whole {
        let Window { x, y, width, height } = window;
        decoder.set_crop_region(x as usize, y as usize, width as usize, height as usize);
    }
    let image = decoder.decode_image().map_err(error)?;

    let pixels = window.width as usize * window.height as usize;
    if (image.width, image.height) != (window.width as usize, window.height as usize)
        || image.pixel_format != format
        || image.data.len() != pixels * format.bytes_per_pixel()
    {
        return Err(Error::malformed(NAME, "the picture has another size than its header says"));
    }
    if format == PixelFormat::Rgb {
        picture.data = image.data;
    } else {
        picture.data.resize(pixels * 3, 0);
        // Pillow takes every such file to be inverted, as Adobe's are.
        convert::colours(&image.data, &mut picture.data, |cmyk: [u8; 4]| convert::cmyk(cmyk.map(|ink| !ink)));
    }
    (picture.width, picture.height, picture.window) = (width, height, window);
    Ok(orientation)
}

fn orientation_of(decoder: &Decoder<'_>) -> u16 {
    let exif = decoder.exif_data().and_then(orientation::from_exif);
    exif.or_else(|| decoder.xmp_data().and_then(orientation::from_xmp)).unwrap_or(1)
}

fn with_margin(wanted: Window, whole: Window) -> Window {
    let grow = |start: u32, len: u32, end: u32| {
        let first = start.saturating_sub(MARGIN) / MARGIN * MARGIN;
        let last = (start + len + MARGIN).next_multiple_of(MARGIN).min(end);
        (first, last - first)
    };
    let (x, width) = grow(wanted.x, wanted.width, whole.width);
    let (y, height) = grow(wanted.y, wanted.height, whole.height);
    Window { x, y, width, height }
}

fn error(error: JpegError) -> Error {
    match error {
        JpegError::UnexpectedEof => Error::truncated(NAME),
        JpegError::Unsupported(what) => Error::unsupported(NAME, what),
        JpegError::LimitExceeded { .. } | JpegError::AllocationFailed { .. } => Error::too_large(NAME, error),
        JpegError::Io(e) => Error::io(NAME, &e),
        other => Error::new(ErrorKind::Malformed, format!("{NAME}: {other}")),
    }
}
