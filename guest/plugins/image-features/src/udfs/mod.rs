//! The functions of the plugin.

mod classify;
mod detect;
mod features;
mod hash;
mod info;
mod tensor;
mod thumbnail;

pub use classify::{Activation, Class, ClassifyOptions, ImageClassify};
pub use detect::{DetectOptions, Detection, ImageDetect};
pub use features::{FeatureOptions, ImageFeatures};
pub use hash::{HashOptions, ImageHash};
pub use info::{Info, image_info};
pub use tensor::{ImageTensor, TensorOptions};
pub use thumbnail::{ImageThumbnail, ThumbnailOptions};

use wudf_guest::{Error, Result, asset};

use crate::labels::Labels;
use crate::picture_model::PictureModel;

/// The names of a model's classes: of this asset, or else of its own property.
fn labels(asset: Option<&str>, model: &PictureModel) -> Result<Labels> {
    let named = |what: &str, text: &str| {
        Labels::parse(text).map_err(|why| Error::options(format!("{what}: {why}")))
    };
    match (asset, model.property("labels")) {
        (Some(name), _) => named(
            &format!("asset `{name}`"),
            &String::from_utf8(asset::read(name)?)?,
        ),
        (None, Some(text)) => named("the model's property `labels`", text),
        (None, None) => Ok(Labels::default()),
    }
}
