//! Small pictures of pictures, as Pillow's `Image.thumbnail` and `Image.save` make them.

use libjpeg_turbo_rs::{Encoder, PixelFormat, Subsampling};
use wudf_guest::Enum;

use crate::decode::{self, Limits, Picture, Scratch};
use crate::error::{Error, ErrorKind};
use crate::recipe::Size;
use crate::resize::{Axis, Interpolation, Resizer, Rows, vertical_first};

/// What a thumbnail is written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum Format {
    /// As Pillow writes it by default: 4:2:0.
    #[value(name = "jpeg")]
    Jpeg,
    /// Without loss.
    #[value(name = "png")]
    Png,
}

/// Makes thumbnails. Holds what is reused from picture to picture.
#[derive(Debug)]
pub struct Thumbnailer {
    /// Thumbnails fit in this.
    pub size: Size,
    /// How to scale.
    pub interpolation: Interpolation,
    /// What they are written as.
    pub format: Format,
    /// Of JPEG, 1 to 100.
    pub quality: u8,
    /// Whether to turn a picture first, as its EXIF data says.
    pub exif_orientation: bool,
    /// What a picture may cost.
    pub limits: Limits,
    reused: Reused,
}

#[derive(Debug, Default)]
struct Reused {
    picture: Picture,
    scratch: Scratch,
    horizontal: Axis,
    vertical: Axis,
    resizer: Resizer,
    pixels: Vec<u8>,
}

impl Thumbnailer {
    /// Thumbnails that fit in `size`, as JPEG, with Pillow's defaults.
    pub fn new(size: Size) -> Self {
        Self {
            size,
            interpolation: Interpolation::Bicubic,
            format: Format::Jpeg,
            quality: 75,
            exif_orientation: false,
            limits: Limits::default(),
            reused: Reused::default(),
        }
    }

    /// A picture's thumbnail, as a file. A picture that is small enough keeps its size.
    ///
    /// # Errors
    /// As [`decode::decode`], and [`ErrorKind::TooLarge`] for what the format cannot hold.
    pub fn thumbnail(&mut self, bytes: &[u8]) -> Result<Vec<u8>, Error> {
        let (width, height) = self.scale(bytes)?;
        match self.format {
            Format::Jpeg => self.jpeg(width, height),
            Format::Png => self.png(width, height),
        }
    }

    /// Leaves the thumbnail's pixels in `reused`; gives its width and height.
    fn scale(&mut self, bytes: &[u8]) -> Result<(u32, u32), Error> {
        let Reused {
            picture,
            scratch,
            horizontal,
            vertical,
            resizer,
            pixels,
        } = &mut self.reused;
        let whole = |_, _| None;
        decode::decode_window(
            bytes,
            &self.limits,
            self.exif_orientation,
            whole,
            picture,
            scratch,
        )?;
        let from = (picture.width, picture.height);
        let to = fitted(from, self.size);
        horizontal.set(self.interpolation, from.0, to.0, 0..to.0);
        vertical.set(self.interpolation, from.1, to.1, 0..to.1);
        let stride = from.0 as usize * 3;
        let source = Rows {
            data: &picture.data[vertical.first() * stride + horizontal.first() * 3..],
            stride,
        };
        pixels.clear();
        let order = vertical_first(from, to);
        resizer.resize(source, horizontal, vertical, order, |_, row| {
            pixels.extend_from_slice(row);
        });
        Ok(to)
    }

    fn jpeg(&self, width: u32, height: u32) -> Result<Vec<u8>, Error> {
        let pixels = &self.reused.pixels;
        Encoder::new(pixels, width as usize, height as usize, PixelFormat::Rgb)
            .quality(self.quality)
            .subsampling(Subsampling::S420)
            .encode()
            .map_err(|e| Error::new(ErrorKind::TooLarge, format!("as JPEG: {e}")))
    }

    fn png(&self, width: u32, height: u32) -> Result<Vec<u8>, Error> {
        let failed =
            |e: png::EncodingError| Error::new(ErrorKind::TooLarge, format!("as PNG: {e}"));
        let mut file = Vec::new();
        let mut encoder = png::Encoder::new(&mut file, width, height);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        let mut writer = encoder.write_header().map_err(failed)?;
        writer
            .write_image_data(&self.reused.pixels)
            .map_err(failed)?;
        writer.finish().map_err(failed)?;
        Ok(file)
    }
}

/// The width and height of a thumbnail: Pillow's rule, which keeps the picture's shape as well as whole pixels can.
fn fitted((width, height): (u32, u32), within: Size) -> (u32, u32) {
    if within.width >= width && within.height >= height {
        return (width, height);
    }
    let (x, y) = (f64::from(within.width), f64::from(within.height));
    let aspect = f64::from(width) / f64::from(height);
    // Of the whole numbers below and above, the first with the smaller error.
    let rounded = |number: f64, error: &dyn Fn(f64) -> f64| {
        let (below, above) = (number.floor(), number.ceil());
        let best = if error(above) < error(below) {
            above
        } else {
            below
        };
        best.max(1.0) as u32
    };
    if x / y >= aspect {
        (
            rounded(y * aspect, &|n| (aspect - n / y).abs()),
            within.height,
        )
    } else {
        let error = |n: f64| {
            if n == 0.0 {
                0.0
            } else {
                (aspect - x / n).abs()
            }
        };
        (within.width, rounded(x / aspect, &error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As `Image.new("RGB", size).thumbnail(within)` says.
    #[test]
    fn sizes() {
        let within = |width, height| Size { height, width };
        assert_eq!(fitted((500, 375), within(128, 128)), (128, 96));
        assert_eq!(fitted((375, 500), within(128, 128)), (96, 128));
        assert_eq!(fitted((100, 50), within(128, 128)), (100, 50));
        assert_eq!(fitted((100, 300), within(200, 100)), (33, 100));
        assert_eq!(fitted((1000, 1), within(10, 10)), (10, 1));
    }
}
