//! `image_info`.

use wudf_guest::{Result, Row, udf};

use crate::decode;

/// What a file's headers say of its picture.
#[derive(Debug, Row)]
pub struct Info<'a> {
    format: &'a str,
    mode: &'a str,
    width: u32,
    height: u32,
    orientation: Option<u16>,
}

/// What a picture file's headers say: its format and its mode, by Pillow's names; its size in pixels, before it is turned (of
/// a TIFF, which Pillow turns in any case, afterwards); and the orientation, 1 to 8, that its EXIF data asks for, null where it
/// has none. Nothing is decoded.
///
/// The picture is a JPEG, PNG, GIF, WebP, BMP, TIFF, PPM, TGA, ICO or QOI file.
#[udf]
pub fn image_info(image: &[u8]) -> Result<Info<'_>> {
    let decode::Info {
        format,
        mode,
        width,
        height,
        orientation,
    } = decode::info(image)?;
    Ok(Info {
        format,
        mode,
        width,
        height,
        orientation,
    })
}
