//! What headers say, against Pillow's `Image.open`.

use image_features::ErrorKind;
use image_features::decode::info;

use crate::samples::{self, Sample};
use crate::sweep;

/// Files whose headers are refused, as their pictures are.
const REFUSED: &[&str] = &["tiff-lab.tif"];

#[test]
fn headers_say_what_pillow_says() {
    let mut wrong = Vec::new();
    for Sample { name, bytes, facts } in samples::all().into_iter().chain(sweep::files()) {
        let found = match info(&bytes) {
            Ok(found) => found,
            Err(error) if REFUSED.contains(&name.as_str()) => {
                assert_eq!(error.kind(), ErrorKind::Unsupported, "{name}: {error}");
                continue;
            }
            Err(error) => {
                wrong.push(format!("{name}: {error}"));
                continue;
            }
        };
        let size = (facts["width"].as_u64(), facts["height"].as_u64());
        let same_size = size == (Some(found.width.into()), Some(found.height.into()));
        // References that have no format are of folders of one.
        let format = facts["format"].as_str().unwrap_or(found.format);
        if !same_size || facts["mode"] != found.mode || format != found.format {
            wrong.push(format!("{name}: {found:?}, not {facts}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn orientations_are_found() {
    let expected = [
        ("jpeg-exif-rotate90.jpg", Some(6)),
        ("jpeg-exif-transpose.jpg", Some(5)),
        ("jpeg-xmp-rotate180.jpg", Some(3)),
        ("png-exif-mirror.png", Some(2)),
        ("webp-exif-rotate270.webp", Some(8)),
        ("tiff-transverse.tif", Some(7)),
        ("jpeg-tiny.jpg", None),
        ("png-rgb.png", None),
        ("bmp-rgb.bmp", None),
    ];
    let pictures = samples::all();
    for (name, orientation) in expected {
        let picture = pictures.iter().find(|sample| sample.name == name);
        let found = info(&picture.expect(name).bytes).expect(name);
        assert_eq!(found.orientation, orientation, "{name}");
    }
}

/// Headers that are cut off or damaged: an error or an answer, never a panic.
#[test]
fn damaged_headers_do_not_panic() {
    for Sample { name, bytes, .. } in sweep::files() {
        assert!(info(&bytes[..4.min(bytes.len())]).is_err(), "{name}");
        for at in 0..bytes.len().min(200) {
            let _ = info(&bytes[..at]);
            let mut damaged = bytes.clone();
            damaged[at] ^= 0xff;
            let _ = info(&damaged);
        }
    }
}
