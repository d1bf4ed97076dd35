//! One model in OpenVINO.

use std::ffi::{CStr, CString};
use std::sync::{Mutex, PoisonError};

use wudf::CallOptions;
use wudf::nn::{
    Device, Error, ErrorKind, LoadRequest, Model, Precision, Tensor, TensorSpec, TensorType,
};

use super::api::{self, Failure};
use super::bf16::Bf16;
use super::library::Openvino;
use super::raw::{Compiled, Ended, Graph, Input, Request};
use crate::input_bytes::Bytes;
use crate::model_file::ModelFile;
use crate::onnx;
use crate::source::Sources;

const PRECISION: &CStr = c"INFERENCE_PRECISION_HINT";

/// A loaded model.
pub(super) struct Session {
    library: &'static Openvino,
    /// Requests that nobody is using, as many as runs were ever under way at
    /// once. They go before what they are of.
    idle: Mutex<Vec<Request>>,
    compiled: Compiled,
    inputs: Vec<TensorSpec>,
    ports: Vec<Port>,
    /// The tensors to compute, each once.
    tensors: Vec<CString>,
    /// For each output, its place in `tensors`.
    places: Vec<usize>,
    outputs: Vec<TensorSpec>,
    batch_size: usize,
}

/// An input as OpenVINO knows it.
struct Port {
    name: CString,
    ty: api::ElementType,
}

impl Openvino {
    /// Whether this process loaded the library, and so has its threads.
    pub(super) fn is_here(&self) -> bool {
        self.process == std::process::id()
    }

    /// Refuses what would wait for ever.
    fn here(&self) -> Result<(), Error> {
        match self.is_here() {
            true => Ok(()),
            false => Err(Error::new(
                ErrorKind::Unsupported,
                "OpenVINO does not work in a process that was forked from one that had loaded it: \
                 load it after the fork only, start processes afresh (in Python: spawn), or take another backend",
            )),
        }
    }
}

/// Precisions besides f32: as the catalogue and OpenVINO's settings write them,
/// and as its list of what a processor has.
const PRECISIONS: [(Precision, &CStr, &str); 2] = [
    (Precision::Bf16, c"bf16", "BF16"),
    (Precision::F16, c"f16", "FP16"),
];

/// What this processor computes in.
pub(super) fn precisions(library: &Openvino) -> Result<Vec<&'static str>, Error> {
    let have = capabilities(library)?;
    let others = PRECISIONS
        .iter()
        .filter(|(.., capability)| have.iter().any(|have| have == capability))
        .filter_map(|(_, name, _)| name.to_str().ok());
    Ok(["f32"].into_iter().chain(others).collect())
}

/// What OpenVINO says that it computes in on this processor.
fn capabilities(library: &Openvino) -> Result<Vec<String>, Error> {
    let api = &library.api;
    // SAFETY: a live core, and C strings.
    let list = api
        .text(|text| unsafe {
            (api.core_property)(
                library.core.as_ptr(),
                c"CPU".as_ptr(),
                c"OPTIMIZATION_CAPABILITIES".as_ptr(),
                text,
            )
        })
        .map_err(failed)?;
    let names = list.split(|c: char| c.is_whitespace() || c == ',');
    Ok(names
        .filter(|name| !name.is_empty())
        .map(Into::into)
        .collect())
}

impl Session {
    pub(super) fn load(
        request: &LoadRequest<'_>,
        sources: &Sources,
        library: &'static Openvino,
    ) -> Result<Self, Error> {
        library.here()?;
        let spec = request.spec;
        if spec.device != Device::Cpu {
            return Err(Error::new(
                ErrorKind::Unsupported,
                "the backend openvino runs on the CPU only; take another backend for other devices",
            ));
        }
        let precision = precision(library, spec.precision)?;
        if spec.precision == Precision::Bf16 && Bf16::here() == Bf16::Slower {
            tracing::warn!(
                "the model {} asks for precision=bf16, which was measured slower than f32 on Intel processors without AMX, such as this one",
                spec.name
            );
        }
        let mut file = ModelFile::open(request, sources)?;
        let mut bytes = std::mem::take(&mut file.bytes);
        if !file.external.is_empty() {
            // OpenVINO looks for them beside the file, which it is not given.
            bytes = onnx::embed_weights(&bytes, &file.external)?;
        }
        let cannot = |e: Failure| {
            let kind = match e.status {
                api::NOT_IMPLEMENTED => ErrorKind::Unsupported,
                _ => ErrorKind::InvalidEncoding,
            };
            Error::new(kind, format!("OpenVINO cannot load the model: {e}"))
        };
        let graph = Graph::read(library, &bytes).map_err(cannot)?;
        drop(bytes);
        let compiled = compile(&graph, precision).map_err(cannot)?;
        drop(graph);
        if precision != c"f32" {
            let in_effect = compiled.setting(PRECISION).map_err(failed)?;
            if in_effect.as_bytes() != precision.to_bytes() {
                return Err(Error::new(
                    ErrorKind::Unsupported,
                    format!(
                        "OpenVINO computes this model in {in_effect}, not in {}",
                        precision.to_string_lossy()
                    ),
                ));
            }
        }

        let mut ports = Vec::new();
        for input in &file.inputs {
            let name = c_name(&input.name)?;
            let port = compiled.input(&name).map_err(cannot)?;
            if api::tensor_type(port.ty) != Some(input.ty) {
                return Err(Error::new(
                    ErrorKind::Unsupported,
                    format!(
                        "OpenVINO takes no {} for the input `{}`",
                        input.ty, input.name
                    ),
                ));
            }
            ports.push(Port { name, ty: port.ty });
        }
        if compiled.inputs().map_err(cannot)? != ports.len() {
            return Err(Error::new(
                ErrorKind::Unsupported,
                "OpenVINO takes other inputs than the model's file names",
            ));
        }
        let tensors = file
            .tensors
            .iter()
            .map(|name| c_name(name))
            .collect::<Result<Vec<_>, _>>()?;
        let outputs = file
            .outputs
            .iter()
            .map(|(name, place)| {
                let tensor = &tensors[*place];
                let port = compiled.output(tensor).map_err(cannot)?;
                let ty = output_type(port.ty, &tensor.to_string_lossy())?;
                Ok(TensorSpec::new(name, ty, port.dims))
            })
            .collect::<Result<_, Error>>()?;
        Ok(Self {
            library,
            idle: Mutex::default(),
            compiled,
            batch_size: file.batch_size(request, 1),
            inputs: file.inputs,
            ports,
            tensors,
            places: file.outputs.iter().map(|(_, place)| *place).collect(),
            outputs,
        })
    }

    /// Pairs each input with what OpenVINO is told of it: all are there, each
    /// once, and are what the model takes.
    fn prepare<'a>(
        &'a self,
        inputs: &[(&str, &'a Tensor)],
    ) -> Result<Vec<(&'a Port, &'a Tensor, Bytes<'a>)>, Error> {
        let invalid = |message: String| Error::new(ErrorKind::InvalidArgument, message);
        let mut prepared = Vec::with_capacity(inputs.len());
        let mut seen = vec![false; self.ports.len()];
        for &(name, tensor) in inputs {
            let place = self
                .inputs
                .iter()
                .position(|input| input.name == name)
                .ok_or_else(|| invalid(format!("the model has no input `{name}`")))?;
            if std::mem::replace(&mut seen[place], true) {
                return Err(invalid(format!("the input `{name}` is there twice")));
            }
            let (spec, port) = (&self.inputs[place], &self.ports[place]);
            let fits = spec.dims.as_ref().is_none_or(|dims| {
                dims.len() == tensor.dims().len()
                    && dims
                        .iter()
                        .zip(tensor.dims())
                        .all(|(wanted, &size)| wanted.is_none_or(|wanted| wanted == size))
            });
            if spec.ty != tensor.ty() || !fits {
                return Err(invalid(format!(
                    "the input `{name}` is {} {:?}, but the model takes {} {:?}",
                    tensor.ty(),
                    tensor.dims(),
                    spec.ty,
                    spec.dims
                )));
            }
            let data = match api::is_truth(port.ty) {
                true => Bytes::truth(tensor)?,
                false => Bytes::aligned(tensor),
            };
            prepared.push((port, tensor, data));
        }
        if let Some(place) = seen.iter().position(|seen| !seen) {
            return Err(invalid(format!(
                "the model's input `{}` is missing",
                self.inputs[place].name
            )));
        }
        Ok(prepared)
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Request>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
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
        crate::cores()
    }

    fn run(&self, inputs: &[(&str, &Tensor)], options: &CallOptions) -> Result<Vec<Tensor>, Error> {
        self.library.here()?;
        let timeout = || Error::new(ErrorKind::Timeout, "the model took longer than it may");
        let prepared = self.prepare(inputs)?;
        let inputs: Vec<_> = prepared
            .iter()
            .map(|(port, tensor, data)| Input {
                name: &port.name,
                ty: port.ty,
                dims: tensor.dims().iter().map(|&size| size.into()).collect(),
                data: data.get(),
            })
            .collect();
        if options.is_over() {
            return Err(timeout());
        }
        let idle = self.idle().pop();
        let mut request = match idle {
            Some(request) => request,
            None => self.compiled.request().map_err(failed)?,
        };
        // One that has failed is not used again.
        request.run(&inputs, options).map_err(|e| match e {
            Ended::Late => timeout(),
            Ended::Failed(e) => failed(e),
        })?;
        let tensors = self
            .tensors
            .iter()
            .map(|name| {
                let output = request.output(name).map_err(failed)?;
                let ty = output_type(output.ty, &name.to_string_lossy())?;
                let dims = output
                    .dims
                    .iter()
                    .map(|&size| {
                        u32::try_from(size)
                            .map_err(|_| Error::new(ErrorKind::TooLarge, "an output is too large"))
                    })
                    .collect::<Result<_, _>>()?;
                Tensor::new(dims, ty, output.data)
            })
            .collect::<Result<Vec<_>, Error>>()?;
        self.idle().push(request);
        // The last who asks for a tensor gets it, earlier ones a copy.
        let mut tensors: Vec<_> = tensors.into_iter().map(Some).collect();
        self.places
            .iter()
            .enumerate()
            .map(|(n, &place)| {
                let again = self.places[n + 1..].contains(&place);
                let tensor = if again {
                    tensors[place].clone()
                } else {
                    tensors[place].take()
                };
                tensor
                    .ok_or_else(|| Error::new(ErrorKind::Runtime, "OpenVINO: an output is missing"))
            })
            .collect()
    }
}

/// What OpenVINO is told to compute in, if the processor can. Without being
/// told it would take whatever is fastest, and results would depend on the
/// machine.
fn precision(library: &Openvino, wanted: Precision) -> Result<&'static CStr, Error> {
    if matches!(wanted, Precision::AsStored | Precision::F32) {
        return Ok(c"f32");
    }
    let unsupported = |what: String| Error::new(ErrorKind::Unsupported, what);
    let (_, name, capability) = PRECISIONS
        .into_iter()
        .find(|(precision, ..)| *precision == wanted)
        .ok_or_else(|| {
            unsupported(format!(
                "the backend openvino does not compute in {wanted:?}"
            ))
        })?;
    let have = capabilities(library)?;
    match have.iter().any(|have| have == capability) {
        true => Ok(name),
        false => {
            let name = name.to_string_lossy();
            Err(unsupported(format!(
                "this processor does not compute in {name}, says OpenVINO (it has {}); leave `precision={name}` out",
                have.join(", ")
            )))
        }
    }
}

/// Compiles for as many runs at once as there are processors for this process,
/// each on one thread.
fn compile(graph: &Graph, precision: &CStr) -> Result<Compiled, Failure> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = CString::new(threads.to_string()).unwrap_or_default();
    graph.compile(&[
        (PRECISION, precision),
        (c"NUM_STREAMS", &threads),
        (c"INFERENCE_NUM_THREADS", &threads),
        // Otherwise half of them on processors with two threads a core.
        (c"ENABLE_HYPER_THREADING", c"YES"),
        // Threads of several models and processes would share a processor.
        (c"ENABLE_CPU_PINNING", c"NO"),
    ])
}

fn output_type(ty: api::ElementType, tensor: &str) -> Result<TensorType, Error> {
    api::tensor_type(ty).ok_or_else(|| {
        Error::new(
            ErrorKind::Unsupported,
            format!(
                "the tensor `{tensor}` has elements that plugins cannot take: OpenVINO's type {ty}"
            ),
        )
    })
}

fn c_name(name: &str) -> Result<CString, Error> {
    CString::new(name).map_err(|_| {
        Error::new(
            ErrorKind::InvalidEncoding,
            "a tensor's name holds a NUL character",
        )
    })
}

fn failed(e: Failure) -> Error {
    Error::new(ErrorKind::Runtime, format!("OpenVINO: {e}"))
}
