//! Models: neural networks that the host runs, by way of wasi:nn.
//!
//! A plugin names a model; the host chooses the file, the backend and the device.
//! A model is in memory once, however many instances use it, and the host runs
//! the rows of many instances as one batch. Native tests provide models with
//! [`testing::model`](crate::testing::model).

use std::borrow::Cow;
use std::fmt::{self, Display};

use crate::bindings::wasi::nn::tensor::TensorType;
use crate::error::code;

/// A model, ready to run.
#[derive(Debug)]
pub struct Model {
    name: String,
    host: host::Model,
}

impl Model {
    /// The model that the host knows by this name, with the outputs that its
    /// catalogue lists.
    pub fn by_name(name: &str) -> Result<Self, ModelError> {
        let host = host::Model::load(name).map_err(|error| error.of(name))?;
        Ok(Self {
            name: name.to_owned(),
            host,
        })
    }

    /// The model that the host knows by this name, with these tensors of its
    /// graph as outputs.
    ///
    /// To wasi:nn the name is `NAME#OUTPUT,OUTPUT`.
    pub fn by_name_with_outputs(name: &str, outputs: &[&str]) -> Result<Self, ModelError> {
        Self::by_name(&format!("{name}#{}", outputs.join(",")))
    }

    /// What the model of this name takes and returns, so that a function can adapt to it:
    /// to a picture's size, or a tensor's type.
    pub fn describe(name: &str) -> Result<Description, ModelError> {
        host::describe(name).map_err(|error| error.of(name))
    }

    /// Runs the model. The name of an input may be empty where the model has
    /// but one. The outputs come in the order asked for.
    pub fn run(
        &self,
        inputs: &[(&str, Tensor<'_>)],
    ) -> Result<Vec<(String, Tensor<'static>)>, ModelError> {
        self.host.run(inputs).map_err(|error| error.of(&self.name))
    }

    /// Runs a model of one input, and gives its first output.
    pub fn run_f32(&self, dimensions: &[u32], input: &[f32]) -> Result<Vec<f32>, ModelError> {
        let outputs = self.run(&[("", Tensor::new(dimensions, input))])?;
        let Some((_, first)) = outputs.into_iter().next() else {
            return Err(ModelError::new("the model returned no output").of(&self.name));
        };
        first.into_vec().map_err(|error| error.of(&self.name))
    }
}

/// What a model takes and returns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Description {
    /// Its inputs.
    pub inputs: Vec<TensorSpec>,
    /// Its outputs.
    pub outputs: Vec<TensorSpec>,
    /// What the host's catalogue says of it, such as its labels.
    pub properties: Vec<(String, String)>,
}

/// An input or an output of a model.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TensorSpec {
    /// Its name.
    pub name: String,
    /// The type of its elements, as a format string of the Arrow C Data Interface: `f`
    /// for `f32`, `e` for 16-bit floats, `l` for `i64`; or `bf16`.
    pub format: String,
    /// Its dimensions, outermost first, with `None` for one that a run decides; `None` as
    /// a whole where the model does not say how many there are.
    pub dimensions: Option<Vec<Option<u32>>>,
}

/// Numbers in rows, columns and so on.
#[derive(Clone, Debug)]
pub struct Tensor<'a> {
    dimensions: Cow<'a, [u32]>,
    of: TensorType,
    bytes: Cow<'a, [u8]>,
}

/// A type of number that a tensor can hold: `f32`, `f64`, `u8`, `i32`, `i64` and, with the
/// feature `half`, `wudf_guest::Half`.
pub trait Element: bytemuck::Pod + sealed::Sealed {
    #[doc(hidden)]
    const TYPE: TensorType;
    #[doc(hidden)]
    const NAME: &'static str;
    #[doc(hidden)]
    const FORMAT: &'static str;
}

mod sealed {
    pub trait Sealed {}
}

macro_rules! elements {
    ($($type:ty, $tensor:ident, $name:literal, $format:literal;)*) => {
        $(
            impl sealed::Sealed for $type {}
            impl Element for $type {
                const TYPE: TensorType = TensorType::$tensor;
                const NAME: &'static str = $name;
                const FORMAT: &'static str = $format;
            }
        )*
    };
}

elements! {
    f32, Fp32, "f32", "f";
    f64, Fp64, "f64", "g";
    u8, U8, "u8", "C";
    i32, I32, "i32", "i";
    i64, I64, "i64", "l";
}
#[cfg(feature = "half")]
elements!(crate::Half, Fp16, "f16", "e";);

impl<'a> Tensor<'a> {
    /// A tensor of these dimensions over numbers that lie elsewhere, the last
    /// dimension's next to one another.
    pub fn new<T: Element>(dimensions: &'a [u32], data: &'a [T]) -> Self {
        Self {
            dimensions: Cow::Borrowed(dimensions),
            of: T::TYPE,
            bytes: Cow::Borrowed(bytemuck::cast_slice(data)),
        }
    }

    /// A tensor that owns its numbers.
    pub fn from_vec<T: Element>(dimensions: impl Into<Vec<u32>>, data: Vec<T>) -> Tensor<'static> {
        Tensor {
            dimensions: Cow::Owned(dimensions.into()),
            of: T::TYPE,
            bytes: Cow::Owned(bytemuck::cast_slice(&data).to_vec()),
        }
    }

    /// The dimensions.
    pub fn dimensions(&self) -> &[u32] {
        &self.dimensions
    }

    /// The numbers, if they are of this type.
    pub fn into_vec<T: Element>(self) -> Result<Vec<T>, ModelError> {
        self.to_vec()
    }

    /// A copy of the numbers, if they are of this type.
    pub fn to_vec<T: Element>(&self) -> Result<Vec<T>, ModelError> {
        let name = format!("{:?}", self.of).to_lowercase();
        if self.of != T::TYPE {
            return Err(ModelError::new(format!(
                "a tensor of {name} is not one of {}",
                T::NAME
            )));
        }
        if !self.bytes.len().is_multiple_of(size_of::<T>()) {
            return Err(ModelError::new(format!(
                "a tensor of {name} has {} bytes",
                self.bytes.len()
            )));
        }
        Ok(bytemuck::allocation::pod_collect_to_vec(&self.bytes))
    }
}

/// Why a model could not be loaded or run.
#[derive(Clone, Debug)]
pub struct ModelError {
    model: String,
    message: String,
    code: &'static str,
    not_found: bool,
}

impl ModelError {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self {
            model: String::new(),
            message: message.into(),
            code: code::MODEL,
            not_found: false,
        }
    }

    /// There is no such model, or no such tensor in it.
    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) fn missing(message: impl Into<String>) -> Self {
        Self {
            not_found: true,
            ..Self::new(message)
        }
    }

    /// The code of a row's failure that this causes: `model`, or `timeout`, `too-large`
    /// or `unsupported`.
    pub fn code(&self) -> &'static str {
        self.code
    }

    /// Whether the host has no model of this name, or the model no tensor of the name
    /// that was asked for, so that a function can do without it.
    pub fn is_not_found(&self) -> bool {
        self.not_found
    }

    fn of(self, model: &str) -> Self {
        Self {
            model: model.to_owned(),
            ..self
        }
    }
}

impl Display for ModelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.model.is_empty() {
            write!(f, "model `{}`: ", self.model)?;
        }
        f.write_str(&self.message)
    }
}

impl std::error::Error for ModelError {}

#[cfg(target_arch = "wasm32")]
mod host {
    use std::borrow::Cow;

    use super::{Description, ModelError, Tensor, TensorSpec};
    use crate::bindings::wasi::nn::errors::{Error, ErrorCode};
    use crate::bindings::wasi::nn::graph::load_by_name;
    use crate::bindings::wasi::nn::inference::GraphExecutionContext;
    use crate::bindings::wasi::nn::tensor;
    use crate::bindings::wudf::plugin::models;
    use crate::error::code;

    /// One context for all rows.
    #[derive(Debug)]
    pub struct Model(GraphExecutionContext);

    impl Model {
        pub fn load(name: &str) -> Result<Self, ModelError> {
            let graph = load_by_name(name).map_err(error)?;
            Ok(Self(graph.init_execution_context().map_err(error)?))
        }

        pub fn run(
            &self,
            inputs: &[(&str, Tensor<'_>)],
        ) -> Result<Vec<(String, Tensor<'static>)>, ModelError> {
            let inputs = inputs.iter().map(|(name, input)| {
                let tensor = tensor::Tensor::new(&input.dimensions, input.of, &input.bytes);
                ((*name).to_owned(), tensor)
            });
            let outputs = self.0.compute(inputs.collect()).map_err(error)?;
            let outputs = outputs.into_iter().map(|(name, output)| {
                let dimensions = Cow::Owned(output.dimensions());
                let tensor = Tensor {
                    dimensions,
                    of: output.ty(),
                    bytes: Cow::Owned(output.data()),
                };
                (name, tensor)
            });
            Ok(outputs.collect())
        }
    }

    pub fn describe(name: &str) -> Result<Description, ModelError> {
        let spec = |tensor: models::Tensor| TensorSpec {
            name: tensor.name,
            format: tensor.format,
            dimensions: tensor.dimensions,
        };
        match models::describe(name) {
            Ok(model) => Ok(Description {
                inputs: model.inputs.into_iter().map(spec).collect(),
                outputs: model.outputs.into_iter().map(spec).collect(),
                properties: model.properties,
            }),
            Err(problem) => {
                // The host names the model, too.
                let prefix = format!("model `{name}`: ");
                let message = problem.message.strip_prefix(&prefix);
                Err(ModelError {
                    not_found: problem.code == "not-found",
                    ..ModelError::new(message.unwrap_or(&problem.message))
                })
            }
        }
    }

    fn error(error: Error) -> ModelError {
        let data = error.data();
        let message = match data.as_str() {
            "" => reason(error.code()),
            data => data,
        };
        ModelError {
            code: match error.code() {
                ErrorCode::Timeout => code::TIMEOUT,
                ErrorCode::TooLarge => code::TOO_LARGE,
                ErrorCode::UnsupportedOperation => code::UNSUPPORTED,
                _ => code::MODEL,
            },
            not_found: matches!(error.code(), ErrorCode::NotFound),
            ..ModelError::new(message)
        }
    }

    fn reason(code: ErrorCode) -> &'static str {
        match code {
            ErrorCode::InvalidArgument => "invalid argument",
            ErrorCode::InvalidEncoding => "invalid encoding",
            ErrorCode::Timeout => "timed out",
            ErrorCode::RuntimeError => "it failed to run",
            ErrorCode::UnsupportedOperation => "unsupported operation",
            ErrorCode::TooLarge => "too large",
            ErrorCode::NotFound => "not found",
            ErrorCode::Security => "not allowed",
            ErrorCode::Unknown => "unknown error",
        }
    }
}

// Native builds, which tests are, have the models of `testing`.
#[cfg(not(target_arch = "wasm32"))]
mod host {
    use super::{Description, ModelError, Tensor};
    use crate::testing;

    pub fn describe(name: &str) -> Result<Description, ModelError> {
        testing::description_of(name)
    }

    #[derive(Debug)]
    pub struct Model(testing::LoadedModel);

    impl Model {
        pub fn load(name: &str) -> Result<Self, ModelError> {
            testing::LoadedModel::find(name).map(Self)
        }

        pub fn run(
            &self,
            inputs: &[(&str, Tensor<'_>)],
        ) -> Result<Vec<(String, Tensor<'static>)>, ModelError> {
            self.0.run(inputs)
        }
    }
}
