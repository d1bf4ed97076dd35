//! Ending runs that take too long, or that nobody wants any more.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use ort::session::RunOptions;
use wudf::nn::{Error, ErrorKind};
use wudf::{CallOptions, CancellationToken};

/// How often tokens are looked at.
const LOOK: Duration = Duration::from_millis(10);

/// Runs under way that may have to be ended, watched by one thread for the whole
/// process.
#[derive(Default)]
struct Watch {
    runs: Mutex<Runs>,
    earlier: Condvar,
}

#[derive(Default)]
struct Runs {
    /// The earliest first.
    by_deadline: BTreeMap<Key, Arc<RunOptions>>,
    by_token: BTreeMap<u64, (CancellationToken, Arc<RunOptions>)>,
    next: u64,
}

/// Deadlines can be equal; numbers are not.
type Key = (Instant, u64);

/// A run's place in the watch; dropped when the run is over.
pub(super) struct Watched {
    watch: &'static Watch,
    number: u64,
    deadline: Option<Instant>,
}

/// Has the run told to end when the call is to, unless what comes back is dropped before.
pub(super) fn watch(run: &Arc<RunOptions>, call: &CallOptions) -> Result<Watched, Error> {
    let watch = here().map_err(|e| {
        Error::new(
            ErrorKind::Runtime,
            format!("cannot start the thread that keeps deadlines: {e}"),
        )
    })?;
    let mut runs = watch.runs.lock().unwrap_or_else(PoisonError::into_inner);
    let number = runs.next;
    runs.next += 1;
    let mut sooner = false;
    if let Some(deadline) = call.ends_at() {
        let first = runs.by_deadline.first_key_value();
        sooner = first.is_none_or(|((first, _), _)| deadline < *first);
        runs.by_deadline.insert((deadline, number), Arc::clone(run));
    }
    if let Some(token) = call.token() {
        sooner |= runs.by_token.is_empty();
        runs.by_token
            .insert(number, (token.clone(), Arc::clone(run)));
    }
    if sooner {
        watch.earlier.notify_one();
    }
    Ok(Watched {
        watch,
        number,
        deadline: call.ends_at(),
    })
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
        let runs = self.watch.runs.lock();
        let mut runs = runs.unwrap_or_else(PoisonError::into_inner);
        if let Some(deadline) = self.deadline {
            runs.by_deadline.remove(&(deadline, self.number));
        }
        runs.by_token.remove(&self.number);
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
                end(&run.remove());
            }
            let tokens: Vec<_> = runs.by_token.iter().map(|(n, t)| (*n, t.clone())).collect();
            if !tokens.is_empty() {
                // Whoever is asked may take their time.
                drop(runs);
                let mut ended = Vec::new();
                for (number, (token, run)) in tokens {
                    if token.is_cancelled() {
                        end(&run);
                        ended.push(number);
                    }
                }
                runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
                ended.iter().for_each(|number| {
                    runs.by_token.remove(number);
                });
            }
            let next = runs.by_deadline.first_key_value();
            let wait = next.map(|(&(deadline, _), _)| deadline.saturating_duration_since(now));
            let wait = match runs.by_token.is_empty() {
                true => wait,
                false => Some(wait.unwrap_or(LOOK).min(LOOK)),
            };
            runs = match wait {
                Some(wait) => {
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

fn end(run: &RunOptions) {
    if let Err(e) = run.terminate() {
        tracing::warn!("cannot end a run of a model: {e}");
    }
}
