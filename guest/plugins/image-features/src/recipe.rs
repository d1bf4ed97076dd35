//! What is done to a picture: sizes, colours, numbers.

use std::ops::Range;

use crate::decode::Limits;
use crate::error::{Error, ErrorKind};
use crate::resize::Interpolation;

/// What is done to a picture. The default is torchvision's preset for ResNet-50 and most of its relatives.
#[derive(Debug, Clone, PartialEq)]
pub struct Recipe {
    /// The size that the picture is scaled to.
    pub resize: Resize,
    /// What is cut from the middle. Where the scaled picture is smaller, it is put in the middle of [`pad_color`](Self::pad_color).
    pub crop: Size,
    /// Which of two middles it is, where the pixels to cut or to add are an odd number.
    pub centering: Centering,
    /// What is around pictures that are smaller than the crop: red, green and blue.
    pub pad_color: [u8; 3],
    /// The channels of the tensor.
    pub channels: Channels,
    /// How samples become numbers, before mean and standard deviation.
    pub rescale: Rescale,
    /// Subtracted from each channel, in the order of the tensor's; of a grey tensor the first counts.
    pub mean: [f32; 3],
    /// What each channel is divided by afterwards.
    pub std: [f32; 3],
    /// How to scale.
    pub interpolation: Interpolation,
    /// The order of the tensor's dimensions.
    pub layout: Layout,
    /// Whether to turn the picture first, as Pillow's `ImageOps.exif_transpose`. Pillow's `Image.open` does not, except for
    /// TIFF, which is always turned.
    pub exif_orientation: bool,
    /// What a picture may cost.
    pub limits: Limits,
}

/// Height and width, in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Rows.
    pub height: u32,
    /// Columns.
    pub width: u32,
}

impl Size {
    /// As high as wide.
    pub const fn square(side: u32) -> Self {
        Self {
            height: side,
            width: side,
        }
    }
}

/// The size that a picture is scaled to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resize {
    /// The short side becomes this, the long side int(this * long / short): torchvision's `Resize(n)`, and `shortest_edge` of
    /// transformers.
    Short(u32),
    /// Exactly this, whatever becomes of the picture's shape.
    Exact(Size),
    /// The largest that fits in this and keeps the picture's shape, as Pillow's `ImageOps.contain`, and at least one pixel.
    Within(Size),
}

/// Whose rounding counts where the pixels to cut or to add are an odd number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Centering {
    /// torchvision's `CenterCrop`: half of what is cut is rounded to the even number, half of what is added down.
    Torchvision,
    /// `center_crop` of transformers: half of what is cut is rounded down, half of what is added up.
    Transformers,
    /// Pillow's `ImageOps.pad`: both halves are rounded to the even number.
    Pillow,
}

/// The channels of a tensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Channels {
    /// Red, green, blue.
    Rgb,
    /// Blue, green, red.
    Bgr,
    /// Pillow's "L", made of RGB before scaling.
    Gray,
}

impl Channels {
    /// How many there are.
    pub fn count(self) -> u32 {
        match self {
            Self::Rgb | Self::Bgr => 3,
            Self::Gray => 1,
        }
    }
}

/// The order of a tensor's dimensions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// Channel by channel, each row by row.
    Nchw,
    /// Pixel by pixel, each channel by channel.
    Nhwc,
}

/// How a sample of 0 to 255 becomes a number. The last bit differs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Rescale {
    /// Divided by 255 in `f32`, as torchvision's `ToTensor`.
    Divide,
    /// Multiplied in `f64` and rounded to `f32`, as `rescale` of transformers.
    Multiply(f64),
}

impl Rescale {
    fn apply(self, sample: u8) -> f32 {
        match self {
            Self::Divide => f32::from(sample) / 255.0,
            Self::Multiply(factor) => (f64::from(sample) * factor) as f32,
        }
    }
}

impl Default for Recipe {
    fn default() -> Self {
        Self {
            resize: Resize::Short(256),
            crop: Size::square(224),
            centering: Centering::Torchvision,
            pad_color: [0; 3],
            channels: Channels::Rgb,
            rescale: Rescale::Divide,
            mean: [0.485, 0.456, 0.406],
            std: [0.229, 0.224, 0.225],
            interpolation: Interpolation::Bilinear,
            layout: Layout::Nchw,
            exif_orientation: false,
            limits: Limits::default(),
        }
    }
}

/// The largest side of what a picture is scaled to or cut to: a tensor of 192 MiB.
pub const MAX_SIDE: u32 = 4096;

impl Recipe {
    /// Checks that the recipe can be carried out.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidRecipe`], saying which value is wrong.
    pub fn validate(&self) -> Result<(), Error> {
        let invalid = |what: String| Err(Error::new(ErrorKind::InvalidRecipe, what));
        let resize = match self.resize {
            Resize::Short(side) => Size::square(side),
            Resize::Exact(size) | Resize::Within(size) => size,
        };
        for (name, size) in [("resize", resize), ("crop", self.crop)] {
            for side in [size.height, size.width] {
                if !(1..=MAX_SIDE).contains(&side) {
                    return invalid(format!("{name} must be 1 to {MAX_SIDE} pixels, not {side}"));
                }
            }
        }
        if let Rescale::Multiply(factor) = self.rescale
            && !factor.is_finite()
        {
            return invalid(format!("rescale must be a finite number, not {factor}"));
        }
        if let Some(mean) = self.mean.iter().find(|v| !v.is_finite()) {
            return invalid(format!("mean must be finite numbers, not {mean}"));
        }
        if let Some(std) = self.std.iter().find(|v| !v.is_finite() || **v == 0.0) {
            return invalid(format!(
                "std must be finite numbers other than 0, not {std}"
            ));
        }
        Ok(())
    }

    /// The number of values in a tensor: channels * height * width.
    pub fn tensor_len(&self) -> usize {
        self.channels.count() as usize * self.crop.height as usize * self.crop.width as usize
    }

    /// The dimensions of a tensor of one picture, the first of them 1.
    pub fn dimensions(&self) -> [u32; 4] {
        let Size { height, width } = self.crop;
        match self.layout {
            Layout::Nchw => [1, self.channels.count(), height, width],
            Layout::Nhwc => [1, height, width, self.channels.count()],
        }
    }

    /// What a sample becomes in a channel of the tensor.
    pub(crate) fn value(&self, channel: usize, sample: u8) -> f32 {
        (self.rescale.apply(sample) - self.mean[channel]) / self.std[channel]
    }

    /// The scaled size of a picture of `width` * `height` pixels: width and height.
    pub(crate) fn scaled(&self, width: u32, height: u32) -> (u32, u32) {
        // Python's numbers, divided as floats: exact below 2^53.
        let (w, h) = (f64::from(width), f64::from(height));
        match self.resize {
            Resize::Short(side) => {
                let scaled = (f64::from(side) * w.max(h) / w.min(h)) as u32;
                if width <= height {
                    (side, scaled)
                } else {
                    (scaled, side)
                }
            }
            Resize::Exact(size) => (size.width, size.height),
            Resize::Within(size) => {
                let (to_w, to_h) = (f64::from(size.width), f64::from(size.height));
                let (shape, to_shape) = (w / h, to_w / to_h);
                let side = |v: f64| (v.round_ties_even() as u32).max(1);
                if shape > to_shape {
                    (size.width, side(h / w * to_w))
                } else if shape < to_shape {
                    (side(w / h * to_h), size.height)
                } else {
                    (size.width, size.height)
                }
            }
        }
    }

    /// One side of the crop: which scaled pixels it keeps, and how many of another colour come before them.
    pub(crate) fn cut(&self, size: u32, crop: u32) -> (Range<u32>, usize) {
        let half_to_even = |n: u32| n / 2 + u32::from(n % 4 == 3);
        let (down, up) = (|n: u32| n / 2, |n: u32| n.div_ceil(2));
        if size < crop {
            let missing = crop - size;
            let before = match self.centering {
                Centering::Torchvision => down(missing),
                Centering::Transformers => up(missing),
                Centering::Pillow => half_to_even(missing),
            };
            return (0..size, before as usize);
        }
        let excess = size - crop;
        let start = match self.centering {
            Centering::Torchvision | Centering::Pillow => half_to_even(excess),
            Centering::Transformers => down(excess),
        };
        (start..start + crop, 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn centered(centering: Centering) -> Recipe {
        Recipe {
            centering,
            ..Recipe::default()
        }
    }

    #[test]
    fn crops() {
        let recipe = centered(Centering::Torchvision);
        assert_eq!(recipe.cut(256, 224), (16..240, 0));
        // 117 / 2 = 58.5 and 119 / 2 = 59.5 both round to the even number.
        assert_eq!(recipe.cut(341, 224), (58..282, 0));
        assert_eq!(recipe.cut(343, 224), (60..284, 0));
        assert_eq!(recipe.cut(5, 8), (0..5, 1));

        let recipe = centered(Centering::Transformers);
        assert_eq!(recipe.cut(341, 224), (58..282, 0));
        assert_eq!(recipe.cut(343, 224), (59..283, 0));
        assert_eq!(recipe.cut(5, 8), (0..5, 2));

        let recipe = centered(Centering::Pillow);
        assert_eq!(recipe.cut(5, 8), (0..5, 2));
        assert_eq!(recipe.cut(7, 8), (0..7, 0));
    }

    #[test]
    fn sizes() {
        let to = |resize, width, height| {
            let recipe = Recipe {
                resize,
                ..Recipe::default()
            };
            recipe.scaled(width, height)
        };
        let short = Resize::Short(256);
        assert_eq!(to(short, 500, 375), (341, 256));
        assert_eq!(to(short, 375, 500), (256, 341));
        assert_eq!(to(short, 256, 256), (256, 256));
        let size = Size {
            height: 10,
            width: 20,
        };
        assert_eq!(to(Resize::Exact(size), 3, 300), (20, 10));
        assert_eq!(to(Resize::Within(size), 400, 100), (20, 5));
        assert_eq!(to(Resize::Within(size), 100, 400), (2, 10));
        assert_eq!(to(Resize::Within(size), 4, 2), (20, 10));
        // 2.5 rounds to 2, and nothing to nothing.
        assert_eq!(to(Resize::Within(Size::square(10)), 400, 100), (10, 2));
        assert_eq!(to(Resize::Within(size), 1, 400), (1, 10));
    }

    #[test]
    fn validation() {
        let default = Recipe::default();
        assert_eq!(default.validate(), Ok(()));
        for recipe in [
            Recipe {
                resize: Resize::Short(0),
                ..default.clone()
            },
            Recipe {
                resize: Resize::Exact(Size {
                    height: 1,
                    width: 0,
                }),
                ..default.clone()
            },
            Recipe {
                crop: Size::square(MAX_SIDE + 1),
                ..default.clone()
            },
            Recipe {
                rescale: Rescale::Multiply(f64::NAN),
                ..default.clone()
            },
            Recipe {
                mean: [0.0, f32::NAN, 0.0],
                ..default.clone()
            },
            Recipe {
                std: [1.0, 1.0, 0.0],
                ..default
            },
        ] {
            assert_eq!(
                recipe.validate().map_err(|e| e.kind()),
                Err(ErrorKind::InvalidRecipe),
                "{recipe:?}"
            );
        }
    }
}
