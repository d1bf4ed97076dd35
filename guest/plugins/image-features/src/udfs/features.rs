//! `image_features`.

use wudf_guest::{Result, UdfOptions, udf};

use crate::options::Preprocessing;
use crate::picture_model::PictureModel;
use crate::recipe::Recipe;

/// The options of `image_features`.
#[derive(Debug, UdfOptions)]
pub struct FeatureOptions {
    /// The model, by the name that the host knows it by. It decides the size and the layout of the picture, its channels, and
    /// whether it is of f32, f16 or u8.
    #[option(default = "resnet50")]
    model: String,
    /// Which tensor of the model to return: `features` (what its final fully connected layer takes), `logits` (its first
    /// output), or any other by its name. When left out, `features`, or `logits` where there is no such layer.
    layer: Option<String>,
    #[option(flatten)]
    preprocessing: Preprocessing,
}

/// A model and its preprocessor.
#[derive(Debug)]
pub struct ImageFeatures {
    model: PictureModel,
}

/// What a neural network sees in a picture: one of its tensors, flattened.
///
/// The picture is a JPEG, PNG, GIF, WebP, BMP, TIFF, PPM, TGA, ICO or QOI file. It is decoded, scaled, cropped and normalised
/// exactly as Pillow and torchvision, or transformers, do it.
#[udf]
impl ImageFeatures {
    fn open(options: FeatureOptions) -> Result<Self> {
        let FeatureOptions {
            model,
            layer,
            preprocessing,
        } = options;
        let default = Recipe::default();
        Ok(Self {
            model: PictureModel::open(&model, layer.as_deref(), &preprocessing, default)?,
        })
    }

    fn models(options: &FeatureOptions) -> [&String; 1] {
        [&options.model]
    }

    fn assets(options: &FeatureOptions) -> Vec<String> {
        options.preprocessing.assets()
    }

    fn list_size(&self) -> Option<u32> {
        self.model.output_len()
    }

    fn extract(&mut self, image: &[u8]) -> Result<Vec<f32>> {
        Ok(self.model.run(image)?.1)
    }
}
