//! The batcher: joins the rows that instances are waiting on into one run.
//!
//! There is no thread and no timer behind it. A caller who finds the device
//! idle runs at once; while the device is busy others gather, up to the model's
//! batch size, and when it is done one of them is told to run what has gathered.
//! So a lone row never waits, and a busy device gets batches as large as there
//! are callers.
//!
//! What can be done while the device works is: who joins a batch copies its rows
//! into it on arriving, and answers are cut up and handed out after the next run
//! has been let go.

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
    /// The memory of batches that have run, for those to come.
    spare: Mutex<Vec<Vec<u8>>>,
}

#[derive(Default)]
struct Queue {
    /// Whether somebody is running the model, or has been told to.
    busy: bool,
    /// The next runs; the last of them may take more rows.
    waiting: VecDeque<Waiting>,
}

/// A run whose turn has not come.
struct Waiting {
    group: Arc<Group>,
    rows: usize,
    requests: usize,
}

/// Requests that stand in one run.
struct Group {
    /// The one whose shape the others have.
    first: Arc<Request>,
    filling: Mutex<Filling>,
    filled: Condvar,
}

#[derive(Default)]
struct Filling {
    requests: Vec<Arc<Request>>,
    /// For each input the rows of the first `copied` requests, one behind the
    /// other. A single request is not copied.
    joined: Vec<Vec<u8>>,
    copied: usize,
    /// How many requests there will be, once the group's turn has come.
    due: Option<usize>,
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
            spare: Mutex::default(),
        }
    }

    /// How many rows a run takes at most.
    pub(crate) fn batch_size(&self) -> usize {
        self.batch
    }

    /// What the model takes.
    pub(crate) fn inputs(&self) -> &[TensorSpec] {
        self.model.inputs()
    }

    /// The outputs, in the order in which [`run`](Self::run) returns
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
        let group = {
            let mut queue = lock(&self.queue);
            let busy = std::mem::replace(&mut queue.busy, true);
            busy.then(|| queue.enter(&request, self.batch))
        };
        let Some(group) = group else {
            return self.lead(&request, None);
        };
        self.fill(&group, &request);
        let mut state = lock(&request.state);
        loop {
            match std::mem::replace(&mut *state, Progress::Taken) {
                Progress::Done(result) => return result,
                Progress::Lead => {
                    drop(state);
                    return self.lead(&request, Some(&group));
                }
                other => *state = other,
            }
            let left = deadline.map(|d| d.saturating_duration_since(Instant::now()));
            if left == Some(Duration::ZERO) {
                drop(state);
                if self.leave(&group, &request) {
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
    fn leave(&self, group: &Arc<Group>, request: &Arc<Request>) -> bool {
        let mut queue = lock(&self.queue);
        let mut groups = queue.waiting.iter();
        let Some(place) = groups.position(|w| Arc::ptr_eq(&w.group, group)) else {
            return false;
        };
        let waiting = &mut queue.waiting[place];
        waiting.rows -= request.rows;
        waiting.requests -= 1;
        if waiting.requests == 0 {
            queue.waiting.remove(place);
        } else {
            group.remove(request);
        }
        true
    }

    /// Adds a request to its group, its rows to those of the others.
    fn fill(&self, group: &Group, request: &Arc<Request>) {
        let mut filling = lock(&group.filling);
        let filling = &mut *filling;
        filling.requests.push(Arc::clone(request));
        if filling.requests.len() > 1 {
            if filling.joined.is_empty() {
                let mut spare = lock(&self.spare);
                let inputs = &group.first.inputs;
                filling.joined = inputs
                    .iter()
                    .map(|_| spare.pop().unwrap_or_default())
                    .collect();
            }
            for request in &filling.requests[filling.copied..] {
                for ((name, _), joined) in group.first.inputs.iter().zip(&mut filling.joined) {
                    let part = request.data(name);
                    if joined.is_empty() {
                        joined.reserve(part.len() / request.rows.max(1) * self.batch);
                    }
                    joined.extend_from_slice(part);
                }
            }
            filling.copied = filling.requests.len();
        }
        if let Some(due) = filling.due {
            if filling.requests.len() == 1 {
                request.set(Progress::Lead);
            }
            if filling.requests.len() == due {
                group.filled.notify_all();
            }
        }
    }

    /// Lets the next run go, or the device rest.
    fn hand_on(&self) {
        let mut queue = lock(&self.queue);
        let Some(next) = queue.waiting.pop_front() else {
            queue.busy = false;
            return;
        };
        let mut filling = lock(&next.group.filling);
        filling.due = Some(next.requests);
        // If none is there yet, the first that comes leads.
        if let Some(leader) = filling.requests.first() {
            leader.set(Progress::Lead);
        }
    }

    /// Runs a batch that begins with `own`, answers everybody in it, and hands
    /// the lead on.
    fn lead(&self, own: &Arc<Request>, group: Option<&Group>) -> Result<Vec<Tensor>, Error> {
        // Hands on and answers even if something panics: nobody may wait for
        // ever.
        struct Relay<'a> {
            batcher: &'a Batcher,
            others: Vec<Arc<Request>>,
            leads: bool,
        }
        impl Relay<'_> {
            fn hand_on(&mut self) {
                if std::mem::take(&mut self.leads) {
                    self.batcher.hand_on();
                }
            }
        }
        impl Drop for Relay<'_> {
            fn drop(&mut self) {
                self.hand_on();
                for request in &self.others {
                    request.finish(Err(Error::new(ErrorKind::Runtime, "the backend crashed")));
                }
            }
        }
        let mut relay = Relay {
            batcher: self,
            others: Vec::new(),
            leads: true,
        };
        let mut joined = Vec::new();
        let mut first = own;
        if let Some(group) = group {
            (relay.others, joined) = group.take();
            first = &group.first;
        }
        if relay.others.is_empty() {
            return self.run_one(&own.inputs, own.deadline);
        }
        let all = || std::iter::once(own).chain(&relay.others);
        let rows: Vec<usize> = all().map(|request| request.rows).collect();
        let total = rows.iter().sum();
        let deadline = all().filter_map(|request| request.deadline).min();
        let outputs = join(first, joined, total).and_then(|inputs| {
            let outputs = self.run_one(&inputs, deadline);
            self.keep(inputs);
            outputs
        });
        let Some(outputs) = outputs.ok().filter(|outputs| splits(outputs, total)) else {
            // One row's data may have spoilt the batch: each alone, then.
            let others = std::mem::take(&mut relay.others);
            for request in others {
                request.finish(self.run_one(&request.inputs, request.deadline));
            }
            return self.run_one(&own.inputs, own.deadline);
        };
        relay.hand_on();
        let mut parts = split(outputs, &rows)?;
        for request in std::mem::take(&mut relay.others).into_iter().rev() {
            request.finish(Ok(parts.pop().unwrap_or_default()));
        }
        Ok(parts.pop().unwrap_or_default())
    }

    /// Keeps the memory of a batch that has run: of one, beside that of the
    /// batch that is running and of the one that gathers.
    fn keep(&self, inputs: Inputs) {
        let mut spare = lock(&self.spare);
        if spare.is_empty() {
            spare.extend(inputs.into_iter().map(|(_, tensor)| {
                let mut memory = tensor.into_data();
                memory.clear();
                memory
            }));
        }
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

impl Queue {
    /// Where a request will run: with those that wait, if it fits.
    fn enter(&mut self, request: &Arc<Request>, batch: usize) -> Arc<Group> {
        if let Some(last) = self.waiting.back_mut()
            && last.rows + request.rows <= batch
            && last.group.first.joins
            && request.joins
            && last.group.first.fits(request)
        {
            last.rows += request.rows;
            last.requests += 1;
            return Arc::clone(&last.group);
        }
        let group = Arc::new(Group {
            first: Arc::clone(request),
            filling: Mutex::default(),
            filled: Condvar::new(),
        });
        self.waiting.push_back(Waiting {
            group: Arc::clone(&group),
            rows: request.rows,
            requests: 1,
        });
        group
    }
}

impl Group {
    /// Takes a request out again, and its rows.
    fn remove(&self, request: &Arc<Request>) {
        let mut filling = lock(&self.filling);
        let mut requests = filling.requests.iter();
        let Some(at) = requests.position(|r| Arc::ptr_eq(r, request)) else {
            return;
        };
        if at < filling.copied {
            let filling = &mut *filling;
            for ((name, _), joined) in self.first.inputs.iter().zip(&mut filling.joined) {
                let before = filling.requests[..at].iter();
                let from: usize = before.map(|r| r.data(name).len()).sum();
                joined.drain(from..from + request.data(name).len());
            }
            filling.copied -= 1;
        }
        filling.requests.remove(at);
    }

    /// The requests behind the first, once all are there, and the rows of all.
    fn take(&self) -> (Vec<Arc<Request>>, Vec<Vec<u8>>) {
        let mut filling = lock(&self.filling);
        while filling.due.is_some_and(|due| filling.requests.len() < due) {
            filling = self
                .filled
                .wait(filling)
                .unwrap_or_else(PoisonError::into_inner);
        }
        let mut requests = std::mem::take(&mut filling.requests).into_iter();
        requests.next();
        (requests.collect(), std::mem::take(&mut filling.joined))
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

    /// The bytes of one input.
    fn data(&self, name: &str) -> &[u8] {
        let mut inputs = self.inputs.iter();
        inputs
            .find(|input| input.0 == name)
            .map_or(&[], |(_, tensor)| tensor.data())
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
fn join(first: &Request, joined: Vec<Vec<u8>>, rows: usize) -> Result<Inputs, Error> {
    let inputs = first.inputs.iter().zip(joined);
    let inputs = inputs.map(|((name, tensor), data)| {
        let mut dims = tensor.dims().to_vec();
        dims[0] = u32::try_from(rows).unwrap_or(u32::MAX);
        Ok((name.clone(), Tensor::new(dims, tensor.ty(), data)?))
    });
    inputs.collect()
}

/// Whether every output has its rows first, and all of them.
fn splits(outputs: &[Tensor], rows: usize) -> bool {
    let mut dims = outputs.iter().map(|output| output.dims().first());
    dims.all(|first| first.is_some_and(|first| *first as usize == rows))
}

/// Each request's rows of every output; they have [these rows](splits).
fn split(outputs: Vec<Tensor>, rows: &[usize]) -> Result<Vec<Vec<Tensor>>, Error> {
    let total: usize = rows.iter().sum();
    let mut parts: Vec<Vec<Tensor>> = rows
        .iter()
        .map(|_| Vec::with_capacity(outputs.len()))
        .collect();
    for output in outputs {
        let width = output.data().len() / total;
        let mut from = 0;
        for (part, rows) in parts.iter_mut().zip(rows) {
            let to = from + rows * width;
            let mut dims = output.dims().to_vec();
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
