//! WebP, by `image-webp`; of an animation the first frame.

use std::io::Cursor;

use image_webp::{DecodingError, WebPDecoder};

use super::info::Found;
use super::{Limits, Picture, Scratch, convert, orientation};
use crate::error::Error;

const NAME: &str = "WebP";

/// Decodes; gives the orientation.
pub(super) fn decode(
    bytes: &[u8],
    limits: &Limits,
    picture: &mut Picture,
    scratch: &mut Scratch,
) -> Result<u16, Error> {
    let mut decoder = open(bytes)?;
    decoder.set_memory_limit(limits.max_memory_usize());
    let (width, height) = decoder.dimensions();
    // The output, the samples, and the planes or the ARGB words of the decoder.
    limits.check(NAME, width, height, 3 + 4 + 4)?;
    if decoder.is_animated() {
        let frame = first_frame(bytes)?;
        return still(
            WebPDecoder::new(Cursor::new(&frame.file)).map_err(error)?,
            picture,
            scratch,
        )
        .and_then(|()| place(&frame, width, height, picture, scratch))
        .map(|()| orientation_of(&mut decoder).unwrap_or(1));
    }
    let orientation = orientation_of(&mut decoder).unwrap_or(1);
    still(decoder, picture, scratch)?;
    Ok(orientation)
}

/// What the headers say.
pub(super) fn info(bytes: &[u8]) -> Result<Found, Error> {
    let mut decoder = open(bytes)?;
    let (width, height) = decoder.dimensions();
    let mode = if decoder.has_alpha() { "RGBA" } else { "RGB" };
    Ok(Found {
        orientation: orientation_of(&mut decoder),
        ..Found::new(mode, width, height)
    })
}

fn open(bytes: &[u8]) -> Result<WebPDecoder<Cursor<&[u8]>>, Error> {
    // `Cursor` seeks past the end without complaint, and this decoder trusts the length that RIFF claims.
    let claimed = bytes
        .get(4..8)
        .and_then(|b| b.try_into().ok())
        .map_or(0, u32::from_le_bytes);
    if (bytes.len() as u64) < u64::from(claimed) + 8 {
        return Err(Error::truncated(NAME));
    }
    WebPDecoder::new(Cursor::new(bytes)).map_err(error)
}

/// Decodes a file with one picture.
fn still(
    mut decoder: WebPDecoder<Cursor<impl AsRef<[u8]>>>,
    picture: &mut Picture,
    scratch: &mut Scratch,
) -> Result<(), Error> {
    let (width, height) = decoder.dimensions();
    let rgb = picture.reset(width, height);
    if !decoder.has_alpha() {
        return decoder.read_image(rgb).map_err(error);
    }
    let samples = &mut scratch.samples;
    samples.resize(width as usize * height as usize * 4, 0);
    decoder.read_image(samples).map_err(error)?;
    convert::colours(samples, rgb, |v: [u8; 4]| [v[0], v[1], v[2]]);
    Ok(())
}

/// The first frame of an animation as a file of its own.
struct Frame {
    file: Vec<u8>,
    x: u32,
    y: u32,
}

/// Cuts the first frame out. libwebp decodes it onto an empty canvas without blending; `image-webp` would blend it.
fn first_frame(bytes: &[u8]) -> Result<Frame, Error> {
    let mut rest = bytes.get(12..).unwrap_or_default();
    let frame = loop {
        let Some((header, after)) = rest.split_at_checked(8) else {
            return Err(Error::malformed(NAME, "an animation without frames"));
        };
        let length = u32::from_le_bytes([header[4], header[5], header[6], header[7]]) as usize;
        let payload = after.get(..length).ok_or_else(|| Error::truncated(NAME))?;
        if header.starts_with(b"ANMF") {
            break payload;
        }
        rest = after.get(length + length % 2..).unwrap_or_default();
    };
    let (head, chunks) = frame
        .split_at_checked(16)
        .ok_or_else(|| Error::malformed(NAME, "a short frame"))?;
    let u24 = |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], 0]);

    let mut file = b"RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0".to_vec();
    file.extend_from_slice(&[if chunks.starts_with(b"ALPH") { 0x10 } else { 0 }, 0, 0, 0]);
    file.extend_from_slice(&head[6..12]);
    file.extend_from_slice(chunks);
    let length =
        u32::try_from(file.len() - 8).map_err(|_| Error::malformed(NAME, "a frame of 4 GiB"))?;
    file[4..8].copy_from_slice(&length.to_le_bytes());
    Ok(Frame {
        file,
        x: u24(0) * 2,
        y: u24(3) * 2,
    })
}

/// Puts the frame that `picture` holds onto a canvas: what it does not cover is transparent black.
fn place(
    frame: &Frame,
    width: u32,
    height: u32,
    picture: &mut Picture,
    scratch: &mut Scratch,
) -> Result<(), Error> {
    let (w, h) = (picture.width, picture.height);
    if (w, h) == (width, height) {
        return Ok(());
    }
    if frame.x + w > width || frame.y + h > height {
        return Err(Error::malformed(NAME, "a frame outside of the canvas"));
    }
    std::mem::swap(&mut picture.data, &mut scratch.samples);
    let canvas = picture.reset(width, height);
    canvas.fill(0);
    let rows = canvas
        .chunks_exact_mut(width as usize * 3)
        .skip(frame.y as usize);
    for (row, out) in scratch.samples.chunks_exact(w as usize * 3).zip(rows) {
        out[frame.x as usize * 3..][..row.len()].copy_from_slice(row);
    }
    Ok(())
}

fn orientation_of(decoder: &mut WebPDecoder<Cursor<&[u8]>>) -> Option<u16> {
    let exif = decoder.exif_metadata().ok().flatten();
    let exif = exif.as_deref().and_then(orientation::from_exif);
    let mut xmp = || orientation::from_xmp(&decoder.xmp_metadata().ok().flatten()?);
    exif.or_else(&mut xmp)
}

fn error(error: DecodingError) -> Error {
    match error {
        DecodingError::IoError(e) => Error::io(NAME, &e),
        DecodingError::ImageTooLarge | DecodingError::MemoryLimitExceeded => {
            Error::too_large(NAME, error)
        }
        DecodingError::UnsupportedFeature(what) => Error::unsupported(NAME, what),
        // The bit readers of VP8 and VP8L have their own word for the end of the bytes.
        DecodingError::BitStreamError | DecodingError::NoMoreFrames => {
            Error::malformed(NAME, error)
        }
        other => Error::malformed(NAME, other),
    }
}
