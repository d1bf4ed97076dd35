//! GIF: the first frame, on the canvas that Pillow puts it on.

use std::borrow::Cow;
use std::num::NonZeroU64;

use gif::{ColorOutput, DecodeOptions, DecodingError, Frame, MemoryLimit};

use super::convert::{self, Palette};
use super::info::Found;
use super::{Limits, Picture};
use crate::error::Error;

const NAME: &str = "GIF";

/// Decodes; gives the orientation, which GIF does not have.
pub(super) fn decode(bytes: &[u8], limits: &Limits, picture: &mut Picture) -> Result<u16, Error> {
    let bytes = &*with_palette(bytes);
    let mut options = DecodeOptions::new();
    options.set_color_output(ColorOutput::Indexed);
    options.check_frame_consistency(false);
    if let Some(bytes) = NonZeroU64::new(limits.max_memory) {
        options.set_memory_limit(MemoryLimit::Bytes(bytes));
    }
    let mut decoder = options.read_info(bytes).map_err(error)?;
    let (screen_width, screen_height) = (decoder.width(), decoder.height());
    let global = decoder.global_palette().map(palette);

    // The header is checked before the pixels are read.
    let info = decoder
        .next_frame_info()
        .map_err(error)?
        .ok_or_else(|| Error::malformed(NAME, "no picture"))?;
    let (left, top) = (u32::from(info.left), u32::from(info.top));
    let (width, height) = grown((screen_width, screen_height), info);
    limits.check(NAME, width, height, 3 + 1)?;
    let (frame_width, frame_height) = (usize::from(info.width), usize::from(info.height));
    let background = info.transparent.unwrap_or(0);
    let palette = info
        .palette
        .as_deref()
        .map(palette)
        .or(global)
        .unwrap_or_else(convert::identity);
    let mut indices = vec![0; frame_width * frame_height];
    decoder.read_into_buffer(&mut indices).map_err(error)?;

    let rgb = picture.reset(width, height);
    let covers = (frame_width, frame_height) == (width as usize, height as usize);
    if !covers {
        // The transparent colour, else the first, not the background colour that the file names.
        convert::colours(&vec![background; rgb.len() / 3], rgb, |[v]: [u8; 1]| {
            palette[usize::from(v)]
        });
    }
    if frame_width > 0 {
        let rows = rgb.chunks_exact_mut(width as usize * 3).skip(top as usize);
        for (row, out) in indices.chunks_exact(frame_width).zip(rows) {
            convert::colours(row, &mut out[left as usize * 3..], |[v]: [u8; 1]| {
                palette[usize::from(v)]
            });
        }
    }
    Ok(1)
}

/// What the headers say.
pub(super) fn info(bytes: &[u8]) -> Result<Found, Error> {
    let file = &*with_palette(bytes);
    let mut options = DecodeOptions::new();
    options.set_color_output(ColorOutput::Indexed);
    options.check_frame_consistency(false);
    let mut decoder = options.read_info(file).map_err(error)?;
    let screen = (decoder.width(), decoder.height());
    let global = decoder.global_palette().is_some_and(|rgb| !is_ramp(rgb));
    let info = decoder
        .next_frame_info()
        .map_err(error)?
        .ok_or_else(|| Error::malformed(NAME, "no picture"))?;
    let (width, height) = grown(screen, info);
    let local = info.palette.as_deref().map(|rgb| !is_ramp(rgb));
    let mode = if local.unwrap_or(global) { "P" } else { "L" };
    Ok(Found::new(mode, width, height))
}

/// Pillow grows the screen to hold a frame that does not fit.
fn grown(screen: (u16, u16), frame: &Frame<'_>) -> (u32, u32) {
    let side = |screen: u16, start: u16, length: u16| {
        u32::from(screen).max(u32::from(start) + u32::from(length))
    };
    (
        side(screen.0, frame.left, frame.width),
        side(screen.1, frame.top, frame.height),
    )
}

/// The crate `gif` refuses files without a palette. In Pillow their indices are greys.
fn with_palette(bytes: &[u8]) -> Cow<'_, [u8]> {
    let Some((header, rest)) = bytes.split_at_checked(13) else {
        return bytes.into();
    };
    if header[10] & 0x80 != 0 {
        return bytes.into();
    }
    let mut file = header.to_vec();
    // 256 colours.
    file[10] |= 0x87;
    file.extend((0..=255).flat_map(|v: u8| [v; 3]));
    file.extend_from_slice(rest);
    file.into()
}

/// Pillow drops a palette in which every entry is its index as a grey; indices past its end then are greys too.
fn palette(rgb: &[u8]) -> Palette {
    if is_ramp(rgb) {
        convert::identity()
    } else {
        convert::palette(rgb)
    }
}

fn is_ramp(rgb: &[u8]) -> bool {
    let mut entries = rgb.chunks_exact(3).enumerate();
    entries.all(|(i, c)| c.iter().all(|v| usize::from(*v) == i))
}

fn error(error: DecodingError) -> Error {
    match error {
        DecodingError::Io(e) => Error::io(NAME, &e),
        DecodingError::UnexpectedEof => Error::truncated(NAME),
        DecodingError::MemoryLimit | DecodingError::OutOfMemory => Error::too_large(NAME, error),
        other => Error::malformed(NAME, other),
    }
}
