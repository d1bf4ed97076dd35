//! JPEG inside TIFF: each strip or tile is a JPEG of its own, whose tables may be the file's. By the same decoder as JPEG, since
//! the crate `tiff` has another, whose pixels are not libjpeg-turbo's.

use std::io::Cursor;

use libjpeg_turbo_rs::{ColorSpace, DecodeLimits, Decoder, PixelFormat};
use tiff::decoder::Decoder as TiffDecoder;
use tiff::tags::{PhotometricInterpretation as Photometric, Tag};

use super::tiff::{Blocks, error};
use super::{Limits, Picture, convert, jpeg};
use crate::error::Error;

const NAME: &str = "TIFF";

/// How the samples of a block become RGB.
#[derive(Clone, Copy)]
enum Samples {
    Grey,
    YCbCr,
    /// Not converted, whatever a JPEG of its own would mean by them.
    Rgb,
    /// Not inverted.
    Cmyk,
}

impl Samples {
    fn count(self) -> usize {
        match self {
            Self::Grey => 1,
            Self::YCbCr | Self::Rgb => 3,
            Self::Cmyk => 4,
        }
    }
}

/// Decodes a file whose size was checked.
pub(super) fn decode(
    decoder: &mut TiffDecoder<Cursor<&[u8]>>,
    bytes: &[u8],
    limits: &Limits,
    blocks: &Blocks,
    picture: &mut Picture,
) -> Result<(), Error> {
    let (width, height) = decoder.dimensions().map_err(error)?;
    let samples = samples(decoder)?;
    let tables = match decoder.find_tag(Tag::JPEGTables).map_err(error)? {
        Some(tables) => tables.into_u8_vec().map_err(error)?,
        None => Vec::new(),
    };
    // Of a block its planes, its pixels and the same as RGB.
    let block = (u64::from(blocks.width) * u64::from(blocks.height)).saturating_mul(11);
    let pixels = u64::from(width) * u64::from(height) * 3;
    limits.check_memory(NAME, width, height, block.saturating_add(pixels))?;

    let rgb = picture.reset(width, height);
    let stride = width as usize * 3;
    let across = width.div_ceil(blocks.width);
    let down = height.div_ceil(blocks.height);
    if (blocks.places.len() as u64) < u64::from(across) * u64::from(down) {
        return Err(Error::malformed(NAME, "strips or tiles are missing"));
    }
    let mut places = blocks.places.iter();
    for top in (0..height).step_by(blocks.height as usize) {
        for left in (0..width).step_by(blocks.width as usize) {
            let block = places
                .next()
                .and_then(|place| bytes.get(place.clone()))
                .ok_or_else(|| Error::truncated(NAME))?;
            let columns = blocks.width.min(width - left);
            let rows = blocks.height.min(height - top);
            let (block_width, pixels) =
                decode_block(&tables, block, samples, (columns, rows), blocks)?;
            let at = top as usize * stride + left as usize * 3;
            let out = rgb[at..].chunks_mut(stride).take(rows as usize);
            for (row, out) in pixels.chunks_exact(block_width * 3).zip(out) {
                let bytes = columns as usize * 3;
                out[..bytes].copy_from_slice(&row[..bytes]);
            }
        }
    }
    Ok(())
}

fn samples(decoder: &mut TiffDecoder<Cursor<&[u8]>>) -> Result<Samples, Error> {
    let mut number = |tag| decoder.find_tag_unsigned::<u16>(tag).map_err(error);
    let photometric = number(Tag::PhotometricInterpretation)?.and_then(Photometric::from_u16);
    let count = number(Tag::SamplesPerPixel)?.unwrap_or(1);
    let planar = number(Tag::PlanarConfiguration)?.unwrap_or(1);
    match (photometric, count, planar) {
        (Some(Photometric::BlackIsZero), 1, _) => Ok(Samples::Grey),
        (Some(Photometric::YCbCr), 3, 1) => Ok(Samples::YCbCr),
        (Some(Photometric::RGB), 3, 1) => Ok(Samples::Rgb),
        (Some(Photometric::CMYK), 4, 1) => Ok(Samples::Cmyk),
        _ => Err(Error::unsupported(
            NAME,
            "JPEG of these samples inside TIFF",
        )),
    }
}

/// A strip or tile: its width, and its pixels.
fn decode_block(
    tables: &[u8],
    block: &[u8],
    samples: Samples,
    (columns, rows): (u32, u32),
    blocks: &Blocks,
) -> Result<(usize, Vec<u8>), Error> {
    // The tables end with an end marker, the block starts with a start marker.
    let mut file = tables
        .strip_suffix(&[0xff, 0xd9])
        .unwrap_or(tables)
        .to_vec();
    let rest = if file.is_empty() {
        block
    } else {
        block.strip_prefix(&[0xff, 0xd8]).unwrap_or(block)
    };
    file.extend_from_slice(rest);
    let limits = DecodeLimits {
        max_pixels: u64::from(blocks.width) * u64::from(blocks.height),
        max_scans: jpeg::MAX_SCANS,
        ..DecodeLimits::default()
    };
    let mut decoder = Decoder::new_with_limits(&file, limits).map_err(jpeg::error)?;
    let header = decoder.header();
    if header.components.len() != samples.count()
        || header.precision != 8
        || u32::from(header.width) < columns
        || u32::from(header.height) < rows
    {
        return Err(Error::malformed(
            NAME,
            "a JPEG that is not of its strip's or tile's kind and size",
        ));
    }
    let is_cmyk = matches!(samples, Samples::Cmyk);
    if is_cmyk
        && (decoder.jpeg_color_space() != ColorSpace::Cmyk || !jpeg::four_components_decode(header))
    {
        return Err(Error::unsupported(NAME, "this kind of CMYK as JPEG"));
    }
    if matches!(samples, Samples::YCbCr) && decoder.jpeg_color_space() != ColorSpace::YCbCr {
        return Err(Error::unsupported(
            NAME,
            "a JPEG that does not call its samples YCbCr, as the file does,",
        ));
    }
    match samples {
        Samples::Grey => decoder.set_output_format(PixelFormat::Grayscale),
        Samples::Rgb if decoder.jpeg_color_space() == ColorSpace::YCbCr => {
            decoder.set_output_colorspace(ColorSpace::YCbCr);
        }
        Samples::YCbCr | Samples::Rgb => decoder.set_output_format(PixelFormat::Rgb),
        Samples::Cmyk => decoder.set_output_format(PixelFormat::Cmyk),
    }
    let image = decoder.decode_image().map_err(jpeg::error)?;
    if image.data.len() != image.width * image.height * samples.count() {
        return Err(Error::malformed(
            NAME,
            "a JPEG of another size than it says",
        ));
    }
    let mut rgb = vec![0; image.width * image.height * 3];
    match samples {
        Samples::Grey => convert::greys(&image.data, &mut rgb, |[v]: [u8; 1]| v),
        Samples::YCbCr | Samples::Rgb => rgb = image.data,
        Samples::Cmyk => convert::colours(&image.data, &mut rgb, convert::cmyk),
    }
    Ok((image.width, rgb))
}
