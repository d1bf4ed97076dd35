//! Recipes from the files that models bring: `preprocessor_config.json` of transformers, `config.json` of timm.
//!
//! A key that changes the picture and is not known is refused by its name. What a file leaves out is what the class that it
//! names has, of those that scale with Pillow: the names of the classes that scale tensors (`...Fast`) stand for the same
//! recipe.

use serde_json::{Map, Value};

use crate::preset::{HALF, IMAGENET, OPENAI, Preset};
use crate::recipe::{Channels, Recipe, Rescale, Resize, Size};
use crate::resize::Interpolation;

/// The recipe of a file.
///
/// # Errors
/// What of it cannot be read, or is not supported.
pub fn recipe(file: &[u8]) -> Result<Recipe, String> {
    let file: Value = serde_json::from_slice(file).map_err(|e| format!("not JSON: {e}"))?;
    let Value::Object(file) = file else {
        return Err("not a JSON object".to_owned());
    };
    match file.get("pretrained_cfg") {
        Some(Value::Object(config)) => timm(config),
        Some(_) => Err(wrong("pretrained_cfg", "an object")),
        None => transformers(&file),
    }
}

fn wrong(key: &str, expected: &str) -> String {
    format!("`{key}`: expected {expected}")
}

fn unsupported(key: &str, value: &Value) -> String {
    format!("`{key}`: {value} is not supported")
}

/// Keys that say nothing of the picture.
const NAMES: [&str; 7] = [
    "auto_map",
    "feature_extractor_type",
    "image_processor_type",
    "processor_class",
    "transformers_version",
    "_commit_hash",
    "_valid_processor_keys",
];

type Make = fn() -> Class;

/// The classes that are known, without `ImageProcessor` or `FeatureExtractor`, and what they do by default.
const CLASSES: [(&str, Make); 7] = [
    ("Bit", || {
        Class::new(Resize::Short(224), Interpolation::Bicubic, OPENAI, true)
    }),
    ("Blip", || {
        Class::new(exact(384), Interpolation::Bicubic, OPENAI, false)
    }),
    ("CLIP", || {
        Class::new(Resize::Short(224), Interpolation::Bicubic, OPENAI, true)
    }),
    ("ConvNext", || Class {
        crop_pct: Some(224.0 / 256.0),
        ..Class::new(Resize::Short(384), Interpolation::Bicubic, HALF, false)
    }),
    ("DeiT", || {
        Class::new(exact(256), Interpolation::Bicubic, HALF, true)
    }),
    ("Siglip", || Class {
        square: false,
        ..Class::new(exact(224), Interpolation::Bicubic, HALF, false)
    }),
    ("ViT", || {
        Class::new(exact(224), Interpolation::Bilinear, HALF, false)
    }),
];

fn exact(side: u32) -> Resize {
    Resize::Exact(Size::square(side))
}

/// What a class of transformers does where a file does not say.
struct Class {
    resize: Resize,
    interpolation: Interpolation,
    numbers: ([f32; 3], [f32; 3]),
    center_crop: bool,
    /// Whether a `size` that is a number is both sides, and not the short one.
    square: bool,
    /// ConvNeXt's: pictures below 384 are scaled to `size / crop_pct` and cut.
    crop_pct: Option<f64>,
}

impl Class {
    fn new(
        resize: Resize,
        interpolation: Interpolation,
        numbers: ([f32; 3], [f32; 3]),
        center_crop: bool,
    ) -> Self {
        Self {
            resize,
            interpolation,
            numbers,
            center_crop,
            square: matches!(resize, Resize::Exact(_)),
            crop_pct: None,
        }
    }

    fn of(file: &Map<String, Value>) -> Result<Self, String> {
        let key = ["image_processor_type", "feature_extractor_type"]
            .into_iter()
            .find(|key| file.contains_key(*key))
            .ok_or("`image_processor_type`: missing")?;
        let name = file[key].as_str().ok_or_else(|| wrong(key, "a name"))?;
        let short = [
            "ImageProcessorFast",
            "ImageProcessorPil",
            "ImageProcessor",
            "FeatureExtractor",
        ]
        .into_iter()
        .find_map(|end| name.strip_suffix(end));
        let known = CLASSES.iter().find(|(class, _)| Some(*class) == short);
        known.map(|(_, class)| class()).ok_or_else(|| {
            let names: Vec<_> = CLASSES.iter().map(|(name, _)| *name).collect();
            format!(
                "`{key}`: {name} is not supported; those of {} are",
                names.join(", ")
            )
        })
    }
}

/// A file of transformers, read key by key.
struct Keys<'a> {
    file: &'a Map<String, Value>,
    known: Vec<&'static str>,
}

impl<'a> Keys<'a> {
    /// The value of a key; `None` where it is missing or null.
    fn get(&mut self, key: &'static str) -> Option<&'a Value> {
        self.known.push(key);
        self.file.get(key).filter(|value| !value.is_null())
    }

    fn flag(&mut self, key: &'static str, default: bool) -> Result<bool, String> {
        let value = self.get(key).map(|value| value.as_bool());
        value
            .unwrap_or(Some(default))
            .ok_or_else(|| wrong(key, "true or false"))
    }

    fn three(&mut self, key: &'static str, default: [f32; 3]) -> Result<[f32; 3], String> {
        self.get(key).map_or(Ok(default), |value| three(key, value))
    }

    /// What has not been asked for, and is not switched off.
    fn others(&self) -> Result<(), String> {
        let off = |value: &Value| matches!(value, Value::Null | Value::Bool(false));
        let known = |key: &str| self.known.contains(&key) || NAMES.contains(&key);
        match self.file.iter().find(|(k, v)| !known(k) && !off(v)) {
            Some((key, value)) => Err(unsupported(key, value)),
            None => Ok(()),
        }
    }
}

fn transformers(file: &Map<String, Value>) -> Result<Recipe, String> {
    let class = Class::of(file)?;
    let mut keys = Keys {
        file,
        known: Vec::new(),
    };
    let mut recipe = Preset::Clip.recipe();
    recipe.resize = match keys.get("size") {
        None => class.resize,
        Some(size) => resize(size, class.square)?,
    };
    let center_crop = keys.flag("do_center_crop", class.center_crop)?;
    let cut = match keys.get("crop_size") {
        None => Size::square(224),
        Some(size) => edges("crop_size", size)?,
    };
    let crop_pct = keys.get("crop_pct").map(|value| {
        let part = value.as_f64().filter(|part| *part > 0.0 && *part <= 1.0);
        part.ok_or_else(|| wrong("crop_pct", "a number up to 1"))
    });
    let crop_pct = crop_pct.transpose()?;
    recipe.crop = match (class.crop_pct, recipe.resize) {
        (Some(_), _) if center_crop => {
            return Err(unsupported("do_center_crop", &Value::Bool(true)));
        }
        (Some(_), Resize::Exact(_)) => return Err(unsupported("size", &file["size"])),
        (Some(default), Resize::Short(side)) => {
            let part = crop_pct.unwrap_or(default);
            recipe.resize = match side < 384 {
                true => Resize::Short((f64::from(side) / part) as u32),
                false => exact(side),
            };
            Size::square(side)
        }
        (None, _) if crop_pct.is_some() => {
            return Err(unsupported("crop_pct", &file["crop_pct"]));
        }
        _ if center_crop => cut,
        (_, Resize::Exact(size)) => size,
        _ => {
            return Err(
                "`do_center_crop`: without it, tensors would have the shapes of their pictures"
                    .to_owned(),
            );
        }
    };
    if !keys.flag("do_resize", true)? {
        return Err(unsupported("do_resize", &Value::Bool(false)));
    }
    recipe.interpolation = match keys.get("resample") {
        None => class.interpolation,
        Some(value) => resample(value)?,
    };
    recipe.rescale = match (keys.flag("do_rescale", true)?, keys.get("rescale_factor")) {
        (false, _) => Rescale::Multiply(1.0),
        (true, None) => recipe.rescale,
        (true, Some(factor)) => Rescale::Multiply(
            factor
                .as_f64()
                .ok_or_else(|| wrong("rescale_factor", "a number"))?,
        ),
    };
    let mean = keys.three("image_mean", class.numbers.0)?;
    let std = keys.three("image_std", class.numbers.1)?;
    (recipe.mean, recipe.std) = match keys.flag("do_normalize", true)? {
        true => (mean, std),
        false => ([0.0; 3], [1.0; 3]),
    };
    if keys.flag("do_flip_channel_order", false)? {
        recipe.channels = Channels::Bgr;
    }
    // Pictures are RGB in any case.
    keys.flag("do_convert_rgb", true)?;
    keys.others()?;
    Ok(recipe)
}

fn resize(size: &Value, square: bool) -> Result<Resize, String> {
    if let Some(edge) = size.get("shortest_edge") {
        let only = size.as_object().is_some_and(|size| {
            size.iter()
                .all(|(key, value)| key == "shortest_edge" || value.is_null())
        });
        if !only {
            return Err(unsupported("size", size));
        }
        return side("size", edge).map(Resize::Short);
    }
    if size.is_number() {
        // Files before classes had `height` and `width`.
        let side = side("size", size)?;
        return Ok(match square {
            true => exact(side),
            false => Resize::Short(side),
        });
    }
    edges("size", size).map(Resize::Exact)
}

/// A number, or an object of `height` and `width`.
fn edges(key: &str, value: &Value) -> Result<Size, String> {
    if value.is_number() {
        return side(key, value).map(Size::square);
    }
    let object = value.as_object().filter(|object| object.len() == 2);
    let edge = |name| object.and_then(|object| object.get(name));
    match (edge("height"), edge("width")) {
        (Some(height), Some(width)) => Ok(Size {
            height: side(key, height)?,
            width: side(key, width)?,
        }),
        _ => Err(unsupported(key, value)),
    }
}

fn side(key: &str, value: &Value) -> Result<u32, String> {
    value
        .as_u64()
        .and_then(|side| u32::try_from(side).ok())
        .ok_or_else(|| wrong(key, "a whole number"))
}

/// Pillow's numbers.
fn resample(value: &Value) -> Result<Interpolation, String> {
    Ok(match value.as_u64() {
        Some(0) => Interpolation::Nearest,
        Some(1) => Interpolation::Lanczos,
        Some(2) => Interpolation::Bilinear,
        Some(3) => Interpolation::Bicubic,
        Some(4) => Interpolation::Box,
        Some(5) => Interpolation::Hamming,
        _ => return Err(unsupported("resample", value)),
    })
}

fn three(key: &str, value: &Value) -> Result<[f32; 3], String> {
    let numbers = value.as_array().map_or(&[][..], Vec::as_slice);
    let number = |value: &Value| value.as_f64().map(|number| number as f32);
    match numbers {
        [a, b, c] => number(a)
            .zip(number(b))
            .zip(number(c))
            .map(|((a, b), c)| [a, b, c]),
        _ => None,
    }
    .ok_or_else(|| wrong(key, "three numbers"))
}

/// What `timm.data.resolve_data_config` and `create_transform` make of a model's configuration.
fn timm(config: &Map<String, Value>) -> Result<Recipe, String> {
    let get = |key: &str| config.get(key).filter(|value| !value.is_null());
    let size = match get("input_size")
        .and_then(Value::as_array)
        .map(Vec::as_slice)
    {
        Some([channels, height, width]) if channels.as_u64() == Some(3) => Size {
            height: side("input_size", height)?,
            width: side("input_size", width)?,
        },
        _ => return Err(wrong("input_size", "[3, height, width]")),
    };
    let crop_pct = match get("crop_pct") {
        None => 0.875,
        Some(value) => value
            .as_f64()
            .filter(|part| *part > 0.0)
            .ok_or_else(|| wrong("crop_pct", "a number above 0"))?,
    };
    let scaled = |side: u32| (f64::from(side) / crop_pct).floor() as u32;
    let resize = match get("crop_mode") {
        Some(Value::String(mode)) if mode == "squash" => Resize::Exact(Size {
            height: scaled(size.height),
            width: scaled(size.width),
        }),
        Some(mode) if mode != "center" => return Err(unsupported("crop_mode", mode)),
        _ if size.height != size.width => {
            return Err(unsupported("input_size", &config["input_size"]));
        }
        _ => Resize::Short(scaled(size.height)),
    };
    let interpolation = match get("interpolation").map(|value| (value, value.as_str())) {
        None => Interpolation::Bicubic,
        Some((_, Some("nearest"))) => Interpolation::Nearest,
        Some((_, Some("bilinear"))) => Interpolation::Bilinear,
        Some((_, Some("bicubic"))) => Interpolation::Bicubic,
        Some((_, Some("box"))) => Interpolation::Box,
        Some((_, Some("hamming"))) => Interpolation::Hamming,
        Some((_, Some("lanczos"))) => Interpolation::Lanczos,
        Some((value, _)) => return Err(unsupported("interpolation", value)),
    };
    Ok(Recipe {
        resize,
        crop: size,
        interpolation,
        mean: get("mean").map_or(Ok(IMAGENET.0), |value| three("mean", value))?,
        std: get("std").map_or(Ok(IMAGENET.1), |value| three("std", value))?,
        ..Recipe::default()
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(file: &Value) -> Result<Recipe, String> {
        recipe(file.to_string().as_bytes())
    }

    /// The files of the models that the presets are named after.
    #[test]
    fn presets_are_their_files() {
        let clip = json!({
            "crop_size": 224, "do_center_crop": true, "do_normalize": true, "do_resize": true,
            "feature_extractor_type": "CLIPFeatureExtractor",
            "image_mean": [0.48145466, 0.4578275, 0.40821073],
            "image_std": [0.26862954, 0.26130258, 0.27577711],
            "resample": 3, "size": 224
        });
        assert_eq!(of(&clip), Ok(Preset::Clip.recipe()));
        let siglip = json!({
            "do_normalize": true, "do_rescale": true, "do_resize": true,
            "image_mean": [0.5, 0.5, 0.5], "image_processor_type": "SiglipImageProcessor",
            "image_std": [0.5, 0.5, 0.5], "processor_class": "SiglipProcessor", "resample": 3,
            "rescale_factor": 0.00392156862745098, "size": {"height": 224, "width": 224}
        });
        assert_eq!(of(&siglip), Ok(Preset::Siglip.recipe()));
        let dinov2 = json!({
            "crop_size": {"height": 224, "width": 224}, "do_center_crop": true, "do_convert_rgb": true,
            "do_normalize": true, "do_rescale": true, "do_resize": true,
            "image_mean": [0.485, 0.456, 0.406], "image_processor_type": "BitImageProcessor",
            "image_std": [0.229, 0.224, 0.225], "resample": 3, "rescale_factor": 0.00392156862745098,
            "size": {"shortest_edge": 256}
        });
        assert_eq!(of(&dinov2), Ok(Preset::Dinov2.recipe()));
        let vit = json!({
            "do_normalize": true, "do_rescale": true, "do_resize": true, "image_mean": [0.5, 0.5, 0.5],
            "image_processor_type": "ViTImageProcessor", "image_std": [0.5, 0.5, 0.5], "resample": 2,
            "rescale_factor": 0.00392156862745098, "size": {"height": 224, "width": 224}
        });
        assert_eq!(of(&vit), Ok(Preset::Vit.recipe()));
    }

    #[test]
    fn what_is_left_out_is_the_class_s() {
        for (class, preset) in [
            ("CLIPImageProcessorFast", Preset::Clip),
            ("SiglipImageProcessor", Preset::Siglip),
            ("ViTFeatureExtractor", Preset::Vit),
        ] {
            let file = json!({"image_processor_type": class});
            assert_eq!(of(&file), Ok(preset.recipe()), "{class}");
        }
    }

    #[test]
    fn convnext_cuts_small_pictures() {
        let of = |side| {
            of(&json!({
                "image_processor_type": "ConvNextImageProcessor", "crop_pct": 0.875, "resample": 3,
                "size": {"shortest_edge": side}
            }))
            .expect("a recipe")
        };
        assert_eq!(of(224).resize, Resize::Short(256));
        assert_eq!(of(224).crop, Size::square(224));
        assert_eq!(of(384).resize, Resize::Exact(Size::square(384)));
    }

    #[test]
    fn timm_s_files() {
        let config = json!({"pretrained_cfg": {
            "input_size": [3, 288, 288], "interpolation": "bicubic", "crop_pct": 0.95, "crop_mode": "center",
            "mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5], "num_classes": 1000
        }});
        let expected = Recipe {
            resize: Resize::Short(303),
            crop: Size::square(288),
            interpolation: Interpolation::Bicubic,
            mean: [0.5; 3],
            std: [0.5; 3],
            ..Recipe::default()
        };
        assert_eq!(of(&config), Ok(expected));
        let squash = json!({"pretrained_cfg": {
            "input_size": [3, 256, 128], "crop_pct": 1.0, "crop_mode": "squash"
        }});
        let resize = of(&squash).map(|recipe| recipe.resize);
        let size = Size {
            height: 256,
            width: 128,
        };
        assert_eq!(resize, Ok(Resize::Exact(size)));
    }

    #[test]
    fn what_is_not_supported_is_named() {
        let with = |key: &str, value: Value| {
            let mut file = json!({"image_processor_type": "CLIPImageProcessor"});
            file[key] = value;
            of(&file)
        };
        for (key, value) in [
            ("image_processor_type", json!("Pix2StructImageProcessor")),
            ("do_resize", json!(false)),
            ("do_pad", json!(true)),
            ("do_center_crop", json!(false)),
            ("crop_pct", json!(0.9)),
            ("size", json!({"longest_edge": 100})),
            ("size", json!({"shortest_edge": 100, "longest_edge": 200})),
            ("crop_size", json!({"height": 1})),
            ("resample", json!(6)),
            ("image_mean", json!([1, 2])),
            ("rescale_factor", json!("1/255")),
            ("size_divisor", json!(32)),
        ] {
            let error = with(key, value).expect_err(key);
            assert!(error.contains(&format!("`{key}`")), "{error}");
        }
        for (key, value) in [
            ("do_center_crop", json!(true)),
            ("size", json!({"height": 8, "width": 8})),
        ] {
            let mut file = json!({"image_processor_type": "ConvNextImageProcessor"});
            file[key] = value;
            let error = of(&file).expect_err(key);
            assert!(error.contains(&format!("`{key}`")), "{error}");
        }
        // Switched off, and nothing of the picture.
        assert!(with("do_pad", json!(false)).is_ok());
        assert!(with("size_divisor", Value::Null).is_ok());
        assert!(with("processor_class", json!("CLIPProcessor")).is_ok());
        for (mode, key) in [("border", "crop_mode"), ("other", "crop_mode")] {
            let file = json!({"pretrained_cfg": {"input_size": [3, 8, 8], "crop_mode": mode}});
            assert!(of(&file).expect_err(mode).contains(key));
        }
        for file in ["[]", "{", "{}"] {
            recipe(file.as_bytes()).expect_err(file);
        }
    }
}
