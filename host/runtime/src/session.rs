//! Sessions: what one tenant, query or function is granted of a runtime.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;

use crate::assets::Assets;
use crate::function;
use crate::instance::{Instance, NO_ROOM, Pre};
use crate::memory::{Account, Full, MemoryPool};
use crate::nn::catalogue::{Catalogue, Loaded};
use crate::nn::{Backend, ModelSpec};
use crate::pool::Jobs;
use crate::runtime;
use crate::{Error, ErrorKind, Limits, Result, Runtime};

/// One tenant's, query's or function's view of a [`Runtime`]: its limits, its memory, its
/// threads, and the models and assets that its plugins are granted. Cheap: what sessions
/// have in common is the runtime's. Clones are the same session.
#[derive(Clone)]
pub struct Session(pub(crate) Arc<Shared>);

/// What all plugins and instances of a session share.
pub(crate) struct Shared {
    pub runtime: Arc<runtime::Inner>,
    pub limits: Limits,
    pub threads: usize,
    pub catalogue: Catalogue,
    pub assets: Assets,
    pub account: Account,
    /// What helps its batches in the runtime's threads.
    pub jobs: Arc<Jobs>,
    /// Its batches that nobody's own thread runs.
    pub callers: Arc<Jobs>,
}

impl Shared {
    /// A new instance of a plugin. Where no more may be alive, or memory is short, those
    /// that are idle make room.
    pub(crate) fn instance(self: &Arc<Self>, plugin: &Pre) -> Result<Instance> {
        loop {
            match Instance::new(self, plugin) {
                Err(error) if error.code() == NO_ROOM && self.runtime.evict(|_| true) => {}
                made => return made,
            }
        }
    }

    /// Accounts for bytes that an instance or a batch is to hold. Idle instances make room
    /// for them: the session's own, where it is what is full.
    ///
    /// # Errors
    /// Whose limit it exceeds.
    pub(crate) fn try_grow(&self, bytes: usize) -> Result<(), String> {
        let own = |function: &function::Inner| std::ptr::eq(&*function.plugin.shared, self);
        loop {
            match self.account.try_grow(bytes) {
                Err(Full::Runtime(_)) if self.runtime.evict(|_| true) => {}
                Err(Full::Session(_)) if self.runtime.evict(own) => {}
                grown => return grown.map_err(Full::into_message),
            }
        }
    }
}

impl Session {
    /// A session with choices to make.
    pub fn builder() -> SessionBuilder {
        SessionBuilder::default()
    }

    /// A session as it comes, in a runtime of its own: no models, no assets, a thread for
    /// each core.
    ///
    /// # Errors
    /// As [`SessionBuilder::build`].
    pub fn new() -> Result<Self> {
        Self::builder().build()
    }

    /// The runtime that it is in.
    pub fn runtime(&self) -> Runtime {
        Runtime(Arc::clone(&self.0.runtime))
    }

    /// The limits that its plugins live under.
    pub fn limits(&self) -> &Limits {
        &self.0.limits
    }

    /// Threads that work on one batch, the caller's included.
    pub fn threads(&self) -> usize {
        self.0.threads
    }

    /// Bytes that its plugins hold now: see [`Runtime::memory_held`].
    pub fn memory_held(&self) -> usize {
        self.0.account.held()
    }

    /// Loads a model of the catalogue now rather than at its first use.
    ///
    /// # Errors
    /// The catalogue's or the backend's, of kind [`ErrorKind::Model`].
    pub fn load_model(&self, name: &str) -> Result<()> {
        let _: Loaded = self
            .0
            .catalogue
            .load(name)
            .map_err(|e| Error::new(ErrorKind::Model, format!("model `{name}`: {e}")))?;
        Ok(())
    }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session")
            .field("limits", &self.0.limits)
            .field("threads", &self.0.threads)
            .field("memory_held", &self.memory_held())
            .finish_non_exhaustive()
    }
}

/// Makes a [`Session`].
#[derive(Default)]
#[must_use]
pub struct SessionBuilder {
    runtime: Option<Runtime>,
    limits: Limits,
    threads: Option<usize>,
    backends: Vec<Arc<dyn Backend>>,
    models: HashMap<String, ModelSpec>,
    assets: HashMap<String, Bytes>,
    memory: Option<usize>,
    pool: Option<Arc<dyn MemoryPool>>,
}

impl SessionBuilder {
    /// The runtime that it is to be in; one of its own otherwise. A process has address
    /// space for a few runtimes, and for any number of sessions.
    pub fn runtime(mut self, runtime: &Runtime) -> Self {
        self.runtime = Some(runtime.clone());
        self
    }

    /// What instances may use.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Threads that work on one batch, the caller's included; a thread for
    /// each core otherwise. With 1 everything happens on the caller's thread,
    /// which is right inside engines that bring their own; only models that
    /// run batches get more, as many as it takes to fill one.
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = Some(threads.max(1));
        self
    }

    /// The most bytes that its plugins may hold at one time, all instances together: see
    /// [`Runtime::memory_held`]. Unlimited otherwise.
    pub fn memory(mut self, bytes: usize) -> Self {
        self.memory = Some(bytes);
        self
    }

    /// The engine's own account of memory, which is asked for what its plugins hold.
    pub fn memory_pool(mut self, pool: Arc<dyn MemoryPool>) -> Self {
        self.pool = Some(pool);
        self
    }

    /// Adds a backend; the first one runs the models that name none.
    pub fn backend(mut self, backend: Arc<dyn Backend>) -> Self {
        self.backends.push(backend);
        self
    }

    /// Adds backends, in order.
    pub fn backends(mut self, backends: impl IntoIterator<Item = Arc<dyn Backend>>) -> Self {
        self.backends.extend(backends);
        self
    }

    /// Grants a model, in the place of an earlier one of the same name.
    pub fn model(mut self, model: ModelSpec) -> Self {
        self.models.insert(model.name.clone(), model);
        self
    }

    /// Grants an asset, in the place of an earlier one of the same name.
    pub fn asset(mut self, name: impl Into<String>, bytes: impl Into<Bytes>) -> Self {
        self.assets.insert(name.into(), bytes.into());
        self
    }

    /// Makes the session.
    ///
    /// # Errors
    /// Where it is in a runtime of its own as
    /// [`RuntimeBuilder::build`](crate::RuntimeBuilder::build); in one of another process
    /// [`ErrorKind::Sandbox`].
    pub fn build(self) -> Result<Session> {
        let runtime = match self.runtime {
            Some(runtime) => runtime,
            None => Runtime::new()?,
        };
        runtime.0.check_process()?;
        let cores = || std::thread::available_parallelism().map_or(1, usize::from);
        let account = Account::new(Arc::clone(&runtime.0.memory), self.memory, self.pool);
        let models = Arc::clone(&runtime.0.models);
        Ok(Session(Arc::new(Shared {
            runtime: runtime.0,
            limits: self.limits,
            threads: self.threads.unwrap_or_else(cores),
            catalogue: Catalogue::new(self.backends, self.models, models),
            assets: Assets::new(self.assets),
            account,
            jobs: Arc::default(),
            callers: Arc::default(),
        })))
    }
}
