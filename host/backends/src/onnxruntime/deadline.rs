//! Ending runs that take too long.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use ort::session::RunOptions;
use wudf::nn::{Error, ErrorKind};

/// Runs under way that have a deadline, the earliest first, watched by one
/// thread for the whole process.
#[derive(Default)]
struct Watch {
    runs: Mutex<Runs>,
    earlier: Condvar,
}

#[derive(Default)]
struct Runs {
    by_deadline: BTreeMap<Key, Arc<RunOptions>>,
    next: u64,
}

/// Deadlines can be equal; numbers are not.
type Key = (Instant, u64);

/// A run's place in the watch; dropped when the run is over.
pub(super) struct Watched {
    watch: &'static Watch,
    key: Key,
}

/// Has the run with these options told to end at `deadline`, unless what comes
/// back is dropped before.
pub(super) fn watch(options: &Arc<RunOptions>, deadline: Instant) -> Result<Watched, Error> {
    let watch = here().map_err(|e| {
        Error::new(
            ErrorKind::Runtime,
            format!("cannot start the thread that keeps deadlines: {e}"),
        )
    })?;
    let mut runs = watch.runs.lock().unwrap_or_else(PoisonError::into_inner);
    let key = (deadline, runs.next);
    runs.next += 1;
    let first = runs
        .by_deadline
        .first_key_value()
        .is_none_or(|(first, _)| key < *first);
    runs.by_deadline.insert(key, Arc::clone(options));
    if first {
        watch.earlier.notify_one();
    }
    Ok(Watched { watch, key })
}

/// The watch of this process. A forked process has its parent's memory, but
/// not the thread.
fn here() -> std::io::Result<&'static Watch> {
    static WATCH: Mutex<Option<(u32, &'static Watch)>> = Mutex::new(None);
    let process = std::process::id();
    let mut started = WATCH.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, watch)) = started.filter(|(of, _)| *of == process) {
        return Ok(watch);
    }
    let watch: &'static Watch = Box::leak(Box::default());
    thread::Builder::new()
        .name("wudf-deadlines".into())
        .spawn(|| watch.keep())?;
    *started = Some((process, watch));
    Ok(watch)
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.watch
            .runs
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .by_deadline
            .remove(&self.key);
    }
}

impl Watch {
    fn keep(&self) {
        let mut runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let now = Instant::now();
            while let Some(run) = runs
                .by_deadline
                .first_entry()
                .filter(|run| run.key().0 <= now)
            {
                if let Err(e) = run.remove().terminate() {
                    tracing::warn!("cannot end a run of a model: {e}");
                }
            }
            runs = match runs.by_deadline.first_key_value() {
                Some((&(deadline, _), _)) => {
                    let wait = deadline.saturating_duration_since(now);
                    self.earlier
                        .wait_timeout(runs, wait)
                        .unwrap_or_else(PoisonError::into_inner)
                        .0
                }
                None => self
                    .earlier
                    .wait(runs)
                    .unwrap_or_else(PoisonError::into_inner),
            };
        }
    }
}
