//! TGA, after Truevision's description and with Pillow's reading of it: alpha is dropped, 16 bits are five of each colour.

use super::convert::{self, Palette};
use super::info::Found;
use super::{Limits, Picture, Window};
use crate::error::Error;

const NAME: &str = "TGA";

/// What the first 18 bytes say.
struct Header {
    label: usize,
    has_palette: bool,
    /// 1: indices, 2: colours, 3: greys.
    kind: u8,
    compressed: bool,
    first_colour: u16,
    colours: u16,
    colour_bits: u8,
    width: u16,
    height: u16,
    bits: u8,
    from_right: bool,
    from_top: bool,
}

impl Header {
    fn read(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; 18] = bytes.first_chunk()?;
        let u16_at = |at: usize| u16::from_le_bytes([bytes[at], bytes[at + 1]]);
        Some(Self {
            label: bytes[0].into(),
            has_palette: bytes[1] == 1,
            kind: bytes[2] & 7,
            compressed: bytes[2] & 8 != 0,
            first_colour: u16_at(3),
            colours: u16_at(5),
            colour_bits: bytes[7],
            width: u16_at(12),
            height: u16_at(14),
            bits: bytes[16],
            from_right: bytes[17] & 0x10 != 0,
            from_top: bytes[17] & 0x20 != 0,
        })
    }
}

/// Whether this may be such a file: there is no mark at its start, only fields of which few values exist.
pub(super) fn is_tga(bytes: &[u8]) -> bool {
    let kind_exists = matches!(bytes, [_, 0 | 1, 1 | 2 | 3 | 9 | 10 | 11, ..]);
    kind_exists
        && Header::read(bytes).is_some_and(|header| {
            header.width > 0 && header.height > 0 && matches!(header.bits, 1 | 8 | 16 | 24 | 32)
        })
}

/// Decodes; gives the orientation, which TGA has only as the order of its rows and columns.
pub(super) fn decode(
    bytes: &[u8],
    limits: &Limits,
    wanted: impl FnOnce(u32, u32) -> Option<Window>,
    picture: &mut Picture,
) -> Result<u16, Error> {
    let header = Header::read(bytes).ok_or_else(|| Error::truncated(NAME))?;
    let (width, height) = (u32::from(header.width), u32::from(header.height));
    limits.check_pixels(NAME, width, height)?;
    let whole = Window::whole(width, height);
    let window = wanted(width, height).unwrap_or(whole);
    limits.check_memory(
        NAME,
        width,
        height,
        window.pixels() * 3 + u64::from(width) * 8,
    )?;

    let rest = bytes
        .get(18 + header.label..)
        .ok_or_else(|| Error::truncated(NAME))?;
    let (palette, data) = palette(&header, rest)?;
    let to_rgb = row_converter(&header, &palette)?;
    picture.reset_to(width, height, window);
    let pixel_bytes = usize::from(header.bits / 8);
    let stride = (width as usize * usize::from(header.bits)).div_ceil(8);
    let mut runs = Runs::new(data, pixel_bytes);
    let mut unpacked = vec![0; if header.compressed { stride } else { 0 }];
    let mut rgb = vec![0; width as usize * 3];
    for row in 0..height {
        let samples = if header.compressed {
            runs.read(&mut unpacked)?;
            &unpacked[..]
        } else {
            let start = row as usize * stride;
            data.get(start..start + stride)
                .ok_or_else(|| Error::truncated(NAME))?
        };
        let y = if header.from_top {
            row
        } else {
            height - 1 - row
        };
        let Some(out) = picture.row(y) else { continue };
        to_rgb(samples, &mut rgb);
        if header.from_right {
            rgb.as_chunks_mut::<3>().0.reverse();
        }
        out.copy_from_slice(window.part(&rgb));
    }
    Ok(1)
}

/// What the header says.
pub(super) fn info(bytes: &[u8]) -> Result<Found, Error> {
    let header = Header::read(bytes).ok_or_else(|| Error::truncated(NAME))?;
    let mode = match (header.kind, header.bits) {
        (1, _) if header.has_palette => "P",
        (1, _) => "L",
        (2, 24) => "RGB",
        (2, _) => "RGBA",
        (_, 1) => "1",
        (_, 16) => "LA",
        _ => "L",
    };
    Ok(Found::new(mode, header.width.into(), header.height.into()))
}

/// The palette, and what follows it.
fn palette<'a>(header: &Header, bytes: &'a [u8]) -> Result<(Palette, &'a [u8]), Error> {
    let mut palette = convert::identity();
    if !header.has_palette {
        return Ok((palette, bytes));
    }
    let size = match header.colour_bits {
        16 => 2,
        24 => 3,
        32 => 4,
        bits => {
            return Err(Error::unsupported(
                NAME,
                format_args!("a palette of {bits} bits"),
            ));
        }
    };
    let (colours, rest) = bytes
        .split_at_checked(usize::from(header.colours) * size)
        .ok_or_else(|| Error::truncated(NAME))?;
    palette = [[0; 3]; 256];
    let entries = palette.iter_mut().skip(header.first_colour.into());
    for (entry, colour) in entries.zip(colours.chunks_exact(size)) {
        *entry = match *colour {
            [low, high] => five_bits([low, high]),
            [b, g, r, ..] => [r, g, b],
            _ => continue,
        };
    }
    Ok((palette, rest))
}

type RowConverter<'a> = Box<dyn Fn(&[u8], &mut [u8]) + 'a>;

/// One row of the file to RGB.
fn row_converter<'a>(header: &Header, palette: &'a Palette) -> Result<RowConverter<'a>, Error> {
    Ok(match (header.kind, header.bits) {
        // Without a palette an index is a grey.
        (1, 8) => Box::new(move |row, rgb| {
            convert::colours(row, rgb, |[v]: [u8; 1]| palette[usize::from(v)])
        }),
        (3, 1) if !header.compressed => Box::new(|row, rgb| {
            let width = rgb.len() / 3;
            convert::indexed(row, 1, width, &convert::grey(1), rgb);
        }),
        (3, 8) => Box::new(|row, rgb| convert::greys(row, rgb, |[v]: [u8; 1]| v)),
        (3, 16) => Box::new(|row, rgb| convert::greys(row, rgb, |v: [u8; 2]| v[0])),
        (2, 16) => Box::new(|row, rgb| convert::colours(row, rgb, five_bits)),
        (2, 24) => Box::new(|row, rgb| convert::colours(row, rgb, |[b, g, r]: [u8; 3]| [r, g, b])),
        (2, 32) => Box::new(|row, rgb| {
            convert::colours(row, rgb, |[b, g, r, _]: [u8; 4]| [r, g, b]);
        }),
        (kind, bits) => {
            return Err(Error::unsupported(
                NAME,
                format_args!("{bits} bits a pixel of kind {kind}"),
            ));
        }
    })
}

/// 5 bits each of red, green and blue, from the upper end down.
fn five_bits(pixel: [u8; 2]) -> [u8; 3] {
    let v = u32::from(u16::from_le_bytes(pixel));
    [v >> 10, v >> 5, v].map(|v| ((v & 31) * 255 / 31) as u8)
}

/// Compressed pixels: runs of one, and literals. They may go on in the next row.
struct Runs<'a> {
    data: &'a [u8],
    pixel_bytes: usize,
    /// Pixels that are left of the packet.
    left: usize,
    /// Whether the next pixel repeats.
    repeats: bool,
}

impl<'a> Runs<'a> {
    fn new(data: &'a [u8], pixel_bytes: usize) -> Self {
        Self {
            data,
            pixel_bytes,
            left: 0,
            repeats: false,
        }
    }

    fn read(&mut self, row: &mut [u8]) -> Result<(), Error> {
        for out in row.chunks_exact_mut(self.pixel_bytes.max(1)) {
            if self.left == 0 {
                let (packet, rest) = self
                    .data
                    .split_first()
                    .ok_or_else(|| Error::truncated(NAME))?;
                (self.data, self.left, self.repeats) =
                    (rest, usize::from(packet & 127) + 1, packet & 128 != 0);
            }
            let pixel = self
                .data
                .get(..self.pixel_bytes)
                .ok_or_else(|| Error::truncated(NAME))?;
            out.copy_from_slice(pixel);
            self.left -= 1;
            if !self.repeats || self.left == 0 {
                self.data = &self.data[self.pixel_bytes..];
            }
        }
        Ok(())
    }
}
