//! Bytes to tensor: torchvision's `Resize`, `CenterCrop`, `ToTensor` and `Normalize` as one step.

use std::ops::Range;

use crate::decode::{self, Limits, Picture, Scratch, Window};
use crate::error::{Error, ErrorKind};
use crate::resize::{Axis, Interpolation, Resizer, Rows, vertical_first};

/// What is done to a picture. The default is torchvision's preset for ResNet-50 and most of its relatives.
#[derive(Debug, Clone, PartialEq)]
pub struct Recipe {
    /// The length of the short side after scaling, in pixels. The long side becomes int(resize * long / short).
    pub resize: u32,
    /// The side of the square that is cut from the middle. Where the scaled picture is smaller, it is put on black, as
    /// torchvision's `CenterCrop` does.
    pub crop: u32,
    /// Subtracted from each channel (red, green, blue, of 0 to 1).
    pub mean: [f32; 3],
    /// What each channel is divided by afterwards.
    pub std: [f32; 3],
    /// How to scale.
    pub interpolation: Interpolation,
    /// Whether to turn the picture first, as Pillow's `ImageOps.exif_transpose`. Pillow's `Image.open` does not, except for
    /// TIFF, which is always turned.
    pub exif_orientation: bool,
    /// What a picture may cost.
    pub limits: Limits,
}

impl Default for Recipe {
    fn default() -> Self {
        Self {
            resize: 256,
            crop: 224,
            mean: [0.485, 0.456, 0.406],
            std: [0.229, 0.224, 0.225],
            interpolation: Interpolation::Bilinear,
            exif_orientation: false,
            limits: Limits::default(),
        }
    }
}

/// The largest `resize` and `crop`: a tensor of 192 MiB.
const MAX_SIDE: u32 = 4096;

impl Recipe {
    /// Checks that the recipe can be carried out.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidRecipe`], saying which value is wrong.
    pub fn validate(&self) -> Result<(), Error> {
        let invalid = |what: String| Err(Error::new(ErrorKind::InvalidRecipe, what));
        for (name, value) in [("resize", self.resize), ("crop", self.crop)] {
            if !(1..=MAX_SIDE).contains(&value) {
                return invalid(format!(
                    "{name} must be 1 to {MAX_SIDE} pixels, not {value}"
                ));
            }
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

    /// The number of values in a tensor: 3 * crop * crop.
    pub fn tensor_len(&self) -> usize {
        3 * self.crop as usize * self.crop as usize
    }

    /// The scaled size of a picture of `width` * `height` pixels.
    fn scaled(&self, width: u32, height: u32) -> (u32, u32) {
        let (short, long) = (width.min(height), width.max(height));
        // Python's integers, divided as floats: exact below 2^53.
        let scaled = (f64::from(self.resize) * f64::from(long) / f64::from(short)) as u32;
        if width <= height {
            (self.resize, scaled)
        } else {
            (scaled, self.resize)
        }
    }
}

/// One side of the crop: which scaled pixels it keeps, and how much black comes before them.
fn crop(size: u32, crop: u32) -> (Range<u32>, usize) {
    if size < crop {
        return (0..size, ((crop - size) / 2) as usize);
    }
    // Python's round: half to even.
    let excess = size - crop;
    let start = excess / 2 + u32::from(excess % 4 == 3);
    (start..start + crop, 0)
}

/// Makes tensors by one recipe. Holds what is reused from picture to picture.
#[derive(Debug)]
pub struct Preprocessor {
    recipe: Recipe,
    /// What each sample becomes, by channel: there are only 256, so that a table is exact, and faster than dividing.
    normalised: Box<[[f32; 256]; 3]>,
    picture: Picture,
    scratch: Scratch,
    horizontal: Axis,
    vertical: Axis,
    resizer: Resizer,
}

impl Preprocessor {
    /// Prepares a recipe.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidRecipe`], as [`Recipe::validate`].
    pub fn new(recipe: Recipe) -> Result<Self, Error> {
        recipe.validate()?;
        let mut normalised = Box::new([[0.0; 256]; 3]);
        for (channel, table) in normalised.iter_mut().enumerate() {
            for (v, value) in table.iter_mut().enumerate() {
                *value = (v as f32 / 255.0 - recipe.mean[channel]) / recipe.std[channel];
            }
        }
        Ok(Self {
            recipe,
            normalised,
            picture: Picture::default(),
            scratch: Scratch::default(),
            horizontal: Axis::default(),
            vertical: Axis::default(),
            resizer: Resizer::default(),
        })
    }

    /// The recipe.
    pub fn recipe(&self) -> &Recipe {
        &self.recipe
    }

    /// The tensor of a picture file: `out` becomes `3 * crop * crop` values, channel by channel (red, green, blue), each row by
    /// row (CHW).
    ///
    /// # Errors
    /// As [`decode::decode`]. `out` then holds nothing of use.
    pub fn tensor(&mut self, bytes: &[u8], out: &mut Vec<f32>) -> Result<(), Error> {
        let Self {
            recipe,
            picture,
            scratch,
            horizontal,
            vertical,
            ..
        } = self;
        let mut plan = |width: u32, height: u32| {
            let (to_width, to_height) = recipe.scaled(width, height);
            horizontal.set(
                recipe.interpolation,
                width,
                to_width,
                crop(to_width, recipe.crop).0,
            );
            vertical.set(
                recipe.interpolation,
                height,
                to_height,
                crop(to_height, recipe.crop).0,
            );
            Window {
                x: horizontal.first() as u32,
                y: vertical.first() as u32,
                width: (horizontal.end() - horizontal.first()) as u32,
                height: (vertical.end() - vertical.first()) as u32,
            }
        };
        decode::decode_window(
            bytes,
            &recipe.limits,
            recipe.exif_orientation,
            |w, h| Some(plan(w, h)),
            picture,
            scratch,
        )?;
        // Formats that decode everything, and pictures that were turned, have not been planned for yet.
        let wanted = plan(picture.width, picture.height);
        self.finish(wanted, out);
        Ok(())
    }

    fn finish(&mut self, wanted: Window, out: &mut Vec<f32>) {
        let side = self.recipe.crop as usize;
        out.resize(self.recipe.tensor_len(), 0.0);
        let Picture {
            width,
            height,
            window,
            ref data,
        } = self.picture;
        let to = self.recipe.scaled(width, height);
        let (_, left) = crop(to.0, self.recipe.crop);
        let (_, top) = crop(to.1, self.recipe.crop);
        if self.horizontal.len() < side || self.vertical.len() < side {
            for (plane, table) in out
                .chunks_exact_mut(side * side)
                .zip(self.normalised.iter())
            {
                plane.fill(table[0]);
            }
        }

        let stride = window.width as usize * 3;
        let start = (wanted.y - window.y) as usize * stride + (wanted.x - window.x) as usize * 3;
        let source = Rows {
            data: &data[start..],
            stride,
        };
        let (red, rest) = out.split_at_mut(side * side);
        let (green, blue) = rest.split_at_mut(side * side);
        let tables = &self.normalised;
        let columns = self.horizontal.len();
        let order = vertical_first((width, height), to);
        self.resizer
            .resize(source, &self.horizontal, &self.vertical, order, |y, row| {
                let at = (top + y) * side + left;
                let planes = [
                    &mut red[at..at + columns],
                    &mut green[at..at + columns],
                    &mut blue[at..at + columns],
                ];
                normalise(row, tables, planes);
            });
    }
}

/// A row of RGB to three rows of values.
fn normalise(row: &[u8], tables: &[[f32; 256]; 3], [red, green, blue]: [&mut [f32]; 3]) {
    let value = |channel: usize, v: u8| tables[channel][usize::from(v)];
    // Eight pixels a turn: the sandbox looks at its clock once a turn.
    const TURN: usize = 8;
    let (pixels, rest) = row.as_chunks::<{ 3 * TURN }>();
    let (reds, red_rest) = red.as_chunks_mut::<TURN>();
    let (greens, green_rest) = green.as_chunks_mut::<TURN>();
    let (blues, blue_rest) = blue.as_chunks_mut::<TURN>();
    for (((p, r), g), b) in pixels.iter().zip(reds).zip(greens).zip(blues) {
        *r = std::array::from_fn(|i| value(0, p[3 * i]));
        *g = std::array::from_fn(|i| value(1, p[3 * i + 1]));
        *b = std::array::from_fn(|i| value(2, p[3 * i + 2]));
    }
    for (((p, r), g), b) in rest
        .chunks_exact(3)
        .zip(red_rest)
        .zip(green_rest)
        .zip(blue_rest)
    {
        (*r, *g, *b) = (value(0, p[0]), value(1, p[1]), value(2, p[2]));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crops() {
        assert_eq!(crop(256, 224), (16..240, 0));
        // 117 / 2 = 58.5 and 119 / 2 = 59.5 both round to the even number.
        assert_eq!(crop(341, 224), (58..282, 0));
        assert_eq!(crop(343, 224), (60..284, 0));
        assert_eq!(crop(5, 8), (0..5, 1));
    }

    #[test]
    fn sizes() {
        let recipe = Recipe::default();
        assert_eq!(recipe.scaled(500, 375), (341, 256));
        assert_eq!(recipe.scaled(375, 500), (256, 341));
        assert_eq!(recipe.scaled(256, 256), (256, 256));
    }

    /// A white pixel, scaled to 2 x 2, in the middle of black.
    #[test]
    fn padding() {
        let mut bmp = b"BM".to_vec();
        for v in [
            0,
            0,
            54,
            40,
            1,
            1,
            24 << 16 | 1,
            0,
            0,
            0,
            0,
            0,
            0,
            0xff_ffff_u32,
        ] {
            bmp.extend_from_slice(&v.to_le_bytes());
        }
        let recipe = Recipe {
            resize: 2,
            crop: 4,
            mean: [0.0; 3],
            std: [1.0; 3],
            ..Recipe::default()
        };
        let mut tensor = vec![7.0; 3];
        Preprocessor::new(recipe)
            .expect("a recipe")
            .tensor(&bmp, &mut tensor)
            .expect("a picture");
        let plane = [
            0., 0., 0., 0., 0., 1., 1., 0., 0., 1., 1., 0., 0., 0., 0., 0.,
        ];
        assert_eq!(tensor, [plane; 3].concat());
    }

    #[test]
    fn validation() {
        let default = Recipe::default();
        assert_eq!(default.validate(), Ok(()));
        for recipe in [
            Recipe {
                resize: 0,
                ..default.clone()
            },
            Recipe {
                crop: MAX_SIDE + 1,
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
