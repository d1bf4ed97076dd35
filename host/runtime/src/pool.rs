//! The runtime's threads.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

/// How long a thread waits for work before it ends.
const IDLE: Duration = Duration::from_secs(10);

/// Threads that help callers with large batches. They start when they are first needed,
/// serve all sessions, and end when there is nothing for them to do.
pub(crate) struct Pool(Arc<Inner>);

/// The jobs that a session has in a pool. It never has more threads at work than it may, so
/// that one session's hanging jobs leave others theirs. Changed under the pool's lock only.
#[derive(Debug, Default)]
pub(crate) struct Jobs {
    /// Waiting and running.
    all: AtomicUsize,
    running: AtomicUsize,
}

struct Job {
    run: Box<dyn FnOnce() + Send>,
    of: Arc<Jobs>,
    /// The most that its session may have running.
    most: usize,
}

struct Inner {
    state: Mutex<State>,
    wake: Condvar,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
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

    /// Runs a job soon, on a thread that is idle or a new one; while `most` of the session's
    /// jobs are running, after one of them.
    pub(crate) fn spawn(&self, of: &Arc<Jobs>, most: usize, job: impl FnOnce() + Send + 'static) {
        let mut state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        let before = of.all.fetch_add(1, Ordering::Relaxed);
        state.jobs.push_back(Job {
            run: Box::new(job),
            of: Arc::clone(of),
            most,
        });
        if state.idle < state.jobs.len() && before < most {
            let inner = Arc::clone(&self.0);
            let thread = std::thread::Builder::new()
                .name("wudf".into())
                .spawn(move || inner.work());
            if let Err(error) = thread {
                // Helpers are a help only: the caller does the work itself.
                tracing::warn!(%error, "no thread could be started");
            }
        }
        drop(state);
        self.0.wake.notify_one();
    }
}

impl State {
    /// The next job whose session has a thread left for it.
    fn take(&mut self) -> Option<Job> {
        let may_run = |job: &Job| job.of.running.load(Ordering::Relaxed) < job.most;
        let at = self.jobs.iter().position(may_run)?;
        let job = self.jobs.remove(at)?;
        job.of.running.fetch_add(1, Ordering::Relaxed);
        Some(job)
    }
}

impl Inner {
    fn work(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(Job { run, of, .. }) = state.take() {
                drop(state);
                // A job answers for itself; its panic must not cost the thread.
                let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(run));
                state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
                of.all.fetch_sub(1, Ordering::Relaxed);
                of.running.fetch_sub(1, Ordering::Relaxed);
            } else if state.closed {
                return;
            } else {
                state.idle += 1;
                let (woken, timeout) = self
                    .wake
                    .wait_timeout(state, IDLE)
                    .unwrap_or_else(PoisonError::into_inner);
                state = woken;
                state.idle -= 1;
                if timeout.timed_out() && state.jobs.is_empty() {
                    return;
                }
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn the_jobs_of_one_session_leave_others_their_threads() {
        const SOON: Duration = Duration::from_secs(20);
        let pool = Pool::new();
        let (one, two) = (Arc::default(), Arc::default());
        let (report, reports) = mpsc::channel();
        let (release, hang) = mpsc::channel::<()>();
        let hang = Arc::new(Mutex::new(hang));
        for _ in 0..8 {
            let (hang, report) = (Arc::clone(&hang), report.clone());
            pool.spawn(&one, 2, move || {
                report.send("began").unwrap();
                let _ = hang.lock().unwrap().recv();
                report.send("one").unwrap();
            });
        }
        // Two hang, six wait for them. They do not take the threads of the other session.
        assert_eq!(reports.recv_timeout(SOON), Ok("began"));
        assert_eq!(reports.recv_timeout(SOON), Ok("began"));
        for _ in 0..3 {
            let report = report.clone();
            pool.spawn(&two, 3, move || report.send("two").unwrap());
        }
        for _ in 0..3 {
            assert_eq!(reports.recv_timeout(SOON), Ok("two"));
        }
        drop(release);
        let ended = |_: &usize| reports.recv_timeout(SOON).unwrap() == "one";
        assert_eq!(
            (0..14).filter(ended).count(),
            8,
            "all of them run in the end"
        );
    }
}
