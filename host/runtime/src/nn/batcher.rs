//! The batcher: joins the rows that instances are waiting on into one run.
//!
//! There is no thread and no timer behind it. A caller who finds the device
//! idle runs at once, with all that is waiting up to the model's batch size;
//! while the device is busy others gather, and when it is done one of them is
//! told to run the next batch. So a lone row never waits, and a busy device
//! gets batches as large as there are callers.

use std::collections::VecDeque;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::{Error, ErrorKind, Model, Tensor, TensorSpec};

#[cfg(test)]
mod tests;

/// A loaded model with the queue before it.
pub(crate) struct Batcher {
    model: Box<dyn Model>,
    /// Rows to a run; 1 when runs are not joined.
    batch: usize,
    /// Whether the model may run many times at once.
    inline: bool,
    queue: Mutex<Queue>,
}

#[derive(Default)]
struct Queue {
    /// Whether somebody is running the model, or has been told to.
    busy: bool,
    waiting: VecDeque<Arc<Request>>,
}

/// Inputs by name; a name is always that of one of the model's inputs.
type Inputs = Vec<(String, Tensor)>;

struct Request {
    inputs: Inputs,
    rows: usize,
    /// Whether it may stand in one run with others.
    joins: bool,
    deadline: Option<Instant>,
    state: Mutex<Progress>,
    changed: Condvar,
}

enum Progress {
    Waiting,
    /// Whoever waits runs the next batch, its own request first.
    Lead,
    Done(Result<Vec<Tensor>, Error>),
    Taken,
}

impl Batcher {
    pub(crate) fn new(model: Box<dyn Model>) -> Self {
        // Rows can be joined only where the first dimension may be anything.
        let open = |spec: &TensorSpec| {
            spec.dims
                .as_ref()
                .is_some_and(|dims| matches!(dims.first(), Some(None)))
        };
        let joinable = model.inputs().iter().all(open) && !model.inputs().is_empty();
        let batch = if joinable {
            model.batch_size().max(1)
        } else {
            1
        };
        Self {
            inline: model.batch_size() <= 1,
            model,
            batch,
            queue: Mutex::default(),
        }
    }

    /// How many rows a run takes at most.
    pub(crate) fn batch_size(&self) -> usize {
        self.batch
    }

    /// The outputs' names, in the order in which [`run`](Self::run) returns
    /// them.
    pub(crate) fn outputs(&self) -> &[TensorSpec] {
        self.model.outputs()
    }

    /// Runs the model on `inputs` and waits for its outputs.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] when inputs are missing, unknown or of
    /// another type or shape; what the backend says otherwise.
    pub(crate) fn run(
        &self,
        mut inputs: Inputs,
        deadline: Option<Instant>,
    ) -> Result<Vec<Tensor>, Error> {
        self.check(&mut inputs)?;
        let rows = inputs
            .first()
            .and_then(|(_, t)| t.dims().first())
            .map_or(1, |d| *d as usize);
        let same = inputs
            .iter()
            .all(|(_, t)| t.dims().first().map(|d| *d as usize) == Some(rows));
        if self.inline {
            return self.run_one(&inputs, deadline);
        }
        let request = Arc::new(Request {
            inputs,
            rows,
            joins: same && rows > 0 && rows < self.batch,
            deadline,
            state: Mutex::new(Progress::Waiting),
            changed: Condvar::new(),
        });
        let lead = {
            let mut queue = lock(&self.queue);
            let idle = !std::mem::replace(&mut queue.busy, true);
            if !idle {
                queue.waiting.push_back(Arc::clone(&request));
            }
            idle
        };
        if lead {
            return self.lead(&request);
        }
        let mut state = lock(&request.state);
        loop {
            match std::mem::replace(&mut *state, Progress::Taken) {
                Progress::Done(result) => return result,
                Progress::Lead => {
                    drop(state);
                    return self.lead(&request);
                }
                other => *state = other,
            }
            let left = deadline.map(|d| d.saturating_duration_since(Instant::now()));
            if left == Some(Duration::ZERO) {
                drop(state);
                if self.leave(&request) {
                    return Err(too_late());
                }
                // It is in a run already, or about to lead one.
                state = lock(&request.state);
                while matches!(*state, Progress::Waiting) {
                    state = request
                        .changed
                        .wait(state)
                        .unwrap_or_else(PoisonError::into_inner);
                }
                continue;
            }
            state = match left {
                None => request
                    .changed
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner),
                Some(left) => {
                    request
                        .changed
                        .wait_timeout(state, left)
                        .unwrap_or_else(PoisonError::into_inner)
                        .0
                }
            };
        }
    }

    /// Takes a request out of the queue; says whether it was still there.
    fn leave(&self, request: &Arc<Request>) -> bool {
        let mut queue = lock(&self.queue);
        let at = queue.waiting.iter().position(|r| Arc::ptr_eq(r, request));
        at.and_then(|at| queue.waiting.remove(at)).is_some()
    }

    /// Runs a batch that begins with `own`, answers everybody in it, and hands
    /// the lead on.
    fn lead(&self, own: &Arc<Request>) -> Result<Vec<Tensor>, Error> {
        // Hands on and answers even if the backend panics: nobody may wait for
        // ever.
        struct Relay<'a>(&'a Batcher, Vec<Arc<Request>>);
        impl Drop for Relay<'_> {
            fn drop(&mut self) {
                for request in &self.1 {
                    request.finish(Err(Error::new(ErrorKind::Runtime, "the backend crashed")));
                }
                let mut queue = lock(&self.0.queue);
                match queue.waiting.pop_front() {
                    Some(next) => next.set(Progress::Lead),
                    None => queue.busy = false,
                }
            }
        }
        let mut relay = Relay(self, self.gather(own));
        if relay.1.is_empty() {
            return self.run_one(&own.inputs, own.deadline);
        }
        let rows: Vec<usize> = std::iter::once(own)
            .chain(&relay.1)
            .map(|request| request.rows)
            .collect();
        let deadline = std::iter::once(own)
            .chain(&relay.1)
            .filter_map(|r| r.deadline)
            .min();
        let joined = join(own, &relay.1).and_then(|inputs| self.run_one(&inputs, deadline));
        let mut parts = match joined.and_then(|outputs| split(outputs, &rows)) {
            Ok(parts) => parts,
            Err(_) => {
                // One row's data may have spoilt the batch: each alone, then.
                let others = std::mem::take(&mut relay.1);
                for request in others {
                    request.finish(self.run_one(&request.inputs, request.deadline));
                }
                return self.run_one(&own.inputs, own.deadline);
            }
        };
        for request in std::mem::take(&mut relay.1).into_iter().rev() {
            request.finish(Ok(parts.pop().unwrap_or_default()));
        }
        Ok(parts.pop().unwrap_or_default())
    }

    /// Takes from the queue's head what fits with `own` into one run.
    fn gather(&self, own: &Request) -> Vec<Arc<Request>> {
        let mut queue = lock(&self.queue);
        let mut rows = own.rows;
        let mut others = Vec::new();
        while let Some(next) = queue.waiting.front() {
            if !own.joins || !next.joins || rows + next.rows > self.batch || !own.fits(next) {
                break;
            }
            rows += next.rows;
            others.extend(queue.waiting.pop_front());
        }
        others
    }

    fn run_one(&self, inputs: &Inputs, deadline: Option<Instant>) -> Result<Vec<Tensor>, Error> {
        if deadline.is_some_and(|deadline| deadline <= Instant::now()) {
            return Err(too_late());
        }
        let inputs: Vec<(&str, &Tensor)> = inputs.iter().map(|(n, t)| (n.as_str(), t)).collect();
        let outputs = guarded(|| self.model.run(&inputs, deadline))?;
        if outputs.len() != self.model.outputs().len() {
            return Err(Error::new(
                ErrorKind::Runtime,
                "the backend returned another number of outputs than it has",
            ));
        }
        Ok(outputs)
    }

    /// Checks inputs against the model's, and gives a nameless one its name.
    fn check(&self, inputs: &mut Inputs) -> Result<(), Error> {
        let specs = self.model.inputs();
        let invalid = |message| Err(Error::new(ErrorKind::InvalidArgument, message));
        let names = || {
            specs
                .iter()
                .map(|s| s.name.as_str())
                .collect::<Vec<_>>()
                .join(", ")
        };
        if let ([(name, _)], [spec]) = (inputs.as_mut_slice(), specs)
            && name.is_empty()
        {
            name.clone_from(&spec.name);
        }
        if inputs.len() != specs.len() {
            return invalid(format!(
                "{} inputs given, the model takes {}: {}",
                inputs.len(),
                specs.len(),
                names()
            ));
        }
        for spec in specs {
            let mut named = inputs.iter().filter(|(name, _)| *name == spec.name);
            let (Some((_, tensor)), None) = (named.next(), named.next()) else {
                return invalid(format!(
                    "the model takes {}; `{}` was not given once",
                    names(),
                    spec.name
                ));
            };
            if tensor.ty() != spec.ty {
                return invalid(format!(
                    "input `{}` is {}, not {}",
                    spec.name,
                    spec.ty,
                    tensor.ty()
                ));
            }
            let Some(dims) = &spec.dims else { continue };
            let fits = dims.len() == tensor.dims().len()
                && dims
                    .iter()
                    .zip(tensor.dims())
                    .all(|(want, have)| want.is_none_or(|want| want == *have));
            if !fits {
                let dims: Vec<_> = dims
                    .iter()
                    .map(|d| d.map_or("?".into(), |d| d.to_string()))
                    .collect();
                return invalid(format!(
                    "input `{}` has shape [{}], not {:?}",
                    spec.name,
                    dims.join(", "),
                    tensor.dims()
                ));
            }
        }
        Ok(())
    }
}

impl Request {
    fn set(&self, progress: Progress) {
        *lock(&self.state) = progress;
        self.changed.notify_one();
    }

    fn finish(&self, result: Result<Vec<Tensor>, Error>) {
        self.set(Progress::Done(result));
    }

    /// Whether the rows of both can stand in one tensor.
    fn fits(&self, other: &Self) -> bool {
        self.inputs.iter().all(|(name, a)| {
            other.inputs.iter().any(|(other, b)| {
                name == other && a.ty() == b.ty() && a.dims().get(1..) == b.dims().get(1..)
            })
        })
    }
}

/// One tensor of all requests' rows for each input.
fn join(first: &Request, others: &[Arc<Request>]) -> Result<Inputs, Error> {
    let joined = first.inputs.iter().map(|(name, tensor)| {
        let mut data = tensor.data().to_vec();
        let mut rows = first.rows;
        for request in others {
            let part = request.inputs.iter().find(|(other, _)| other == name);
            data.extend_from_slice(part.map_or(&[], |(_, t)| t.data()));
            rows += request.rows;
        }
        let mut dims = tensor.dims().to_vec();
        dims[0] = u32::try_from(rows).unwrap_or(u32::MAX);
        Ok((name.clone(), Tensor::new(dims, tensor.ty(), data)?))
    });
    joined.collect()
}

/// Each request's rows of every output.
fn split(outputs: Vec<Tensor>, rows: &[usize]) -> Result<Vec<Vec<Tensor>>, Error> {
    let total: usize = rows.iter().sum();
    let mut parts: Vec<Vec<Tensor>> = rows
        .iter()
        .map(|_| Vec::with_capacity(outputs.len()))
        .collect();
    for output in outputs {
        let dims = output.dims();
        if dims.first().map(|d| *d as usize) != Some(total) {
            let message =
                format!("an output {dims:?} does not have the batch's {total} rows first");
            return Err(Error::new(ErrorKind::Unsupported, message));
        }
        let width = output.data().len() / total;
        let mut from = 0;
        for (part, rows) in parts.iter_mut().zip(rows) {
            let to = from + rows * width;
            let mut dims = dims.to_vec();
            dims[0] = u32::try_from(*rows).unwrap_or(u32::MAX);
            part.push(Tensor::new(
                dims,
                output.ty(),
                output.data()[from..to].to_vec(),
            )?);
            from = to;
        }
    }
    Ok(parts)
}

/// Calls a backend; its panic is an error, and nobody who waits for it hangs.
pub(super) fn guarded<T>(call: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    std::panic::catch_unwind(AssertUnwindSafe(call))
        .unwrap_or_else(|_| Err(Error::new(ErrorKind::Runtime, "the backend crashed")))
}

fn too_late() -> Error {
    Error::new(ErrorKind::Timeout, "no time was left to run the model")
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
