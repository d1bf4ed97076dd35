//! What a process has one of, whatever the number of its functions.

use std::sync::{Mutex, PoisonError};

use wudf::{Cache, Result, Runtime};

/// A runtime, and the process that made it.
struct Made {
    process: u32,
    cache: Cache,
    runtime: Runtime,
}

/// The runtime of this process: one for each place where compiled code is kept. A forked
/// process has its parent's memory but not its threads: it gets a runtime of its own, with
/// the parent's models where they can be forked.
pub(crate) fn runtime(cache: &Cache) -> Result<Runtime> {
    static MADE: Mutex<Vec<Made>> = Mutex::new(Vec::new());
    let process = std::process::id();
    let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
    let of_cache = |made: &&Made| made.cache == *cache;
    if let Some(own) = made.iter().filter(of_cache).find(|m| m.process == process) {
        return Ok(own.runtime.clone());
    }
    let mut builder = Runtime::builder().cache(cache.clone());
    if let Some(parents) = made.iter().rfind(of_cache) {
        builder = builder.forked_from(&parents.runtime);
    }
    let runtime = builder.build()?;
    // Those of parents stay: they would wait for threads that a fork does not have.
    made.push(Made {
        process,
        cache: cache.clone(),
        runtime: runtime.clone(),
    });
    Ok(runtime)
}
