//! The runtime: one for a process, shared by all sessions.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use wasmtime::Engine;
use wasmtime::component::Linker;

use crate::cache::Cache;
use crate::contract::v0_2;
use crate::engine::{self, INSTANCES, Ticker};
use crate::function;
use crate::instance::State;
use crate::memory::Total;
use crate::nn::store::Store;
use crate::plugin::Compiled;
use crate::pool::Pool;
use crate::session::SessionBuilder;
use crate::{Error, ErrorKind, Result, sandbox, threads};

/// What a process has one of: the compiler and the address space that instances take their
/// memory from, plugins by digest, models in memory, and threads. What is the same in two
/// [sessions](crate::Session) is there once. Clones are the same runtime.
///
/// A process that is forked from one that has a runtime makes [another](RuntimeBuilder::forked_from).
#[derive(Clone)]
pub struct Runtime(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub engine: Engine,
    pub linker: Linker<State>,
    pub pool: Pool,
    pub models: Arc<Store>,
    pub memory: Arc<Total>,
    /// Instances alive.
    instances: AtomicUsize,
    /// Plugins that somebody has.
    plugins: Mutex<HashMap<String, Weak<Compiled>>>,
    /// Open functions, whose idle instances may have to make room for others.
    functions: Mutex<Vec<Weak<function::Inner>>>,
    process: u32,
    _ticker: Ticker,
}

/// One of the instances that a runtime may have alive; given back when dropped.
pub(crate) struct Place(Arc<Inner>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.instances.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Inner {
    /// Room for an instance, if there is.
    pub(crate) fn place(self: &Arc<Self>) -> Option<Place> {
        let relaxed = Ordering::Relaxed;
        let more = |alive| (alive < INSTANCES as usize).then_some(alive + 1);
        let taken = self.instances.fetch_update(relaxed, relaxed, more);
        taken.ok().map(|_| Place(Arc::clone(self)))
    }

    /// Remembers a function that has been opened.
    pub(crate) fn add(&self, function: &Arc<function::Inner>) {
        let mut functions = lock(&self.functions);
        if functions.len() == functions.capacity() {
            functions.retain(|function| function.strong_count() > 0);
        }
        functions.push(Arc::downgrade(function));
    }

    /// Ends half of the idle instances of each of these functions; says whether there were
    /// any.
    pub(crate) fn evict(&self, of: impl Fn(&function::Inner) -> bool) -> bool {
        let functions = lock(&self.functions).clone();
        let functions = functions.iter().filter_map(Weak::upgrade);
        functions
            .filter(|function| of(function))
            .map(|function| function.evict().len())
            .sum::<usize>()
            > 0
    }

    /// The plugin of this digest, if somebody has it.
    pub(crate) fn plugin(&self, digest: &str) -> Option<Arc<Compiled>> {
        lock(&self.plugins).get(digest)?.upgrade()
    }

    /// Remembers a plugin while somebody has it.
    pub(crate) fn keep(&self, plugin: &Arc<Compiled>) {
        let mut plugins = lock(&self.plugins);
        plugins.retain(|_, plugin| plugin.strong_count() > 0);
        plugins.insert(plugin.digest.clone(), Arc::downgrade(plugin));
    }

    /// Refuses to go on in a process that was forked: nothing would stop a plugin there.
    ///
    /// # Errors
    /// [`ErrorKind::Sandbox`].
    pub(crate) fn check_process(&self) -> Result<()> {
        if std::process::id() == self.process {
            return Ok(());
        }
        let message = "this process was forked from the one that made the runtime, and has none of its threads: make another (RuntimeBuilder::forked_from)";
        Err(Error::new(ErrorKind::Sandbox, message))
    }
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Runtime {
    /// A runtime with choices to make.
    pub fn builder() -> RuntimeBuilder {
        RuntimeBuilder::default()
    }

    /// A runtime as it comes: what it compiles is kept in the user's cache folder.
    ///
    /// # Errors
    /// As [`RuntimeBuilder::build`].
    pub fn new() -> Result<Self> {
        Self::builder().build()
    }

    /// A session in this runtime, with choices to make.
    pub fn session(&self) -> SessionBuilder {
        SessionBuilder::default().runtime(self)
    }

    /// Compiles a component for hosts that are to load it by
    /// [`Plugin::from_precompiled`](crate::Plugin::from_precompiled). What comes back fits
    /// this version of wudf and this kind of processor.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidPlugin`] when the bytes are no component, or too large to be
    /// compiled.
    #[cfg(feature = "compile")]
    pub fn precompile(&self, component: &[u8]) -> Result<Vec<u8>> {
        crate::plugin::precompile(&self.0, component)
    }

    /// Bytes that the plugins of all sessions hold now: their memories, those of idle
    /// instances included, tensors on the host, and results of batches that are running.
    pub fn memory_held(&self) -> usize {
        self.0.memory.held()
    }

    /// Instances that are alive, idle ones included.
    pub fn instances(&self) -> usize {
        self.0.instances.load(Ordering::Relaxed)
    }

    /// Ends instances that are idle, half of each function's, which gives their memory
    /// back to the system; says whether there were any.
    pub fn evict_idle(&self) -> bool {
        self.0.evict(|_| true)
    }
}

impl std::fmt::Debug for Runtime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Runtime")
            .field("instances", &self.instances())
            .field("memory_held", &self.memory_held())
            .finish_non_exhaustive()
    }
}

/// Makes a [`Runtime`].
#[derive(Default)]
#[must_use]
pub struct RuntimeBuilder {
    cache: Cache,
    memory: Option<usize>,
    parent: Option<Runtime>,
}

impl RuntimeBuilder {
    /// Where compiled code is kept.
    pub fn cache(mut self, cache: Cache) -> Self {
        self.cache = cache;
        self
    }

    /// The most bytes that the plugins of all sessions may hold at one time: see
    /// [`Runtime::memory_held`]. Idle instances are ended before a plugin is refused any.
    /// Unlimited otherwise.
    pub fn memory(mut self, bytes: usize) -> Self {
        self.memory = Some(bytes);
        self
    }

    /// Takes over the models of the process that this one was forked from, as far as their
    /// backends [can be forked](crate::nn::Backend::forks). Nothing else of that runtime
    /// can be used here.
    pub fn forked_from(mut self, parent: &Runtime) -> Self {
        self.parent = Some(parent.clone());
        self
    }

    /// Makes the runtime.
    ///
    /// # Errors
    /// [`ErrorKind::Sandbox`] when the machine does not let us have what a
    /// sandbox needs, [`ErrorKind::Io`] when the cache folder cannot be used.
    pub fn build(self) -> Result<Runtime> {
        // Learns which process had the first.
        threads::forked();
        let engine = engine::engine(&self.cache)?;
        let sandbox = |e: wasmtime::Error| Error::new(ErrorKind::Sandbox, format!("{e:#}"));
        let mut linker = Linker::new(&engine);
        sandbox::add_to_linker(&mut linker).map_err(sandbox)?;
        v0_2::add_to_linker(&mut linker).map_err(sandbox)?;
        let models = match self.parent {
            Some(parent) => Store::forked_from(Arc::clone(&parent.0.models)),
            None => Store::default(),
        };
        Ok(Runtime(Arc::new(Inner {
            _ticker: Ticker::start(&engine)?,
            engine,
            linker,
            pool: Pool::new(),
            models: Arc::new(models),
            memory: Arc::new(Total::new(self.memory)),
            instances: AtomicUsize::new(0),
            plugins: Mutex::default(),
            functions: Mutex::default(),
            process: std::process::id(),
        })))
    }
}
