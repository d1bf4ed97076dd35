//! The traits that a backend implements, and what it is asked for.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::CallOptions;

use super::{Error, Tensor, TensorSpec};

/// What runs models: an inference library behind one small trait.
///
/// The runtime asks a backend to [`load`](Backend::load) each model once, and
/// shares what comes back between all instances of all plugins.
pub trait Backend: Send + Sync + 'static {
    /// The name by which a [`ModelSpec`] asks for this backend.
    fn name(&self) -> &str;

    /// Loads a model.
    ///
    /// # Errors
    /// Whatever stands in the way, with what to do about it.
    fn load(&self, request: &LoadRequest<'_>) -> Result<Box<dyn Model>, Error>;

    /// What the files of a model are now, in any form: a model that one session has loaded
    /// serves another that has the same entry while this is the same. `None` where that
    /// cannot be said, and each session loads its own.
    fn identity(&self, spec: &ModelSpec) -> Option<String> {
        let _ = spec;
        None
    }

    /// Whether a model that a process has loaded runs in those that are forked
    /// from it, which have its memory but not its threads.
    fn forks(&self) -> bool {
        false
    }
}

/// One model to be loaded.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct LoadRequest<'a> {
    /// The catalogue's entry.
    pub spec: &'a ModelSpec,
    /// The tensors of the graph that [`Model::run`] is to return, in this
    /// order and under these names; all of the graph's own outputs when empty.
    /// A name is a tensor's in the graph, or `features` (what the final
    /// fully connected layer takes) or `logits` (the graph's first output),
    /// unless the graph has tensors of these names.
    pub outputs: &'a [String],
}

impl<'a> LoadRequest<'a> {
    /// A request for `outputs` of the model that `spec` describes.
    pub fn new(spec: &'a ModelSpec, outputs: &'a [String]) -> Self {
        Self { spec, outputs }
    }
}

/// A loaded model, shared by all who run it.
pub trait Model: Send + Sync + 'static {
    /// What the model takes.
    fn inputs(&self) -> &[TensorSpec];

    /// What [`run`](Model::run) returns, in this order, under the names that
    /// were asked for.
    fn outputs(&self) -> &[TensorSpec];

    /// The most rows (the first dimension of every input and output) that one
    /// run should take. The first three joint runs are compared with single ones: where the results
    /// differ nothing is joined, because the first dimension is something else. With 1 nothing is joined and every run happens on its
    /// caller's thread, many at once: right for CPUs, which gain nothing from
    /// batches.
    fn batch_size(&self) -> usize {
        1
    }

    /// How many runs there may be at one time where [`batch_size`](Model::batch_size) is
    /// above 1. As many as there are cores is right for CPUs.
    fn concurrency(&self) -> usize {
        1
    }

    /// Runs the model on `inputs`, each by its name, and returns the
    /// [`outputs`](Model::outputs). Called from many threads at once, where
    /// [`batch_size`](Model::batch_size) is above 1 from as many as
    /// [`concurrency`](Model::concurrency) says; must not spread over
    /// further CPU threads. Names, types and dimensions have been checked
    /// against [`inputs`](Model::inputs).
    ///
    /// # Errors
    /// [`Timeout`](super::ErrorKind::Timeout) when the run [is to
    /// end](CallOptions::is_over) and the backend can stop it, for which it should look
    /// every 10 ms; otherwise whatever the backend says.
    fn run(&self, inputs: &[(&str, &Tensor)], options: &CallOptions) -> Result<Vec<Tensor>, Error>;
}

/// A model that several hold.
impl<M: Model + ?Sized> Model for Arc<M> {
    fn inputs(&self) -> &[TensorSpec] {
        (**self).inputs()
    }

    fn outputs(&self) -> &[TensorSpec] {
        (**self).outputs()
    }

    fn batch_size(&self) -> usize {
        (**self).batch_size()
    }

    fn concurrency(&self) -> usize {
        (**self).concurrency()
    }

    fn run(&self, inputs: &[(&str, &Tensor)], options: &CallOptions) -> Result<Vec<Tensor>, Error> {
        (**self).run(inputs, options)
    }
}

/// Of [`ModelSpec::max_elements`], unless an entry says otherwise.
const MAX_ELEMENTS: u64 = 1 << 24;

/// An entry of the model catalogue: what a name stands for on this machine.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ModelSpec {
    /// The name by which plugins ask for the model.
    pub name: String,
    /// Where the model comes from.
    pub source: ModelSource,
    /// The backend to run it, by name; the first that the runtime has
    /// otherwise.
    pub backend: Option<String>,
    /// What it runs on.
    pub device: Device,
    /// What it computes in.
    pub precision: Precision,
    /// Rows to join into one run; the backend's choice when `None`.
    pub batch_size: Option<usize>,
    /// The most elements of an input whose shape is open, in one request: a model's inner
    /// tensors grow with it, and nothing else bounds those. 16,777,216, which is three
    /// channels of 2,364 by 2,364; joined rows of several callers do not count together.
    pub max_elements: u64,
    /// The outputs that a plugin gets that names none; the graph's own when
    /// empty. See [`LoadRequest::outputs`] for what can be named.
    pub outputs: Vec<String>,
    /// What plugins can ask about the model beside its inputs and outputs, by name:
    /// its labels, for example.
    pub properties: BTreeMap<String, String>,
}

impl ModelSpec {
    /// An entry with every choice left to the backend.
    pub fn new(name: impl Into<String>, source: impl Into<ModelSource>) -> Self {
        Self {
            name: name.into(),
            source: source.into(),
            backend: None,
            device: Device::default(),
            precision: Precision::default(),
            batch_size: None,
            max_elements: MAX_ELEMENTS,
            outputs: Vec::new(),
            properties: BTreeMap::new(),
        }
    }

    /// The same entry, run by this backend.
    #[must_use]
    pub fn backend(mut self, name: impl Into<String>) -> Self {
        self.backend = Some(name.into());
        self
    }

    /// The same entry, run on this device.
    #[must_use]
    pub fn device(mut self, device: Device) -> Self {
        self.device = device;
        self
    }

    /// The same entry, computed in this precision.
    #[must_use]
    pub fn precision(mut self, precision: Precision) -> Self {
        self.precision = precision;
        self
    }

    /// The same entry, with this many rows joined into one run.
    #[must_use]
    pub fn batch_size(mut self, rows: usize) -> Self {
        self.batch_size = Some(rows);
        self
    }

    /// The same entry, for inputs of up to this many elements.
    #[must_use]
    pub fn max_elements(mut self, elements: u64) -> Self {
        self.max_elements = elements;
        self
    }

    /// The same entry, with these outputs for plugins that name none.
    #[must_use]
    pub fn outputs<S: Into<String>>(mut self, names: impl IntoIterator<Item = S>) -> Self {
        self.outputs = names.into_iter().map(Into::into).collect();
        self
    }

    /// The same entry, with a property for plugins to ask about.
    #[must_use]
    pub fn property(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.properties.insert(name.into(), value.into());
        self
    }
}

/// Where a model comes from.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub enum ModelSource {
    /// A place that the backend understands: a path, a URL, `seeded:resnet50`.
    Location(String),
    /// A model's file itself, as a plugin handed it to wasi:nn `load`.
    Bytes(Arc<[u8]>),
}

impl std::fmt::Debug for ModelSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Location(location) => write!(f, "{location:?}"),
            Self::Bytes(bytes) => write!(f, "{} bytes", bytes.len()),
        }
    }
}

impl<S: Into<String>> From<S> for ModelSource {
    fn from(location: S) -> Self {
        Self::Location(location.into())
    }
}

/// What a model runs on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Device {
    /// The host's processor.
    #[default]
    Cpu,
    /// A graphics processor, by its number.
    Gpu(u32),
}

/// What a model computes in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Precision {
    /// As the model's file says.
    #[default]
    AsStored,
    /// 32-bit floats.
    F32,
    /// Brain floats where the device has them.
    Bf16,
    /// Half floats where the device has them.
    F16,
}
