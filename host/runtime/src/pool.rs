//! The runtime's threads.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, PoisonError};

type Job = Box<dyn FnOnce() + Send>;

/// Threads that help callers with large batches. They start when they are
/// first needed, and end with the runtime.
pub(crate) struct Pool(Arc<Inner>);

struct Inner {
    state: Mutex<State>,
    wake: Condvar,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    threads: usize,
    idle: usize,
    closed: bool,
}

impl Pool {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Inner {
            state: Mutex::default(),
            wake: Condvar::new(),
        }))
    }

    /// Runs a job on one of at most `most` threads, soon.
    pub(crate) fn spawn(&self, most: usize, job: impl FnOnce() + Send + 'static) {
        let mut state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.jobs.push_back(Box::new(job));
        if state.idle < state.jobs.len() && state.threads < most {
            let inner = Arc::clone(&self.0);
            let thread = std::thread::Builder::new()
                .name("wudf".into())
                .spawn(move || inner.work());
            match thread {
                Ok(_) => state.threads += 1,
                // Helpers are a help only: the caller does the work itself.
                Err(error) => tracing::warn!(%error, "no thread could be started"),
            }
        }
        drop(state);
        self.0.wake.notify_one();
    }
}

impl Inner {
    fn work(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(job) = state.jobs.pop_front() {
                drop(state);
                // A job answers for itself; its panic must not cost the thread.
                let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(job));
                state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            } else if state.closed {
                return;
            } else {
                state.idle += 1;
                state = self
                    .wake
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner);
                state.idle -= 1;
            }
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        // Not joined: the last owner may be one of the threads.
        self.0
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .closed = true;
        self.0.wake.notify_all();
    }
}
