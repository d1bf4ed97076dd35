//! The runtime: one for a process, shared by all plugins.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use bytes::Bytes;
use wasmtime::component::Linker;
use wasmtime::{
    Cache as WasmtimeCache, CacheConfig, Config, Engine, InstanceAllocationStrategy,
    PoolingAllocationConfig,
};

use crate::assets::Assets;
use crate::cache::{Cache, private_folder};
use crate::contract::v0_2;
use crate::function;
use crate::instance::{Instance, NO_ROOM, Pre, State};
use crate::nn::catalogue::{Catalogue, Loaded};
use crate::nn::{Backend, ModelSpec};
use crate::pool::Pool;
use crate::{Error, ErrorKind, Limits, Result, sandbox};

/// How often the clock ticks that ends plugins which take too long.
const TICK: Duration = Duration::from_millis(10);

/// Frames of a backtrace that are looked at: a plugin may recurse without end.
const FRAMES: usize = 32;

/// Instances that may be alive at one time.
const INSTANCES: u32 = 1_000;

/// Bytes at the beginning of a table that are zeroed after use rather than given
/// back to the kernel, which would be asked for them again at once: each of an
/// instance's two tables costs three page faults and a system call otherwise.
/// 2,048 elements fit, and all tables together keep 64 MB at most.
const TABLE_KEPT: usize = 16 << 10;

/// What runs plugins: the compiler, the sandbox's limits, threads, models and
/// assets. Make one for a process and clone it freely: clones are the same
/// runtime.
#[derive(Clone)]
pub struct Runtime(pub(crate) Arc<Shared>);

/// What all plugins and instances of a runtime share.
pub(crate) struct Shared {
    pub sandbox: Arc<Sandbox>,
    pub limits: Limits,
    pub threads: usize,
    pub catalogue: Catalogue,
    pub assets: Assets,
    pub pool: Pool,
}

/// What runtimes may have in common: the compiler, and the address space that
/// instances take their memory from, which is too large to have often.
pub(crate) struct Sandbox {
    pub engine: Engine,
    pub linker: Linker<State>,
    memory: usize,
    table_elements: usize,
    cache: Cache,
    /// Open functions, whose idle instances may have to make room for others.
    functions: Mutex<Vec<Weak<function::Inner>>>,
    _ticker: Ticker,
}

impl Sandbox {
    fn new(limits: &Limits, cache: Cache) -> Result<Self> {
        let config = config(limits, &cache)?;
        let sandbox = |e: wasmtime::Error| Error::new(ErrorKind::Sandbox, format!("{e:#}"));
        let engine = Engine::new(&config).map_err(sandbox)?;
        let mut linker = Linker::new(&engine);
        sandbox::add_to_linker(&mut linker).map_err(sandbox)?;
        v0_2::add_to_linker(&mut linker).map_err(sandbox)?;
        Ok(Self {
            _ticker: Ticker::start(&engine)?,
            engine,
            linker,
            memory: limits.memory,
            table_elements: limits.table_elements,
            cache,
            functions: Mutex::default(),
        })
    }

    /// Remembers a function that has been opened.
    pub(crate) fn add(&self, function: &Arc<function::Inner>) {
        let mut functions = self.functions();
        if functions.len() == functions.capacity() {
            functions.retain(|function| function.strong_count() > 0);
        }
        functions.push(Arc::downgrade(function));
    }

    /// Ends half of each function's idle instances; says whether there were any.
    fn evict(&self) -> bool {
        let functions = self.functions().clone();
        let functions = functions.iter().filter_map(Weak::upgrade);
        functions
            .map(|function| function.evict().len())
            .sum::<usize>()
            > 0
    }

    fn functions(&self) -> MutexGuard<'_, Vec<Weak<function::Inner>>> {
        self.functions
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn serves(&self, limits: &Limits, cache: &Cache) -> bool {
        self.memory == limits.memory
            && self.table_elements == limits.table_elements
            && self.cache == *cache
    }
}

impl Shared {
    /// A new instance of a plugin. Where all of the sandbox's are alive, those that are
    /// idle make room.
    pub(crate) fn instance(self: &Arc<Self>, plugin: &Pre) -> Result<Instance> {
        loop {
            match Instance::new(self, plugin) {
                Err(error) if error.code() == NO_ROOM && self.sandbox.evict() => {}
                made => return made,
            }
        }
    }
}

impl Runtime {
    /// A runtime with choices to make.
    pub fn builder() -> RuntimeBuilder {
        RuntimeBuilder::default()
    }

    /// A runtime as it comes: no models, no assets, a thread for each core.
    ///
    /// # Errors
    /// As [`RuntimeBuilder::build`].
    pub fn new() -> Result<Self> {
        Self::builder().build()
    }

    /// The limits that its plugins live under.
    pub fn limits(&self) -> &Limits {
        &self.0.limits
    }

    /// Threads that work on one batch, the caller's included.
    pub fn threads(&self) -> usize {
        self.0.threads
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

impl std::fmt::Debug for Runtime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Runtime")
            .field("limits", &self.0.limits)
            .field("threads", &self.0.threads)
            .finish_non_exhaustive()
    }
}

/// Makes a [`Runtime`].
#[derive(Default)]
#[must_use]
pub struct RuntimeBuilder {
    limits: Limits,
    cache: Cache,
    threads: Option<usize>,
    backends: Vec<Arc<dyn Backend>>,
    models: HashMap<String, ModelSpec>,
    assets: HashMap<String, Bytes>,
    beside: Option<Runtime>,
}

impl RuntimeBuilder {
    /// Has the sandbox in common with another runtime where both put the same
    /// bounds on memory and tables and keep compiled code in the same place: a
    /// process has address space for a few sandboxes, and for any number of
    /// runtimes. Models, assets and threads are each runtime's own.
    pub fn beside(mut self, other: &Runtime) -> Self {
        self.beside = Some(other.clone());
        self
    }

    /// What instances may use.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Where compiled code is kept.
    pub fn cache(mut self, cache: Cache) -> Self {
        self.cache = cache;
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

    /// Adds a model to the catalogue, in the place of an earlier one of the
    /// same name.
    pub fn model(mut self, model: ModelSpec) -> Self {
        self.models.insert(model.name.clone(), model);
        self
    }

    /// Grants plugins an asset, in the place of an earlier one of the same
    /// name.
    pub fn asset(mut self, name: impl Into<String>, bytes: impl Into<Bytes>) -> Self {
        self.assets.insert(name.into(), bytes.into());
        self
    }

    /// Makes the runtime.
    ///
    /// # Errors
    /// [`ErrorKind::Sandbox`] when the machine does not let us have what a
    /// sandbox needs (address space, mostly), [`ErrorKind::Io`] when the cache
    /// folder cannot be used.
    pub fn build(self) -> Result<Runtime> {
        let sandbox = match self.beside {
            Some(other) if other.0.sandbox.serves(&self.limits, &self.cache) => {
                Arc::clone(&other.0.sandbox)
            }
            _ => Arc::new(Sandbox::new(&self.limits, self.cache)?),
        };
        let cores = || std::thread::available_parallelism().map_or(1, usize::from);
        Ok(Runtime(Arc::new(Shared {
            sandbox,
            limits: self.limits,
            threads: self.threads.unwrap_or_else(cores),
            catalogue: Catalogue::new(self.backends, self.models),
            assets: Assets::new(self.assets),
            pool: Pool::new(),
        })))
    }
}

/// Whether this process was forked from one that had a runtime. The threads
/// that compile in parallel are the parent's then, and would be waited for in
/// vain.
fn forked() -> bool {
    static FIRST: AtomicU32 = AtomicU32::new(0);
    let process = std::process::id();
    match FIRST.compare_exchange(0, process, Ordering::Relaxed, Ordering::Relaxed) {
        Ok(_) => false,
        Err(first) => first != process,
    }
}

fn config(limits: &Limits, cache: &Cache) -> Result<Config> {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(INSTANCES)
        .total_core_instances(INSTANCES * 8)
        .total_memories(INSTANCES)
        .total_tables(INSTANCES * 4)
        .max_memory_size(limits.memory)
        .max_memories_per_component(1)
        .max_core_instances_per_component(64)
        .max_tables_per_component(16)
        .table_elements(limits.table_elements)
        .table_keep_resident(TABLE_KEPT)
        .max_component_instance_size(4 << 20)
        // For asynchronous calls, of which there are none: setting a thousand
        // up takes milliseconds of every process's start.
        .total_stacks(0);
    let mut config = Config::new();
    config
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool))
        .epoch_interruption(true)
        .concurrency_support(false)
        .parallel_compilation(!forked())
        .wasm_backtrace_max_frames(NonZeroUsize::new(FRAMES))
        // Backtraces name functions, not lines: this is a tenth of what lies in the cache.
        .generate_address_map(false)
        // The same bits on every machine.
        .wasm_relaxed_simd(false)
        .cranelift_nan_canonicalization(false);
    let kept = match (cache, cache.folder()) {
        (_, None) => None,
        // Compiling works without a cache.
        (Cache::User, Some(folder)) => compiled(&folder)
            .inspect_err(|error| tracing::warn!("compiled plugins are not kept: {error}"))
            .ok(),
        (_, Some(folder)) => Some(compiled(&folder)?),
    };
    config.cache(kept);
    Ok(config)
}

/// wasmtime's cache in a folder that is the user's alone.
fn compiled(folder: &Path) -> Result<WasmtimeCache> {
    let unusable = |error: String| {
        let message = format!("cache folder {}: {error}", folder.display());
        Error::new(ErrorKind::Io, message)
    };
    private_folder(folder).map_err(|e| unusable(e.to_string()))?;
    let mut config = CacheConfig::new();
    // Packing a plugin anew once it has been used often would take a user's process
    // seconds, and tens of megabytes, to save some of the disk.
    config.with_optimized_compression_usage_counter_threshold(u64::MAX);
    config.with_directory(std::path::absolute(folder).map_err(|e| unusable(e.to_string()))?);
    WasmtimeCache::new(config).map_err(|e| unusable(format!("{e:#}")))
}

/// Ticks the engine's epoch while the runtime lives.
struct Ticker(Arc<AtomicBool>);

impl Ticker {
    fn start(engine: &Engine) -> Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let (engine, flag) = (engine.weak(), Arc::clone(&stop));
        std::thread::Builder::new()
            .name("wudf-epoch".into())
            .spawn(move || {
                while !flag.load(Ordering::Relaxed) {
                    std::thread::sleep(TICK);
                    match engine.upgrade() {
                        Some(engine) => engine.increment_epoch(),
                        None => return,
                    }
                }
            })
            .map_err(|e| Error::new(ErrorKind::Sandbox, format!("no thread for the clock: {e}")))?;
        Ok(Self(stop))
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
