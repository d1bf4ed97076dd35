//! TIFF, by the crate `tiff`, and from its samples on as Pillow: 16-bit grey is clipped, other 16-bit samples keep their upper
//! byte, floats are truncated.

use std::borrow::Cow;
use std::io::Cursor;
use std::ops::Range;

use tiff::decoder::{Decoder, Limits as OwnLimits};
use tiff::tags::{CompressionMethod, SampleFormat, Tag};
use tiff::{ColorType, TiffError};

use super::info::{Found, TiffSamples};
use super::{Limits, Picture, Scratch, convert, orientation};
use crate::error::{Error, ErrorKind};

const NAME: &str = "TIFF";

/// Decodes; gives the orientation.
pub(super) fn decode(
    bytes: &[u8],
    limits: &Limits,
    picture: &mut Picture,
    scratch: &mut Scratch,
) -> Result<u16, Error> {
    let bytes = &*in_order(bytes)?;
    let (is_palette, bytes) = as_grey(bytes);
    let mut own_limits = OwnLimits::default();
    own_limits.decoding_buffer_size = limits.max_memory_usize();
    own_limits.intermediate_buffer_size = limits.max_memory_usize();
    let mut decoder = Decoder::new(Cursor::new(&bytes[..]))
        .map_err(error)?
        .with_limits(own_limits);
    let (width, height) = decoder.dimensions().map_err(error)?;
    limits.check_pixels(NAME, width, height)?;
    let compression: Option<u16> = decoder.find_tag_unsigned(Tag::Compression).map_err(error)?;
    if compression.map(CompressionMethod::from_u16_exhaustive)
        == Some(CompressionMethod::ModernJPEG)
    {
        let tags = Tags::read(&mut decoder, is_palette)?;
        let blocks = Blocks::read(&mut decoder, width, height)?;
        super::tiff_jpeg::decode(&mut decoder, &bytes, limits, &blocks, picture)?;
        return Ok(tags.orientation);
    }
    let colour = decoder.colortype().map_err(error)?;
    let sample_bits = u64::from(colour.num_samples()) * u64::from(colour.bit_depth());
    limits.check(NAME, width, height, 3 + 2 * sample_bits.div_ceil(8))?;

    let tags = Tags::read(&mut decoder, is_palette)?;
    let layout = decoder.image_buffer_layout().map_err(error)?;
    let samples = &mut scratch.samples;
    samples.clear();
    samples.resize(layout.complete_len, 0);
    decoder.read_image_bytes(samples).map_err(error)?;
    if layout.planes > 1 {
        interleave(samples, layout.planes, colour.bit_depth())?;
    }
    let rgb = picture.reset(width, height);
    to_rgb(
        colour,
        layout.sample_format,
        &tags,
        samples,
        width as usize,
        rgb,
    )?;
    Ok(tags.orientation)
}

/// What the first directory says.
pub(super) fn info(bytes: &[u8]) -> Result<Found, Error> {
    let (is_palette, bytes) = as_grey(bytes);
    let mut decoder = Decoder::new(Cursor::new(&bytes[..])).map_err(error)?;
    let (width, height) = decoder.dimensions().map_err(error)?;
    let colour = decoder.colortype().map_err(error)?;
    let mut first = |tag| {
        let numbers = decoder.find_tag_unsigned_vec::<u16>(tag).map_err(error)?;
        Ok::<_, Error>(numbers.and_then(|numbers| numbers.first().copied()))
    };
    let samples = TiffSamples {
        colour,
        format: first(Tag::SampleFormat)?
            .map_or(SampleFormat::Uint, SampleFormat::from_u16_exhaustive),
        is_palette,
        big_endian: bytes.starts_with(b"MM"),
        extra: first(Tag::ExtraSamples)?,
        compression: first(Tag::Compression)?.map(CompressionMethod::from_u16_exhaustive),
    };
    // Pillow ignores an orientation that it cannot read.
    let orientation = first(Tag::Orientation).ok().flatten();
    let mode = samples
        .mode()
        .ok_or_else(|| Error::unsupported(NAME, format_args!("{colour:?}")))?;
    // Pillow turns it in any case.
    let (width, height) = match orientation {
        Some(5..=8) => (height, width),
        _ => (width, height),
    };
    Ok(Found {
        orientation,
        ..Found::new(mode, width, height)
    })
}

/// The crate `tiff` refuses palettes. It reads the indices where the file says that they are greys.
fn as_grey(bytes: &[u8]) -> (bool, Cow<'_, [u8]>) {
    match orientation::tiff_value(bytes, Tag::PhotometricInterpretation.to_u16()) {
        Some(photometric) if photometric.value == 3 => {
            let mut grey = bytes.to_vec();
            for b in &mut grey[photometric.at] {
                *b = u8::from(*b == 3);
            }
            (true, grey.into())
        }
        _ => (false, bytes.into()),
    }
}

/// The crate `tiff` takes the first bit of a byte to be its uppermost. Where a file says otherwise, its bits are turned round.
fn in_order(bytes: &[u8]) -> Result<Cow<'_, [u8]>, Error> {
    let order = match orientation::tiff_value(bytes, Tag::FillOrder.to_u16()) {
        Some(order) if order.value == 2 => order,
        _ => return Ok(bytes.into()),
    };
    // A JPEG's bits are in one order only.
    let compression = orientation::tiff_value(bytes, Tag::Compression.to_u16());
    if compression.is_some_and(|c| c.value == u32::from(CompressionMethod::ModernJPEG.to_u16())) {
        return Ok(bytes.into());
    }
    let mut decoder = Decoder::new(Cursor::new(bytes)).map_err(error)?;
    let (width, height) = decoder.dimensions().map_err(error)?;
    let mut places = Blocks::read(&mut decoder, width, height)?.places;
    places.sort_by_key(|place| place.start);
    // What lies in two of them would be turned twice.
    if places.windows(2).any(|two| two[0].end > two[1].start) {
        return Err(Error::unsupported(
            NAME,
            "strips or tiles that share bytes, with reversed bits,",
        ));
    }
    let mut turned = bytes.to_vec();
    for place in places {
        let block = turned
            .get_mut(place)
            .ok_or_else(|| Error::truncated(NAME))?;
        block
            .iter_mut()
            .for_each(|byte| *byte = byte.reverse_bits());
    }
    for byte in &mut turned[order.at] {
        *byte = u8::from(*byte == 2);
    }
    Ok(turned.into())
}

/// Strips or tiles.
pub(super) struct Blocks {
    /// Where in the file each lies.
    pub(super) places: Vec<Range<usize>>,
    /// The size of each, of which the last in a row or column may have less, or pixels of no meaning.
    pub(super) width: u32,
    pub(super) height: u32,
}

impl Blocks {
    fn read(decoder: &mut Decoder<Cursor<&[u8]>>, width: u32, height: u32) -> Result<Self, Error> {
        let mut number = |tag| decoder.find_tag_unsigned::<u32>(tag).map_err(error);
        let tile = (number(Tag::TileWidth)?, number(Tag::TileLength)?);
        let rows = number(Tag::RowsPerStrip)?.unwrap_or(height);
        let (size, tags) = match tile {
            (Some(width), Some(height)) => {
                ((width, height), (Tag::TileOffsets, Tag::TileByteCounts))
            }
            _ => (
                (width, rows.min(height)),
                (Tag::StripOffsets, Tag::StripByteCounts),
            ),
        };
        let mut numbers = |tag| {
            let numbers = decoder.find_tag_unsigned_vec::<u64>(tag).map_err(error)?;
            numbers.ok_or_else(|| Error::malformed(NAME, format_args!("no {tag:?}")))
        };
        let (offsets, lengths) = (numbers(tags.0)?, numbers(tags.1)?);
        let place = |(offset, length): (&u64, &u64)| {
            let start = usize::try_from(*offset).ok()?;
            Some(start..start.checked_add(usize::try_from(*length).ok()?)?)
        };
        let places = offsets
            .iter()
            .zip(&lengths)
            .map(place)
            .collect::<Option<_>>();
        Ok(Self {
            places: places.ok_or_else(|| Error::truncated(NAME))?,
            width: size.0.max(1),
            height: size.1.max(1),
        })
    }
}

/// What the crate `tiff` leaves to its users.
struct Tags {
    white_is_zero: bool,
    /// Not compressed, or by PackBits: Pillow reads these itself, others by libtiff.
    plain: bool,
    /// The meaning of the first extra sample: 1 is premultiplied alpha, 2 plain alpha.
    extra: Option<u16>,
    colour_map: Option<Vec<u16>>,
    orientation: u16,
}

impl Tags {
    fn read(decoder: &mut Decoder<Cursor<&[u8]>>, is_palette: bool) -> Result<Self, Error> {
        let photometric: Option<u16> = decoder
            .find_tag_unsigned(Tag::PhotometricInterpretation)
            .map_err(error)?;
        let compression: Option<u16> =
            decoder.find_tag_unsigned(Tag::Compression).map_err(error)?;
        let extra: Option<Vec<u16>> = decoder
            .find_tag_unsigned_vec(Tag::ExtraSamples)
            .map_err(error)?;
        let colour_map = if is_palette {
            Some(
                decoder
                    .find_tag_unsigned_vec(Tag::ColorMap)
                    .map_err(error)?
                    .unwrap_or_default(),
            )
        } else {
            None
        };
        // Pillow ignores an orientation that it cannot read.
        let orientation = decoder
            .find_tag_unsigned(Tag::Orientation)
            .ok()
            .flatten()
            .unwrap_or(1);
        Ok(Self {
            white_is_zero: photometric == Some(0),
            plain: matches!(compression, None | Some(1 | 32_773)),
            extra: extra.and_then(|e| e.first().copied()),
            colour_map,
            orientation,
        })
    }
}

/// Samples in planes to samples in pixels.
fn interleave(samples: &mut Vec<u8>, planes: usize, bits: u8) -> Result<(), Error> {
    let size = usize::from(bits / 8);
    if !bits.is_multiple_of(8) || size == 0 || !samples.len().is_multiple_of(planes * size) {
        return Err(Error::unsupported(
            NAME,
            format_args!("{bits}-bit samples in planes"),
        ));
    }
    let plane = samples.len() / planes;
    let mut pixels = Vec::with_capacity(samples.len());
    for at in (0..plane).step_by(size) {
        for p in 0..planes {
            pixels.extend_from_slice(&samples[p * plane + at..][..size]);
        }
    }
    *samples = pixels;
    Ok(())
}

fn to_rgb(
    colour: ColorType,
    format: SampleFormat,
    tags: &Tags,
    samples: &[u8],
    width: usize,
    rgb: &mut [u8],
) -> Result<(), Error> {
    let row_bits = width * usize::from(colour.num_samples()) * usize::from(colour.bit_depth());
    if samples.len() != row_bits.div_ceil(8) * (rgb.len() / 3 / width.max(1)) {
        return Err(Error::unsupported(
            NAME,
            format_args!("{colour:?} with extra samples"),
        ));
    }
    // The samples are in the machine's byte order.
    let hi = if cfg!(target_endian = "little") { 1 } else { 0 };
    match (colour, format) {
        (ColorType::Gray(bits @ (1 | 2 | 4 | 8)), SampleFormat::Uint)
            if let Some(map) = &tags.colour_map =>
        {
            convert::indexed(samples, bits, width, &palette(map, bits)?, rgb);
        }
        (ColorType::Gray(bits @ (1 | 2 | 4 | 8)), SampleFormat::Uint | SampleFormat::Void) => {
            convert::indexed(samples, bits, width, &convert::grey(bits), rgb);
        }
        (ColorType::Gray(8), SampleFormat::Int) => convert::greys(samples, rgb, |[v]: [u8; 1]| v),
        (ColorType::Gray(16), SampleFormat::Uint) => {
            // The crate inverts where white is zero, Pillow does not.
            let flip = if tags.white_is_zero { 0xffff } else { 0 };
            convert::greys(samples, rgb, |v: [u8; 2]| {
                convert::clip((u16::from_ne_bytes(v) ^ flip).into())
            });
        }
        (ColorType::Gray(16), SampleFormat::Int) => {
            convert::greys(samples, rgb, |v: [u8; 2]| {
                convert::clip(i16::from_ne_bytes(v).into())
            });
        }
        (ColorType::Gray(32), SampleFormat::Uint | SampleFormat::Int) if !tags.white_is_zero => {
            convert::greys(samples, rgb, |v: [u8; 4]| {
                convert::clip(i32::from_ne_bytes(v).into())
            });
        }
        (ColorType::Gray(32), SampleFormat::IEEEFP) if !tags.white_is_zero => {
            convert::greys(samples, rgb, |v: [u8; 4]| f32::from_ne_bytes(v) as u8);
        }
        (
            ColorType::Multiband {
                bit_depth: 8,
                num_samples: 2,
            },
            SampleFormat::Uint,
        ) if tags.extra != Some(1) => {
            convert::greys(samples, rgb, |v: [u8; 2]| v[0]);
        }
        (ColorType::RGB(8), SampleFormat::Uint) => rgb.copy_from_slice(samples),
        (ColorType::RGB(16), SampleFormat::Uint) => {
            convert::colours(samples, rgb, |v: [u8; 6]| [v[hi], v[2 + hi], v[4 + hi]]);
        }
        (ColorType::RGBA(8), SampleFormat::Uint) if tags.extra == Some(1) => {
            convert::colours(samples, rgb, |[r, g, b, a]: [u8; 4]| {
                [r, g, b].map(|v| convert::unpremultiply(v, a))
            });
        }
        (ColorType::RGBA(8), SampleFormat::Uint) => {
            convert::colours(samples, rgb, |v: [u8; 4]| [v[0], v[1], v[2]])
        }
        (ColorType::RGBA(16), SampleFormat::Uint) if tags.extra != Some(1) => {
            convert::colours(samples, rgb, |v: [u8; 8]| [v[hi], v[2 + hi], v[4 + hi]]);
        }
        (ColorType::YCbCr(8), SampleFormat::Uint) if tags.plain => {
            convert::colours(samples, rgb, convert::ycbcr);
        }
        (ColorType::CMYK(8), SampleFormat::Uint) => convert::colours(samples, rgb, convert::cmyk),
        (ColorType::CMYK(16), SampleFormat::Uint) => {
            convert::colours(samples, rgb, |v: [u8; 8]| {
                convert::cmyk([v[hi], v[2 + hi], v[4 + hi], v[6 + hi]])
            });
        }
        (colour, format) => {
            return Err(Error::unsupported(
                NAME,
                format_args!("{colour:?} of {format:?} samples"),
            ));
        }
    }
    Ok(())
}

/// All reds, then all greens, then all blues, 16 bits each.
fn palette(map: &[u16], bits: u8) -> Result<convert::Palette, Error> {
    let colours = 1usize << bits;
    if map.len() < 3 * colours {
        return Err(Error::malformed(NAME, "no colour map, or a short one"));
    }
    let n = map.len() / 3;
    let mut palette = [[0; 3]; 256];
    for (i, entry) in palette.iter_mut().take(n).enumerate() {
        *entry = [map[i], map[n + i], map[2 * n + i]].map(|v| (v >> 8) as u8);
    }
    Ok(palette)
}

pub(super) fn error(error: TiffError) -> Error {
    match error {
        TiffError::IoError(e) => Error::io(NAME, &e),
        TiffError::LimitsExceeded | TiffError::IntSizeError => Error::too_large(NAME, error),
        TiffError::UnsupportedError(what) => {
            Error::new(ErrorKind::Unsupported, format!("{NAME}: {what}"))
        }
        other => Error::malformed(NAME, other),
    }
}
