//! What a file's headers say of its picture, as Pillow's `Image.open` reads them: nothing is decoded.

use tiff::ColorType;
use tiff::tags::{CompressionMethod, SampleFormat};

use super::{Format, bmp, gif, ico, jpeg, png, pnm, qoi, sniff, tga, tiff as tiff_file, webp};
use crate::error::{Error, ErrorKind};

/// What a file's headers say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Info {
    /// The format, by Pillow's name.
    pub format: &'static str,
    /// Pillow's mode, such as `RGB`.
    pub mode: &'static str,
    /// Columns, before the picture is turned; of a TIFF, which Pillow turns in any case, afterwards.
    pub width: u32,
    /// Rows, likewise.
    pub height: u32,
    /// The orientation that EXIF, or else XMP, asks for, where the file has one.
    pub orientation: Option<u16>,
}

/// What a decoder finds in the headers.
pub(super) struct Found {
    pub(super) mode: &'static str,
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) orientation: Option<u16>,
}

impl Found {
    /// Of a format without an orientation.
    pub(super) fn new(mode: &'static str, width: u32, height: u32) -> Self {
        Self {
            mode,
            width,
            height,
            orientation: None,
        }
    }
}

/// Reads a file's headers.
///
/// # Errors
/// [`ErrorKind::UnknownFormat`], and as [`decode`](super::decode::decode) for headers that are cut off, damaged or not
/// supported. What is wrong with the pixels is not seen.
pub fn info(bytes: &[u8]) -> Result<Info, Error> {
    let format = sniff(bytes).ok_or_else(|| super::unknown(bytes))?;
    let (name, found) = match format {
        Format::Jpeg => ("JPEG", jpeg::info(bytes)?),
        Format::Png => ("PNG", png::info(bytes)?),
        Format::Gif => ("GIF", gif::info(bytes)?),
        Format::WebP => ("WEBP", webp::info(bytes)?),
        Format::Bmp => ("BMP", bmp::info(bytes)?),
        Format::Tiff => ("TIFF", tiff_file::info(bytes)?),
        Format::Pnm => ("PPM", pnm::info(bytes)?),
        Format::Ico if ico::is_cursor(bytes) => ("CUR", ico::info(bytes)?),
        Format::Ico => ("ICO", ico::info(bytes)?),
        Format::Qoi => ("QOI", qoi::info(bytes)?),
        Format::Tga => ("TGA", tga::info(bytes)?),
    };
    let Found {
        mode,
        width,
        height,
        orientation,
    } = found;
    if width == 0 || height == 0 {
        return Err(Error::new(
            ErrorKind::Malformed,
            format!("{name}: no pixels ({width} x {height})"),
        ));
    }
    Ok(Info {
        format: name,
        mode,
        width,
        height,
        orientation,
    })
}

/// What Pillow calls a TIFF's samples.
pub(super) struct TiffSamples {
    pub(super) colour: ColorType,
    pub(super) format: SampleFormat,
    pub(super) is_palette: bool,
    pub(super) big_endian: bool,
    pub(super) extra: Option<u16>,
    pub(super) compression: Option<CompressionMethod>,
}

impl TiffSamples {
    /// The mode; `None` where Pillow has none.
    pub(super) fn mode(&self) -> Option<&'static str> {
        Some(match (self.colour, self.format) {
            (ColorType::Gray(_), _) if self.is_palette => "P",
            (ColorType::Gray(1), _) => "1",
            (ColorType::Gray(2 | 4 | 8), _) => "L",
            (ColorType::Gray(12), _) => "I;16",
            (ColorType::Gray(16), SampleFormat::Uint) if self.big_endian => "I;16B",
            (ColorType::Gray(16), SampleFormat::Uint) => "I;16",
            (ColorType::Gray(32), SampleFormat::IEEEFP) => "F",
            (ColorType::Gray(16 | 32), _) => "I",
            (ColorType::GrayA(_) | ColorType::Multiband { num_samples: 2, .. }, _) => "LA",
            (ColorType::RGB(_), _) => "RGB",
            // What the fourth is for is not said.
            (ColorType::RGBA(_), _) if self.extra == Some(0) => "RGB",
            (ColorType::RGBA(_), _) => "RGBA",
            (ColorType::CMYK(_), _) => "CMYK",
            (ColorType::YCbCr(_), _) if self.compression == Some(CompressionMethod::ModernJPEG) => {
                "RGB"
            }
            (ColorType::YCbCr(_), _) => "YCbCr",
            (ColorType::Lab(_), _) => "LAB",
            _ => return None,
        })
    }
}
