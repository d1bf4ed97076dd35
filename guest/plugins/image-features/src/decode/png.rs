//! PNG, by the crate `png`, with the samples as the file has them: Pillow's conversions are not that crate's.

use std::io::Cursor;

use png::{BitDepth, ColorType, DecodingError, Transformations};

use super::{Limits, Picture, Scratch, convert, orientation};
use crate::error::Error;

const NAME: &str = "PNG";

/// Decodes; gives the orientation.
pub(super) fn decode(
    bytes: &[u8],
    limits: &Limits,
    picture: &mut Picture,
    scratch: &mut Scratch,
) -> Result<u16, Error> {
    let own_limits = png::Limits {
        bytes: limits.max_memory_usize(),
    };
    let mut decoder = png::Decoder::new_with_limits(Cursor::new(bytes), own_limits);
    decoder.set_transformations(Transformations::IDENTITY);
    decoder.set_ignore_iccp_chunk(true);
    let (width, height, bits) = {
        let header = decoder.read_header_info().map_err(error)?;
        (header.width, header.height, header.bits_per_pixel())
    };
    limits.check(NAME, width, height, 3 + (bits as u64).div_ceil(8))?;
    let mut reader = decoder.read_info().map_err(error)?;
    let (colour, depth) = reader.output_color_type();
    let size = reader
        .output_buffer_size()
        .ok_or_else(|| Error::too_large(NAME, "the picture is too large"))?;

    let (w, rgb) = (width as usize, picture.reset(width, height));
    if (colour, depth) == (ColorType::Rgb, BitDepth::Eight) && size == rgb.len() {
        reader.next_frame(rgb).map_err(error)?;
        return Ok(orientation_of(&reader));
    }
    let samples = &mut scratch.samples;
    samples.resize(size, 0);
    reader.next_frame(samples).map_err(error)?;
    match (colour, depth) {
        (ColorType::Grayscale, BitDepth::Sixteen) => {
            convert::greys(samples, rgb, |v: [u8; 2]| {
                convert::clip(u16::from_be_bytes(v).into())
            });
        }
        (ColorType::Grayscale, depth) => {
            convert::indexed(samples, depth as u8, w, &convert::grey(depth as u8), rgb)
        }
        (ColorType::Indexed, depth) => {
            let colours = reader
                .info()
                .palette
                .as_deref()
                .ok_or_else(|| Error::malformed(NAME, "no palette"))?;
            convert::indexed(samples, depth as u8, w, &convert::palette(colours), rgb);
        }
        // Of 16 bits Pillow keeps the upper 8, except of pure grey.
        (ColorType::GrayscaleAlpha, BitDepth::Sixteen) => {
            convert::greys(samples, rgb, |v: [u8; 4]| v[0])
        }
        (ColorType::GrayscaleAlpha, _) => convert::greys(samples, rgb, |v: [u8; 2]| v[0]),
        (ColorType::Rgb, BitDepth::Sixteen) => {
            convert::colours(samples, rgb, |v: [u8; 6]| [v[0], v[2], v[4]])
        }
        (ColorType::Rgb, _) => convert::colours(samples, rgb, |v: [u8; 3]| v),
        (ColorType::Rgba, BitDepth::Sixteen) => {
            convert::colours(samples, rgb, |v: [u8; 8]| [v[0], v[2], v[4]])
        }
        (ColorType::Rgba, _) => convert::colours(samples, rgb, |v: [u8; 4]| [v[0], v[1], v[2]]),
    }
    Ok(orientation_of(&reader))
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

fn error(error: DecodingError) -> Error {
    match error {
        DecodingError::IoError(e) => Error::io(NAME, &e),
        DecodingError::LimitsExceeded => {
            Error::too_large(NAME, "decoding takes more memory than the limit")
        }
        other => Error::malformed(NAME, other),
    }
}
