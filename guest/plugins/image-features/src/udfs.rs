//! The functions of the plugin.

use wudf_guest::{Error, Model, Result, UdfOptions, udf};

use crate::options::Preprocessing;
use crate::transform::Preprocessor;

/// The options of `image_features`.
#[derive(Debug, UdfOptions)]
pub struct FeatureOptions {
    /// The model, by the name that the host knows it by.
    #[option(default = "resnet50")]
    model: String,
    /// Which tensor of the model to return: `features`, `logits`, or any other by its name.
    #[option(default = "features")]
    layer: String,
    #[option(flatten)]
    preprocessing: Preprocessing,
}

/// A preprocessor and the model behind it.
#[derive(Debug)]
pub struct ImageFeatures {
    images: ImageTensor,
    model: Model,
}

/// What a neural network sees in a picture: one of its tensors, flattened.
///
/// The picture is a JPEG, PNG, GIF, WebP, BMP, TIFF, PPM, TGA, ICO or QOI file. It is decoded, scaled, cropped and normalised
/// exactly as Pillow and torchvision do it.
#[udf]
impl ImageFeatures {
    fn open(options: FeatureOptions) -> Result<Self> {
        let FeatureOptions {
            model,
            layer,
            preprocessing,
        } = options;
        let images = ImageTensor::open(preprocessing)?;
        if layer.is_empty() || layer.contains(',') {
            return Err(Error::options(format!(
                "option `layer`: `{layer}` is not one tensor's name"
            )));
        }
        Ok(Self {
            images,
            model: Model::by_name_with_outputs(&model, &[&layer])?,
        })
    }

    fn models(options: &FeatureOptions) -> [&String; 1] {
        [&options.model]
    }

    fn extract(&mut self, image: &[u8]) -> Result<Vec<f32>> {
        let side = self.images.preprocessor.recipe().crop;
        let tensor = self.images.extract(image)?;
        Ok(self.model.run_f32(&[1, 3, side, side], tensor)?)
    }
}

/// A preprocessor and its last tensor.
#[derive(Debug)]
pub struct ImageTensor {
    preprocessor: Preprocessor,
    tensor: Vec<f32>,
}

/// A picture as a neural network wants it: red, green and blue, each row by row.
///
/// The picture is a JPEG, PNG, GIF, WebP, BMP, TIFF, PPM, TGA, ICO or QOI file. It is decoded, scaled, cropped and normalised
/// exactly as Pillow and torchvision do it.
#[udf]
impl ImageTensor {
    fn open(options: Preprocessing) -> Result<Self> {
        let preprocessor = Preprocessor::new(options.into()).map_err(Error::options)?;
        Ok(Self {
            preprocessor,
            tensor: Vec::new(),
        })
    }

    fn list_size(options: &Preprocessing) -> u32 {
        // Options that are too large have no other effect: `open` refuses them.
        options.crop.saturating_mul(options.crop).saturating_mul(3)
    }

    fn extract(&mut self, image: &[u8]) -> Result<&[f32]> {
        self.preprocessor.tensor(image, &mut self.tensor)?;
        Ok(&self.tensor)
    }
}
