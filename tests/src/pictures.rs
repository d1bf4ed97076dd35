//! Small pictures, whole and broken.

use std::io::Cursor;

use image::{DynamicImage, GrayImage, ImageFormat, Rgb, RgbImage, Rgba, RgbaImage};

/// A picture that no other seed gives, painted in whole numbers: the same on
/// every machine.
pub fn painting(width: u32, height: u32, seed: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        let wave = |a: u32, b: u32| ((x * a + y * b + seed * 37) % 511).abs_diff(255) as u8;
        Rgb([wave(3, 1), wave(1, 4 + seed % 5), wave(2, 2)])
    })
}

/// The picture as a file.
///
/// # Panics
/// When the format cannot be written.
pub fn encode(picture: impl Into<DynamicImage>, format: ImageFormat) -> Vec<u8> {
    let mut file = Cursor::new(Vec::new());
    let written = picture.into().write_to(&mut file, format);
    written.expect("the picture can be written");
    file.into_inner()
}

/// A small JPEG, and for odd seeds a small PNG.
pub fn small(seed: u32) -> Vec<u8> {
    let format = match seed % 2 {
        0 => ImageFormat::Jpeg,
        _ => ImageFormat::Png,
    };
    encode(painting(40 + seed % 7, 30 + seed % 5, seed), format)
}

/// Pictures of every kind that the program's golden tensors are of: a name and
/// a file.
pub fn samples() -> Vec<(&'static str, Vec<u8>)> {
    let rgb = painting(300, 231, 5);
    let grey: GrayImage = DynamicImage::from(rgb.clone()).into_luma8();
    let alpha = RgbaImage::from_fn(260, 330, |x, y| {
        Rgba([x as u8, y as u8, (x + y) as u8, (x * y) as u8])
    });
    vec![
        ("alpha.png", encode(alpha, ImageFormat::Png)),
        ("grey.png", encode(grey, ImageFormat::Png)),
        ("landscape.png", encode(rgb, ImageFormat::Png)),
        (
            "portrait.png",
            encode(painting(97, 401, 6), ImageFormat::Png),
        ),
        ("small.png", encode(painting(31, 17, 7), ImageFormat::Png)),
        (
            "whole.jpg",
            encode(painting(320, 256, 8), ImageFormat::Jpeg),
        ),
    ]
}

/// Ten ways in which a picture can be broken: what is wrong, and a file.
pub fn broken() -> [(&'static str, Vec<u8>); 10] {
    let jpeg = encode(painting(64, 48, 1), ImageFormat::Jpeg);
    let png = encode(painting(64, 48, 2), ImageFormat::Png);
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let random = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    });
    let mut wrong_magic = png.clone();
    wrong_magic[..4].copy_from_slice(b"PNG\0");
    let mut psd = b"8BPS\0\x01\0\0\0\0\0\0\0\x03".to_vec();
    psd.resize(200, 0);
    [
        ("a JPEG cut in half", jpeg[..jpeg.len() / 2].to_vec()),
        ("nothing", Vec::new()),
        ("random bytes", random.take(3000).collect()),
        ("text", b"dear diary, no picture today\n".to_vec()),
        (
            "a web page",
            b"<!doctype html><title>404</title><p>Not found".to_vec(),
        ),
        ("a PNG of huge dimensions", huge(&png)),
        ("a PNG with another magic number", wrong_magic),
        ("half a PNG", png[..png.len() / 2].to_vec()),
        ("a GIF without pixels", b"GIF89a\0\0\0\0\0\0\0;".to_vec()),
        ("a format that is not read", psd),
    ]
}

/// The PNG, with a header that promises 100,000 by 100,000 pixels.
fn huge(png: &[u8]) -> Vec<u8> {
    let mut huge = png.to_vec();
    // After the magic number: a length, IHDR, 13 bytes, a checksum.
    huge[16..20].copy_from_slice(&100_000_u32.to_be_bytes());
    huge[20..24].copy_from_slice(&100_000_u32.to_be_bytes());
    let sum = crc32(&huge[12..29]);
    huge[29..33].copy_from_slice(&sum.to_be_bytes());
    huge
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |sum, &byte| {
        (0..8).fold(sum ^ u32::from(byte), |sum, _| {
            (sum >> 1) ^ (0xedb8_8320 & (sum & 1).wrapping_neg())
        })
    })
}
