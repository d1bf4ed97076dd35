//! What the functions are told of the pictures.

use serde_json::json;
use wudf_guest::{Enum, Error, Json, OptionError, OptionValue, Result, UdfOptions, asset};

use crate::config;
use crate::preset::Preset;
use crate::recipe::{self, Recipe, Rescale, Resize, Size};
use crate::resize::Interpolation;

/// How a picture becomes a tensor: a preset, or a model's own file, and what differs from it.
#[derive(Debug, Clone, PartialEq, UdfOptions)]
pub struct Preprocessing {
    /// What the other options change: the recipe of torchvision's ImageNet weights (imagenet-v1 when left out), or of a
    /// processor of transformers.
    preset: Option<Preset>,
    /// The asset that has the recipe, in place of a preset: the preprocessor_config.json of transformers, or the config.json of
    /// timm.
    preprocessor: Option<String>,
    /// What `resize` measures: the short side, and the middle is cut out (crop); both sides, whatever becomes of the picture's
    /// shape (squash); or the long side, with `pad_color` around the picture (pad).
    fit: Option<Fit>,
    /// The size to scale to, in pixels: a number, or height and width. With squash and pad it is `crop` when left out, else the
    /// preset's: 256.
    resize: Option<Size>,
    /// What is cut from the middle, in pixels: a side, or height and width. 224 in all presets.
    crop: Option<Size>,
    /// Whose rounding counts where the pixels to cut or to add are an odd number. The preset's when left out, pillow with pad.
    centering: Option<Centering>,
    /// Red, green and blue of what is around a picture that is smaller than `crop`. Black when left out.
    pad_color: Option<[u8; 3]>,
    /// The channels of the tensor. rgb when left out, or what the model takes.
    channels: Option<Channels>,
    /// What the samples, 0 to 255, are multiplied by, as transformers does it in 64 bits. When left out it is the preset's, which
    /// is to divide by 255 in 32 bits with torchvision's.
    rescale: Option<f64>,
    /// What is subtracted from the channels, a number or three. The preset's when left out; 0 for gray.
    mean: Option<PerChannel>,
    /// What the channels are divided by afterwards, a number or three. The preset's when left out; 1 for gray.
    std: Option<PerChannel>,
    /// How to scale. The preset's when left out: bilinear.
    interpolation: Option<Scaling>,
    /// Whether the tensor is channel by channel (nchw) or pixel by pixel (nhwc). nchw when left out, or what the model takes.
    layout: Option<Layout>,
    #[option(flatten)]
    decoding: Decoding,
}

/// What is read of a file.
#[derive(Debug, Clone, PartialEq, UdfOptions)]
pub struct Decoding {
    /// Whether to turn a picture as its EXIF data says. Pillow does not.
    #[option(default = false)]
    exif_orientation: bool,
    /// The most pixels that a picture may have. The default is the most that Pillow takes.
    #[option(default = 178_956_970)]
    max_pixels: u64,
}

impl Decoding {
    /// Makes a recipe read files in this way.
    pub fn apply(&self, recipe: &mut Recipe) {
        recipe.exif_orientation = self.exif_orientation;
        recipe.limits.max_pixels = self.max_pixels;
    }
}

/// What `resize` measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum Fit {
    /// The short side.
    Crop,
    /// Both sides.
    Squash,
    /// The long side.
    Pad,
}

/// A number for all channels, or one for each.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PerChannel(pub [f32; 3]);

impl OptionValue for PerChannel {
    fn schema() -> Json {
        json!({"anyOf": [f32::schema(), <[f32; 3]>::schema()]})
    }
    fn parse(json: &Json) -> Result<Self, OptionError> {
        match json {
            Json::Number(_) => f32::parse(json).map(|number| Self([number; 3])),
            _ => <[f32; 3]>::parse(json).map(Self),
        }
    }
    fn to_json(&self) -> Json {
        self.0.to_json()
    }
}

/// A side, or height and width.
impl OptionValue for Size {
    fn schema() -> Json {
        json!({"anyOf": [u32::schema(), <[u32; 2]>::schema()]})
    }
    fn parse(json: &Json) -> Result<Self, OptionError> {
        match json {
            Json::Array(_) => <[u32; 2]>::parse(json).map(|[height, width]| Self { height, width }),
            _ => u32::parse(json).map(Self::square),
        }
    }
    fn to_json(&self) -> Json {
        match self.height == self.width {
            true => self.height.to_json(),
            false => [self.height, self.width].to_json(),
        }
    }
}

/// Enums of the library, as options say them.
macro_rules! said {
    ($($(#[$doc:meta])* $name:ident = $of:path { $($variant:ident),* })*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
        #[expect(missing_docs, reason = "as the library's")]
        pub enum $name { $($variant),* }

        impl From<$name> for $of {
            fn from(said: $name) -> Self {
                match said { $($name::$variant => Self::$variant),* }
            }
        }
    )*};
}

said! {
    /// [`Interpolation`], as an option says it.
    Scaling = Interpolation { Nearest, Box, Bilinear, Hamming, Bicubic, Lanczos }
    /// [`recipe::Centering`], as an option says it.
    Centering = recipe::Centering { Torchvision, Transformers, Pillow }
    /// [`recipe::Channels`], as an option says it.
    Channels = recipe::Channels { Rgb, Bgr, Gray }
    /// [`recipe::Layout`], as an option says it.
    Layout = recipe::Layout { Nchw, Nhwc }
}

/// What a model says of the pictures that it takes; `None` where it leaves it open.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Wanted {
    /// The order of its dimensions.
    pub layout: Option<recipe::Layout>,
    /// One or three.
    pub channels: Option<u32>,
    /// Rows.
    pub height: Option<u32>,
    /// Columns.
    pub width: Option<u32>,
}

impl Preprocessing {
    /// The assets that are read.
    pub fn assets(&self) -> Vec<String> {
        self.preprocessor.iter().cloned().collect()
    }

    /// The recipe, without a model.
    ///
    /// # Errors
    /// If options contradict each other, or the asset cannot be read or used.
    pub fn recipe(&self) -> Result<Recipe> {
        self.recipe_for(Recipe::default(), Wanted::default())
    }

    /// The recipe for a model's pictures, from `default` where the options name no other.
    ///
    /// # Errors
    /// As [`recipe`](Self::recipe), and if the options contradict the model.
    pub fn recipe_for(&self, default: Recipe, wanted: Wanted) -> Result<Recipe> {
        let mut recipe = self.base(default)?;
        self.set_sizes(&mut recipe, wanted)?;
        self.set_numbers(&mut recipe, wanted)?;
        if let Some(layout) = self.layout.map(Into::into).or(wanted.layout) {
            recipe.layout = layout;
        }
        if let Some(interpolation) = self.interpolation {
            recipe.interpolation = interpolation.into();
        }
        if let Some(colour) = self.pad_color {
            recipe.pad_color = colour;
        }
        self.decoding.apply(&mut recipe);
        recipe.validate().map_err(Error::options)?;
        Ok(recipe)
    }

    /// What the other options change.
    fn base(&self, default: Recipe) -> Result<Recipe> {
        match (self.preset, &self.preprocessor) {
            (Some(_), Some(_)) => Err(Error::options(
                "there is either a `preset` or a `preprocessor`",
            )),
            (preset, None) => Ok(preset.map_or(default, Preset::recipe)),
            (None, Some(name)) => config::recipe(&asset::read(name)?)
                .map_err(|why| Error::options(format!("asset `{name}`: {why}"))),
        }
    }

    fn set_sizes(&self, recipe: &mut Recipe, wanted: Wanted) -> Result<()> {
        let before = recipe.crop;
        let crop = self.crop.unwrap_or(before);
        let model = Size {
            height: wanted.height.unwrap_or(crop.height),
            width: wanted.width.unwrap_or(crop.width),
        };
        if self.crop.is_some() && crop != model {
            return Err(Error::options(format!(
                "`crop` is {} x {}, and the model takes pictures of {} x {}",
                crop.height, crop.width, model.height, model.width
            )));
        }
        recipe.crop = model;
        recipe.resize = match (self.fit, self.resize) {
            (Some(Fit::Squash), size) => Resize::Exact(size.unwrap_or(model)),
            (Some(Fit::Pad), size) => Resize::Within(size.unwrap_or(model)),
            (Some(Fit::Crop), None) if !matches!(recipe.resize, Resize::Short(_)) => {
                Resize::Short(model.height.max(model.width))
            }
            (Some(Fit::Crop), Some(size)) => short(size)?,
            (None, Some(size)) => match recipe.resize {
                Resize::Short(_) => short(size)?,
                Resize::Exact(_) => Resize::Exact(size),
                Resize::Within(_) => Resize::Within(size),
            },
            // A model of another size than the preset's: in proportion. `crop` alone cuts out more or less.
            (_, None) if self.crop.is_none() => in_proportion(recipe.resize, before, model),
            (_, None) => match recipe.resize {
                Resize::Short(side) => Resize::Short(side),
                Resize::Exact(_) => Resize::Exact(model),
                Resize::Within(_) => Resize::Within(model),
            },
        };
        recipe.centering = match (self.centering, self.fit) {
            (Some(centering), _) => centering.into(),
            (None, Some(Fit::Pad)) => recipe::Centering::Pillow,
            (None, _) => recipe.centering,
        };
        Ok(())
    }

    fn set_numbers(&self, recipe: &mut Recipe, wanted: Wanted) -> Result<()> {
        if let Some(channels) = self.channels {
            recipe.channels = channels.into();
        } else if wanted.channels == Some(1) {
            recipe.channels = recipe::Channels::Gray;
        }
        if let Some(count) = wanted.channels
            && count != recipe.channels.count()
        {
            return Err(Error::options(format!(
                "`channels` are {}, and the model takes pictures of {count}",
                recipe.channels.count()
            )));
        }
        if recipe.channels == recipe::Channels::Gray {
            // Presets are of three colours.
            (recipe.mean, recipe.std) = ([0.0; 3], [1.0; 3]);
        }
        if let Some(PerChannel(mean)) = self.mean {
            recipe.mean = mean;
        }
        if let Some(PerChannel(std)) = self.std {
            recipe.std = std;
        }
        if let Some(factor) = self.rescale {
            recipe.rescale = Rescale::Multiply(factor);
        }
        Ok(())
    }
}

fn short(size: Size) -> Result<Resize> {
    if size.height != size.width {
        return Err(Error::options(
            "option `resize`: the short side is one number; height and width are for `fit` squash and pad",
        ));
    }
    Ok(Resize::Short(size.height))
}

/// A size to scale to, for another crop than the recipe's, rounded down as timm does.
fn in_proportion(resize: Resize, from: Size, to: Size) -> Resize {
    let scaled = |side: u32, from: u32, to: u32| {
        let side = u64::from(side) * u64::from(to) / u64::from(from.max(1));
        u32::try_from(side).unwrap_or(u32::MAX)
    };
    let both = |size: Size| Size {
        height: scaled(size.height, from.height, to.height),
        width: scaled(size.width, from.width, to.width),
    };
    match resize {
        Resize::Short(side) => {
            let longest = |size: Size| size.height.max(size.width);
            Resize::Short(scaled(side, longest(from), longest(to)))
        }
        Resize::Exact(size) => Resize::Exact(both(size)),
        Resize::Within(size) => Resize::Within(both(size)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;
    use wudf_guest::testing;

    use super::*;
    use crate::recipe::MAX_SIDE;

    fn options(json: Value) -> Preprocessing {
        let mut object = json.as_object().cloned().expect("an object");
        let options = Preprocessing::take(&mut object).expect("options");
        assert!(object.is_empty(), "{object:?}");
        options
    }

    fn recipe(json: Value) -> Recipe {
        options(json).recipe().expect("a recipe")
    }

    fn error(json: Value, wanted: Wanted) -> String {
        let default = Recipe::default();
        let error = options(json).recipe_for(default, wanted);
        error.expect_err("an error").to_string()
    }

    #[test]
    fn the_defaults_are_the_library_s() {
        assert_eq!(recipe(json!({})), Recipe::default());
        assert_eq!(recipe(json!({"preset": "imagenet-v1"})), Recipe::default());
    }

    #[test]
    fn options_change_a_preset() {
        let clip = Preset::Clip.recipe();
        let changed = recipe(json!({"preset": "clip", "mean": 0.5, "channels": "bgr"}));
        let expected = Recipe {
            mean: [0.5; 3],
            channels: recipe::Channels::Bgr,
            ..clip
        };
        assert_eq!(changed, expected);
        let siglip = recipe(json!({"preset": "siglip", "crop": 384}));
        assert_eq!(siglip.resize, Resize::Exact(Size::square(384)));
        // As it always was: `crop` alone leaves `resize` alone.
        assert_eq!(recipe(json!({"crop": 192})).resize, Resize::Short(256));
        assert_eq!(
            recipe(json!({"rescale": 1})).rescale,
            Rescale::Multiply(1.0)
        );
    }

    #[test]
    fn fits() {
        let size = |height, width| Size { height, width };
        let pad = recipe(json!({"fit": "pad", "crop": [10, 20]}));
        assert_eq!(pad.resize, Resize::Within(size(10, 20)));
        assert_eq!(pad.centering, recipe::Centering::Pillow);
        let squash = recipe(json!({"fit": "squash", "crop": 224, "resize": [256, 300]}));
        assert_eq!(squash.resize, Resize::Exact(size(256, 300)));
        let crop = recipe(json!({"preset": "siglip", "fit": "crop"}));
        assert_eq!(crop.resize, Resize::Short(224));
        let message = error(json!({"resize": [1, 2]}), Wanted::default());
        assert!(
            message.contains("the short side is one number"),
            "{message}"
        );
    }

    #[test]
    fn a_model_decides() {
        let wanted = Wanted {
            layout: Some(recipe::Layout::Nhwc),
            channels: Some(3),
            height: Some(384),
            width: Some(384),
        };
        let for_model = |json| {
            let recipe = options(json).recipe_for(Recipe::default(), wanted);
            recipe.expect("a recipe")
        };
        let recipe = for_model(json!({}));
        assert_eq!(recipe.layout, recipe::Layout::Nhwc);
        assert_eq!(recipe.crop, Size::square(384));
        assert_eq!(recipe.resize, Resize::Short(438));
        let siglip = for_model(json!({"preset": "siglip"}));
        assert_eq!(siglip.resize, Resize::Exact(Size::square(384)));
        assert_eq!(for_model(json!({"resize": 400})).resize, Resize::Short(400));
        let message = error(json!({"crop": 224}), wanted);
        assert!(message.contains("pictures of 384 x 384"), "{message}");
        let message = error(json!({"channels": "gray"}), wanted);
        assert!(message.contains("pictures of 3"), "{message}");
    }

    #[test]
    fn grey_is_not_normalised_as_colours_are() {
        let one = Wanted {
            channels: Some(1),
            ..Wanted::default()
        };
        let grey = |json| {
            let recipe = options(json).recipe_for(Recipe::default(), one);
            recipe.expect("a recipe")
        };
        let plain = grey(json!({}));
        assert_eq!(plain.channels, recipe::Channels::Gray);
        assert_eq!((plain.mean[0], plain.std[0]), (0.0, 1.0));
        let given = grey(json!({"mean": 0.1307, "std": 0.3081}));
        assert_eq!((given.mean[0], given.std[0]), (0.1307, 0.3081));
    }

    #[test]
    fn assets() {
        let options = options(json!({"preprocessor": "clip.json"}));
        assert_eq!(options.assets(), ["clip.json"]);
        let missing = options.recipe().expect_err("no asset").to_string();
        assert!(missing.contains("clip.json"), "{missing}");
        let _config = testing::asset(
            "clip.json",
            r#"{"image_processor_type": "CLIPImageProcessor", "size": 336, "crop_size": 336}"#,
        );
        let recipe = options.recipe().expect("a recipe");
        assert_eq!(recipe.resize, Resize::Short(336));
        let both = json!({"preset": "clip", "preprocessor": "clip.json"});
        assert!(error(both, Wanted::default()).contains("either"));
    }

    #[test]
    fn what_cannot_be_done_is_refused() {
        for json in [
            json!({"crop": 0}),
            json!({"resize": MAX_SIDE + 1}),
            json!({"std": [1, 0, 1]}),
        ] {
            error(json, Wanted::default());
        }
    }
}
