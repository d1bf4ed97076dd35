//! JPEG, by `libjpeg-turbo-rs`: its pixels equal libjpeg-turbo's, which Pillow uses.

use libjpeg_turbo_rs::{
    ComponentInfo, DecodeLimits, DecodeWarning, Decoder, FrameHeader, JpegError, PixelFormat,
};

use super::info::Found;
use super::{Limits, Picture, Window, convert, jpeg_planes, orientation};
use crate::error::{Error, ErrorKind};

const NAME: &str = "JPEG";

/// More scans than any encoder writes, few enough to end a file made of nothing else.
pub(super) const MAX_SCANS: usize = 500;

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
        // Estimated here, where the window is known.
        max_memory: None,
        max_scans: MAX_SCANS,
        ..DecodeLimits::default()
    };
    let mut decoder = Decoder::new_with_limits(bytes, parse_limits).map_err(error)?;
    let header = decoder.header();
    let (width, height) = (u32::from(header.width), u32::from(header.height));
    if header.precision != 8 {
        return Err(Error::unsupported(
            NAME,
            format_args!("{} bits a sample", header.precision),
        ));
    }
    let format = match header.components.len() {
        1 | 3 => PixelFormat::Rgb,
        4 => PixelFormat::Cmyk,
        n => return Err(Error::unsupported(NAME, format_args!("{n} components"))),
    };
    limits.check_pixels(NAME, width, height)?;

    let orientation = if exif_orientation {
        orientation_of(&decoder).unwrap_or(1)
    } else {
        1
    };
    let whole = Window::whole(width, height);
    let header = decoder.header();
    let mut window = match wanted(width, height) {
        // Of CMYK, the decoder gives other pixels when it is asked for a part.
        Some(window) if format == PixelFormat::Rgb && !(2..=8).contains(&orientation) => {
            with_margin(window, whole, header)
        }
        _ => whole,
    };
    let multiple_scans = decoder.has_multiple_scans();
    if memory(header, multiple_scans, window, format) > limits.max_memory {
        // The decoder cuts rows off by a copy of the rest.
        (window.y, window.height) = (0, height);
        let bytes = memory(header, multiple_scans, window, format);
        limits.check_memory(NAME, width, height, bytes)?;
    }
    decoder.set_output_format(format);
    // libjpeg's default. It matters for progressive files whose last scans are missing.
    decoder.set_block_smoothing(true);
    // As libjpeg, which fills in what damage has taken; what of that is not as libjpeg's is refused below.
    decoder.set_lenient(true);
    if window.width < width {
        decoder.set_crop(window.x as usize, window.width as usize);
    }
    if window.height < height {
        decoder.set_crop_y(window.y as usize, window.height as usize);
    }
    if format == PixelFormat::Cmyk && !four_components_decode(decoder.header()) {
        let rgb = picture.reset(width, height);
        jpeg_planes::decode_cmyk(decoder, bytes, rgb)?;
        return Ok(orientation);
    }
    let image = decoder.decode_image().map_err(error)?;
    check_warnings(bytes, &image.warnings)?;

    let pixels = window.width as usize * window.height as usize;
    if (image.width, image.height) != (window.width as usize, window.height as usize)
        || image.pixel_format != format
        || image.data.len() != pixels * format.bytes_per_pixel()
    {
        return Err(Error::malformed(
            NAME,
            "the picture has another size than its header says",
        ));
    }
    if format == PixelFormat::Rgb {
        picture.data = image.data;
    } else {
        picture.data.resize(pixels * 3, 0);
        // Pillow takes every such file to be inverted, as Adobe's are.
        convert::colours(&image.data, &mut picture.data, |cmyk: [u8; 4]| {
            convert::cmyk(cmyk.map(|ink| !ink))
        });
    }
    (picture.width, picture.height, picture.window) = (width, height, window);
    Ok(orientation)
}

/// The bytes that the decoder allocates at its peak.
fn memory(frame: &FrameHeader, multiple_scans: bool, window: Window, format: PixelFormat) -> u64 {
    let sampling = |of: fn(&ComponentInfo) -> u8| frame.components.iter().map(of);
    let most = |of: fn(&ComponentInfo) -> u8| u64::from(sampling(of).max().unwrap_or(1).max(1));
    let across = most(|c| c.horizontal_sampling);
    let down = most(|c| c.vertical_sampling);
    let units =
        u64::from(frame.width).div_ceil(8 * across) * u64::from(frame.height).div_ceil(8 * down);
    let planes: u64 = frame
        .components
        .iter()
        .map(|c| units * 64 * u64::from(c.horizontal_sampling) * u64::from(c.vertical_sampling))
        .sum();
    // Two bytes each, and they are gone before there are pixels.
    let coefficients = if multiple_scans { planes * 2 } else { 0 };
    let row = u64::from(window.width) * format.bytes_per_pixel() as u64;
    let mut pixels = row * u64::from(window.height);
    if window.height < frame.height.into() {
        // All rows down to the last of the window come first, and another row of units.
        let rows = u64::from(window.y + window.height) + 16 * down;
        pixels += row * rows.min(frame.height.into());
    }
    // Chroma that is not of half the size is scaled in planes of its own.
    let chroma = |c: &ComponentInfo| {
        let ratio = (
            across / u64::from(c.horizontal_sampling.max(1)),
            down / u64::from(c.vertical_sampling.max(1)),
        );
        ratio.0 > 2 || ratio.1 > 2
    };
    if frame.components.len() > 3 || frame.components.iter().any(chroma) {
        pixels += (frame.components.len() as u64 - 1) * units * 64 * across * down;
    }
    planes + coefficients.max(pixels)
}

/// Whether the decoder upsamples what these four components need, and does not run past a plane instead.
pub(super) fn four_components_decode(frame: &FrameHeader) -> bool {
    let sampling = |i: usize| {
        frame
            .components
            .get(i)
            .map_or((0, 0), |c| (c.horizontal_sampling, c.vertical_sampling))
    };
    let (first, second) = (sampling(0), sampling(1));
    let factor = (first.0 / second.0.max(1), first.1 / second.1.max(1));
    sampling(2) == second
        && sampling(3) == first
        && (second.0 * factor.0, second.1 * factor.1) == first
        && matches!(factor, (1, 1) | (2, 1) | (2, 2))
}

/// What the headers say.
pub(super) fn info(bytes: &[u8]) -> Result<Found, Error> {
    let limits = DecodeLimits {
        max_pixels: u64::MAX,
        max_memory: None,
        max_scans: MAX_SCANS,
        ..DecodeLimits::default()
    };
    let decoder = Decoder::new_with_limits(bytes, limits).map_err(error)?;
    let header = decoder.header();
    let mode = match (header.precision, header.components.len()) {
        (8, 1) => "L",
        (8, 3) => "RGB",
        (8, 4) => "CMYK",
        (8, n) => return Err(Error::unsupported(NAME, format_args!("{n} components"))),
        (bits, _) => {
            return Err(Error::unsupported(
                NAME,
                format_args!("{bits} bits a sample"),
            ));
        }
    };
    Ok(Found {
        orientation: orientation_of(&decoder),
        ..Found::new(mode, header.width.into(), header.height.into())
    })
}

fn orientation_of(decoder: &Decoder<'_>) -> Option<u16> {
    let exif = decoder.exif_data().and_then(orientation::from_exif);
    exif.or_else(|| decoder.xmp_data().and_then(orientation::from_xmp))
}

/// After damage libjpeg carries on, and Pillow with it, except that Pillow gives up where the bytes end before the picture
/// does. The decoder fills in the same pixels after a marker that came too early, but not always after codes that do not exist,
/// nor where restart markers are out of step.
pub(super) fn check_warnings(bytes: &[u8], warnings: &[DecodeWarning]) -> Result<(), Error> {
    for warning in warnings {
        match warning {
            DecodeWarning::ExtraneousData { .. } => {}
            DecodeWarning::TruncatedData { .. } if !has_end(bytes) => {
                return Err(Error::truncated(NAME));
            }
            DecodeWarning::TruncatedData { .. } if !has_restarts(bytes) => {}
            other => return Err(Error::malformed(NAME, other)),
        }
    }
    Ok(())
}

/// Whether a restart interval is defined, or something looks like it.
fn has_restarts(bytes: &[u8]) -> bool {
    bytes
        .windows(4)
        .any(|segment| segment == [0xff, 0xdd, 0, 4])
}

/// Whether an end marker follows the last scan's header. Scans contain no such bytes themselves.
fn has_end(bytes: &[u8]) -> bool {
    let scan = bytes
        .windows(2)
        .rposition(|marker| marker == [0xff, 0xda])
        .unwrap_or(0);
    bytes[scan..]
        .windows(2)
        .any(|marker| marker == [0xff, 0xd9])
}

/// A window that starts and ends at coding units, one or more past what is wanted on every side: chroma at its edge is then
/// interpolated from the same neighbours as in the whole picture.
fn with_margin(wanted: Window, whole: Window, frame: &FrameHeader) -> Window {
    let grow = |start: u32, len: u32, end: u32, sampling: u8| {
        let unit = 8 * u32::from(sampling.max(2));
        let first = start.saturating_sub(unit) / unit * unit;
        let last = (start + len + unit).next_multiple_of(unit).min(end);
        (first, last - first)
    };
    let horizontal = frame
        .components
        .iter()
        .map(|c| c.horizontal_sampling)
        .max()
        .unwrap_or(1);
    let vertical = frame
        .components
        .iter()
        .map(|c| c.vertical_sampling)
        .max()
        .unwrap_or(1);
    let (x, width) = grow(wanted.x, wanted.width, whole.width, horizontal);
    let (y, height) = grow(wanted.y, wanted.height, whole.height, vertical);
    Window {
        x,
        y,
        width,
        height,
    }
}

pub(super) fn error(error: JpegError) -> Error {
    match error {
        JpegError::UnexpectedEof => Error::truncated(NAME),
        JpegError::Unsupported(what) => Error::unsupported(NAME, what),
        JpegError::LimitExceeded { .. } | JpegError::AllocationFailed { .. } => {
            Error::too_large(NAME, error)
        }
        JpegError::Io(e) => Error::io(NAME, &e),
        other => Error::new(ErrorKind::Malformed, format!("{NAME}: {other}")),
    }
}
