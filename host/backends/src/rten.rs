//! The backend `rten`: pure Rust, always there.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ::rten::{
    DataType, Dimension, ModelOptions, NodeId, RunOptions, ThreadPool, Value, ValueOrView,
    ValueType, ValueView,
};
use rten_tensor::{AsView, Layout};
use wudf::CallOptions;
use wudf::nn::{
    Backend, Device, Element, Error, ErrorKind, LoadRequest, Model, ModelSpec, Precision, Tensor,
    TensorSpec, TensorType,
};

use crate::model_file::ModelFile;
use crate::source::Sources;
use crate::stamp;

/// The backend `rten`, in pure Rust: ONNX models on the CPU.
///
/// Takes f32, u8, i32 and i64, and what wasi:nn has no other name for: truth
/// values as u8, and f64 computed as f32. Inside, whole numbers are 32 bits.
/// A run cannot be stopped: a deadline is looked at before it starts.
#[derive(Debug)]
pub struct Rten {
    sources: Arc<Sources>,
    pools: Arc<Pools>,
}

impl Rten {
    /// The backend, with models from `sources`.
    pub fn new(sources: Arc<Sources>) -> Self {
        Self {
            sources,
            pools: Arc::default(),
        }
    }
}

impl Backend for Rten {
    fn name(&self) -> &str {
        "rten"
    }

    fn load(&self, request: &LoadRequest<'_>) -> Result<Box<dyn Model>, Error> {
        let unsupported =
            |what: &str| Error::new(ErrorKind::Unsupported, format!("the backend rten {what}"));
        if request.spec.device != Device::Cpu {
            return Err(unsupported(
                "runs on the CPU only; take another backend for other devices",
            ));
        }
        if !matches!(request.spec.precision, Precision::AsStored | Precision::F32) {
            return Err(unsupported("computes in f32 only"));
        }
        let mut file = ModelFile::open(request, &self.sources)?;
        let mut options = ModelOptions::with_all_ops();
        for (name, path) in &file.external {
            let weights = std::fs::read(path).map_err(|e| {
                Error::new(
                    ErrorKind::NotFound,
                    format!("cannot read the weights {}: {e}", path.display()),
                )
            })?;
            options.external_data(name, weights);
        }
        here()?;
        let bytes = std::mem::take(&mut file.bytes);
        let model = guard("loading", || options.load(bytes))?.map_err(|e| {
            Error::new(
                ErrorKind::InvalidEncoding,
                format!("rten cannot load the model: {e}"),
            )
        })?;

        let node = |name: &str| {
            model.find_node(name).ok_or_else(|| {
                Error::new(
                    ErrorKind::NotFound,
                    format!("rten's graph has no tensor `{name}`"),
                )
            })
        };
        let inputs = file
            .inputs
            .iter()
            .map(|input| {
                Ok(Input {
                    node: node(&input.name)?,
                    is_bool: file.graph.takes_bool(&input.name),
                })
            })
            .collect::<Result<_, Error>>()?;
        let nodes = file
            .tensors
            .iter()
            .map(|name| node(name))
            .collect::<Result<Vec<_>, _>>()?;
        let outputs = file
            .outputs
            .iter()
            .map(|(name, place)| {
                let mut spec = file
                    .graph
                    .describe(&file.tensors[*place])?
                    .unwrap_or_else(|| inferred(&model, nodes[*place]));
                spec.name.clone_from(name);
                Ok(spec)
            })
            .collect::<Result<_, Error>>()?;
        Ok(Box::new(RtenModel {
            batch_size: file.batch_size(request, 1),
            model,
            pools: Arc::clone(&self.pools),
            inputs,
            input_specs: file.inputs,
            nodes,
            places: file.outputs.into_iter().map(|(_, place)| place).collect(),
            outputs,
        }))
    }

    fn identity(&self, spec: &ModelSpec) -> Option<String> {
        stamp::identity(spec)
    }

    fn forks(&self) -> bool {
        // Runs have pools of their own process.
        true
    }
}

/// Refuses to load where rten would wait for ever: it prepares models in a pool
/// of threads of its own, which a forked process inherits without the threads.
fn here() -> Result<(), Error> {
    static FIRST: AtomicU32 = AtomicU32::new(0);
    let process = std::process::id();
    match FIRST.compare_exchange(0, process, Ordering::Relaxed, Ordering::Relaxed) {
        Err(first) if first != process => Err(Error::new(
            ErrorKind::Unsupported,
            "rten cannot load a model in a process that was forked from one that had loaded some: \
             load it before the fork, or start processes afresh (in Python: spawn)",
        )),
        _ => Ok(()),
    }
}

/// What rten knows of a tensor that the file does not describe.
fn inferred(model: &::rten::Model, node: NodeId) -> TensorSpec {
    let info = model.node_info(node);
    let ty = match info.as_ref().and_then(|info| info.dtype()) {
        Some(ValueType::Tensor(DataType::Int32)) => TensorType::I32,
        Some(ValueType::Tensor(DataType::UInt8)) => TensorType::U8,
        _ => TensorType::F32,
    };
    let dims = info.and_then(|info| info.shape()).map(|shape| {
        shape
            .into_iter()
            .map(|dim| match dim {
                Dimension::Fixed(size) => u32::try_from(size).ok(),
                Dimension::Symbolic(_) => None,
            })
            .collect()
    });
    TensorSpec::new("", ty, dims)
}

struct RtenModel {
    model: ::rten::Model,
    pools: Arc<Pools>,
    inputs: Vec<Input>,
    input_specs: Vec<TensorSpec>,
    /// The tensors to compute, each once.
    nodes: Vec<NodeId>,
    /// For each output, its place in `nodes`.
    places: Vec<usize>,
    outputs: Vec<TensorSpec>,
    batch_size: usize,
}

struct Input {
    node: NodeId,
    is_bool: bool,
}

impl Model for RtenModel {
    fn inputs(&self) -> &[TensorSpec] {
        &self.input_specs
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
        // Once it has begun, rten cannot be stopped.
        if options.is_over() {
            return Err(Error::new(
                ErrorKind::Timeout,
                "the model's time was up before it ran",
            ));
        }
        let data = inputs
            .iter()
            .map(|(name, tensor)| {
                let place = self
                    .input_specs
                    .iter()
                    .position(|spec| spec.name == *name)
                    .ok_or_else(|| {
                        Error::new(
                            ErrorKind::InvalidArgument,
                            format!("the model has no input `{name}`"),
                        )
                    })?;
                Ok((&self.inputs[place], Data::new(tensor)?))
            })
            .collect::<Result<Vec<_>, Error>>()?;
        let values = data
            .iter()
            .map(|(input, data)| Ok((input.node, data.value(input.is_bool)?)))
            .collect::<Result<Vec<_>, Error>>()?;

        let pool = self.pools.take();
        let options = RunOptions::default().with_thread_pool(Some(Arc::clone(&pool)));
        // A panic takes the pool with it.
        let values = guard("running", || {
            self.model.run(values, &self.nodes, Some(options))
        })?
        .map_err(|e| Error::new(ErrorKind::Runtime, format!("rten: {e}")))?;
        self.pools.give_back(pool);

        // Several outputs may be one tensor.
        self.places
            .iter()
            .zip(&self.outputs)
            .map(|(&place, spec)| {
                let value = values
                    .get(place)
                    .ok_or_else(|| Error::new(ErrorKind::Runtime, "rten: an output is missing"))?;
                tensor(value, spec.ty)
            })
            .collect()
    }
}

/// An input's elements, converted where rten has another type for them.
enum Data<'a> {
    F32(Vec<usize>, std::borrow::Cow<'a, [f32]>),
    U8(Vec<usize>, std::borrow::Cow<'a, [u8]>),
    I32(Vec<usize>, std::borrow::Cow<'a, [i32]>),
}

impl<'a> Data<'a> {
    fn new(tensor: &'a Tensor) -> Result<Self, Error> {
        let dims = tensor.dims().iter().map(|&size| size as usize).collect();
        Ok(match tensor.ty() {
            TensorType::F32 => Self::F32(dims, tensor.values()?),
            TensorType::U8 => Self::U8(dims, tensor.values()?),
            TensorType::I32 => Self::I32(dims, tensor.values()?),
            TensorType::F64 => Self::F32(
                dims,
                tensor.values::<f64>()?.iter().map(|&x| x as f32).collect(),
            ),
            TensorType::I64 => {
                let narrow = |&x: &i64| {
                    i32::try_from(x).map_err(|_| {
                        Error::new(
                            ErrorKind::Unsupported,
                            format!("rten computes in 32-bit whole numbers, not {x}"),
                        )
                    })
                };
                Self::I32(
                    dims,
                    tensor
                        .values::<i64>()?
                        .iter()
                        .map(narrow)
                        .collect::<Result<_, _>>()?,
                )
            }
            other => {
                return Err(Error::new(
                    ErrorKind::Unsupported,
                    format!("rten takes no tensors of {other}"),
                ));
            }
        })
    }

    fn value(&self, is_bool: bool) -> Result<ValueOrView<'_>, Error> {
        let invalid =
            |e: &dyn std::error::Error| Error::new(ErrorKind::InvalidArgument, e.to_string());
        Ok(match self {
            Self::F32(dims, data) => ValueView::from_shape(dims, data)
                .map_err(|e| invalid(&e))?
                .into(),
            Self::U8(dims, data) if is_bool => {
                let truth = data.iter().map(|&x| i32::from(x != 0)).collect();
                Value::from_shape(dims, truth)
                    .map_err(|e| invalid(&e))?
                    .into()
            }
            Self::U8(dims, data) => ValueView::from_shape(dims, data)
                .map_err(|e| invalid(&e))?
                .into(),
            Self::I32(dims, data) => ValueView::from_shape(dims, data)
                .map_err(|e| invalid(&e))?
                .into(),
        })
    }
}

/// rten's value as a tensor of `ty`, which is rten's own type or one that rten
/// narrowed.
fn tensor(value: &Value, ty: TensorType) -> Result<Tensor, Error> {
    let dims = value
        .shape()
        .iter()
        .map(|&size| {
            u32::try_from(size)
                .map_err(|_| Error::new(ErrorKind::TooLarge, "an output is too large"))
        })
        .collect::<Result<Vec<u32>, _>>()?;
    match value {
        Value::FloatTensor(values) => {
            let values = values.to_vec();
            match ty {
                TensorType::F64 => collect(dims, values, f64::from),
                _ => Tensor::from_values(dims, &values),
            }
        }
        Value::UInt8Tensor(values) => Tensor::from_values(dims, &values.to_vec()),
        Value::Int32Tensor(values) => {
            let values = values.to_vec();
            match ty {
                TensorType::I64 => collect(dims, values, i64::from),
                TensorType::U8 => collect(dims, values, |x| u8::from(x != 0)),
                _ => Tensor::from_values(dims, &values),
            }
        }
        other => Err(Error::new(
            ErrorKind::Unsupported,
            format!("rten gave {}, which plugins cannot take", other.dtype()),
        )),
    }
}

fn collect<A, B: Element>(
    dims: Vec<u32>,
    values: Vec<A>,
    convert: impl Fn(A) -> B,
) -> Result<Tensor, Error> {
    Tensor::from_values(dims, &values.into_iter().map(convert).collect::<Vec<_>>())
}

/// Runs `f`, and makes an error of a panic: files come from anywhere, and rten
/// checks most of what they say but not all.
fn guard<T>(doing: &str, f: impl FnOnce() -> T) -> Result<T, Error> {
    catch_unwind(AssertUnwindSafe(f)).map_err(|panic| {
        let why = panic
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| panic.downcast_ref::<&str>().copied())
            .unwrap_or("for reasons unknown");
        Error::new(
            ErrorKind::Runtime,
            format!("rten failed {doing} the model: {why}"),
        )
    })
}

/// Thread pools of one thread each, as many as runs were ever under way at
/// once.
///
/// rten has no way to run on the caller's own thread: it hands each run to a
/// pool. A shared pool would make callers wait for each other, its default one
/// would spread a run over all cores; a pool of one for each run in progress
/// does neither, at the cost of one hand-over.
#[derive(Debug, Default)]
struct Pools(Mutex<Idle>);

/// Pools that nobody is using, and the process that their threads are of.
#[derive(Debug, Default)]
struct Idle {
    process: u32,
    pools: Vec<Arc<ThreadPool>>,
}

impl Pools {
    fn take(&self) -> Arc<ThreadPool> {
        let idle = self.of(std::process::id()).pools.pop();
        idle.unwrap_or_else(|| Arc::new(ThreadPool::with_num_threads(1)))
    }

    fn give_back(&self, pool: Arc<ThreadPool>) {
        self.of(std::process::id()).pools.push(pool);
    }

    /// The idle pools, none when those that there are are the parent's.
    fn of(&self, process: u32) -> MutexGuard<'_, Idle> {
        let mut idle = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.process != process {
            idle.process = process;
            // Dropping them would talk to threads that are not there.
            std::mem::forget(std::mem::take(&mut idle.pools));
        }
        idle
    }
}
