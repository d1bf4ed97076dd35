//! One model in ONNX Runtime.

use std::ffi::CString;
use std::sync::{Arc, Mutex, PoisonError};

use ort::environment::Environment;
use ort::logging::LogLevel;
use ort::session::RunOptions;
use ort::session::builder::{GraphOptimizationLevel, SessionBuilder};
use ort::sys::ONNXTensorElementDataType as ElementType;
use ort::value::ValueType;
use wudf::CallOptions;
use wudf::nn::{
    Device, Error, ErrorKind, LoadRequest, Model, ModelSource, Precision, Tensor, TensorSpec,
    TensorType,
};

use super::optimized::Place;
use super::{deadline, raw};
use crate::input_bytes::Bytes;
use crate::model_file::ModelFile;
use crate::source::Sources;

/// Rows that a GPU takes at a time unless the catalogue says otherwise.
const GPU_BATCH: usize = 32;

/// A loaded model.
pub(super) struct Session {
    session: ort::session::Session,
    inputs: Vec<TensorSpec>,
    input_names: Vec<CString>,
    /// Whether each input takes truth values.
    takes_bool: Vec<bool>,
    /// The tensors to compute, each once.
    tensors: Vec<CString>,
    /// For each output, its place in `tensors`.
    places: Vec<usize>,
    outputs: Vec<TensorSpec>,
    batch_size: usize,
    /// Makes runs take turns where the execution provider needs that.
    turns: Option<Mutex<()>>,
}

impl Session {
    pub(super) fn load(
        request: &LoadRequest<'_>,
        sources: &Sources,
        environment: &Environment,
        version: &str,
    ) -> Result<Self, Error> {
        let spec = request.spec;
        if !matches!(spec.precision, Precision::AsStored | Precision::F32) {
            return Err(Error::new(
                ErrorKind::Unsupported,
                "the backend onnxruntime computes in the precision of the model's file; convert the file instead",
            ));
        }
        let file = ModelFile::open(request, sources)?;
        let gpu = spec.device != Device::Cpu;
        let mut builder = cpu_options(environment).map_err(failed)?;
        if let Device::Gpu(number) = spec.device {
            builder = on_gpu(builder, number, spec.precision)?;
        } else if gpu {
            return Err(Error::new(
                ErrorKind::Unsupported,
                "the backend onnxruntime runs on CPUs and GPUs only",
            ));
        }
        // A plugin's own model is not for the disk.
        let kept = matches!(spec.source, ModelSource::Location(_)) && !gpu;
        let place = sources
            .cache()
            .filter(|_| kept)
            .and_then(|cache| Place::of(&file, &cache, version));
        let session = match place.and_then(|place| place.session(&builder, &file)) {
            Some(session) => Ok(session),
            None => with_weights(builder, &file)?.commit_from_memory(&file.bytes),
        }
        .map_err(|e| {
            let kind = match e.code() {
                ort::ErrorCode::NotImplemented => ErrorKind::Unsupported,
                _ if gpu => ErrorKind::Unsupported,
                _ => ErrorKind::InvalidEncoding,
            };
            Error::new(
                kind,
                format!("ONNX Runtime cannot load the model: {}", e.message()),
            )
        })?;
        let outputs = file
            .outputs
            .iter()
            .map(|(name, place)| output_spec(&session, &file.tensors[*place], name))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            outputs,
            input_names: c_names(file.inputs.iter().map(|input| &input.name))?,
            takes_bool: file
                .inputs
                .iter()
                .map(|input| file.graph.takes_bool(&input.name))
                .collect(),
            tensors: c_names(&file.tensors)?,
            places: file.outputs.iter().map(|(_, place)| *place).collect(),
            batch_size: file.batch_size(request, if gpu { GPU_BATCH } else { 1 }),
            turns: gpu.then(Mutex::default),
            inputs: file.inputs,
            session,
        })
    }

    fn input<'a>(&'a self, name: &str, tensor: &'a Tensor) -> Result<Prepared<'a>, Error> {
        let place = self
            .inputs
            .iter()
            .position(|input| input.name == name)
            .ok_or_else(|| {
                Error::new(
                    ErrorKind::InvalidArgument,
                    format!("the model has no input `{name}`"),
                )
            })?;
        let (ty, data) = if self.takes_bool[place] {
            (
                ElementType::ONNX_TENSOR_ELEMENT_DATA_TYPE_BOOL,
                Bytes::truth(tensor)?,
            )
        } else {
            (raw::element_type(tensor.ty()), Bytes::aligned(tensor))
        };
        let dims = tensor.dims().iter().map(|&size| i64::from(size)).collect();
        Ok(Prepared {
            name: &self.input_names[place],
            dims,
            ty,
            data,
        })
    }
}

impl Model for Session {
    fn inputs(&self) -> &[TensorSpec] {
        &self.inputs
    }

    fn outputs(&self) -> &[TensorSpec] {
        &self.outputs
    }

    fn batch_size(&self) -> usize {
        self.batch_size
    }

    fn concurrency(&self) -> usize {
        match self.turns {
            Some(_) => 1,
            None => crate::cores(),
        }
    }

    fn run(&self, inputs: &[(&str, &Tensor)], options: &CallOptions) -> Result<Vec<Tensor>, Error> {
        let prepared = inputs
            .iter()
            .map(|(name, tensor)| self.input(name, tensor))
            .collect::<Result<Vec<_>, Error>>()?;
        let inputs: Vec<_> = prepared
            .iter()
            .map(|input| raw::Input {
                name: input.name,
                dims: input.dims.clone(),
                ty: input.ty,
                data: input.data.get(),
            })
            .collect();

        let turn = self
            .turns
            .as_ref()
            .map(|turns| turns.lock().unwrap_or_else(PoisonError::into_inner));
        let timeout = || Error::new(ErrorKind::Timeout, "the model took longer than it may");
        if options.is_over() {
            return Err(timeout());
        }
        let mut watched = None;
        let mut run = None;
        if options.ends_at().is_some() || options.token().is_some() {
            let new = Arc::new(RunOptions::new().map_err(failed)?);
            watched = Some(deadline::watch(&new, options)?);
            run = Some(new);
        }
        let mut tensors: Vec<Option<Result<Tensor, Error>>> =
            self.tensors.iter().map(|_| None).collect();
        let result = raw::run(
            &self.session,
            run.as_deref(),
            &inputs,
            &self.tensors,
            |n, dims, ty, data| {
                tensors[n] = Some(to_tensor(dims, ty, data));
            },
        );
        drop((watched, turn));
        if let Err(e) = result {
            return Err(match options.is_over() {
                true => timeout(),
                false => failed(e),
            });
        }

        // The last who asks for a tensor gets it, earlier ones a copy.
        let mut outputs = Vec::with_capacity(self.places.len());
        for (n, &place) in self.places.iter().enumerate() {
            let again = self.places[n + 1..].contains(&place);
            let tensor = if again {
                tensors[place].clone()
            } else {
                tensors[place].take()
            };
            outputs.push(
                tensor.ok_or_else(|| {
                    Error::new(ErrorKind::Runtime, "ONNX Runtime gave no output")
                })??,
            );
        }
        Ok(outputs)
    }
}

/// An input in the form that ONNX Runtime takes.
struct Prepared<'a> {
    name: &'a CString,
    dims: Vec<i64>,
    ty: ElementType,
    data: Bytes<'a>,
}

/// Options for a session whose runs stay on their callers' threads.
fn cpu_options(environment: &Environment) -> ort::Result<SessionBuilder> {
    Ok(ort::session::Session::builder(environment)?
        .with_intra_threads(1)?
        .with_inter_threads(1)?
        .with_parallel_execution(false)?
        .with_optimization_level(GraphOptimizationLevel::All)?
        // The environment's level lets everything through to `tracing`.
        .with_log_level(LogLevel::Warning)?)
}

/// With the weights that lie in files beside the graph, read. Given their folder ONNX
/// Runtime would map them: who writes to such a file would change what a loaded model
/// computes, and who shortens it would kill the process.
///
/// # Errors
/// [`ErrorKind::NotFound`] when a file cannot be read.
pub(super) fn with_weights(
    mut builder: SessionBuilder,
    file: &ModelFile,
) -> Result<SessionBuilder, Error> {
    for (name, path) in &file.external {
        let weights = std::fs::read(path).map_err(|e| {
            let message = format!("cannot read the weights in {}: {e}", path.display());
            Error::new(ErrorKind::NotFound, message)
        })?;
        builder = builder
            .with_external_initializer_file_in_memory(name, weights.into())
            .map_err(failed)?;
    }
    Ok(builder)
}

fn on_gpu(
    builder: SessionBuilder,
    number: u32,
    precision: Precision,
) -> Result<SessionBuilder, Error> {
    let number =
        i32::try_from(number).map_err(|_| Error::new(ErrorKind::InvalidArgument, "no such GPU"))?;
    let mut cuda = ort::ep::CUDA::default().with_device_id(number);
    if precision == Precision::F32 {
        // Otherwise convolutions round their inputs to 10 bits of mantissa.
        cuda = cuda.with_tf32(false);
    }
    builder.with_execution_providers([cuda.build().error_on_failure()]).map_err(|e| {
        Error::new(
            ErrorKind::Unsupported,
            format!(
                "this ONNX Runtime cannot use GPU {number}: {}; `pip install onnxruntime-gpu` brings one that can",
                e.message().trim_end_matches('.')
            ),
        )
    })
}

/// What ONNX Runtime has inferred of an output.
fn output_spec(
    session: &ort::session::Session,
    tensor: &str,
    name: &str,
) -> Result<TensorSpec, Error> {
    let outlet = session
        .outputs()
        .iter()
        .find(|outlet| outlet.name() == tensor);
    let outlet = outlet.ok_or_else(|| {
        Error::new(
            ErrorKind::Runtime,
            format!("ONNX Runtime does not give the tensor `{tensor}` as an output"),
        )
    })?;
    let ValueType::Tensor { ty, shape, .. } = outlet.dtype() else {
        return Err(Error::new(
            ErrorKind::Unsupported,
            format!("the tensor `{tensor}` is no dense tensor"),
        ));
    };
    let ty = raw::tensor_type(ElementType::from(*ty) as i32).ok_or_else(|| {
        Error::new(
            ErrorKind::Unsupported,
            format!("the tensor `{tensor}` has elements that plugins cannot take: {ty}"),
        )
    })?;
    // ONNX Runtime gives a tensor of unknown rank no dimensions, like a number
    // on its own; the latter is rare.
    let dims = (!shape.is_empty()).then(|| {
        shape
            .iter()
            .map(|&size| u32::try_from(size).ok().filter(|&size| size > 0))
            .collect()
    });
    Ok(TensorSpec::new(name, ty, dims))
}

fn to_tensor(dims: &[i64], ty: i32, data: &[u8]) -> Result<Tensor, Error> {
    let ty: TensorType = raw::tensor_type(ty).ok_or_else(|| {
        Error::new(
            ErrorKind::Unsupported,
            format!("an output has elements of ONNX type {ty}, which plugins cannot take"),
        )
    })?;
    let dims = dims
        .iter()
        .map(|&size| {
            u32::try_from(size)
                .map_err(|_| Error::new(ErrorKind::TooLarge, "an output is too large"))
        })
        .collect::<Result<_, _>>()?;
    Tensor::new(dims, ty, data.to_vec())
}

fn c_names<S: AsRef<str>>(names: impl IntoIterator<Item = S>) -> Result<Vec<CString>, Error> {
    names
        .into_iter()
        .map(|name| {
            CString::new(name.as_ref()).map_err(|_| {
                Error::new(
                    ErrorKind::InvalidEncoding,
                    "a tensor's name holds a NUL character",
                )
            })
        })
        .collect()
}

fn failed<T>(e: ort::Error<T>) -> Error {
    Error::new(ErrorKind::Runtime, format!("ONNX Runtime: {}", e.message()))
}
