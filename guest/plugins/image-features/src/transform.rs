//! Bytes to tensor: scaling, cropping, normalising as one step.

use crate::decode::{self, Picture, Scratch, Window};
use crate::element::Element;
use crate::error::Error;
use crate::recipe::{Channels, Layout, Recipe};
use crate::resize::{Axis, Resizer, Rows, vertical_first};

/// Makes tensors by one recipe. Holds what is reused from picture to picture.
#[derive(Debug)]
pub struct Preprocessor<T = f32> {
    recipe: Recipe,
    /// What red, green and blue become: there are only 256 samples, so that a table is exact, and faster than dividing.
    tables: Box<[[T; 256]; 3]>,
    picture: Picture,
    scratch: Scratch,
    horizontal: Axis,
    vertical: Axis,
    resizer: Resizer,
}

impl<T: Element> Preprocessor<T> {
    /// Prepares a recipe.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidRecipe`](crate::ErrorKind::InvalidRecipe), as [`Recipe::validate`].
    pub fn new(recipe: Recipe) -> Result<Self, Error> {
        recipe.validate()?;
        let mut tables = Box::new([[T::default(); 256]; 3]);
        for (colour, table) in tables.iter_mut().enumerate() {
            let channel = channel_of(&recipe, colour);
            for (sample, value) in (0..=255).zip(table.iter_mut()) {
                *value = T::of(sample, recipe.value(channel, sample));
            }
        }
        Ok(Self {
            recipe,
            tables,
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

    /// The tensor of a picture file: `out` becomes [`Recipe::tensor_len`] values, in the order of
    /// [`Recipe::layout`].
    ///
    /// # Errors
    /// As [`decode::decode`]. `out` then holds nothing of use.
    pub fn tensor(&mut self, bytes: &[u8], out: &mut Vec<T>) -> Result<(), Error> {
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
            let columns = recipe.cut(to_width, recipe.crop.width).0;
            let rows = recipe.cut(to_height, recipe.crop.height).0;
            horizontal.set(recipe.interpolation, width, to_width, columns);
            vertical.set(recipe.interpolation, height, to_height, rows);
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
        if self.recipe.channels == Channels::Gray {
            to_grey(&mut self.picture.data);
        }
        self.finish(wanted, out);
        Ok(())
    }

    /// The width and height of the last picture.
    pub fn last_size(&self) -> (u32, u32) {
        (self.picture.width, self.picture.height)
    }

    fn finish(&mut self, wanted: Window, out: &mut Vec<T>) {
        let recipe = &self.recipe;
        let (width, height) = (recipe.crop.width as usize, recipe.crop.height as usize);
        out.resize(recipe.tensor_len(), T::default());
        let whole = (self.picture.width, self.picture.height);
        let to = recipe.scaled(whole.0, whole.1);
        let (_, left) = recipe.cut(to.0, recipe.crop.width);
        let (_, top) = recipe.cut(to.1, recipe.crop.height);
        if self.horizontal.len() < width || self.vertical.len() < height {
            self.pad(out);
        }

        let window = self.picture.window;
        let stride = window.width as usize * 3;
        let start = (wanted.y - window.y) as usize * stride + (wanted.x - window.x) as usize * 3;
        let source = Rows {
            data: &self.picture.data[start..],
            stride,
        };
        let tables = &self.tables;
        let columns = self.horizontal.len();
        let order = vertical_first(whole, to);
        let mut rows = |emit: &mut dyn FnMut(usize, &[u8])| {
            self.resizer
                .resize(source, &self.horizontal, &self.vertical, order, |y, row| {
                    emit((top + y) * width + left, row);
                });
        };
        match (recipe.channels, recipe.layout) {
            (Channels::Gray, _) => rows(&mut |at, row| {
                grey(row, &tables[0], &mut out[at..at + columns]);
            }),
            (channels, Layout::Nchw) => {
                let (first, rest) = out.split_at_mut(width * height);
                let (green, third) = rest.split_at_mut(width * height);
                let (red, blue) = match channels {
                    Channels::Bgr => (third, first),
                    _ => (first, third),
                };
                rows(&mut |at, row| {
                    let planes = [
                        &mut red[at..at + columns],
                        &mut green[at..at + columns],
                        &mut blue[at..at + columns],
                    ];
                    planar(row, tables, planes);
                });
            }
            (channels, Layout::Nhwc) => rows(&mut |at, row| {
                let pixels = &mut out[at * 3..(at + columns) * 3];
                interleaved(row, tables, channels == Channels::Bgr, pixels);
            }),
        }
    }

    /// Fills the tensor with the colour that is around small pictures.
    fn pad(&self, out: &mut [T]) {
        let colour = match self.recipe.channels {
            Channels::Gray => [luma(self.recipe.pad_color); 3],
            _ => self.recipe.pad_color,
        };
        let count = self.recipe.channels.count() as usize;
        // By channel of the tensor.
        let mut values = [T::default(); 3];
        for (at, sample) in colour.into_iter().enumerate() {
            values[channel_of(&self.recipe, at)] = self.tables[at][usize::from(sample)];
        }
        match self.recipe.layout {
            Layout::Nchw => {
                for (plane, value) in out.chunks_exact_mut(out.len() / count).zip(values) {
                    plane.fill(value);
                }
            }
            Layout::Nhwc => {
                for pixel in out.chunks_exact_mut(count) {
                    pixel.copy_from_slice(&values[..count]);
                }
            }
        }
    }
}

/// The tensor's channel of red, green or blue.
fn channel_of(recipe: &Recipe, colour: usize) -> usize {
    match recipe.channels {
        Channels::Rgb => colour,
        Channels::Bgr => 2 - colour,
        Channels::Gray => 0,
    }
}

/// Pillow's "RGB" to "L".
fn luma([r, g, b]: [u8; 3]) -> u8 {
    let sum = u32::from(r) * 19_595 + u32::from(g) * 38_470 + u32::from(b) * 7_471;
    ((sum + 0x8000) >> 16) as u8
}

/// Makes every pixel its grey. It stays RGB, so that it is scaled as that is: each channel as the grey alone would be.
pub(crate) fn to_grey(rgb: &mut [u8]) {
    for pixel in rgb.as_chunks_mut::<3>().0 {
        *pixel = [luma(*pixel); 3];
    }
}

/// A row of RGB to three rows of values.
fn planar<T: Element>(row: &[u8], tables: &[[T; 256]; 3], [red, green, blue]: [&mut [T]; 3]) {
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

/// A row of RGB to a row of pixels, which may be BGR.
fn interleaved<T: Element>(row: &[u8], tables: &[[T; 256]; 3], bgr: bool, pixels: &mut [T]) {
    const TURN: usize = 8;
    let value = |channel: usize, v: u8| tables[channel][usize::from(v)];
    let (from, from_rest) = row.as_chunks::<{ 3 * TURN }>();
    let (to, to_rest) = pixels.as_chunks_mut::<{ 3 * TURN }>();
    for (p, out) in from.iter().zip(to) {
        *out = std::array::from_fn(|i| value(i % 3, p[i]));
    }
    for (p, out) in from_rest.chunks_exact(3).zip(to_rest.chunks_exact_mut(3)) {
        out.copy_from_slice(&[value(0, p[0]), value(1, p[1]), value(2, p[2])]);
    }
    if bgr {
        for pixel in pixels.as_chunks_mut::<3>().0 {
            pixel.swap(0, 2);
        }
    }
}

/// A row of RGB, all three the same, to a row of values.
fn grey<T: Element>(row: &[u8], table: &[T; 256], out: &mut [T]) {
    for (pixel, out) in row.as_chunks::<3>().0.iter().zip(out) {
        *out = table[usize::from(pixel[0])];
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipe::{Centering, Resize, Size};

    /// A picture of one pixel.
    fn pixel([r, g, b]: [u8; 3]) -> Vec<u8> {
        let mut bmp = b"BM".to_vec();
        let colour = u32::from_le_bytes([b, g, r, 0]);
        let header = [0, 0, 54, 40, 1, 1, 24 << 16 | 1, 0, 0, 0, 0, 0, 0, colour];
        bmp.extend(header.iter().flat_map(|v: &u32| v.to_le_bytes()));
        bmp
    }

    fn plain() -> Recipe {
        Recipe {
            resize: Resize::Short(2),
            crop: Size::square(4),
            mean: [0.0; 3],
            std: [1.0; 3],
            ..Recipe::default()
        }
    }

    fn tensor<T: Element>(recipe: Recipe, picture: &[u8]) -> Vec<T> {
        let mut tensor = vec![T::default(); 7];
        Preprocessor::new(recipe)
            .expect("a recipe")
            .tensor(picture, &mut tensor)
            .expect("a picture");
        tensor
    }

    /// A white pixel, scaled to 2 x 2, in the middle of black.
    #[test]
    fn padding() {
        let plane = [
            0., 0., 0., 0., 0., 1., 1., 0., 0., 1., 1., 0., 0., 0., 0., 0.,
        ];
        assert_eq!(
            tensor::<f32>(plain(), &pixel([255; 3])),
            [plane; 3].concat()
        );
    }

    #[test]
    fn layouts_and_channels() {
        let of = |channels, layout| {
            let recipe = Recipe {
                resize: Resize::Short(1),
                crop: Size {
                    height: 1,
                    width: 2,
                },
                centering: Centering::Torchvision,
                pad_color: [1, 2, 3],
                channels,
                layout,
                ..plain()
            };
            tensor::<u8>(recipe, &pixel([10, 20, 30]))
        };
        assert_eq!(of(Channels::Rgb, Layout::Nchw), [10, 1, 20, 2, 30, 3]);
        assert_eq!(of(Channels::Bgr, Layout::Nchw), [30, 3, 20, 2, 10, 1]);
        assert_eq!(of(Channels::Rgb, Layout::Nhwc), [10, 20, 30, 1, 2, 3]);
        assert_eq!(of(Channels::Bgr, Layout::Nhwc), [30, 20, 10, 3, 2, 1]);
        // Pillow: Image.new("RGB", (1, 1), (10, 20, 30)).convert("L") is 18, and 2 for (1, 2, 3).
        assert_eq!(of(Channels::Gray, Layout::Nchw), [18, 2]);
        assert_eq!(of(Channels::Gray, Layout::Nhwc), [18, 2]);
    }

    /// Mean and deviation are of the tensor's channels, whatever their colours.
    #[test]
    fn numbers_are_of_the_channel() {
        let of = |channels| {
            let recipe = Recipe {
                resize: Resize::Short(1),
                crop: Size::square(1),
                channels,
                rescale: crate::recipe::Rescale::Multiply(1.0),
                mean: [1.0, 2.0, 3.0],
                ..plain()
            };
            tensor::<f32>(recipe, &pixel([10, 20, 30]))
        };
        assert_eq!(of(Channels::Rgb), [9.0, 18.0, 27.0]);
        assert_eq!(of(Channels::Bgr), [29.0, 18.0, 7.0]);
        assert_eq!(of(Channels::Gray), [17.0]);
    }

    /// Rows longer than a turn of the loop, and the pixels that are left.
    #[test]
    fn layouts_hold_the_same_values() {
        let mut ppm = b"P6 19 3 255 ".to_vec();
        ppm.extend((0..19 * 3 * 3).map(|v| (v * 37 % 256) as u8));
        let recipe = |layout, channels| Recipe {
            resize: Resize::Short(3),
            crop: Size {
                height: 3,
                width: 19,
            },
            layout,
            channels,
            ..Recipe::default()
        };
        for channels in [Channels::Rgb, Channels::Bgr] {
            let planes: Vec<f32> = tensor(recipe(Layout::Nchw, channels), &ppm);
            let pixels: Vec<f32> = tensor(recipe(Layout::Nhwc, channels), &ppm);
            for (at, pixel) in pixels.chunks_exact(3).enumerate() {
                let there = [planes[at], planes[57 + at], planes[114 + at]];
                assert_eq!(pixel, there, "{channels:?}, pixel {at}");
            }
        }
    }
}
