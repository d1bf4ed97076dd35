//! BMP, after the layout that Microsoft documents (`BITMAPFILEHEADER` to `BITMAPV5HEADER`, OS/2 1.x's core header) and with
//! Pillow's reading of it: alpha is dropped, and only the bit fields that Pillow takes are taken.

use super::convert::{self, Palette};
use super::info::Found;
use super::{Limits, Picture};
use crate::error::Error;

const NAME: &str = "BMP";

/// What the headers say.
struct Header {
    width: u32,
    height: u32,
    top_down: bool,
    bits: u16,
    compression: u32,
    /// Red, green and blue, for compression 3.
    masks: [u32; 3],
    alpha_mask: u32,
    palette: Palette,
    /// Pillow's, of bitmaps with a palette.
    palette_mode: &'static str,
    pixels: usize,
}

impl Header {
    fn mode(&self) -> &'static str {
        let fields = self.compression == 3;
        match self.bits {
            1 | 4 | 8 => self.palette_mode,
            // No masks are what some writers mean by all of them.
            32 if fields && (self.alpha_mask != 0 || self.masks == [0; 3]) => "RGBA",
            _ => "RGB",
        }
    }
}

/// What the headers say.
pub(super) fn info(bytes: &[u8]) -> Result<Found, Error> {
    let header = header(bytes)?;
    Ok(Found::new(header.mode(), header.width, header.height))
}

/// What the headers say of the upper half of a bitmap without a file header, which has alpha where it has 32 bits.
pub(super) fn half_info(bytes: &[u8]) -> Result<Found, Error> {
    let header = header(&with_file_header(bytes))?;
    let mode = if header.bits == 32 {
        "RGBA"
    } else {
        header.mode()
    };
    Ok(Found::new(mode, header.width, header.height / 2))
}

fn with_file_header(bitmap: &[u8]) -> Vec<u8> {
    let mut file = b"BM\0\0\0\0\0\0\0\0\0\0\0\0".to_vec();
    file.extend_from_slice(bitmap);
    file
}

/// Decodes; gives the orientation, which BMP does not have.
pub(super) fn decode(bytes: &[u8], limits: &Limits, picture: &mut Picture) -> Result<u16, Error> {
    pixels(bytes, &header(bytes)?, limits, picture)?;
    Ok(1)
}

/// Decodes the upper half of a bitmap without a file header: in an icon its mask is below it.
pub(super) fn decode_half(
    bytes: &[u8],
    limits: &Limits,
    picture: &mut Picture,
) -> Result<(), Error> {
    let file = with_file_header(bytes);
    let mut header = header(&file)?;
    header.height /= 2;
    pixels(&file, &header, limits, picture)
}

fn pixels(
    bytes: &[u8],
    header: &Header,
    limits: &Limits,
    picture: &mut Picture,
) -> Result<(), Error> {
    limits.check(NAME, header.width, header.height, 3 + 1)?;
    let data = bytes
        .get(header.pixels..)
        .ok_or_else(|| Error::truncated(NAME))?;
    let (width, rgb) = (
        header.width as usize,
        picture.reset(header.width, header.height),
    );

    let unpacked;
    let (rows, stride) = if matches!(header.compression, 1 | 2) {
        unpacked = run_lengths(
            data,
            header.compression == 2,
            header.pixels,
            width,
            rgb.len() / 3,
        )?;
        (&unpacked[..], width)
    } else {
        // Rows are padded to four bytes; the last one's padding may be missing.
        let stride = (width * usize::from(header.bits)).div_ceil(32) * 4;
        let needed =
            stride * (header.height as usize - 1) + (width * usize::from(header.bits)).div_ceil(8);
        (
            data.get(..needed).ok_or_else(|| Error::truncated(NAME))?,
            stride,
        )
    };
    let convert = row_converter(header)?;
    for (y, row) in rows.chunks(stride).enumerate() {
        let y = if header.top_down {
            y
        } else {
            header.height as usize - 1 - y
        };
        convert(row, &mut rgb[y * width * 3..(y + 1) * width * 3]);
    }
    Ok(())
}

fn header(bytes: &[u8]) -> Result<Header, Error> {
    let u16_at = |at: usize| match bytes.get(at..at + 2) {
        Some(b) => Ok(u16::from_le_bytes([b[0], b[1]])),
        None => Err(Error::truncated(NAME)),
    };
    let u32_at =
        |at: usize| Ok::<_, Error>(u32::from(u16_at(at)?) | u32::from(u16_at(at + 2)?) << 16);

    let mut pixels = u32_at(10)? as usize;
    let size = u32_at(14)? as usize;
    let mut end = 14 + size.min(1024);
    let (width, mut height, bits, mut compression, mut colours, entry) = match size {
        12 => (u16_at(18)?.into(), u16_at(20)?.into(), u16_at(24)?, 0, 0, 3),
        40 | 52 | 56 | 64 | 108 | 124 => (
            u32_at(18)?,
            u32_at(22)?,
            u16_at(28)?,
            u32_at(30)?,
            u32_at(46)?,
            4,
        ),
        _ => {
            return Err(Error::unsupported(
                NAME,
                format_args!("a header of {size} bytes"),
            ));
        }
    };
    let top_down = size != 12 && height >> 24 == 0xff;
    if top_down {
        height = height.wrapping_neg();
    }
    if !matches!(bits, 1 | 4 | 8 | 16 | 24 | 32) {
        return Err(Error::unsupported(
            NAME,
            format_args!("{bits} bits a pixel"),
        ));
    }
    let (mut masks, mut alpha_mask) = ([0; 3], 0);
    if compression == 3 {
        for (i, mask) in masks.iter_mut().enumerate() {
            *mask = u32_at(54 + i * 4)?;
        }
        match size {
            40 => end += 12,
            52 => {}
            _ => alpha_mask = u32_at(66)?,
        }
    } else if compression > 3 {
        return Err(Error::unsupported(
            NAME,
            format_args!("compression {compression}"),
        ));
    }
    if bits > 8 && compression < 3 {
        compression = 0;
    }
    if colours == 0 {
        colours = 1 << bits.min(16);
    }
    let mut palette = convert::identity();
    let mut palette_mode = "P";
    if bits <= 8 {
        if colours > 65_536 {
            return Err(Error::unsupported(
                NAME,
                format_args!("a palette of {colours} colours"),
            ));
        }
        let length = colours as usize * entry;
        if pixels == 14 + size {
            // Some writers forget the palette here.
            pixels += length;
        }
        let bgr = bytes
            .get(end..end + length)
            .ok_or_else(|| Error::truncated(NAME))?;
        // A ramp of greys is no palette: indices past its end are greys too.
        if bits < 8
            || bgr
                .chunks_exact(entry)
                .enumerate()
                .any(|(i, c)| c[..3].iter().any(|v| usize::from(*v) != i))
        {
            palette = [[0; 3]; 256];
            for (colour, c) in palette.iter_mut().zip(bgr.chunks_exact(entry)) {
                *colour = [c[2], c[1], c[0]];
            }
        }
        let is_grey = |(i, c): (usize, &[u8])| {
            let grey = if colours == 2 { i * 255 } else { i };
            c[..3].iter().all(|v| usize::from(*v) == grey)
        };
        if bgr.chunks_exact(entry).enumerate().all(is_grey) {
            palette_mode = if colours == 2 { "1" } else { "L" };
        }
        end += length;
    }
    if pixels == 0 {
        pixels = end;
    }
    Ok(Header {
        width,
        height,
        top_down,
        bits,
        compression,
        masks,
        alpha_mask,
        palette,
        palette_mode,
        pixels,
    })
}

type RowConverter<'a> = Box<dyn Fn(&[u8], &mut [u8]) + 'a>;

/// One row of the file to RGB.
fn row_converter(header: &Header) -> Result<RowConverter<'_>, Error> {
    const RGB565: [u32; 3] = [0xf800, 0x7e0, 0x1f];
    const RGB555: [u32; 3] = [0x7c00, 0x3e0, 0x1f];
    // With alpha; the last is what some writers mean by no masks at all.
    const BYTES: [([u32; 3], u32); 8] = [
        ([0xff_0000, 0xff00, 0xff], 0),
        ([0xff00_0000, 0xff_0000, 0xff00], 0),
        ([0xff00_0000, 0xff00, 0xff], 0),
        ([0xff00_0000, 0xff_0000, 0xff00], 0xff),
        ([0xff, 0xff00, 0xff_0000], 0xff00_0000),
        ([0xff_0000, 0xff00, 0xff], 0xff00_0000),
        ([0xff00_0000, 0xff00, 0xff], 0xff_0000),
        ([0, 0, 0], 0),
    ];
    let width = header.width as usize;
    let fields = header.compression == 3;
    Ok(match header.bits {
        bits @ (1 | 4 | 8) if !fields => {
            let bits = if header.compression == 0 {
                bits as u8
            } else {
                8
            };
            Box::new(move |row, rgb| {
                let stride = (width * usize::from(bits)).div_ceil(8);
                convert::indexed(&row[..stride], bits, width, &header.palette, rgb);
            })
        }
        16 if fields && header.masks == RGB565 => {
            Box::new(|row, rgb| convert::colours(row, rgb, |v: [u8; 2]| rgb16(v, 11, 5, 63)))
        }
        16 if !fields || header.masks == RGB555 => {
            Box::new(|row, rgb| convert::colours(row, rgb, |v: [u8; 2]| rgb16(v, 10, 5, 31)))
        }
        24 if !fields || header.masks == BYTES[0].0 => {
            Box::new(|row, rgb| convert::colours(row, rgb, |[b, g, r]: [u8; 3]| [r, g, b]))
        }
        32 if !fields || BYTES.contains(&(header.masks, header.alpha_mask)) => {
            let masks = if fields && header.masks != [0; 3] {
                header.masks
            } else {
                BYTES[0].0
            };
            let at = masks.map(|mask| mask.trailing_zeros() as usize / 8);
            Box::new(move |row, rgb| convert::colours(row, rgb, |v: [u8; 4]| at.map(|i| v[i & 3])))
        }
        bits => {
            return Err(Error::unsupported(
                NAME,
                format_args!("this layout of {bits}-bit fields"),
            ));
        }
    })
}

fn rgb16(pixel: [u8; 2], red: u32, green: u32, green_max: u32) -> [u8; 3] {
    let v = u32::from(u16::from_le_bytes(pixel));
    [
        (v >> red & 31) * 255 / 31,
        (v >> green & green_max) * 255 / green_max,
        (v & 31) * 255 / 31,
    ]
    .map(|v| v as u8)
}

/// Undoes RLE8 or RLE4 into one index a byte. Where a file stops early, Pillow gives up, and so does this.
fn run_lengths(
    data: &[u8],
    rle4: bool,
    start: usize,
    width: usize,
    pixels: usize,
) -> Result<Vec<u8>, Error> {
    let mut out: Vec<u8> = Vec::with_capacity(pixels);
    let (mut at, mut x) = (0, 0);
    while out.len() < pixels {
        let Some(&[count, value]) = data.get(at..at + 2) else {
            break;
        };
        at += 2;
        match (count, value) {
            (0, 0) => {
                out.resize(out.len().next_multiple_of(width), 0);
                x = 0;
            }
            (0, 1) => break,
            (0, 2) => {
                let Some(&[right, up]) = data.get(at..at + 2) else {
                    break;
                };
                at += 2;
                let skipped = usize::from(right) + usize::from(up) * width;
                out.resize((out.len() + skipped).min(pixels), 0);
                x = out.len() % width;
            }
            (0, literal) => {
                let wanted = usize::from(literal).min(pixels - out.len());
                let length = if rle4 { wanted.div_ceil(2) } else { wanted };
                let Some(run) = data.get(at..at + length) else {
                    break;
                };
                at += length;
                if rle4 {
                    out.extend(run.iter().flat_map(|v| [v >> 4, v & 15]).take(wanted));
                } else {
                    out.extend_from_slice(run);
                }
                x += usize::from(literal);
                // Literal runs end on 16-bit words, counted from the start of the file.
                at += (start + at) % 2;
            }
            (count, value) => {
                let count = usize::from(count).min(width.saturating_sub(x));
                let run = if rle4 {
                    [value >> 4, value & 15]
                } else {
                    [value; 2]
                };
                out.extend(run.into_iter().cycle().take(count));
                x += count;
            }
        }
    }
    if out.len() < pixels {
        return Err(Error::truncated(NAME));
    }
    out.truncate(pixels);
    Ok(out)
}
