//! What is fed with random bytes: picture files.
//!
//! `fuzz/` runs this under libFuzzer, natively, beginning with the pictures of all tests; the test below over the seeds
//! that it keeps.

use image_features::decode::{Limits, decode};

/// Small, so that an input that takes much time or memory does so against its header.
const LIMITS: Limits = Limits {
    max_pixels: 1 << 20,
    max_memory: 64 << 20,
};

/// Decodes a picture, and says whether it took it.
///
/// # Panics
/// Where a property does not hold.
pub fn picture(input: &[u8]) -> bool {
    let pictures = [false, true].map(|turned| decode(input, &LIMITS, turned));
    for picture in pictures.iter().flatten() {
        let (width, height) = (u64::from(picture.width), u64::from(picture.height));
        assert!(width * height <= LIMITS.max_pixels);
        assert_eq!(picture.data.len() as u64, width * height * 3);
    }
    match pictures {
        [Ok(plain), Ok(turned)] => {
            let sides = [turned.width, turned.height];
            let turns = [[plain.width, plain.height], [plain.height, plain.width]];
            assert!(turns.contains(&sides));
            true
        }
        // Only what it says of how it stands can be wrong with it.
        [plain, turned] => {
            assert!(plain.is_ok() || turned.is_err());
            false
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn seeds() {
        wudf_test_support::seeds("picture", super::picture);
    }
}
