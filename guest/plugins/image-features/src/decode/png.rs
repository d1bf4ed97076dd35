//! PNG, by the crate `png`, with the samples as the file has them: Pillow's conversions are not that crate's. Row by row, so that
//! only what is wanted is kept.

use std::io::Cursor;

use png::{BitDepth, ColorType, DecodingError, InterlaceInfo, Transformations};

use super::convert::{self, Palette};
use super::info::Found;
use super::{Limits, Picture, Scratch, Window, orientation};
use crate::error::Error;

const NAME: &str = "PNG";

/// Decodes; gives the orientation. `wanted` is obeyed where rows come one after the other.
pub(super) fn decode(
    bytes: &[u8],
    limits: &Limits,
    exif_orientation: bool,
    wanted: impl FnOnce(u32, u32) -> Option<Window>,
    picture: &mut Picture,
    scratch: &mut Scratch,
) -> Result<u16, Error> {
    let own_limits = png::Limits {
        bytes: limits.max_memory_usize(),
    };
    let mut decoder = png::Decoder::new_with_limits(Cursor::new(bytes), own_limits);
    decoder.set_transformations(Transformations::IDENTITY);
    decoder.set_ignore_iccp_chunk(true);
    let (width, height, interlaced) = {
        let header = decoder.read_header_info().map_err(error)?;
        (header.width, header.height, header.interlaced)
    };
    limits.check_pixels(NAME, width, height)?;
    let window = match wanted(width, height) {
        Some(window) if !interlaced => window,
        _ => Window::whole(width, height),
    };
    // The window, and rows: of the decoder three of at most eight bytes a pixel, and one of RGB.
    let row_bytes = u64::from(width) * (3 * 8 + 3);
    limits.check_memory(NAME, width, height, window.pixels() * 3 + row_bytes)?;
    let mut reader = decoder.read_info().map_err(error)?;
    let samples = Samples::new(&reader)?;

    picture.reset_to(width, height, window);
    let stride = width as usize * 3;
    let mut y = 0;
    while let Some(row) = reader.next_interlaced_row().map_err(error)? {
        match row.interlace() {
            InterlaceInfo::Null(_) => {
                if let Some(out) = picture.row(y) {
                    if window.width == width {
                        samples.to_rgb(row.data(), out);
                    } else {
                        scratch.row.resize(stride, 0);
                        samples.to_rgb(row.data(), &mut scratch.row);
                        out.copy_from_slice(window.part(&scratch.row));
                    }
                }
                y += 1;
            }
            InterlaceInfo::Adam7(pass) => {
                // Whole bytes of samples: there may be some pixels past the end, which the crate leaves out.
                let pixels = row.data().len() * 8 / samples.bits_per_pixel;
                scratch.row.resize(pixels * 3, 0);
                samples.to_rgb(row.data(), &mut scratch.row);
                png::expand_interlaced_row(&mut picture.data, stride, &scratch.row, pass, 24);
            }
        }
    }
    if exif_orientation {
        // What follows the pixels may have it. Damage there is no matter.
        let _ = reader.finish();
    }
    Ok(orientation_of(&reader))
}

/// How a file's samples become RGB.
struct Samples {
    colour: ColorType,
    depth: BitDepth,
    bits_per_pixel: usize,
    palette: Palette,
}

impl Samples {
    fn new(reader: &png::Reader<Cursor<&[u8]>>) -> Result<Self, Error> {
        let (colour, depth) = reader.output_color_type();
        let palette = match colour {
            ColorType::Indexed => reader
                .info()
                .palette
                .as_deref()
                .map(convert::palette)
                .ok_or_else(|| Error::malformed(NAME, "no palette"))?,
            _ => convert::grey((depth as u8).min(8)),
        };
        Ok(Self {
            colour,
            depth,
            bits_per_pixel: colour.samples() * depth as usize,
            palette,
        })
    }

    /// Converts a row.
    fn to_rgb(&self, samples: &[u8], rgb: &mut [u8]) {
        match (self.colour, self.depth) {
            (ColorType::Grayscale, BitDepth::Sixteen) => {
                convert::greys(samples, rgb, |v: [u8; 2]| {
                    convert::clip(u16::from_be_bytes(v).into())
                });
            }
            (ColorType::Grayscale | ColorType::Indexed, depth) => {
                let width = rgb.len() / 3;
                convert::indexed(samples, depth as u8, width, &self.palette, rgb);
            }
            // Of 16 bits Pillow keeps the upper 8, except of pure grey.
            (ColorType::GrayscaleAlpha, BitDepth::Sixteen) => {
                convert::greys(samples, rgb, |v: [u8; 4]| v[0])
            }
            (ColorType::GrayscaleAlpha, _) => convert::greys(samples, rgb, |v: [u8; 2]| v[0]),
            (ColorType::Rgb, BitDepth::Sixteen) => {
                convert::colours(samples, rgb, |v: [u8; 6]| [v[0], v[2], v[4]])
            }
            (ColorType::Rgb, _) => rgb.copy_from_slice(samples),
            (ColorType::Rgba, BitDepth::Sixteen) => {
                convert::colours(samples, rgb, |v: [u8; 8]| [v[0], v[2], v[4]])
            }
            (ColorType::Rgba, _) => convert::colours(samples, rgb, |v: [u8; 4]| [v[0], v[1], v[2]]),
        }
    }
}

fn orientation_of(reader: &png::Reader<Cursor<&[u8]>>) -> u16 {
    let info = reader.info();
    let exif = info
        .exif_metadata
        .as_deref()
        .and_then(orientation::from_exif);
    let xmp = || {
        let packet = info
            .utf8_text
            .iter()
            .find(|text| text.keyword == "XML:com.adobe.xmp")?;
        orientation::from_xmp(packet.get_text().ok()?.as_bytes())
    };
    exif.or_else(xmp).unwrap_or(1)
}

/// What the chunks say, wherever they stand.
pub(super) fn info(bytes: &[u8]) -> Result<Found, Error> {
    const SIGNATURE: usize = 8;
    let (mut header, mut exif, mut xmp) = (None, None, None);
    let mut rest = bytes.get(SIGNATURE..).unwrap_or_default();
    while let Some((&[a, b, c, d, ref name @ ..], after)) = rest.split_first_chunk::<8>() {
        let length = u32::from_be_bytes([a, b, c, d]) as usize;
        let Some((data, after)) = after.split_at_checked(length) else {
            break;
        };
        match name {
            b"IHDR" if header.is_none() => header = Some(data),
            b"eXIf" => exif = exif.or_else(|| orientation::from_exif(data)),
            b"iTXt" if data.starts_with(b"XML:com.adobe.xmp\0") => {
                xmp = xmp.or_else(|| orientation::from_xmp(data));
            }
            b"IEND" => break,
            _ => {}
        }
        // Its checksum.
        rest = after.get(4..).unwrap_or_default();
    }
    let header = header.ok_or_else(|| Error::truncated(NAME))?;
    let &[a, b, c, d, e, f, g, h, depth, colour, ..] = header else {
        return Err(Error::malformed(NAME, "a short header"));
    };
    let mode = match (colour, depth) {
        (0, 1) => "1",
        (0, 2 | 4 | 8) => "L",
        (0, 16) => "I;16",
        (2, 8 | 16) => "RGB",
        (3, 1 | 2 | 4 | 8) => "P",
        (4, 8) => "LA",
        (4, 16) | (6, 8 | 16) => "RGBA",
        _ => {
            return Err(Error::malformed(
                NAME,
                format_args!("{depth} bits of colour type {colour}"),
            ));
        }
    };
    let side = u32::from_be_bytes;
    Ok(Found {
        orientation: exif.or(xmp),
        ..Found::new(mode, side([a, b, c, d]), side([e, f, g, h]))
    })
}

fn error(error: DecodingError) -> Error {
    match error {
        DecodingError::IoError(e) => Error::io(NAME, &e),
        DecodingError::LimitsExceeded => {
            Error::too_large(NAME, "decoding takes more memory than the limit")
        }
        other => Error::malformed(NAME, other),
    }
}
