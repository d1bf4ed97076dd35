//! `image_hash`.

use wudf_guest::{Error, Result, UdfOptions, udf};

use crate::hash::{Hasher, Kind};
use crate::options::Decoding;
use crate::recipe::Recipe;

/// The options of `image_hash`.
#[derive(Debug, UdfOptions)]
pub struct HashOptions {
    /// Which hash, by the names of the Python library `imagehash`: phash, dhash or average.
    #[option(default = Kind::Phash)]
    kind: Kind,
    /// The hash has this many bits squared: 64 by default.
    #[option(default = 8)]
    size: u32,
    #[option(flatten)]
    decoding: Decoding,
}

/// A hash of one kind.
#[derive(Debug)]
pub struct ImageHash {
    hasher: Hasher,
}

/// A hash that is alike for pictures that look alike, in hexadecimal digits: `str(imagehash.phash(picture))`.
///
/// The bits that differ between two hashes tell how unlike the pictures are. The picture is a JPEG, PNG, GIF, WebP, BMP, TIFF,
/// PPM, TGA, ICO or QOI file.
#[udf]
impl ImageHash {
    fn open(options: HashOptions) -> Result<Self> {
        const MOST: u32 = 64;
        if !(2..=MOST).contains(&options.size) {
            return Err(Error::options(format!(
                "option `size`: expected 2 to {MOST}, got {}",
                options.size
            )));
        }
        let mut recipe = Recipe::default();
        options.decoding.apply(&mut recipe);
        let hasher = Hasher::new(options.kind, options.size, recipe).map_err(Error::options)?;
        Ok(Self { hasher })
    }

    fn hash(&mut self, image: &[u8]) -> Result<String> {
        Ok(self.hasher.hash(image)?)
    }
}
