//! `image_classify`.

use std::cmp::Ordering;

use wudf_guest::{Enum, Error, Result, Row, UdfOptions, udf};

use super::labels;
use crate::labels::Labels;
use crate::options::Preprocessing;
use crate::picture_model::PictureModel;
use crate::recipe::Recipe;

/// The options of `image_classify`.
#[derive(Debug, UdfOptions)]
pub struct ClassifyOptions {
    /// The model, by the name that the host knows it by. It decides the size and the layout of the picture, its channels, and
    /// whether it is of f32, f16 or u8.
    #[option(default = "resnet50")]
    model: String,
    /// The tensor that has a number for each class: the model's first output when left out.
    #[option(default = "logits")]
    layer: String,
    /// The asset that has the names of the classes: one a line, or JSON, as in the config.json of transformers. The property
    /// `labels` of the model when left out.
    labels: Option<String>,
    /// How many classes to return.
    #[option(default = 5)]
    top: u32,
    /// How numbers become scores: softmax, sigmoid, or none, where the model does it.
    #[option(default = Activation::Softmax)]
    activation: Activation,
    #[option(flatten)]
    preprocessing: Preprocessing,
}

/// How a model's numbers become scores.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum Activation {
    /// They add up to one.
    Softmax,
    /// Each from 0 to 1.
    Sigmoid,
    /// They are.
    None,
}

impl Activation {
    fn apply(self, numbers: &mut [f32]) {
        match self {
            Self::Softmax => {
                let most = numbers.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                let power = |number: f32| f64::from(number - most).exp();
                let sum: f64 = numbers.iter().map(|number| power(*number)).sum();
                for number in numbers {
                    *number = (power(*number) / sum) as f32;
                }
            }
            Self::Sigmoid => {
                for number in numbers {
                    *number = (1.0 / (1.0 + f64::from(-*number).exp())) as f32;
                }
            }
            Self::None => {}
        }
    }
}

/// A class that a picture may be of.
#[derive(Debug, Clone, PartialEq, Row)]
pub struct Class {
    class: u32,
    label: Option<String>,
    score: f32,
}

/// A model, and the names of its classes.
#[derive(Debug)]
pub struct ImageClassify {
    model: PictureModel,
    labels: Labels,
    top: usize,
    activation: Activation,
}

/// What a picture is of: the classes with the highest scores, the highest first; of equal ones the first of the model.
///
/// The picture is a JPEG, PNG, GIF, WebP, BMP, TIFF, PPM, TGA, ICO or QOI file. It is decoded, scaled, cropped and normalised
/// exactly as Pillow and torchvision, or transformers, do it.
#[udf]
impl ImageClassify {
    fn open(options: ClassifyOptions) -> Result<Self> {
        if options.top == 0 {
            return Err(Error::options("option `top`: expected 1 or more, got 0"));
        }
        let (layer, preprocessing) = (Some(options.layer.as_str()), &options.preprocessing);
        let model = PictureModel::open(&options.model, layer, preprocessing, Recipe::default())?;
        Ok(Self {
            labels: labels(options.labels.as_deref(), &model)?,
            model,
            top: options.top as usize,
            activation: options.activation,
        })
    }

    fn models(options: &ClassifyOptions) -> [&String; 1] {
        [&options.model]
    }

    fn assets(options: &ClassifyOptions) -> Vec<String> {
        let labels = options.labels.iter().cloned();
        labels.chain(options.preprocessing.assets()).collect()
    }

    fn classify(&mut self, image: &[u8]) -> Result<Vec<Class>> {
        let (_, mut scores) = self.model.run(image)?;
        self.activation.apply(&mut scores);
        let mut classes: Vec<usize> = (0..scores.len()).collect();
        // Highest first, numbers before what is none.
        classes.sort_by(|a, b| {
            let (a, b) = (scores[*a], scores[*b]);
            b.partial_cmp(&a)
                .unwrap_or_else(|| match (a.is_nan(), b.is_nan()) {
                    (true, false) => Ordering::Greater,
                    (false, true) => Ordering::Less,
                    _ => Ordering::Equal,
                })
        });
        let class = |class: usize| Class {
            class: class as u32,
            label: self.labels.name(class).map(str::to_owned),
            score: scores[class],
        };
        Ok(classes.into_iter().take(self.top).map(class).collect())
    }
}
