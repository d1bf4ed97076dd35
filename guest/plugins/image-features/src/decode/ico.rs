//! ICO and CUR: the largest picture, which is a PNG or a bitmap without its file header.

use super::info::Found;
use super::{Limits, Picture, Scratch, bmp, png};
use crate::error::{Error, ErrorKind};

const NAME: &str = "ICO";

/// A line of the directory.
struct Entry {
    width: u32,
    height: u32,
    /// Of a picture's depth, only to choose by.
    depth: u32,
    bits: u16,
    length: usize,
    offset: usize,
}

/// Decodes; gives the orientation, which neither format has: a PNG's is not looked at.
pub(super) fn decode(
    bytes: &[u8],
    limits: &Limits,
    picture: &mut Picture,
    scratch: &mut Scratch,
) -> Result<u16, Error> {
    let is_cursor = is_cursor(bytes);
    let entries = directory(bytes)?;
    let (entry, body) = largest(bytes, &entries)?;
    if is_png(body) {
        png::decode(body, limits, false, |_, _| None, picture, scratch)?;
    } else {
        bmp::decode_half(body, limits, picture)?;
        if !is_cursor {
            check_mask(entry, bytes.len(), picture)?;
        }
    }
    Ok(1)
}

/// What the headers say.
pub(super) fn info(bytes: &[u8]) -> Result<Found, Error> {
    let entries = directory(bytes)?;
    let (_, body) = largest(bytes, &entries)?;
    let found = if is_png(body) {
        png::info(body)?
    } else {
        bmp::half_info(body)?
    };
    // A bitmap in an icon has a mask, which becomes its alpha.
    let mode = if is_png(body) || is_cursor(bytes) {
        found.mode
    } else {
        "RGBA"
    };
    Ok(Found::new(mode, found.width, found.height))
}

/// Whether the file is a cursor, and not an icon.
pub(super) fn is_cursor(bytes: &[u8]) -> bool {
    bytes.get(2) == Some(&2)
}

fn is_png(body: &[u8]) -> bool {
    body.starts_with(b"\x89PNG\r\n\x1a\n")
}

/// The picture that Pillow takes: its line of the directory, and its bytes and those behind it.
fn largest<'a, 'e>(bytes: &'a [u8], entries: &'e [Entry]) -> Result<(&'e Entry, &'a [u8]), Error> {
    let is_cursor = is_cursor(bytes);
    let chosen = if is_cursor {
        cursor(entries)
    } else {
        icon(entries.iter())
    };
    let entry = chosen.ok_or_else(|| Error::malformed(NAME, "no pictures"))?;
    let body = bytes
        .get(entry.offset..)
        .ok_or_else(|| Error::truncated(NAME))?;
    if is_cursor && is_png(body) {
        return Err(Error::unsupported(NAME, "a PNG as a cursor"));
    }
    Ok((entry, body))
}

fn directory(bytes: &[u8]) -> Result<Vec<Entry>, Error> {
    let truncated = || Error::truncated(NAME);
    let [low, high] = *bytes
        .get(4..)
        .and_then(|rest| rest.first_chunk())
        .ok_or_else(truncated)?;
    let count = usize::from(u16::from_le_bytes([low, high]));
    let lines = bytes.get(6..6 + count * 16).ok_or_else(truncated)?;
    let entry = |line: &[u8; 16]| {
        let u32_at = |at: usize| {
            u32::from_le_bytes([line[at], line[at + 1], line[at + 2], line[at + 3]]) as usize
        };
        let side = |byte: u8| if byte == 0 { 256 } else { u32::from(byte) };
        let bits = u16::from_le_bytes([line[6], line[7]]);
        // As Pillow guesses: the bits, else those that the number of colours needs.
        let depth = match (bits, line[2]) {
            (0, 0 | 1) => 256,
            (0, colours) => u32::from(colours).next_power_of_two().ilog2(),
            (bits, _) => bits.into(),
        };
        Entry {
            width: side(line[0]),
            height: side(line[1]),
            depth,
            bits,
            length: u32_at(8),
            offset: u32_at(12),
        }
    };
    Ok(lines.as_chunks().0.iter().map(entry).collect())
}

/// The one with the most pixels; among equals the first of those with the fewest bits.
fn icon<'a>(entries: impl Iterator<Item = &'a Entry>) -> Option<&'a Entry> {
    entries.min_by_key(|entry| (u32::MAX - entry.width * entry.height, entry.depth))
}

/// The first, unless a later one is larger on both sides. 256 counts as 0.
fn cursor(entries: &[Entry]) -> Option<&Entry> {
    entries.iter().reduce(|best, entry| {
        if entry.width % 256 > best.width % 256 && entry.height % 256 > best.height % 256 {
            entry
        } else {
            best
        }
    })
}

/// Pillow refuses an icon without the mask that says what of it is transparent.
fn check_mask(entry: &Entry, length: usize, picture: &Picture) -> Result<(), Error> {
    if entry.bits == 32 {
        return Ok(());
    }
    let mask = picture.width.next_multiple_of(32) as usize / 8 * picture.height as usize;
    let end = entry.offset.saturating_add(entry.length);
    if end < mask || end > length {
        return Err(Error::new(
            ErrorKind::Truncated,
            format!("{NAME}: the mask is missing or truncated"),
        ));
    }
    Ok(())
}
