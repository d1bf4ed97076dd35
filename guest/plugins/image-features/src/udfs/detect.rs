//! `image_detect`.

use wudf_guest::{Error, Result, Row, UdfOptions, udf};

use super::labels;
use crate::detect::{Choice, Found, Head, found};
use crate::labels::Labels;
use crate::options::Preprocessing;
use crate::picture_model::PictureModel;
use crate::recipe::{Centering, Recipe, Resize, Size};

/// The options of `image_detect`.
#[derive(Debug, UdfOptions)]
pub struct DetectOptions {
    /// The model, by the name that the host knows it by. It decides the size and the layout of the picture, its channels, and
    /// whether it is of f32, f16 or u8.
    #[option(default = "yolo")]
    model: String,
    /// The tensor that has the boxes: the model's first output when left out.
    #[option(default = "logits")]
    layer: String,
    /// How the model writes boxes: as yolov8 and later, as yolov5 and v7, or end-to-end: with non-maximum suppression in it.
    #[option(default = Head::Yolov8)]
    head: Head,
    /// The asset that has the names of the classes: one a line, or JSON, as in the config.json of transformers. The property
    /// `labels` of the model when left out.
    labels: Option<String>,
    /// The lowest score that counts.
    #[option(default = 0.25)]
    threshold: f32,
    /// The most that two boxes of one class may share of the area that they cover together.
    #[option(default = 0.7)]
    overlap: f32,
    /// How many boxes to return at most.
    #[option(default = 300)]
    most: u32,
    #[option(flatten)]
    preprocessing: Preprocessing,
}

/// Something in a picture.
#[derive(Debug, Clone, PartialEq, Row)]
pub struct Detection {
    class: u32,
    label: Option<String>,
    score: f32,
    left: f32,
    top: f32,
    right: f32,
    bottom: f32,
}

/// A model, and the names of its classes.
#[derive(Debug)]
pub struct ImageDetect {
    model: PictureModel,
    labels: Labels,
    head: Head,
    choice: Choice,
}

/// What is in a picture and where, the highest score first: boxes in the picture's pixels, which are counted from its upper
/// left corner.
///
/// Unless the options say otherwise, the whole picture is scaled into the square that the model takes, with grey around it, and
/// from 0 to 1. The picture is a JPEG, PNG, GIF, WebP, BMP, TIFF, PPM, TGA, ICO or QOI file.
#[udf]
impl ImageDetect {
    fn open(options: DetectOptions) -> Result<Self> {
        let (layer, preprocessing) = (Some(options.layer.as_str()), &options.preprocessing);
        let model = PictureModel::open(&options.model, layer, preprocessing, letterbox())?;
        Ok(Self {
            labels: labels(options.labels.as_deref(), &model)?,
            model,
            head: options.head,
            choice: Choice {
                threshold: options.threshold,
                overlap: options.overlap,
                most: options.most as usize,
            },
        })
    }

    fn models(options: &DetectOptions) -> [&String; 1] {
        [&options.model]
    }

    fn assets(options: &DetectOptions) -> Vec<String> {
        let labels = options.labels.iter().cloned();
        labels.chain(options.preprocessing.assets()).collect()
    }

    fn detect(&mut self, image: &[u8]) -> Result<Vec<Detection>> {
        let (dimensions, numbers) = self.model.run(image)?;
        let found = found(self.head, &dimensions, &numbers, &self.choice)
            .map_err(|why| Error::new(why).with_code("model"))?;
        let place = Place::of(self.model.recipe(), self.model.last_size());
        let detection = |Found {
                             class,
                             score,
                             sides,
                         }: Found| {
            let [left, top, right, bottom] = place.in_picture(sides);
            Detection {
                class: u32::try_from(class).unwrap_or(u32::MAX),
                label: self.labels.name(class).map(str::to_owned),
                score,
                left,
                top,
                right,
                bottom,
            }
        };
        Ok(found.into_iter().map(detection).collect())
    }
}

/// What YOLO's own preprocessing does, but for the scaling, which is Pillow's and not OpenCV's.
fn letterbox() -> Recipe {
    let size = Size::square(640);
    Recipe {
        resize: Resize::Within(size),
        crop: size,
        centering: Centering::Pillow,
        pad_color: [114; 3],
        mean: [0.0; 3],
        std: [1.0; 3],
        ..Recipe::default()
    }
}

/// Where a picture lies in its tensor, across and down: the first of its pixels, and how many a pixel of the picture takes.
struct Place {
    start: [f32; 2],
    scale: [f32; 2],
    size: [f32; 2],
}

impl Place {
    fn of(recipe: &Recipe, (width, height): (u32, u32)) -> Self {
        let (to_width, to_height) = recipe.scaled(width, height);
        let start = |size, crop| {
            let (kept, before) = recipe.cut(size, crop);
            before as f32 - kept.start as f32
        };
        Self {
            start: [
                start(to_width, recipe.crop.width),
                start(to_height, recipe.crop.height),
            ],
            scale: [
                to_width as f32 / width as f32,
                to_height as f32 / height as f32,
            ],
            size: [width as f32, height as f32],
        }
    }

    /// From the tensor's pixels to the picture's, within it.
    fn in_picture(&self, sides: [f32; 4]) -> [f32; 4] {
        std::array::from_fn(|side| {
            let axis = side % 2;
            let at = (sides[side] - self.start[axis]) / self.scale[axis];
            at.clamp(0.0, self.size[axis])
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_are_in_the_picture_s_pixels() {
        // 1280 x 640 becomes 640 x 320, with 160 rows above.
        let place = Place::of(&letterbox(), (1280, 640));
        let there = place.in_picture([10.0, 170.0, 20.0, 700.0]);
        assert_eq!(there, [20.0, 20.0, 40.0, 640.0]);
        let recipe = Recipe {
            resize: Resize::Short(320),
            crop: Size::square(320),
            ..letterbox()
        };
        // The middle: 160 of 640 columns are cut off.
        let place = Place::of(&recipe, (1280, 640));
        assert_eq!(
            place.in_picture([0.0, 0.0, 10.0, 10.0]),
            [320.0, 0.0, 340.0, 20.0]
        );
    }
}
