//! The PPM family after netpbm's description: PBM, PGM and PPM, plain and binary, PFM with one channel, and with Pillow's
//! reading of it: samples are scaled to 8 bits, except those of a PGM of more, which go to 16 bits and are clipped.

use super::info::Found;
use super::{Limits, Picture, Window, convert};
use crate::error::Error;

const NAME: &str = "PPM";

/// What a number may have, as in Pillow.
const MAX_DIGITS: usize = 10;

/// Decodes; gives the orientation, which none of these formats has.
pub(super) fn decode(
    bytes: &[u8],
    limits: &Limits,
    wanted: impl FnOnce(u32, u32) -> Option<Window>,
    picture: &mut Picture,
) -> Result<u16, Error> {
    let mut text = Text { bytes, at: 0 };
    let kind = Kind::of(&mut text)?;
    let width = text.size()?;
    let height = text.size()?;
    limits.check_pixels(NAME, width, height)?;
    let scale = match kind.samples {
        Samples::Bits => Scale::Bits,
        Samples::Floats => Scale::Floats {
            little_endian: text.float_scale()? < 0.0,
        },
        Samples::Numbers => Scale::numbers(text.number()?, kind.channels)?,
    };

    let whole = Window::whole(width, height);
    let window = wanted(width, height).unwrap_or(whole);
    limits.check_memory(
        NAME,
        width,
        height,
        window.pixels() * 3 + u64::from(width) * 8,
    )?;
    picture.reset_to(width, height, window);
    let samples = width as usize * kind.channels;
    let mut row = vec![0; width as usize * 3];
    let mut values = vec![0; samples];
    let mut binary = bytes.get(text.at..).unwrap_or_default();
    for y in 0..height {
        if kind.plain {
            text.row(&scale, &mut values)?;
        } else {
            let (samples, rest) = binary
                .split_at_checked(scale.row_bytes(samples))
                .ok_or_else(|| Error::truncated(NAME))?;
            binary = rest;
            scale.row(samples, &mut values);
        }
        // A PFM has its last row first.
        let y = if matches!(kind.samples, Samples::Floats) {
            height - 1 - y
        } else {
            y
        };
        let Some(out) = picture.row(y) else { continue };
        match kind.channels {
            1 => convert::greys(&values, &mut row, |[v]: [u8; 1]| v),
            3 => row.copy_from_slice(&values),
            _ => convert::colours(&values, &mut row, convert::cmyk),
        }
        out.copy_from_slice(window.part(&row));
    }
    Ok(1)
}

/// What the header says.
pub(super) fn info(bytes: &[u8]) -> Result<Found, Error> {
    let mut text = Text { bytes, at: 0 };
    let kind = Kind::of(&mut text)?;
    let (width, height) = (text.size()?, text.size()?);
    let mode = match (kind.samples, kind.channels) {
        (Samples::Bits, _) => "1",
        (Samples::Floats, _) => "F",
        (Samples::Numbers, 1) if text.number()? > 255 => "I",
        (Samples::Numbers, 1) => "L",
        (Samples::Numbers, 3) => "RGB",
        (Samples::Numbers, _) => "CMYK",
    };
    Ok(Found::new(mode, width, height))
}

/// What the magic number says.
struct Kind {
    channels: usize,
    /// Numbers as text.
    plain: bool,
    samples: Samples,
}

enum Samples {
    Bits,
    Numbers,
    Floats,
}

impl Kind {
    fn of(text: &mut Text<'_>) -> Result<Self, Error> {
        let kind = |channels, plain, samples| {
            Ok(Self {
                channels,
                plain,
                samples,
            })
        };
        let magic = text.magic();
        match magic {
            b"P1" => kind(1, true, Samples::Bits),
            b"P2" => kind(1, true, Samples::Numbers),
            b"P3" => kind(3, true, Samples::Numbers),
            b"P4" => kind(1, false, Samples::Bits),
            b"P5" => kind(1, false, Samples::Numbers),
            b"P6" => kind(3, false, Samples::Numbers),
            b"P0CMYK" => kind(4, false, Samples::Numbers),
            b"Pf" => kind(1, false, Samples::Floats),
            _ => Err(Error::unsupported(
                NAME,
                format_args!("the kind `{}`", magic.escape_ascii()),
            )),
        }
    }
}

/// How samples become eight bits.
enum Scale {
    /// 1 is black.
    Bits,
    Floats {
        little_endian: bool,
    },
    Numbers {
        max: u32,
        /// By value.
        table: Box<[u8]>,
    },
}

impl Scale {
    fn numbers(max: u32, channels: usize) -> Result<Self, Error> {
        if !(1..=0xffff).contains(&max) {
            return Err(Error::malformed(
                NAME,
                format_args!("samples up to {max}: 1 to 65535 are possible"),
            ));
        }
        // Grey of more than eight bits has sixteen in Pillow; on the way to RGB they are clipped.
        let to = if channels == 1 && max > 255 {
            65_535.0
        } else {
            255.0
        };
        let scaled = |v: u32| f64::from(v) / f64::from(max) * to;
        let table = (0..=max)
            .map(|v| scaled(v).round_ties_even().min(255.0) as u8)
            .collect();
        Ok(Self::Numbers { max, table })
    }

    /// Bytes of a row of binary samples.
    fn row_bytes(&self, samples: usize) -> usize {
        match self {
            Self::Bits => samples.div_ceil(8),
            Self::Floats { .. } => samples * 4,
            Self::Numbers { max, .. } => samples * if *max > 255 { 2 } else { 1 },
        }
    }

    /// A row of binary samples.
    fn row(&self, samples: &[u8], values: &mut [u8]) {
        match self {
            Self::Bits => {
                for (i, value) in values.iter_mut().enumerate() {
                    *value = bit(samples[i / 8] >> (7 - i % 8) & 1);
                }
            }
            Self::Floats { little_endian } => {
                for (value, bytes) in values.iter_mut().zip(samples.as_chunks::<4>().0) {
                    // Clipped, and without its fraction.
                    *value = if *little_endian {
                        f32::from_le_bytes(*bytes) as u8
                    } else {
                        f32::from_be_bytes(*bytes) as u8
                    };
                }
            }
            Self::Numbers { max, .. } if *max > 255 => {
                for (value, bytes) in values.iter_mut().zip(samples.as_chunks::<2>().0) {
                    *value = self.value(u16::from_be_bytes(*bytes).into());
                }
            }
            Self::Numbers { .. } => {
                for (value, byte) in values.iter_mut().zip(samples) {
                    *value = self.value((*byte).into());
                }
            }
        }
    }

    /// A number's. One past the largest counts as white.
    fn value(&self, number: u32) -> u8 {
        match self {
            Self::Numbers { table, .. } => table.get(number as usize).copied().unwrap_or(255),
            _ => bit(number as u8),
        }
    }
}

fn bit(v: u8) -> u8 {
    if v == 0 { 255 } else { 0 }
}

/// The header, and plain samples.
struct Text<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Text<'a> {
    fn next(&mut self) -> Option<u8> {
        let byte = self.bytes.get(self.at).copied();
        self.at += usize::from(byte.is_some());
        byte
    }

    fn skip_comment(&mut self) {
        while !matches!(self.next(), None | Some(b'\r' | b'\n')) {}
    }

    fn magic(&mut self) -> &'a [u8] {
        let end = |b: &u8| is_space(*b);
        let start = &self.bytes[..self.bytes.len().min(6)];
        let length = start.iter().position(end).unwrap_or(start.len());
        self.at = (length + 1).min(self.bytes.len());
        if length == 6 {
            self.at = 6;
        }
        &start[..length]
    }

    /// The next word. Comments may stand anywhere, even in it.
    fn word(&mut self) -> Result<Vec<u8>, Error> {
        let mut word = Vec::new();
        loop {
            match self.next() {
                None if word.is_empty() => return Err(Error::truncated(NAME)),
                None => return Ok(word),
                Some(b'#') => self.skip_comment(),
                Some(byte) if is_space(byte) => {
                    if !word.is_empty() {
                        return Ok(word);
                    }
                }
                Some(_) if word.len() == MAX_DIGITS => {
                    return Err(Error::malformed(NAME, "a number of too many digits"));
                }
                Some(byte) => word.push(byte),
            }
        }
    }

    fn number(&mut self) -> Result<u32, Error> {
        let word = self.word()?;
        let number = std::str::from_utf8(&word).ok();
        number
            .and_then(|digits| digits.parse().ok())
            .ok_or_else(|| not_a_number(&word))
    }

    fn size(&mut self) -> Result<u32, Error> {
        self.number()
    }

    fn float_scale(&mut self) -> Result<f64, Error> {
        let word = self.word()?;
        let scale: Option<f64> = std::str::from_utf8(&word).ok().and_then(|v| v.parse().ok());
        match scale {
            Some(scale) if scale.is_finite() && scale != 0.0 => Ok(scale),
            _ => Err(not_a_number(&word)),
        }
    }

    /// A row of plain samples.
    fn row(&mut self, scale: &Scale, values: &mut [u8]) -> Result<(), Error> {
        for value in values {
            *value = match scale {
                // Bits need no space between them.
                Scale::Bits => loop {
                    match self.next() {
                        None => return Err(Error::truncated(NAME)),
                        Some(b'#') => self.skip_comment(),
                        Some(digit @ (b'0' | b'1')) => break bit(digit - b'0'),
                        Some(byte) if is_space(byte) => {}
                        Some(byte) => return Err(not_a_number(&[byte])),
                    }
                },
                Scale::Numbers { max, .. } => {
                    let number = self.number()?;
                    if number > *max {
                        return Err(Error::malformed(
                            NAME,
                            format_args!("a sample of {number} where {max} is the largest"),
                        ));
                    }
                    scale.value(number)
                }
                Scale::Floats { .. } => return Err(Error::unsupported(NAME, "floats as text")),
            };
        }
        Ok(())
    }
}

/// What Python takes for white space.
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | 0x0b | 0x0c | b'\r')
}

fn not_a_number(word: &[u8]) -> Error {
    Error::malformed(
        NAME,
        format_args!("`{}` in place of a number", word.escape_ascii()),
    )
}
