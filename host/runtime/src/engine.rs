//! wasmtime's engine as the sandbox wants it, and the clock that stops plugins.

use std::num::NonZeroUsize;
#[cfg(feature = "cache")]
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

#[cfg(feature = "cache")]
use wasmtime::{Cache as WasmtimeCache, CacheConfig};
use wasmtime::{Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig};

use crate::cache::Cache;
#[cfg(feature = "cache")]
use crate::cache::private_folder;
use crate::{Error, ErrorKind, Result};

/// How often the clock ticks that ends plugins which take too long.
const TICK: Duration = Duration::from_millis(10);

/// Frames of a backtrace that are looked at: a plugin may recurse without end.
const FRAMES: usize = 32;

/// Instances that may be alive at one time.
pub(crate) const INSTANCES: u32 = 1_000;

/// Bytes that an instance's memory can grow to whatever a session's limits are: all that
/// 32 bits address, for which there is address space in any case.
const MEMORY: usize = 4 << 30;

/// Elements that a table can have whatever a session's limits are.
const TABLE: usize = 1_000_000;

/// Bytes at the beginning of a table that are zeroed after use rather than given
/// back to the kernel, which would be asked for them again at once: each of an
/// instance's two tables costs three page faults and a system call otherwise.
/// 2,048 elements fit, and all tables together keep 64 MB at most.
const TABLE_KEPT: usize = 16 << 10;

/// An engine whose instances come from a pool; or, where a process may not have the 4 TiB
/// of address space that the pool reserves (`ulimit -v`), are allocated one by one.
///
/// # Errors
/// [`ErrorKind::Io`] when the cache folder cannot be used, [`ErrorKind::Sandbox`]
/// otherwise.
pub(crate) fn engine(cache: &Cache) -> Result<Engine> {
    let config = config(cache)?;
    let mut pooled = config.clone();
    pooled.allocation_strategy(InstanceAllocationStrategy::Pooling(pool()));
    Engine::new(&pooled).or_else(|error| {
        tracing::info!("instances are allocated one by one: {error:#}");
        let mut single = config;
        // Memories grow by being moved, and each access is checked.
        single
            .allocation_strategy(InstanceAllocationStrategy::OnDemand)
            .memory_reservation(0)
            .memory_reservation_for_growth(1 << 20)
            .memory_guard_size(0)
            .memory_may_move(true);
        Engine::new(&single).map_err(|e| Error::new(ErrorKind::Sandbox, format!("{e:#}")))
    })
}

fn pool() -> PoolingAllocationConfig {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(INSTANCES)
        .total_core_instances(INSTANCES * 8)
        .total_memories(INSTANCES)
        .total_tables(INSTANCES * 4)
        .max_memory_size(MEMORY)
        .max_memories_per_component(1)
        .max_core_instances_per_component(64)
        .max_tables_per_component(16)
        .table_elements(TABLE)
        .table_keep_resident(TABLE_KEPT)
        .max_component_instance_size(4 << 20)
        // For asynchronous calls, of which there are none: setting a thousand
        // up takes milliseconds of every process's start.
        .total_stacks(0);
    pool
}

fn config(cache: &Cache) -> Result<Config> {
    let mut config = Config::new();
    config
        .epoch_interruption(true)
        .concurrency_support(false)
        .wasm_backtrace_max_frames(NonZeroUsize::new(FRAMES))
        // Backtraces name functions, not lines: this is a tenth of what lies in the cache.
        .generate_address_map(false)
        // The same bits on every machine.
        .wasm_relaxed_simd(false);
    keep(&mut config, cache)?;
    Ok(config)
}

/// Sets where compiled code is kept.
#[cfg(feature = "cache")]
fn keep(config: &mut Config, cache: &Cache) -> Result<()> {
    let kept = match (cache, cache.folder()) {
        (_, None) => None,
        // Compiling works without a cache.
        (Cache::User, Some(folder)) => compiled(&folder)
            .inspect_err(|error| tracing::warn!("compiled plugins are not kept: {error}"))
            .ok(),
        (_, Some(folder)) => Some(compiled(&folder)?),
    };
    config.cache(kept);
    Ok(())
}

#[cfg(not(feature = "cache"))]
fn keep(_: &mut Config, cache: &Cache) -> Result<()> {
    match cache {
        Cache::Folder(folder) => Err(Error::new(
            ErrorKind::Unsupported,
            format!(
                "cache folder {}: this build has no cache (feature `cache`)",
                folder.display()
            ),
        )),
        _ => Ok(()),
    }
}

/// wasmtime's cache in a folder that is the user's alone.
#[cfg(feature = "cache")]
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
pub(crate) struct Ticker(Arc<AtomicBool>);

impl Ticker {
    pub(crate) fn start(engine: &Engine) -> Result<Self> {
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
