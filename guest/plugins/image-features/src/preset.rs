//! Recipes by name: those of torchvision's weights and of transformers' processors.

use wudf_guest::Enum;

use crate::recipe::{Centering, Recipe, Rescale, Resize, Size};
use crate::resize::Interpolation;

/// A recipe by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum Preset {
    /// torchvision's first ImageNet weights, such as `ResNet50_Weights.IMAGENET1K_V1`.
    #[value(name = "imagenet-v1")]
    ImagenetV1,
    /// torchvision's second ImageNet weights, such as `ResNet50_Weights.IMAGENET1K_V2`.
    #[value(name = "imagenet-v2")]
    ImagenetV2,
    /// `CLIPImageProcessor`, as of `openai/clip-vit-base-patch32`.
    #[value(name = "clip")]
    Clip,
    /// `SiglipImageProcessor`, as of `google/siglip-base-patch16-224`.
    #[value(name = "siglip")]
    Siglip,
    /// `BitImageProcessor` as of `facebook/dinov2-base`.
    #[value(name = "dinov2")]
    Dinov2,
    /// `ViTImageProcessor`, as of `google/vit-base-patch16-224`.
    #[value(name = "vit")]
    Vit,
}

/// ImageNet's mean and standard deviation.
pub(crate) const IMAGENET: ([f32; 3], [f32; 3]) = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]);
/// Those that CLIP was trained with.
pub(crate) const OPENAI: ([f32; 3], [f32; 3]) = (
    [0.481_454_66, 0.457_827_5, 0.408_210_73],
    [0.268_629_54, 0.261_302_6, 0.275_777_1],
);
/// From -1 to 1.
pub(crate) const HALF: ([f32; 3], [f32; 3]) = ([0.5; 3], [0.5; 3]);

/// What transformers multiplies samples by: 1/255.
pub(crate) const RESCALE: f64 = 1.0 / 255.0;

impl Preset {
    /// The recipe.
    pub fn recipe(self) -> Recipe {
        let transformers = |resize, interpolation, (mean, std)| Recipe {
            resize,
            crop: Size::square(224),
            centering: Centering::Transformers,
            rescale: Rescale::Multiply(RESCALE),
            interpolation,
            mean,
            std,
            ..Recipe::default()
        };
        let exact = Resize::Exact(Size::square(224));
        match self {
            Self::ImagenetV1 => Recipe::default(),
            Self::ImagenetV2 => Recipe {
                resize: Resize::Short(232),
                ..Recipe::default()
            },
            Self::Clip => transformers(Resize::Short(224), Interpolation::Bicubic, OPENAI),
            Self::Siglip => transformers(exact, Interpolation::Bicubic, HALF),
            Self::Dinov2 => transformers(Resize::Short(256), Interpolation::Bicubic, IMAGENET),
            Self::Vit => transformers(exact, Interpolation::Bilinear, HALF),
        }
    }
}
