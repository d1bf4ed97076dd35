//! EXIF orientation: finding it, and turning a picture by it.

use super::{Picture, Scratch};

/// The orientation in an EXIF block (a TIFF header and its first directory), with or without the `Exif\0\0` that
/// JPEG puts before it; `None` where it has none.
pub(super) fn from_exif(exif: &[u8]) -> Option<u16> {
    let tiff = exif.strip_prefix(b"Exif\0\0").unwrap_or(exif);
    let little = match tiff.get(..4)? {
        [b'I', b'I', 42, 0] => true,
        [b'M', b'M', 0, 42] => false,
        _ => return None,
    };
    let u16_at = |at: usize| {
        let b: [u8; 2] = tiff.get(at..at.checked_add(2)?)?.try_into().ok()?;
        Some(if little { u16::from_le_bytes(b) } else { u16::from_be_bytes(b) })
    };
    let u32_at = |at: usize| {
        let b: [u8; 4] = tiff.get(at..at.checked_add(4)?)?.try_into().ok()?;
        Some(if little { u32::from_le_bytes(b) } else { u32::from_be_bytes(b) })
    };
    let directory = u32_at(4)? as usize;
    let entries = usize::from(u16_at(directory)?);
    let first = directory.checked_add(2)?;
    (0..entries).find_map(|i| {
        let at = first.checked_add(i * 12)?;
        if u16_at(at)? != 0x0112 || u32_at(at + 4)? != 1 {
            return None;
        }
        match u16_at(at + 2)? {
            1 => tiff.get(at + 8).map(|v| u16::from(*v)),
            3 => u16_at(at + 8),
            4 => u32_at(at + 8).and_then(|v| u16::try_from(v).ok()),
            _ => None,
        }
    })
}

/// The orientation in an XMP packet: where EXIF has none, Pillow looks for `tiff:Orientation` in XMP.
pub(super) fn from_xmp(xmp: &[u8]) -> Option<u16> {
    const NAME: &[u8] = b"tiff:Orientation";
    xmp.windows(NAME.len()).enumerate().filter(|(_, w)| *w == NAME).find_map(|(at, _)| {
        let rest = &xmp[at + NAME.len()..];
        let digit = rest.strip_prefix(b"=\"").or_else(|| rest.strip_prefix(b">"))?.first()?;
        digit.is_ascii_digit().then(|| u16::from(digit - b'0'))
    })
}

/// Turns a whole picture upright. Values other than 2 to 8 change nothing.
pub(super) fn apply(orientation: u16, picture: &mut Picture, scratch: &mut Scratch) {
    if !(2..=8).contains(&orientation) {
        return;
    }
    let (w, h) = (picture.width as usize, picture.height as usize);
    let turned = &mut scratch.samples;
    turned.resize(picture.data.len(), 0);
    let (out_w, out_h) = if orientation >= 5 { (h, w) } else { (w, h) };
    if turned.is_empty() {
        return;
    }
    for (y, row) in turned.chunks_exact_mut(out_w * 3).enumerate() {
        for (x, out) in row.chunks_exact_mut(3).enumerate() {
            let (sx, sy) = match orientation {
                2 => (w - 1 - x, y),
                3 => (w - 1 - x, h - 1 - y),
                4 => (x, h - 1 - y),
                5 => (y, x),
                6 => (y, h - 1 - x),
                7 => (w - 1 - y, h - 1 - x),
                _ => (w - 1 - y, x),
            };
            let at = (sy * w + sx) * 3;
            out.copy_from_slice(&picture.data[at..at + 3]);
        }
    }
    std::mem::swap(&mut picture.data, turned);
    (picture.width, picture.height) = (out_w as u32, out_h as u32);
    (picture.window.width, picture.window.height) = (out_w as u32, out_h as u32);
}
