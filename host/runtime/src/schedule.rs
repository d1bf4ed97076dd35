//! How one batch is spread: cut into chunks by rows, bytes and time, over the
//! caller's thread and the runtime's.
//!
//! The caller works itself and at once. Others are asked to help only when the
//! rows that are left are worth waking a thread for, judged by what rows of
//! this function have cost so far.

mod rows;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use arrow_array::{ArrayRef, new_null_array};

use crate::columns::arguments::{self, Prepared};
use crate::columns::size::RowSizes;
use crate::columns::{lift, lower, nulls, schema};
use crate::contract::RawOutput;
use crate::error::code_of;
use crate::function::{Failure, Inner, Output, Ready};
use crate::instance::Handle;
use crate::plain::{Budget, Column};
use crate::{Error, ErrorKind, Result};

/// What one chunk should take: long enough that entering the sandbox is
/// nothing, short enough that threads end together.
const CHUNK_TIME: Duration = Duration::from_millis(20);

/// Work below which no other thread is woken.
const WORTH_WAKING: Duration = Duration::from_micros(200);

/// How many times the longest call a batch may lose to calls that come to
/// nothing. After that its rows fail without being tried: a plugin that hangs
/// in every row must not hold its caller for hours.
const PATIENCE: u32 = 4;

/// One batch on its way through a function.
pub(crate) struct Call {
    function: Arc<Inner>,
    arguments: Vec<ArrayRef>,
    rows: usize,
    /// Nanoseconds lost to calls that came to nothing.
    lost: AtomicU64,
    /// What the rows of a plain function may still return.
    budget: Budget,
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
    /// Of a plain function, which may still be appended to.
    Rows(Column),
}

impl Call {
    /// Runs a batch to its end. Types and lengths have been checked.
    pub(crate) fn run(
        function: &Arc<Inner>,
        arguments: Vec<ArrayRef>,
        rows: usize,
        go_on: &mut (dyn FnMut() -> Result<()> + Send),
    ) -> Result<Output> {
        let budget = Budget::new(&function.plugin.shared.limits, rows);
        let call = Self {
            function: Arc::clone(function),
            budget,
            arguments,
            rows,
            lost: AtomicU64::new(0),
            progress: Mutex::default(),
            changed: Condvar::new(),
        };
        // Most batches are one chunk, which there is nothing to share of.
        if call.chunk_rows(0) == rows {
            return call.finish(join(vec![call.chunk(0, rows)?])?);
        }
        let call = Arc::new(call);
        let mut asked = 1;
        call.begin();
        let mut started = false;
        call.work(|call, left| {
            // Before the first chunk nothing has taken time yet.
            if std::mem::replace(&mut started, true) {
                go_on()?;
            }
            asked = call.ask_for_help(asked, left);
            Ok(())
        });
        let mut progress = call.lock();
        while progress.working > 0 {
            progress.waited_for = true;
            progress = call
                .changed
                .wait(progress)
                .unwrap_or_else(PoisonError::into_inner);
        }
        if let Some(error) = progress.error.take() {
            return Err(error);
        }
        let mut parts = std::mem::take(&mut progress.parts);
        drop(progress);
        parts.sort_unstable_by_key(|part| part.start);
        call.finish(join(parts)?)
    }

    /// The results of the batch as callers get them: null in every row that failed, and
    /// in the fields of structs that are null.
    fn finish(&self, output: Output) -> Result<Output> {
        let values = arguments::null_failed(&output.values, &output.failures)?;
        let returns = self.function.signature.returns.data_type();
        let values = nulls::push_down(&values, returns)
            .map_err(|e| Error::new(ErrorKind::InvalidOutput, e.to_string()))?;
        Ok(Output {
            values,
            failures: output.failures,
        })
    }

    /// Wakes as many helpers as what is left is worth; says how many threads
    /// have been set to work in all.
    fn ask_for_help(self: &Arc<Self>, mut asked: usize, left: usize) -> usize {
        let workers = self.function.workers();
        let cost = Duration::from_nanos(self.function.row_cost.load(Ordering::Relaxed));
        let worth = cost.saturating_mul(u32::try_from(left).unwrap_or(u32::MAX));
        while asked < workers && asked <= left && worth > WORTH_WAKING {
            let call = Arc::clone(self);
            // The caller does not wait for helpers that have not begun: they
            // find nothing left to take.
            self.function
                .plugin
                .shared
                .pool
                .spawn(workers - 1, move || {
                    call.begin();
                    call.work(|_, _| Ok(()));
                });
            asked += 1;
        }
        asked
    }

    fn begin(&self) {
        self.lock().working += 1;
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

    /// How many rows the chunk from `start` has.
    fn chunk_rows(&self, start: usize) -> usize {
        let left = self.rows - start;
        if left == 0 {
            // A helper that came late. The caller may have its answer, and
            // the memory of its columns, which another library lent, be gone.
            return 0;
        }
        let limits = &self.function.plugin.shared.limits;
        let cost = self.function.row_cost.load(Ordering::Relaxed);
        let by_time = match cost {
            // Nothing is known yet: one row tells.
            0 => 1,
            cost => {
                let of = |time: Duration| {
                    usize::try_from(time.as_nanos() / u128::from(cost)).unwrap_or(usize::MAX)
                };
                // A fair share, so that threads end together, but no crumbs.
                let share = left.div_ceil(2 * self.function.workers());
                let share = if self.function.workers() == 1 {
                    left
                } else {
                    share.max(of(WORTH_WAKING))
                };
                share.min(of(CHUNK_TIME)).max(1)
            }
        };
        // What comes back has a limit too, and may be wide.
        let width = schema::width(self.function.signature.returns.data_type());
        let by_output = (limits.output / width.max(1)).max(1);
        let most = left
            .min(limits.chunk_rows.max(1))
            .min(by_time)
            .min(by_output);
        let most = match self.function.rows_per_call {
            Some(rows) => most.min(rows),
            None => most,
        };
        // Constants weigh nothing by the row.
        let columns = self.arguments.iter().enumerate();
        let columns = columns.filter(|(i, _)| self.function.constant(*i).is_none());
        let sizes = || columns.clone().map(|(_, array)| RowSizes::of(array));
        let fixed = |size: &RowSizes<'_>| match size {
            RowSizes::Fixed(bytes) => Some(*bytes),
            _ => None,
        };
        if let Some(bytes) = sizes().map(|size| fixed(&size)).sum::<Option<usize>>() {
            return most.min((limits.chunk / bytes.max(1)).max(1));
        }
        let sizes: Vec<_> = sizes().collect();
        let fixed: usize = sizes.iter().filter_map(fixed).sum();
        let whole = sizes.iter().map(|size| size.rows(start, most));
        if whole
            .sum::<Option<usize>>()
            .is_some_and(|bytes| bytes <= limits.chunk)
        {
            return most;
        }
        let mut bytes = 0;
        for row in 0..most {
            bytes += fixed;
            for size in sizes.iter().filter(|s| !matches!(s, RowSizes::Fixed(_))) {
                bytes += size.row(start + row);
            }
            if bytes > limits.chunk {
                return row.max(1);
            }
        }
        most
    }

    /// Computes the rows of a chunk. When the plugin crashes or is stopped the
    /// rows are tried one by one, so that only those at fault fail.
    fn chunk(&self, start: usize, len: usize) -> Result<Part> {
        if let Some(plain) = self.function.plain() {
            return self.rows(plain, start, len);
        }
        if self.out_of_patience() {
            return self.failed(start, len, &given_up());
        }
        let ready = self.function.check_out()?;
        let begin = Instant::now();
        let error = match self.enter(ready, start, len, begin) {
            Ok(part) => return Ok(part),
            Err(error) => error,
        };
        if !matches!(
            error.kind(),
            ErrorKind::Trap | ErrorKind::Memory | ErrorKind::Timeout
        ) {
            return Err(error);
        }
        self.lose(begin.elapsed());
        if len <= 1 {
            return self.failed(start, len, &error);
        }
        let parts = (start..start + len).map(|row| self.chunk(row, 1));
        let output = join(parts.collect::<Result<Vec<_>>>()?)?;
        Ok(Part {
            start,
            values: Values::Array(output.values),
            failures: output.failures,
        })
    }

    fn out_of_patience(&self) -> bool {
        let patience = self.function.plugin.shared.limits.call_time;
        let patience = patience.saturating_mul(PATIENCE);
        u128::from(self.lost.load(Ordering::Relaxed)) >= patience.as_nanos()
    }

    fn failed(&self, start: usize, len: usize, error: &Error) -> Result<Part> {
        let ty = self.function.signature.returns.data_type();
        // Lists of a fixed size take their room in nulls too, as much as the
        // plugin likes to say.
        let limit = self.function.plugin.shared.limits.output;
        if schema::width(ty).saturating_mul(len) > limit {
            return Err(error.clone());
        }
        let failures = (start..start + len).map(|row| Failure {
            row,
            kind: error.kind(),
            code: error.code().to_owned(),
            message: error.message().to_owned(),
        });
        Ok(Part {
            start,
            values: Values::Array(new_null_array(ty, len)),
            failures: failures.collect(),
        })
    }

    /// One call into the sandbox. The instance goes back to the pool only if
    /// nothing went wrong.
    fn enter(&self, mut ready: Ready, start: usize, len: usize, begin: Instant) -> Result<Part> {
        let prepared = self.prepare(start, len)?;
        let spent = Spent::before(&ready);
        let answer = columns(&mut ready, &prepared.arrays, len);
        let spent = spent.after(&ready);
        let mut part = check(answer?, &self.function.signature, start, len)?;
        prepared.add_failures(start, &mut part.failures);
        self.function.check_in(ready);
        self.function.count(&spent, begin, len);
        Ok(part)
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

/// Where the time of a call into the sandbox went.
struct Spent {
    entered: Instant,
    left: Instant,
    /// Running models, and loading them.
    computing: Duration,
    loading: Duration,
}

impl Spent {
    fn before(ready: &Ready) -> Self {
        let state = ready.instance.state();
        Self {
            entered: state.entered,
            left: state.entered,
            computing: state.computing,
            loading: state.loading,
        }
    }

    fn after(self, ready: &Ready) -> Self {
        let state = ready.instance.state();
        Self {
            entered: state.entered,
            left: Instant::now(),
            computing: state.computing - self.computing,
            loading: state.loading - self.loading,
        }
    }
}

impl Inner {
    /// Counts a call that began to be prepared at `begin`, and learns from it.
    fn count(&self, spent: &Spent, begin: Instant, rows: usize) {
        let inside = spent.left - spent.entered;
        let counters = &self.counters;
        let add = |counter: &AtomicU64, time: Duration| {
            counter.fetch_add(
                u64::try_from(time.as_nanos()).unwrap_or(u64::MAX),
                Ordering::Relaxed,
            );
        };
        counters.calls.fetch_add(1, Ordering::Relaxed);
        add(
            &counters.plugin,
            inside.saturating_sub(spent.computing + spent.loading),
        );
        add(&counters.model, spent.computing);
        add(
            &counters.boundary,
            (spent.entered - begin) + spent.left.elapsed(),
        );
        self.learn(inside.saturating_sub(spent.loading), rows);
    }

    /// Remembers what rows cost, the newest measurement most.
    fn learn(&self, time: Duration, rows: usize) {
        let Some(cost) = u64::try_from(time.as_nanos())
            .ok()
            .and_then(|t| t.checked_div(rows as u64))
        else {
            return;
        };
        let old = self.row_cost.load(Ordering::Relaxed);
        let new = if old == 0 || rows >= 64 {
            cost
        } else {
            (old + cost) / 2
        };
        self.row_cost.store(new.max(1), Ordering::Relaxed);
    }
}

fn given_up() -> Error {
    let message = "not tried: too much time was lost to rows before it that crashed or hung";
    Error::new(ErrorKind::Timeout, message)
}

/// Lays columns out and calls a columnar function.
fn columns(ready: &mut Ready, arrays: &[ArrayRef], len: usize) -> Result<RawOutput> {
    let Handle::Columnar(handle) = ready.handle else {
        return Err(Error::new(ErrorKind::UnknownFunction, "no such function"));
    };
    let columns: Vec<_> = arrays.iter().map(lower::lower).collect();
    let rows = u32::try_from(len)
        .map_err(|_| Error::new(ErrorKind::InvalidArguments, "more rows than one call takes"))?;
    ready.instance.call(handle, rows, &columns)
}

/// Checks what a plugin returned and makes a part of it.
fn check(
    output: RawOutput,
    signature: &crate::Signature,
    start: usize,
    rows: usize,
) -> Result<Part> {
    let broken = |what: String| {
        Error::new(
            ErrorKind::InvalidOutput,
            format!("returned what it may not: {what}"),
        )
    };
    let values = lift::lift(&signature.declared, output.values, rows).map_err(broken)?;
    let said = output.failures;
    if said.len() > rows {
        return Err(broken(format!("{} failures of {rows} rows", said.len())));
    }
    let mut failures: Vec<Failure> = Vec::with_capacity(said.len());
    for failure in said {
        let row = failure.row as usize;
        let ascends = failures.last().is_none_or(|last| last.row < start + row);
        if row >= rows || !ascends || !values.is_null(row) {
            return Err(broken(format!("row {row} cannot have failed")));
        }
        let message = crate::instance::reason(&failure.message);
        let code = code_of(&failure.code).to_owned();
        failures.push(Failure {
            row: start + row,
            kind: kind_of(&code),
            code,
            message,
        });
    }
    Ok(Part {
        start,
        values: Values::Array(values),
        failures,
    })
}

/// The kind of a row's failure to which the plugin gave this code.
fn kind_of(code: &str) -> ErrorKind {
    match ErrorKind::of_code(code) {
        Some(kind @ (ErrorKind::Model | ErrorKind::Asset | ErrorKind::Timeout)) => kind,
        _ => ErrorKind::Row,
    }
}

/// The parts of a batch, in order, as one.
fn join(parts: Vec<Part>) -> Result<Output> {
    let mut failures = Vec::new();
    let mut arrays: Vec<ArrayRef> = Vec::new();
    let mut rows: Option<Column> = None;
    for part in parts {
        failures.extend(part.failures);
        match (part.values, &mut rows) {
            (Values::Array(array), _) => arrays.push(array),
            (Values::Rows(column), None) => rows = Some(column),
            (Values::Rows(column), Some(rows)) => rows.append(column).map_err(too_many)?,
        }
    }
    if let Some(rows) = rows {
        let array = rows.finish().map_err(|e| {
            let message = format!("the rows of a plain function do not form an array: {e}");
            Error::new(ErrorKind::InvalidOutput, message)
        })?;
        arrays.push(array);
    }
    let values = match arrays.as_slice() {
        [array] => array.clone(),
        arrays => {
            let arrays: Vec<_> = arrays.iter().map(AsRef::as_ref).collect();
            arrow_select::concat::concat(&arrays).map_err(|e| {
                too_many(format!(
                    "the results of one batch do not fit in one array ({e}): pass fewer rows at a time"
                ))
            })?
        }
    };
    Ok(Output { values, failures })
}

fn too_many(message: String) -> Error {
    Error::new(ErrorKind::InvalidOutput, message)
}
