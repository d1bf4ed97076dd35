//! How one batch is spread: cut into chunks by rows, bytes and time, over the
//! caller's thread and the runtime's.
//!
//! The caller works itself and at once. Others are asked to help only when the
//! rows that are left are worth waking a thread for, judged by what rows of
//! this function have cost so far.

mod cut;
mod returned;
mod rows;
mod watch;

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use arrow_array::{ArrayRef, new_null_array};

use self::cut::Spent;
use self::returned::{check, columns, kind_of};
pub use self::watch::Slow;
use crate::budget::{Budget, Over};
use crate::cancel::CallOptions;
use crate::columns::arguments::{self, Prepared};
use crate::columns::{join, nulls, schema};
use crate::function::{Failure, Inner, Output, Ready};
use crate::instance::TOO_LARGE;
use crate::plain::Column;
use crate::{Error, ErrorKind, Result};

/// Work below which no other thread is woken, and for each that is.
const WORTH_WAKING: Duration = Duration::from_micros(200);

/// How many times the longest call each thread of a batch may lose to calls that come to
/// nothing. After that its rows fail without being tried: a plugin that hangs
/// in every row must not hold its caller for hours.
const PATIENCE: u32 = 4;

/// How often a caller that waits for others looks whether it is to stop.
const LOOK: Duration = Duration::from_millis(10);

/// Bytes that an instance may pass to the host at one time beside its results: what it
/// prints.
pub(crate) const LEAST_FUEL: usize = 1 << 20;

/// One batch on its way through a function.
pub(crate) struct Call {
    function: Arc<Inner>,
    arguments: Vec<ArrayRef>,
    rows: usize,
    /// Nanoseconds lost to calls that came to nothing, by all threads.
    lost: AtomicU64,
    /// The most threads that have been at work.
    hands: AtomicUsize,
    /// What the batch may still return.
    budget: Budget,
    /// When it is to end before it is done.
    options: CallOptions,
    /// Calls that took longer than the caller wants to hear of.
    slow: Mutex<Vec<Slow>>,
    progress: Mutex<Progress>,
    changed: Condvar,
}

#[derive(Default)]
struct Progress {
    /// The first row that nobody has taken.
    next: usize,
    /// Threads at work.
    working: usize,
    /// Whether the caller waits for them. Waking nobody costs as much as
    /// waking somebody.
    waited_for: bool,
    parts: Vec<Part>,
    error: Option<Error>,
}

/// The rows of one chunk.
struct Part {
    start: usize,
    values: Values,
    failures: Vec<Failure>,
}

enum Values {
    Array(ArrayRef),
    /// Of a plain function: columns, which may still be appended to.
    Rows(Vec<Column>),
}

impl Call {
    /// Runs a batch to its end. Types and lengths have been checked.
    pub(crate) fn run(
        function: &Arc<Inner>,
        arguments: Vec<ArrayRef>,
        rows: usize,
        options: CallOptions,
    ) -> Result<Output> {
        options.check()?;
        let shared = &function.plugin.shared;
        shared.runtime.check_process()?;
        let budget = match function.plain() {
            Some(_) => Budget::of_rows(shared, rows),
            None => Budget::of_columns(shared, rows),
        };
        // Nulls take their room, too.
        let width = schema::width(function.signature.returns.data_type());
        budget.take(width.saturating_mul(rows)).map_err(|over| {
            let results = format!("{rows} results of {width} bytes each, by their type alone");
            match over {
                Over::Limit(limit) => Error::new(
                    ErrorKind::InvalidArguments,
                    format!("{results}, exceed the output limit of {limit} bytes for the batch (Limits::batch_output): pass fewer rows at a time"),
                ),
                Over::Memory(why) => Error::new(ErrorKind::Memory, format!("{results}: {why}")),
            }
        })?;
        let call = Self {
            function: Arc::clone(function),
            arguments,
            rows,
            lost: AtomicU64::new(0),
            hands: AtomicUsize::new(1),
            budget,
            options,
            slow: Mutex::default(),
            progress: Mutex::default(),
            changed: Condvar::new(),
        };
        let _caller = function.caller();
        // Most batches are one chunk, which there is nothing to share of.
        if call.chunk_rows(0) == rows {
            return call.finish(together(vec![call.chunk(0, rows)?])?);
        }
        let call = Arc::new(call);
        {
            // Whatever happens on this thread: helpers read what the caller lent.
            let _wait = Wait(&call);
            let mut asked = 1;
            call.begin();
            let mut started = false;
            call.work(|call, left| {
                // Before the first chunk nothing has taken time yet.
                if std::mem::replace(&mut started, true) {
                    call.options.check()?;
                }
                asked = call.ask_for_help(asked, left);
                Ok(())
            });
        }
        let mut progress = call.lock();
        if let Some(error) = progress.error.take() {
            return Err(error);
        }
        let mut parts = std::mem::take(&mut progress.parts);
        drop(progress);
        parts.sort_unstable_by_key(|part| part.start);
        call.finish(together(parts)?)
    }

    /// The results of the batch as callers get them: null in every row that failed, and
    /// in the fields of structs that are null.
    fn finish(&self, output: Output) -> Result<Output> {
        // What the plugin made of a model that was stopped is no result.
        self.options.check()?;
        let values = arguments::null_failed(&output.values, &output.failures)?;
        let returns = self.function.signature.returns.data_type();
        let values = nulls::push_down(&values, returns)
            .map_err(|e| Error::new(ErrorKind::InvalidOutput, e.to_string()))?;
        Ok(Output {
            values,
            failures: output.failures,
            slow: self.take_slow(),
        })
    }

    /// Wakes as many helpers as what is left is worth; says how many threads
    /// have been set to work in all.
    fn ask_for_help(self: &Arc<Self>, mut asked: usize, left: usize) -> usize {
        let workers = self.function.workers();
        let cost = Duration::from_nanos(self.function.row_cost.load(Ordering::Relaxed));
        let worth = cost.saturating_mul(u32::try_from(left).unwrap_or(u32::MAX));
        let worth = usize::try_from(worth.as_nanos() / WORTH_WAKING.as_nanos());
        let most = workers.min(left).min(worth.unwrap_or(usize::MAX));
        while asked < most {
            // The caller does not wait for helpers that have not begun: by then the batch
            // may be gone, and its columns with it.
            let call = Arc::downgrade(self);
            let span = tracing::Span::current();
            let shared = &self.function.plugin.shared;
            shared
                .runtime
                .pool
                .spawn(&shared.jobs, workers - 1, move || {
                    if let Some(call) = call.upgrade() {
                        let _entered = span.enter();
                        call.begin();
                        call.work(|call, _| call.options.check());
                    }
                });
            asked += 1;
        }
        asked
    }

    fn begin(&self) {
        let mut progress = self.lock();
        progress.working += 1;
        self.hands.fetch_max(progress.working, Ordering::Relaxed);
    }

    /// Takes chunks until none is left; `between` hears how many rows are, and
    /// its error ends the batch.
    fn work(self: &Arc<Self>, mut between: impl FnMut(&Arc<Self>, usize) -> Result<()>) {
        struct Leave<'a>(&'a Call);
        impl Drop for Leave<'_> {
            fn drop(&mut self) {
                let mut progress = self.0.lock();
                progress.working -= 1;
                if std::thread::panicking() {
                    let error =
                        Error::new(ErrorKind::Sandbox, "the host crashed; please report this");
                    progress.error.get_or_insert(error);
                    progress.next = self.0.rows;
                }
                let last = progress.working == 0 && progress.waited_for;
                drop(progress);
                if last {
                    self.0.changed.notify_all();
                }
            }
        }
        let _leave = Leave(self);
        loop {
            let (start, len) = {
                let mut progress = self.lock();
                let start = progress.next;
                let len = self.chunk_rows(start);
                progress.next += len;
                (start, len)
            };
            if len == 0 {
                return;
            }
            let result =
                between(self, self.rows - start - len).and_then(|()| self.chunk(start, len));
            let mut progress = self.lock();
            match result {
                Ok(part) => progress.parts.push(part),
                Err(error) => {
                    progress.error.get_or_insert(error);
                    progress.next = self.rows;
                }
            }
        }
    }

    /// Computes the rows of a chunk. When the plugin crashes or is stopped the
    /// rows are tried one by one, so that only those at fault fail.
    fn chunk(&self, start: usize, len: usize) -> Result<Part> {
        if let Some(plain) = self.function.plain() {
            return self.rows(plain, start, len);
        }
        if self.out_of_patience() {
            return Ok(self.counted(self.failed(start, len, &given_up()), len));
        }
        let ready = self.function.check_out()?;
        let used = ready.used;
        let begin = Instant::now();
        let mut error = match self.enter(ready, start, len, begin) {
            Ok(part) => return Ok(part),
            Err(error) => error,
        };
        if len <= 1 && used && is_the_instances(&error) {
            // Rows before it may have left the instance in the state that ended it.
            let again = Instant::now();
            let ready = self.function.new_instance()?;
            error = match self.enter(ready, start, len, again) {
                Ok(part) => return Ok(part),
                Err(error) => error,
            };
        }
        if !matches!(
            error.kind(),
            ErrorKind::Trap | ErrorKind::Memory | ErrorKind::Timeout
        ) {
            return Err(error);
        }
        self.lose(begin.elapsed());
        if len <= 1 {
            return Ok(self.counted(self.failed(start, len, &error), len));
        }
        let parts = (start..start + len).map(|row| {
            self.options.check()?;
            self.chunk(row, 1)
        });
        let output = together(parts.collect::<Result<Vec<_>>>()?)?;
        Ok(Part {
            start,
            values: Values::Array(output.values),
            failures: output.failures,
        })
    }

    fn out_of_patience(&self) -> bool {
        let hands = u32::try_from(self.hands.load(Ordering::Relaxed)).unwrap_or(u32::MAX);
        let patience = self.function.plugin.shared.limits.call_time;
        let patience = patience.saturating_mul(PATIENCE).saturating_mul(hands);
        u128::from(self.lost.load(Ordering::Relaxed)) >= patience.as_nanos()
    }

    /// Rows that all failed for the same reason.
    fn failed(&self, start: usize, len: usize, error: &Error) -> Part {
        let failures = (start..start + len).map(|row| Failure {
            row,
            kind: error.kind(),
            code: error.code().to_owned(),
            message: self.budget.message(error.message().to_owned()),
        });
        Part {
            start,
            values: Values::Array(new_null_array(
                self.function.signature.returns.data_type(),
                len,
            )),
            failures: failures.collect(),
        }
    }

    /// One call into the sandbox. The instance goes back to the pool only if
    /// nothing went wrong.
    fn enter(&self, mut ready: Ready, start: usize, len: usize, begin: Instant) -> Result<Part> {
        let prepared = self.prepare(start, len)?;
        // What there is no room left for is not even copied.
        let fuel = self.budget.left().saturating_add(LEAST_FUEL);
        ready.instance.prepare(&self.options, fuel);
        let spent = Spent::before(&ready);
        let answer = columns(&mut ready, &prepared.arrays, len);
        let spent = spent.after(&ready);
        let signature = &self.function.signature;
        let part = answer.and_then(|answer| check(answer, signature, start, len, &self.budget));
        self.note(&spent, begin, start, len);
        let mut part = part?;
        prepared.add_failures(start, &mut part.failures);
        self.function.check_in(ready);
        self.function.learn(&spent, len);
        Ok(self.counted(self.pay(part, len)?, len))
    }

    /// Takes what a chunk returned from the batch's budget. Rows that do not fit fail.
    fn pay(&self, part: Part, len: usize) -> Result<Part> {
        let Values::Array(array) = &part.values else {
            return Ok(part);
        };
        let width = schema::width(array.data_type());
        let size = join::size(array).saturating_sub(width.saturating_mul(len));
        let message = match self.budget.take(size) {
            Ok(()) => return Ok(part),
            Err(Over::Limit(limit)) => format!(
                "results of {size} bytes exceed the output limit of {limit} bytes for the batch: return less, pass fewer rows at a time, or raise Limits::batch_output"
            ),
            Err(Over::Memory(why)) => format!("results of {size} bytes: {why}"),
        };
        let error = Error::new(ErrorKind::Memory, message).with_code(TOO_LARGE);
        Ok(self.failed(part.start, len, &error))
    }

    /// The rows of each argument, of the type that the function takes.
    fn prepare(&self, start: usize, len: usize) -> Result<Prepared> {
        let fields = &self.function.signature.arguments;
        let constant = |i: usize| self.function.constant(i).is_some();
        arguments::prepare(&self.arguments, fields, start, len, &constant)
    }

    fn lock(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Waits for a batch's helpers when it goes.
struct Wait<'a>(&'a Arc<Call>);

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        let Self(call) = self;
        let mut progress = call.lock();
        while progress.working > 0 {
            progress.waited_for = true;
            if !call.options.can_stop() {
                progress = call
                    .changed
                    .wait(progress)
                    .unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            (progress, _) = call
                .changed
                .wait_timeout(progress, LOOK)
                .unwrap_or_else(PoisonError::into_inner);
            drop(progress);
            // Asked on the caller's own thread, where engines may want to be.
            let stop = call.options.check();
            progress = call.lock();
            if let Err(error) = stop {
                progress.next = call.rows;
                progress.error.get_or_insert(error);
            }
        }
    }
}

fn given_up() -> Error {
    let message = "not tried: too much time was lost to rows before it that crashed or hung";
    Error::new(ErrorKind::NotTried, message)
}

/// Whether it ended the instance, by what may be the doing of rows before.
fn is_the_instances(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Trap | ErrorKind::Memory) && error.code() != TOO_LARGE
}

/// The parts of a batch, in order, as one.
fn together(parts: Vec<Part>) -> Result<Output> {
    let mut failures = Vec::new();
    let mut arrays: Vec<ArrayRef> = Vec::new();
    let mut rows: Option<Column> = None;
    for part in parts {
        failures.extend(part.failures);
        match (part.values, &mut rows) {
            (Values::Array(array), _) => arrays.push(array),
            (Values::Rows(columns), rows) => {
                for column in columns {
                    match rows {
                        None => *rows = Some(column),
                        Some(rows) => rows.append(column).map_err(too_many)?,
                    }
                }
            }
        }
    }
    if let Some(rows) = rows {
        let array = rows.finish().map_err(|e| {
            let message = format!("the rows of a plain function do not form an array: {e}");
            Error::new(ErrorKind::InvalidOutput, message)
        })?;
        arrays.push(array);
    }
    let values = join::join(&arrays).map_err(too_many)?;
    Ok(Output {
        values,
        failures,
        slow: Vec::new(),
    })
}

fn too_many(message: String) -> Error {
    Error::new(ErrorKind::InvalidOutput, message)
}
