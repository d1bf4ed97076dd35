//! EXIF orientation: finding it, and turning a picture by it.

use std::ops::Range;

use super::{Picture, Scratch};

/// One value of a TIFF directory entry, and where it lies.
pub(super) struct Value {
    pub(super) value: u32,
    /// The bytes that hold it.
    pub(super) at: Range<usize>,
}

/// The value of `tag` in the first directory of a TIFF file, where it is a single BYTE, SHORT or LONG. EXIF blocks are such
/// files. BigTIFF has other directories, and no values here.
pub(super) fn tiff_value(tiff: &[u8], tag: u16) -> Option<Value> {
    let little = match tiff.get(..4)? {
        [b'I', b'I', 42, 0] => true,
        [b'M', b'M', 0, 42] => false,
        _ => return None,
    };
    let read = |at: usize, len: usize| {
        let bytes = tiff.get(at..at.checked_add(len)?)?;
        let join = |v: u32, b: &u8| v << 8 | u32::from(*b);
        Some(if little {
            bytes.iter().rev().fold(0, join)
        } else {
            bytes.iter().fold(0, join)
        })
    };
    let directory = read(4, 4)? as usize;
    let first = directory.checked_add(2)?;
    (0..read(directory, 2)? as usize).find_map(|i| {
        let at = first.checked_add(i * 12)?;
        if read(at, 2)? != u32::from(tag) || read(at + 4, 4)? != 1 {
            return None;
        }
        let len = match read(at + 2, 2)? {
            1 => 1,
            3 => 2,
            4 => 4,
            _ => return None,
        };
        Some(Value {
            value: read(at + 8, len)?,
            at: at + 8..at + 8 + len,
        })
    })
}

/// The orientation in an EXIF block, with or without the `Exif\0\0` that JPEG puts before it; `None` where it has none.
pub(super) fn from_exif(exif: &[u8]) -> Option<u16> {
    let tiff = exif.strip_prefix(b"Exif\0\0").unwrap_or(exif);
    tiff_value(tiff, 0x0112).and_then(|v| u16::try_from(v.value).ok())
}

/// The orientation in an XMP packet: where EXIF has none, Pillow looks for `tiff:Orientation` in XMP.
pub(super) fn from_xmp(xmp: &[u8]) -> Option<u16> {
    const NAME: &[u8] = b"tiff:Orientation";
    xmp.windows(NAME.len())
        .enumerate()
        .filter(|(_, w)| *w == NAME)
        .find_map(|(at, _)| {
            let rest = &xmp[at + NAME.len()..];
            let digit = rest
                .strip_prefix(b"=\"")
                .or_else(|| rest.strip_prefix(b">"))?
                .first()?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::Window;

    /// Three columns and two rows, numbered; what Pillow 13's `exif_transpose` makes of them.
    #[test]
    fn turns() {
        let expected: [(u32, [u8; 6]); 9] = [
            (3, [0, 1, 2, 3, 4, 5]),
            (3, [0, 1, 2, 3, 4, 5]),
            (3, [2, 1, 0, 5, 4, 3]),
            (3, [5, 4, 3, 2, 1, 0]),
            (3, [3, 4, 5, 0, 1, 2]),
            (2, [0, 3, 1, 4, 2, 5]),
            (2, [3, 0, 4, 1, 5, 2]),
            (2, [5, 2, 4, 1, 3, 0]),
            (2, [2, 5, 1, 4, 0, 3]),
        ];
        for (orientation, (width, pixels)) in expected.into_iter().enumerate() {
            let window = Window {
                x: 0,
                y: 0,
                width: 3,
                height: 2,
            };
            let data = (0..6).flat_map(|v| [v; 3]).collect();
            let mut picture = Picture {
                width: 3,
                height: 2,
                window,
                data,
            };
            apply(orientation as u16, &mut picture, &mut Scratch::default());
            assert_eq!(
                (picture.width, picture.height),
                (width, 6 / width),
                "orientation {orientation}"
            );
            assert_eq!(
                picture.data,
                pixels.map(|v| [v; 3]).concat(),
                "orientation {orientation}"
            );
        }
    }

    #[test]
    fn finds() {
        let big = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
        let little = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x08\0\0\0\0\0\0\0";
        assert_eq!((from_exif(big), from_exif(little)), (Some(6), Some(8)));
        for len in 0..little.len() - 6 {
            assert_eq!(from_exif(&little[..len]), None);
        }
        assert_eq!(from_xmp(b"<x tiff:Orientation=\"3\">"), Some(3));
        assert_eq!(from_xmp(b"<tiff:Orientation>5</tiff:Orientation>"), Some(5));
        assert_eq!(from_xmp(b"tiff:Orientation"), None);
    }
}
