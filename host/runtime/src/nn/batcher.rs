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
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use self::rows::{join, split, splits};
use super::{Error, ErrorKind, Model, Tensor, TensorSpec};
use crate::cancel::CallOptions;
use crate::threads::off_rayon;

mod rows;
#[cfg(test)]
mod tests;

/// How often who waits looks whether it is to stop.
const LOOK: Duration = Duration::from_millis(10);

/// A loaded model with the queue before it.
pub(crate) struct Batcher {
    model: Arc<dyn Model>,
    /// Rows to a run; 1 when runs are not joined.
    batch: usize,
    /// Whether the model may run many times at once.
    inline: bool,
    /// Runs that there may be at one time.
    concurrency: usize,
    /// The most elements of an input of open shape.
    max_elements: u64,
    /// Whether rows may be joined, as far as is known: [`APART`], or how many joint runs
    /// gave what single ones give.
    joining: AtomicU8,
    queue: Mutex<Queue>,
    /// The memory of batches that have run, for those to come.
    spare: Mutex<Vec<Vec<u8>>>,
}

#[derive(Default)]
struct Queue {
    /// How many are running the model, or have been told to.
    running: usize,
    /// The next runs; the last of them may take more rows.
    waiting: VecDeque<Waiting>,
}

/// Nothing has been joined yet. The first joint runs are compared with single ones.
const UNTRIED: u8 = 0;
/// As many joint runs gave what single ones give. One may by chance: of a model that
/// takes the mean of its rows away, two rows of the same mean are the same together.
const PROVEN: u8 = 3;
/// One did not: the first dimension is not the batch.
const APART: u8 = u8::MAX;

/// A run whose turn has not come.
struct Waiting {
    group: Arc<Group>,
    rows: usize,
    requests: usize,
}

/// What runs of models came to, for those who asked for them.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Seen {
    /// Time before their runs began.
    pub queued: Duration,
    /// Runs that they led of models that join rows, and the rows in these.
    pub runs: u64,
    pub rows: u64,
}

impl Seen {
    /// What has come to it since it was `before`.
    pub(crate) fn since(self, before: Self) -> Self {
        Self {
            queued: self.queued - before.queued,
            runs: self.runs - before.runs,
            rows: self.rows - before.rows,
        }
    }
}

/// Requests that stand in one run.
struct Group {
    /// The one whose shape the others have.
    first: Arc<Request>,
    /// When the run began.
    began: OnceLock<Instant>,
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
    /// When its run is to end before it is done.
    options: CallOptions,
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
    pub(crate) fn new(model: Arc<dyn Model>, max_elements: u64) -> Self {
        // Rows can be joined only where the first dimension may be anything.
        let open = |spec: &TensorSpec| {
            spec.dims
                .as_ref()
                .is_some_and(|dims| matches!(dims.first(), Some(None)))
        };
        // Of inner tensors, files often do not say what they are.
        let may_be_open = |spec: &TensorSpec| spec.dims.is_none() || open(spec);
        let joinable = model.inputs().iter().all(open)
            && model.outputs().iter().all(may_be_open)
            && !model.inputs().is_empty();
        let batch = if joinable {
            model.batch_size().max(1)
        } else {
            1
        };
        Self {
            inline: model.batch_size() <= 1,
            concurrency: model.concurrency().max(1),
            max_elements,
            model,
            batch,
            joining: AtomicU8::new(UNTRIED),
            queue: Mutex::default(),
            spare: Mutex::default(),
        }
    }

    /// How many rows a run takes at most.
    pub(crate) fn batch_size(&self) -> usize {
        self.batch
    }

    /// How many rows the next run takes at most.
    fn joined(&self) -> usize {
        match self.joining.load(Ordering::Relaxed) {
            APART => 1,
            _ => self.batch,
        }
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

    /// Runs the model on `inputs` and waits for its outputs. What that came to is added to
    /// `seen`.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] when inputs are missing, unknown or of
    /// another type or shape, [`ErrorKind::Timeout`] when the time is over or the call
    /// ends; what the backend says otherwise.
    pub(crate) fn run(
        &self,
        mut inputs: Inputs,
        deadline: Option<Instant>,
        options: &CallOptions,
        seen: &mut Seen,
    ) -> Result<Vec<Tensor>, Error> {
        self.check(&mut inputs)?;
        let batch = self.joined();
        let rows = inputs
            .first()
            .and_then(|(_, t)| t.dims().first())
            .map_or(1, |d| *d as usize);
        let same = inputs
            .iter()
            .all(|(_, t)| t.dims().first().map(|d| *d as usize) == Some(rows));
        let until = options.clone().until(deadline);
        if self.inline {
            return self.run_one(&inputs, &until, seen);
        }
        let request = Arc::new(Request {
            inputs,
            rows,
            joins: same && rows > 0 && rows < batch,
            options: until,
            state: Mutex::new(Progress::Waiting),
            changed: Condvar::new(),
        });
        let group = {
            let mut queue = lock(&self.queue);
            if queue.running < self.concurrency {
                queue.running += 1;
                None
            } else {
                Some(queue.enter(&request, batch))
            }
        };
        let Some(group) = group else {
            return self.lead(&request, None, seen);
        };
        let arrived = Instant::now();
        self.fill(&group, &request);
        let done = self.wait(&group, &request, deadline, options);
        let began = group.began.get().copied().unwrap_or_else(Instant::now);
        seen.queued += began.saturating_duration_since(arrived);
        match done {
            Some(result) => result,
            None => self.lead(&request, Some(&group), seen),
        }
    }

    /// Waits for a request's answer; there is none if it is to lead the next run.
    fn wait(
        &self,
        group: &Arc<Group>,
        request: &Arc<Request>,
        deadline: Option<Instant>,
        options: &CallOptions,
    ) -> Option<Result<Vec<Tensor>, Error>> {
        let mut state = lock(&request.state);
        loop {
            match std::mem::replace(&mut *state, Progress::Taken) {
                Progress::Done(result) => return Some(result),
                Progress::Lead => return None,
                other => *state = other,
            }
            let left = deadline.map(|d| d.saturating_duration_since(Instant::now()));
            let stopped = options.can_stop() && {
                // Whoever is asked may take their time.
                drop(state);
                let stopped = options.check().is_err();
                state = lock(&request.state);
                stopped
            };
            if stopped && matches!(*state, Progress::Waiting) {
                // Its rows may be in a run: nobody will fetch what comes of them.
                drop(state);
                if self.leave(group, request) {
                    return Some(Err(too_late()));
                }
                state = lock(&request.state);
                if matches!(*state, Progress::Waiting) && lock(&group.filling).due.is_none() {
                    return Some(Err(too_late()));
                }
                if !matches!(*state, Progress::Waiting) {
                    continue;
                }
            } else if stopped {
                continue;
            } else if left == Some(Duration::ZERO) {
                drop(state);
                if self.leave(group, request) {
                    return Some(Err(too_late()));
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
            let wait = match (left, options.can_stop()) {
                (left, true) => Some(left.unwrap_or(LOOK).min(LOOK)),
                (left, false) => left,
            };
            state = match wait {
                None => request
                    .changed
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner),
                Some(wait) => {
                    request
                        .changed
                        .wait_timeout(state, wait)
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
            queue.running -= 1;
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
    fn lead(
        &self,
        own: &Arc<Request>,
        group: Option<&Group>,
        seen: &mut Seen,
    ) -> Result<Vec<Tensor>, Error> {
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
            _ = group.began.set(Instant::now());
            first = &group.first;
        }
        if relay.others.is_empty() {
            return self.run_one(&own.inputs, &own.options, seen);
        }
        let all = || std::iter::once(own).chain(&relay.others);
        let rows: Vec<usize> = all().map(|request| request.rows).collect();
        let total = rows.iter().sum();
        // Of the one who has most time: the others' own clocks stop them.
        let deadline = match all()
            .map(|request| request.options.ends_at())
            .collect::<Option<Vec<_>>>()
        {
            Some(deadlines) => deadlines.into_iter().max(),
            None => None,
        };
        // Nor is it one caller's to cancel.
        let options = CallOptions::default().until(deadline);
        let outputs = join(&first.inputs, joined, total).and_then(|inputs| {
            let outputs = self.run_one(&inputs, &options, seen);
            self.keep(inputs);
            outputs
        });
        let together = match outputs {
            // Who runs out of time together would do so alone, one after the other.
            Err(error) if error.kind() == ErrorKind::Timeout => {
                relay.hand_on();
                for request in std::mem::take(&mut relay.others) {
                    request.finish(Err(error.clone()));
                }
                return Err(error);
            }
            Ok(outputs) if splits(&outputs, total) => Some(split(outputs, &rows)?),
            _ => None,
        };
        let proven = self.joining.load(Ordering::Relaxed) == PROVEN;
        let Some(mut parts) = together.as_ref().filter(|_| proven).cloned() else {
            // One row's data may have spoilt the batch, or nobody knows yet whether rows
            // may be joined at all: each alone, then.
            let mut run =
                |request: &Arc<Request>| self.run_one(&request.inputs, &request.options, seen);
            let mut alone: Vec<_> = relay.others.iter().map(&mut run).collect();
            alone.insert(0, run(own));
            if let Some(together) = together {
                let inputs: Vec<_> = all().map(|request| &request.inputs).collect();
                self.learn(&inputs, &together, &alone);
            }
            relay.hand_on();
            let mut alone = alone.into_iter();
            let own = alone.next().unwrap_or_else(|| Err(too_late()));
            for (request, result) in std::mem::take(&mut relay.others).into_iter().zip(alone) {
                request.finish(result);
            }
            return own;
        };
        relay.hand_on();
        for request in std::mem::take(&mut relay.others).into_iter().rev() {
            request.finish(Ok(parts.pop().unwrap_or_default()));
        }
        Ok(parts.pop().unwrap_or_default())
    }

    /// Learns from a joint run and single ones of the same rows whether rows may be joined.
    ///
    /// An open first dimension need not be the batch: it may be time, or the words of a
    /// sentence, and joining would mix what belongs to different callers.
    fn learn(
        &self,
        inputs: &[&Inputs],
        together: &[Vec<Tensor>],
        alone: &[Result<Vec<Tensor>, Error>],
    ) {
        // Of equal rows even a mean over all of them is the same.
        let differ = inputs.windows(2).any(|pair| !rows::same(pair[0], pair[1]));
        if !differ || alone.iter().any(Result::is_err) {
            return;
        }
        let mut pairs = together.iter().zip(alone);
        let agree = pairs.all(|(a, b)| b.as_ref().is_ok_and(|b| rows::agree(a, b)));
        if !agree {
            tracing::warn!(
                "rows of a model are not joined: together they give other results than alone, so its first dimension is not the batch"
            );
        }
        // Another run may have been compared at the same time.
        let learned = |known| match (known, agree) {
            (APART, _) | (_, false) => Some(APART),
            (known, true) => Some((known + 1).min(PROVEN)),
        };
        let relaxed = Ordering::Relaxed;
        _ = self.joining.fetch_update(relaxed, relaxed, learned);
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

    fn run_one(
        &self,
        inputs: &Inputs,
        options: &CallOptions,
        seen: &mut Seen,
    ) -> Result<Vec<Tensor>, Error> {
        if options.is_over() {
            return Err(too_late());
        }
        let inputs: Vec<(&str, &Tensor)> = inputs.iter().map(|(n, t)| (n.as_str(), t)).collect();
        let rows = inputs.first().and_then(|(_, tensor)| tensor.dims().first());
        let span = tracing::trace_span!("model_run", rows);
        if self.joined() > 1 {
            seen.runs += 1;
            seen.rows += rows.map_or(1, |rows| u64::from(*rows));
        }
        let outputs =
            span.in_scope(|| guarded(|| off_rayon(|| self.model.run(&inputs, options))))?;
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
            let elements = tensor.dims().iter().map(|d| u64::from(*d));
            let elements = elements.fold(1_u64, u64::saturating_mul);
            if dims.contains(&None) && elements > self.max_elements {
                let most = self.max_elements;
                let message = format!(
                    "input `{}` has {elements} elements, and what the model makes of them would take much more memory: at most {most} are allowed (`max_elements` of the model's entry)",
                    spec.name
                );
                return Err(Error::new(ErrorKind::TooLarge, message));
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
            began: OnceLock::new(),
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
