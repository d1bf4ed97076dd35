//! wasi:nn for plugins, written against the standard WIT.
//!
//! Whatever a plugin says about a tensor is checked before a backend sees it,
//! and the bytes of all its tensors are counted while they live.

use std::time::Instant;

use wasmtime::component::Resource;

use super::catalogue::Loaded;
use super::{ErrorKind, ModelSource, ModelSpec, TensorType};
use crate::contract::v0_2::bindings::wasi::nn::{errors, graph, inference, tensor};
use crate::instance::State;

/// `wasi:nn/errors.error`.
pub struct Error {
    code: errors::ErrorCode,
    message: String,
}

/// `wasi:nn/tensor.tensor`, as the plugin described it: unchecked until used.
pub struct Tensor {
    dims: Vec<u32>,
    ty: tensor::TensorType,
    data: Vec<u8>,
}

impl Tensor {
    /// What it takes on the host; dimensions can be many, too.
    fn bytes(&self) -> usize {
        self.data.len() + size_of_val(self.dims.as_slice())
    }
}

/// `wasi:nn/graph.graph`.
pub struct Graph(Loaded);

/// `wasi:nn/inference.graph-execution-context`.
pub struct Context(Loaded);

type Answer<T> = wasmtime::Result<Result<T, Resource<Error>>>;

/// An error's message may hold what a backend printed: a bound on it.
const MESSAGE: usize = 2_000;

impl State {
    fn refuse<T>(&mut self, error: &super::Error) -> Answer<T> {
        let code = match error.kind() {
            ErrorKind::InvalidArgument => errors::ErrorCode::InvalidArgument,
            ErrorKind::InvalidEncoding => errors::ErrorCode::InvalidEncoding,
            ErrorKind::Timeout => errors::ErrorCode::Timeout,
            ErrorKind::Runtime => errors::ErrorCode::RuntimeError,
            ErrorKind::Unsupported => errors::ErrorCode::UnsupportedOperation,
            ErrorKind::TooLarge => errors::ErrorCode::TooLarge,
            ErrorKind::NotFound => errors::ErrorCode::NotFound,
            ErrorKind::Security => errors::ErrorCode::Security,
        };
        let message = crate::error::printable(&error.to_string(), MESSAGE);
        Ok(Err(self.table.push(Error { code, message })?))
    }

    /// Counts a tensor's bytes; traps when the plugin holds too many.
    fn hold(&mut self, bytes: usize) -> wasmtime::Result<()> {
        let limit = self.shared.limits.tensors;
        self.tensors = self.tensors.saturating_add(bytes);
        if self.tensors > limit {
            let message = format!("tensors of more than {limit} bytes at one time");
            return Err(self.over_limit(message));
        }
        self.try_grow(bytes)
            .map_err(|message| self.over_limit(message))
    }

    fn release(&mut self, bytes: usize) {
        self.shrink(bytes);
        self.tensors = self.tensors.saturating_sub(bytes);
    }

    /// Loads without letting the time count against the plugin: a model may
    /// have to be downloaded. A plugin that loads without end does pay.
    pub(super) fn timed<T>(&mut self, load: impl FnOnce(&Self) -> T) -> T {
        const FREE: usize = 100;
        let start = Instant::now();
        let loaded = load(self);
        let elapsed = start.elapsed();
        self.loads += 1;
        if self.loads <= FREE {
            self.deadline += elapsed;
        }
        self.loading += elapsed;
        loaded
    }

    fn load_graph(
        &mut self,
        load: impl FnOnce(&Self) -> Result<Loaded, super::Error>,
    ) -> Answer<Resource<Graph>> {
        self.infers = true;
        match self.timed(load) {
            Ok(model) => {
                self.batch_size = self.batch_size.max(model.batch_size());
                Ok(Ok(self.table.push(Graph(model))?))
            }
            Err(error) => self.refuse(&error),
        }
    }
}

impl errors::Host for State {}

impl errors::HostError for State {
    fn code(&mut self, this: Resource<Error>) -> wasmtime::Result<errors::ErrorCode> {
        Ok(self.table.get(&this)?.code)
    }

    fn data(&mut self, this: Resource<Error>) -> wasmtime::Result<String> {
        Ok(self.table.get(&this)?.message.clone())
    }

    fn drop(&mut self, this: Resource<Error>) -> wasmtime::Result<()> {
        self.table.delete(this)?;
        Ok(())
    }
}

impl tensor::Host for State {}

impl tensor::HostTensor for State {
    fn new(
        &mut self,
        dims: Vec<u32>,
        ty: tensor::TensorType,
        data: Vec<u8>,
    ) -> wasmtime::Result<Resource<Tensor>> {
        let tensor = Tensor { dims, ty, data };
        self.hold(tensor.bytes())?;
        Ok(self.table.push(tensor)?)
    }

    fn dimensions(&mut self, this: Resource<Tensor>) -> wasmtime::Result<Vec<u32>> {
        Ok(self.table.get(&this)?.dims.clone())
    }

    fn ty(&mut self, this: Resource<Tensor>) -> wasmtime::Result<tensor::TensorType> {
        Ok(self.table.get(&this)?.ty)
    }

    fn data(&mut self, this: Resource<Tensor>) -> wasmtime::Result<Vec<u8>> {
        Ok(self.table.get(&this)?.data.clone())
    }

    fn drop(&mut self, this: Resource<Tensor>) -> wasmtime::Result<()> {
        let tensor = self.table.delete(this)?;
        self.release(tensor.bytes());
        Ok(())
    }
}

impl graph::Host for State {
    fn load(
        &mut self,
        builders: Vec<Vec<u8>>,
        encoding: graph::GraphEncoding,
        _target: graph::ExecutionTarget,
    ) -> Answer<Resource<Graph>> {
        if !self.shared.limits.load_models {
            let message = "this host does not let plugins bring models (Limits::load_models)";
            return self.refuse(&super::Error::new(ErrorKind::Security, message));
        }
        if !matches!(
            encoding,
            graph::GraphEncoding::Onnx | graph::GraphEncoding::Autodetect
        ) {
            let message = "models that plugins bring are ONNX";
            return self.refuse(&super::Error::new(ErrorKind::InvalidEncoding, message));
        }
        let Ok([bytes]) = <[Vec<u8>; 1]>::try_from(builders) else {
            let message = "a model is one part";
            return self.refuse(&super::Error::new(ErrorKind::InvalidArgument, message));
        };
        self.hold(bytes.len())?;
        let mut spec = ModelSpec::new("brought by the plugin", "");
        spec.source = ModelSource::Bytes(bytes.into());
        self.load_graph(|state| state.shared.catalogue.load_spec(&spec, &[]))
    }

    fn load_by_name(&mut self, name: String) -> Answer<Resource<Graph>> {
        self.load_graph(|state| state.shared.catalogue.load(&name))
    }
}

impl graph::HostGraph for State {
    fn init_execution_context(&mut self, this: Resource<Graph>) -> Answer<Resource<Context>> {
        let model = self.table.get(&this)?.0.clone();
        Ok(Ok(self.table.push(Context(model))?))
    }

    fn drop(&mut self, this: Resource<Graph>) -> wasmtime::Result<()> {
        self.table.delete(this)?;
        Ok(())
    }
}

impl inference::Host for State {}

impl inference::HostGraphExecutionContext for State {
    fn compute(
        &mut self,
        this: Resource<Context>,
        inputs: Vec<inference::NamedTensor>,
    ) -> Answer<Vec<inference::NamedTensor>> {
        let model = self.table.get(&this)?.0.clone();
        let mut named = Vec::with_capacity(inputs.len());
        let mut bytes = 0;
        for (name, tensor) in inputs {
            let tensor = self.table.delete(tensor)?;
            bytes += tensor.bytes();
            let Tensor { dims, ty, data } = tensor;
            named.push((name, dims, ty, data));
        }
        // The plugin gave its tensors away: they are the run's now.
        self.release(bytes);
        let checked: Result<Vec<_>, _> = named
            .into_iter()
            .map(|(name, dims, ty, data)| Ok((name, super::Tensor::new(dims, ty.into(), data)?)))
            .collect();
        let start = Instant::now();
        let result = checked.and_then(|inputs| {
            let deadline = Some(self.deadline);
            model.run(inputs, deadline, &self.options, &mut self.batching)
        });
        self.computing += start.elapsed();
        let outputs = match result {
            Ok(outputs) => outputs,
            Err(error) => return self.refuse(&error),
        };
        let mut named = Vec::with_capacity(outputs.len());
        for (spec, output) in model.outputs().iter().zip(outputs) {
            let tensor = Tensor {
                dims: output.dims().to_vec(),
                ty: output.ty().into(),
                data: output.into_data(),
            };
            self.hold(tensor.bytes())?;
            let tensor = self.table.push(tensor)?;
            named.push((spec.name.clone(), tensor));
        }
        Ok(Ok(named))
    }

    fn drop(&mut self, this: Resource<Context>) -> wasmtime::Result<()> {
        self.table.delete(this)?;
        Ok(())
    }
}

macro_rules! types {
    ($($wit:ident = $ours:ident),*) => {
        impl From<tensor::TensorType> for TensorType {
            fn from(ty: tensor::TensorType) -> Self {
                match ty { $(tensor::TensorType::$wit => Self::$ours),* }
            }
        }
        impl From<TensorType> for tensor::TensorType {
            fn from(ty: TensorType) -> Self {
                match ty { $(TensorType::$ours => Self::$wit),* }
            }
        }
    };
}
types!(
    Fp16 = F16,
    Fp32 = F32,
    Fp64 = F64,
    Bf16 = Bf16,
    U8 = U8,
    I32 = I32,
    I64 = I64
);
