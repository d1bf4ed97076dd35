//! A model that takes one picture, and the preprocessor that fits it.

use wudf_guest::model::{Description, TensorSpec};
use wudf_guest::{Error, Half, Model, Result, Tensor};

use crate::options::{Preprocessing, Wanted};
use crate::recipe::{Layout, Recipe};
use crate::tensors::{Number, Tensors};

/// What the final fully connected layer takes, by the host's name for it.
const FEATURES: &str = "features";
/// The graph's first output, by the host's name for it.
const LOGITS: &str = "logits";

/// A model and the preprocessor that fits it.
#[derive(Debug)]
pub struct PictureModel {
    model: Model,
    tensors: Tensors,
    dimensions: [u32; 4],
    output: TensorSpec,
    properties: Vec<(String, String)>,
}

impl PictureModel {
    /// The model of this name with one of its tensors as its output: `layer`, or else `features`, or its first output where
    /// it has no fully connected layer to have features.
    ///
    /// # Errors
    /// If the model cannot be loaded, or takes what no picture can be made, or the options contradict it.
    pub fn open(
        name: &str,
        layer: Option<&str>,
        preprocessing: &Preprocessing,
        default: Recipe,
    ) -> Result<Self> {
        if let Some(layer) = layer
            && (layer.is_empty() || layer.contains(','))
        {
            return Err(Error::options(format!(
                "option `layer`: `{layer}` is not one tensor's name"
            )));
        }
        // What is wrong whatever the model is said before it is loaded.
        preprocessing.recipe_for(default.clone(), Wanted::default())?;
        let (model, layer) = match layer {
            Some(layer) => (Model::by_name_with_outputs(name, &[layer])?, layer),
            None => features(name)?,
        };
        let Description {
            inputs,
            mut outputs,
            properties,
        } = Model::describe(&format!("{name}#{layer}"))?;
        let (number, wanted) = picture(name, &inputs)?;
        let recipe = preprocessing.recipe_for(default, wanted)?;
        let output = match outputs.is_empty() {
            true => TensorSpec::default(),
            false => outputs.swap_remove(0),
        };
        Ok(Self {
            model,
            dimensions: recipe.dimensions(),
            tensors: Tensors::new(number, recipe)?,
            output,
            properties,
        })
    }

    /// How many numbers the output has for one picture, where the model says so.
    pub fn output_len(&self) -> Option<u32> {
        match self.output.dimensions.as_deref()? {
            // The first is the rows.
            [None | Some(1), rest @ ..] if !rest.is_empty() => rest
                .iter()
                .try_fold(1_u32, |n, side| n.checked_mul((*side)?)),
            _ => None,
        }
    }

    /// What the host's catalogue says of the model under this name.
    pub fn property(&self, name: &str) -> Option<&str> {
        let found = self.properties.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// The recipe that pictures are made by.
    pub fn recipe(&self) -> &Recipe {
        self.tensors.recipe()
    }

    /// The width and height of the last picture.
    pub fn last_size(&self) -> (u32, u32) {
        self.tensors.last_size()
    }

    /// Runs the model on a picture: the output's dimensions and numbers.
    ///
    /// # Errors
    /// If the picture gives no tensor, or the model fails.
    pub fn run(&mut self, image: &[u8]) -> Result<(Vec<u32>, Vec<f32>)> {
        let tensor = self.tensors.tensor(image, &self.dimensions)?;
        let outputs = self.model.run(&[("", tensor)])?;
        let Some((_, output)) = outputs.into_iter().next() else {
            return Err(Error::new("the model returned no output").with_code("model"));
        };
        let dimensions = output.dimensions().to_vec();
        Ok((dimensions, floats(output, &self.output.format)?))
    }
}

/// `features`, or else the first output.
fn features(name: &str) -> Result<(Model, &'static str)> {
    match Model::by_name_with_outputs(name, &[FEATURES]) {
        Ok(model) => Ok((model, FEATURES)),
        // No such model, or no such tensor: the first message is of what was wanted.
        Err(error) if error.is_not_found() => match Model::by_name_with_outputs(name, &[LOGITS]) {
            Ok(model) => Ok((model, LOGITS)),
            Err(_) => Err(error.into()),
        },
        Err(error) => Err(error.into()),
    }
}

/// What a model's only input says of pictures.
fn picture(name: &str, inputs: &[TensorSpec]) -> Result<(Number, Wanted)> {
    let unfit = |why: String| Error::new(format!("model `{name}`: {why}")).with_code("model");
    let [input] = inputs else {
        let names: Vec<_> = inputs.iter().map(|input| input.name.as_str()).collect();
        return Err(unfit(format!(
            "it takes {} inputs ({}), not a picture alone",
            inputs.len(),
            names.join(", ")
        )));
    };
    let number = Number::of_format(&input.format).ok_or_else(|| {
        unfit(format!(
            "it takes numbers of the format `{}`; pictures become f32 (f), f16 (e) or u8 (C)",
            input.format
        ))
    })?;
    let Some(dimensions) = &input.dimensions else {
        return Ok((number, Wanted::default()));
    };
    let [_, second, third, last] = dimensions[..] else {
        return Err(unfit(format!(
            "it takes {} dimensions, not the four of pictures",
            dimensions.len()
        )));
    };
    let is_channels = |size: Option<u32>| matches!(size, Some(1 | 3));
    let (layout, channels, height, width) = match (is_channels(second), is_channels(last)) {
        (true, _) => (Some(Layout::Nchw), second, third, last),
        (false, true) => (Some(Layout::Nhwc), last, second, third),
        // It says neither, and takes what comes.
        (false, false) if second.is_none() => (None, None, None, None),
        (false, false) => {
            return Err(unfit(
                "neither its second dimension nor its last is one or three channels".to_owned(),
            ));
        }
    };
    let wanted = Wanted {
        layout,
        channels,
        height,
        width,
    };
    Ok((number, wanted))
}

/// An output's numbers as `f32`.
fn floats(output: Tensor<'static>, format: &str) -> Result<Vec<f32>> {
    Ok(match format {
        "e" => {
            let halves = output.into_vec::<Half>()?;
            let float = |half: Half| half::f16::from(half).to_f32();
            halves.into_iter().map(float).collect()
        }
        "C" => output
            .into_vec::<u8>()?
            .into_iter()
            .map(f32::from)
            .collect(),
        "g" => {
            let doubles = output.into_vec::<f64>()?;
            doubles.into_iter().map(|double| double as f32).collect()
        }
        _ => output.into_vec()?,
    })
}
