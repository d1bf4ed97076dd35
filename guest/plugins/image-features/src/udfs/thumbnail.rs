//! `image_thumbnail`.

use wudf_guest::{Error, Result, UdfOptions, udf};

use crate::options::{Decoding, Scaling};
use crate::recipe::{MAX_SIDE, Recipe, Size};
use crate::thumbnail::{Format, Thumbnailer};

/// The options of `image_thumbnail`.
#[derive(Debug, UdfOptions)]
pub struct ThumbnailOptions {
    /// What thumbnails fit in, in pixels: a side, or height and width.
    #[option(default = Size::square(128))]
    size: Size,
    /// What they are written as: jpeg or png.
    #[option(default = Format::Jpeg)]
    format: Format,
    /// The quality of JPEG, 1 to 100.
    #[option(default = 75)]
    quality: u8,
    /// How to scale.
    #[option(default = Scaling::Bicubic)]
    interpolation: Scaling,
    #[option(flatten)]
    decoding: Decoding,
}

/// What makes thumbnails.
#[derive(Debug)]
pub struct ImageThumbnail {
    thumbnailer: Thumbnailer,
}

/// A small picture of a picture, as a JPEG or PNG file: what Pillow's `thumbnail(size, reducing_gap=None)` and `save` make of
/// it. A picture that is small enough keeps its size.
///
/// The picture is a JPEG, PNG, GIF, WebP, BMP, TIFF, PPM, TGA, ICO or QOI file.
#[udf]
impl ImageThumbnail {
    fn open(options: ThumbnailOptions) -> Result<Self> {
        let Size { height, width } = options.size;
        for side in [height, width] {
            if !(1..=MAX_SIDE).contains(&side) {
                return Err(Error::options(format!(
                    "option `size`: expected 1 to {MAX_SIDE} pixels, got {side}"
                )));
            }
        }
        if !(1..=100).contains(&options.quality) {
            return Err(Error::options(format!(
                "option `quality`: expected 1 to 100, got {}",
                options.quality
            )));
        }
        let mut recipe = Recipe::default();
        options.decoding.apply(&mut recipe);
        let mut thumbnailer = Thumbnailer::new(options.size);
        thumbnailer.format = options.format;
        thumbnailer.quality = options.quality;
        thumbnailer.interpolation = options.interpolation.into();
        thumbnailer.exif_orientation = recipe.exif_orientation;
        thumbnailer.limits = recipe.limits;
        Ok(Self { thumbnailer })
    }

    fn thumbnail(&mut self, image: &[u8]) -> Result<Vec<u8>> {
        Ok(self.thumbnailer.thumbnail(image)?)
    }
}
