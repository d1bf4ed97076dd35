//! Picture files to 8-bit RGB, as Pillow's `Image.open(f).convert("RGB")`.
//!
//! The format is read from the first bytes, never from a name. Only the first frame of an animation
//! is decoded. Colour profiles are ignored and alpha is dropped (not blended), as in Pillow.
//!
//! | format | read | not read |
//! |---|---|---|
//! | JPEG | baseline, progressive, arithmetic; grey, YCbCr, RGB, CMYK, YCCK | 12-bit samples |
//! | PNG | all colour types and depths, interlaced or not; APNG as its default picture | |
//! | GIF | first frame | |
//! | WebP | lossy, lossless, alpha, first frame of an animation | |
//! | BMP | 1, 4, 8, 16, 24, 32 bits, RLE, the bit fields that Pillow takes | |
//! | TIFF | first page: bilevel, grey (8, 16, 32 bits, float), palette, RGB(A), CMYK; G4, LZW, Deflate, PackBits, JPEG; both orders of bits | Lab, subsampled YCbCr other than as JPEG; G3, old JPEG, LZMA, Zstandard, WebP inside TIFF; 12 bits |
//! | PPM family | PBM, PGM, PPM, plain and binary, PFM with one channel | PAM, PFM with three channels |
//! | TGA | 8, 16, 24, 32 bits, palettes, RLE, every origin | |
//! | ICO, CUR | the largest picture: PNG or bitmap | |
//! | QOI | all | |
//!
//! Every picture that was compared with Pillow is equal to the last bit, lossy WebP included.
//!
//! A truncated file is an error, as in Pillow. So is a damaged one, except where Pillow carries on and the same pixels are
//! certain: a JPEG scan with a marker in the wrong place. Sizes are checked against [`Limits`] from the header,
//! before anything of the picture's size is allocated.

mod bmp;
mod convert;
mod gif;
mod ico;
mod info;
mod jpeg;
mod jpeg_planes;
mod orientation;
mod png;
mod pnm;
mod qoi;
mod tga;
mod tiff;
mod tiff_jpeg;
mod webp;

pub use info::{Info, info};

use crate::error::{Error, ErrorKind};

/// Bounds on what a picture may cost, checked from its header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The most pixels (width times height) that a picture may have.
    ///
    /// The default, 178,956,970, is the most that Pillow takes: twice its `MAX_IMAGE_PIXELS`, of which it warns.
    pub max_pixels: u64,
    /// The most bytes, roughly, that decoding one picture may allocate at a time.
    ///
    /// The default is 832 MiB, of the gigabyte that a plugin has by default: the file itself lies in the same memory. Formats
    /// that are read row by row need three bytes a pixel, and only for pixels that the crop keeps.
    pub max_memory: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_pixels: 178_956_970,
            max_memory: 832 << 20,
        }
    }
}

impl Limits {
    /// Checks a header's claims: `bytes_per_pixel` is what decoding needs at its peak.
    fn check(
        &self,
        format: &str,
        width: u32,
        height: u32,
        bytes_per_pixel: u64,
    ) -> Result<(), Error> {
        self.check_pixels(format, width, height)?;
        let pixels = u64::from(width) * u64::from(height);
        self.check_memory(
            format,
            width,
            height,
            pixels.saturating_mul(bytes_per_pixel),
        )
    }

    /// Checks a header's claims, for a decoder that does not hold the whole picture.
    fn check_pixels(&self, format: &str, width: u32, height: u32) -> Result<(), Error> {
        let pixels = u64::from(width) * u64::from(height);
        if pixels == 0 {
            return Err(Error::malformed(
                format,
                format_args!("no pixels ({width} x {height})"),
            ));
        }
        if pixels > self.max_pixels {
            return Err(Error::too_large(
                format,
                format_args!(
                    "{width} x {height} pixels exceed the limit of {}",
                    self.max_pixels
                ),
            ));
        }
        Ok(())
    }

    /// Checks what decoding a picture of this size is going to allocate, in bytes.
    fn check_memory(&self, format: &str, width: u32, height: u32, bytes: u64) -> Result<(), Error> {
        if bytes > self.max_memory {
            return Err(Error::too_large(
                format,
                format_args!(
                    "decoding {width} x {height} takes about {bytes} bytes, the limit is {}",
                    self.max_memory
                ),
            ));
        }
        Ok(())
    }

    fn max_memory_usize(&self) -> usize {
        usize::try_from(self.max_memory).unwrap_or(usize::MAX)
    }
}

/// The formats that [`sniff`] knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// JPEG (JFIF, Exif, MPO).
    Jpeg,
    /// PNG and APNG.
    Png,
    /// GIF 87a and 89a.
    Gif,
    /// WebP.
    WebP,
    /// Windows and OS/2 bitmaps.
    Bmp,
    /// TIFF, little and big endian.
    Tiff,
    /// PBM, PGM, PPM and PFM.
    Pnm,
    /// Windows icons and cursors.
    Ico,
    /// QOI.
    Qoi,
    /// TGA.
    Tga,
}

/// The format of a file, from its first bytes.
pub fn sniff(bytes: &[u8]) -> Option<Format> {
    match bytes {
        [0xff, 0xd8, 0xff, ..] => Some(Format::Jpeg),
        [0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a, ..] => Some(Format::Png),
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some(Format::Gif),
        [
            b'R',
            b'I',
            b'F',
            b'F',
            _,
            _,
            _,
            _,
            b'W',
            b'E',
            b'B',
            b'P',
            ..,
        ] => Some(Format::WebP),
        [b'B', b'M', ..] => Some(Format::Bmp),
        [b'I', b'I', 42 | 43, 0, ..] | [b'M', b'M', 0, 42 | 43, ..] => Some(Format::Tiff),
        [b'P', b'0'..=b'6' | b'f', ..] => Some(Format::Pnm),
        // Without pictures in it, it is the start of a TGA.
        [0, 0, 1 | 2, 0, low, high, ..] if (*low, *high) != (0, 0) => Some(Format::Ico),
        [b'q', b'o', b'i', b'f', ..] => Some(Format::Qoi),
        _ if tga::is_tga(bytes) => Some(Format::Tga),
        _ => None,
    }
}

fn unknown(bytes: &[u8]) -> Error {
    let what = if bytes.is_empty() {
        "no bytes"
    } else {
        "not a JPEG, PNG, GIF, WebP, BMP, TIFF, PPM, TGA, ICO or QOI file"
    };
    Error::new(ErrorKind::UnknownFormat, what)
}

/// A rectangle of pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Window {
    /// First column.
    pub x: u32,
    /// First row.
    pub y: u32,
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
}

impl Window {
    /// The whole of a picture.
    fn whole(width: u32, height: u32) -> Self {
        Self {
            x: 0,
            y: 0,
            width,
            height,
        }
    }

    fn pixels(&self) -> u64 {
        u64::from(self.width) * u64::from(self.height)
    }

    /// The part of a row of RGB that lies between the window's sides.
    fn part<'a>(&self, rgb: &'a [u8]) -> &'a [u8] {
        &rgb[self.x as usize * 3..][..self.width as usize * 3]
    }
}

/// A decoded picture, or the window of it that was asked for. Reusable: decoding into it keeps its memory.
#[derive(Debug, Clone, Default)]
pub struct Picture {
    /// Columns of the whole picture.
    pub width: u32,
    /// Rows of the whole picture.
    pub height: u32,
    /// The part of the picture that [`data`](Self::data) holds.
    pub window: Window,
    /// Rows of interleaved RGB, one byte a sample: `window.height * window.width * 3` bytes.
    pub data: Vec<u8>,
}

impl Picture {
    /// Makes this the whole picture of a given size, with pixels of any value.
    fn reset(&mut self, width: u32, height: u32) -> &mut [u8] {
        self.reset_to(width, height, Window::whole(width, height))
    }

    /// Makes this a window of a picture, with pixels of any value.
    fn reset_to(&mut self, width: u32, height: u32, window: Window) -> &mut [u8] {
        (self.width, self.height, self.window) = (width, height, window);
        // Every decoder writes every pixel, so that old ones need no wiping.
        self.data
            .resize(window.width as usize * window.height as usize * 3, 0);
        &mut self.data
    }

    /// Where the window's part of row `y` of the picture goes, unless the window is above or below it.
    fn row(&mut self, y: u32) -> Option<&mut [u8]> {
        let y = y.checked_sub(self.window.y)?;
        let stride = self.window.width as usize * 3;
        if y >= self.window.height {
            return None;
        }
        self.data.get_mut(y as usize * stride..)?.get_mut(..stride)
    }
}

/// Buffers of more bytes than this are not kept: another decoder's may not find room beside them.
const KEPT: usize = 32 << 20;

fn forget_large(buffer: &mut Vec<u8>) {
    if buffer.capacity() > KEPT {
        *buffer = Vec::new();
    }
}

/// Buffers that decoders reuse.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    /// Samples as the file has them, of pictures before at first.
    pub(crate) samples: Vec<u8>,
    /// A row of RGB, or a part of one.
    pub(crate) row: Vec<u8>,
}

/// Decodes a whole picture. With `exif_orientation`, turns it as its EXIF (or XMP) orientation says, like
/// Pillow's `ImageOps.exif_transpose`; a TIFF is turned in any case, as Pillow does.
///
/// # Errors
/// [`ErrorKind::UnknownFormat`], [`Truncated`](ErrorKind::Truncated), [`Malformed`](ErrorKind::Malformed),
/// [`Unsupported`](ErrorKind::Unsupported), [`TooLarge`](ErrorKind::TooLarge).
pub fn decode(bytes: &[u8], limits: &Limits, exif_orientation: bool) -> Result<Picture, Error> {
    let mut picture = Picture::default();
    decode_window(
        bytes,
        limits,
        exif_orientation,
        |_, _| None,
        &mut picture,
        &mut Scratch::default(),
    )?;
    Ok(picture)
}

/// Decodes at least the window that `wanted` names when told the picture's width and height (`None`: everything).
/// What lies outside may be decoded too: [`Picture::window`] says what was.
pub(crate) fn decode_window(
    bytes: &[u8],
    limits: &Limits,
    exif_orientation: bool,
    wanted: impl FnOnce(u32, u32) -> Option<Window>,
    picture: &mut Picture,
    scratch: &mut Scratch,
) -> Result<(), Error> {
    let format = sniff(bytes).ok_or_else(|| unknown(bytes))?;
    for buffer in [&mut picture.data, &mut scratch.samples, &mut scratch.row] {
        forget_large(buffer);
    }
    // A picture that may have to be turned is needed whole.
    let turned = exif_orientation || format == Format::Tiff;
    let wanted = |width, height| wanted(width, height).filter(|_| !turned);
    // Each decoder gives the orientation that the file asks for, 1 to 8.
    let orientation = match format {
        Format::Jpeg => jpeg::decode(bytes, limits, exif_orientation, wanted, picture)?,
        Format::Png => png::decode(bytes, limits, exif_orientation, wanted, picture, scratch)?,
        Format::Gif => gif::decode(bytes, limits, picture)?,
        Format::WebP => webp::decode(bytes, limits, picture, scratch)?,
        Format::Bmp => bmp::decode(bytes, limits, picture)?,
        Format::Tiff => tiff::decode(bytes, limits, picture, scratch)?,
        Format::Pnm => pnm::decode(bytes, limits, wanted, picture)?,
        Format::Ico => ico::decode(bytes, limits, picture, scratch)?,
        Format::Qoi => qoi::decode(bytes, limits, picture)?,
        Format::Tga => tga::decode(bytes, limits, wanted, picture)?,
    };
    if exif_orientation || format == Format::Tiff {
        orientation::apply(orientation, picture, scratch);
    }
    Ok(())
}
