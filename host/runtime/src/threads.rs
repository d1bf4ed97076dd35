//! Work that must not run below other work of a rayon pool.
//!
//! A rayon worker that waits for jobs of another pool runs jobs of its own meanwhile, on
//! the same stack. Called from one (`par_iter`), compiling a plugin or loading or running
//! a model could so begin another call of the same function above a lock that the first
//! one holds.

use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

/// Runs work that may wait for rayon: here, unless this thread is a rayon worker, which
/// then sleeps while another thread does it.
pub(crate) fn off_rayon<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    match rayon::current_thread_index() {
        None => work(),
        Some(_) => elsewhere(work),
    }
}

/// Runs work that spreads over rayon's global pool. Where that may have no thread left for
/// it, because this is one of its workers or because the process was forked from one that
/// had it, the work gets a pool of its own.
pub(crate) fn with_rayon<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    if rayon::current_thread_index().is_none() && !forked() {
        return work();
    }
    elsewhere(|| match rayon::ThreadPoolBuilder::new().build() {
        Ok(pool) => pool.install(work),
        Err(error) => {
            tracing::warn!(%error, "no threads for compiling could be started");
            work()
        }
    })
}

/// Runs work on a thread of its own, under this thread's span.
fn elsewhere<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    let dispatch = tracing::dispatcher::get_default(Clone::clone);
    let span = tracing::Span::current();
    // In a cell, so that it is still there when no thread can be had.
    let work = std::sync::Mutex::new(Some(work));
    let run = || {
        let work = work.lock().ok()?.take()?;
        tracing::dispatcher::with_default(&dispatch, || span.in_scope(|| Some(work())))
    };
    let ran = thread::scope(|scope| {
        let spawned = thread::Builder::new()
            .name("wudf-apart".into())
            .spawn_scoped(scope, &run);
        match spawned.map(thread::ScopedJoinHandle::join) {
            Ok(Ok(ran)) => ran,
            Ok(Err(panic)) => std::panic::resume_unwind(panic),
            Err(error) => {
                tracing::warn!(%error, "no thread could be started");
                run()
            }
        }
    });
    ran.unwrap_or_else(|| unreachable!("work is taken once"))
}

/// Whether this process was forked from one that had a runtime. The threads of rayon's
/// global pool are the parent's then, and would be waited for in vain.
pub(crate) fn forked() -> bool {
    static FIRST: AtomicU32 = AtomicU32::new(0);
    let process = std::process::id();
    match FIRST.compare_exchange(0, process, Ordering::Relaxed, Ordering::Relaxed) {
        Ok(_) => false,
        Err(first) => first != process,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn worker() -> Option<usize> {
        rayon::current_thread_index()
    }

    #[test]
    fn a_rayon_worker_runs_nothing_that_waits_for_rayon() {
        assert_eq!(off_rayon(worker), None);
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(1)
            .build()
            .unwrap();
        pool.install(|| {
            assert!(worker().is_some());
            assert_eq!(off_rayon(worker), None);
            // The one worker of this pool is asleep: what runs meanwhile is another's.
            let there = with_rayon(|| (worker().is_some(), thread::current().id()));
            assert!(there.0);
            assert_ne!(there.1, thread::current().id());
        });
    }

    #[test]
    fn a_panic_comes_through() {
        let caught = std::panic::catch_unwind(|| elsewhere(|| panic!("as it was")));
        let caught = caught.unwrap_err();
        assert_eq!(caught.downcast_ref::<&str>(), Some(&"as it was"));
    }
}
