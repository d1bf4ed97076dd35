//! Engines that run on tokio call from its threads, where the sandbox's WASI
//! cannot wait: it enters a runtime of its own, which a thread that drives one
//! may not.

use tokio::runtime::{Handle, RuntimeFlavor};

/// Does work that may enter a sandbox where that is allowed: here, unless a
/// tokio runtime is driven by this thread. Then the runtime's other tasks move
/// to another thread, or, if it has a single one, the work does.
pub(crate) fn outside<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    match Handle::try_current() {
        Err(_) => work(),
        Ok(handle) if handle.runtime_flavor() == RuntimeFlavor::MultiThread => {
            tokio::task::block_in_place(work)
        }
        Ok(_) => std::thread::scope(|scope| {
            let worker = scope.spawn(work);
            worker
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        }),
    }
}
