//! What both functions are told of the pictures.

use wudf_guest::{Enum, UdfOptions};

use crate::decode::Limits;
use crate::resize::Interpolation;
use crate::transform::Recipe;

/// How a picture becomes a tensor. The defaults are torchvision's for ResNet-50.
#[derive(Debug, Clone, PartialEq, UdfOptions)]
pub struct Preprocessing {
    /// The length of the short side after scaling, in pixels.
    #[option(default = 256)]
    pub resize: u32,
    /// The side of the square that is cut from the middle, in pixels.
    #[option(default = 224)]
    pub crop: u32,
    /// What is subtracted from red, green and blue, which go from 0 to 1.
    #[option(default = [0.485, 0.456, 0.406])]
    pub mean: [f32; 3],
    /// What red, green and blue are divided by afterwards.
    #[option(default = [0.229, 0.224, 0.225])]
    pub std: [f32; 3],
    /// How to scale.
    #[option(default = Scaling::Bilinear)]
    pub interpolation: Scaling,
    /// Whether to turn a picture as its EXIF data says. Pillow does not.
    #[option(default = false)]
    pub exif_orientation: bool,
    /// The most pixels that a picture may have. The default is the most that Pillow takes.
    #[option(default = 178_956_970)]
    pub max_pixels: u64,
}

/// [`Interpolation`], as an option says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum Scaling {
    /// [`Interpolation::Nearest`].
    Nearest,
    /// [`Interpolation::Box`].
    Box,
    /// [`Interpolation::Bilinear`].
    Bilinear,
    /// [`Interpolation::Hamming`].
    Hamming,
    /// [`Interpolation::Bicubic`].
    Bicubic,
    /// [`Interpolation::Lanczos`].
    Lanczos,
}

impl From<Scaling> for Interpolation {
    fn from(scaling: Scaling) -> Self {
        match scaling {
            Scaling::Nearest => Self::Nearest,
            Scaling::Box => Self::Box,
            Scaling::Bilinear => Self::Bilinear,
            Scaling::Hamming => Self::Hamming,
            Scaling::Bicubic => Self::Bicubic,
            Scaling::Lanczos => Self::Lanczos,
        }
    }
}

impl From<Preprocessing> for Recipe {
    fn from(options: Preprocessing) -> Self {
        let Preprocessing {
            resize,
            crop,
            mean,
            std,
            interpolation,
            exif_orientation,
            max_pixels,
        } = options;
        let interpolation = interpolation.into();
        Self {
            resize,
            crop,
            mean,
            std,
            interpolation,
            exif_orientation,
            limits: Limits {
                max_pixels,
                ..Limits::default()
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Preprocessing;
    use crate::transform::Recipe;
    use wudf_guest::UdfOptions;

    #[test]
    fn the_defaults_are_the_library_s() {
        let options = Preprocessing::take(&mut Default::default()).expect("all have defaults");
        assert_eq!(Recipe::from(options), Recipe::default());
    }
}
