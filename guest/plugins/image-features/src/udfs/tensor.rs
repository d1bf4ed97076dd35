//! `image_tensor`.

use wudf_guest::{Numbers, Result, Schema, UdfOptions, udf};

use crate::options::Preprocessing;
use crate::tensors::{Number, Tensors};

/// The options of `image_tensor`.
#[derive(Debug, UdfOptions)]
pub struct TensorOptions {
    /// What the tensor is made of: f32, f16 (the same, rounded to the nearest), or u8: the samples, neither rescaled nor
    /// normalised.
    #[option(default = Number::F32)]
    element: Number,
    #[option(flatten)]
    preprocessing: Preprocessing,
}

/// A preprocessor.
#[derive(Debug)]
pub struct ImageTensor {
    tensors: Tensors,
}

/// A picture as a neural network wants it: red, green and blue, each row by row.
///
/// The picture is a JPEG, PNG, GIF, WebP, BMP, TIFF, PPM, TGA, ICO or QOI file. It is decoded, scaled, cropped and normalised
/// exactly as Pillow and torchvision, or transformers, do it.
#[udf]
impl ImageTensor {
    fn open(options: TensorOptions) -> Result<Self> {
        let recipe = options.preprocessing.recipe()?;
        Ok(Self {
            tensors: Tensors::new(options.element, recipe)?,
        })
    }

    fn assets(options: &TensorOptions) -> Vec<String> {
        options.preprocessing.assets()
    }

    fn returns(options: &TensorOptions) -> Result<Schema> {
        let size = options.preprocessing.recipe()?.tensor_len();
        // Sides are limited: it fits.
        Ok(options.element.schema(size as u32))
    }

    fn extract(&mut self, image: &[u8]) -> Result<Numbers<'_>> {
        self.tensors.numbers(image)
    }
}
