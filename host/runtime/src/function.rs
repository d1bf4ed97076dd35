//! Functions: a plugin's function with its options bound, ready for columns.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field};
use serde_json::Value;

use crate::argument::{self, Argument};
use crate::cancel::CallOptions;
use crate::columns::{cast, size};
use crate::contract::RawArgument;
use crate::instance::{Handle, Instance};
use crate::plain::PlainFunction;
use crate::plugin;
use crate::schedule::{Call, Slow};
use crate::stats::{Counters, Stats};
use crate::{Error, ErrorKind, Plugin, Result, Signature};

/// A plugin's function with its options bound. Clones are the same function;
/// any number of threads may call it at once.
#[derive(Clone)]
pub struct Function(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub plugin: Arc<plugin::Inner>,
    pub signature: Arc<Signature>,
    pub counters: Arc<Counters>,
    opening: Opening,
    /// The values of arguments that are bound to constants, of the signature's types.
    pub constants: Vec<Option<ArrayRef>>,
    /// Whether columns' types have to be bound before a call.
    unbound: bool,
    /// What the signature says, read once.
    pub rows_per_call: Option<usize>,
    /// Of a function of any types: itself, bound to the types of earlier calls.
    bound: Mutex<HashMap<Vec<DataType>, Function>>,
    /// Instances that nobody is using, the last used one last.
    idle: Mutex<Vec<Ready>>,
    /// Callers at this time, and the most of the last while.
    callers: AtomicUsize,
    most_callers: AtomicUsize,
    /// What a row costs, in nanoseconds; 0 until one was seen.
    pub row_cost: AtomicU64,
    /// Rows that the next chunk should have, to learn whether that makes them cheaper; 0
    /// when that is known.
    pub trial: AtomicUsize,
    /// The largest batch size of its models.
    pub batch_size: AtomicUsize,
}

/// What instances are told when the function is opened in them.
struct Opening {
    /// Its name in the plugin, which that under its options may differ from.
    name: String,
    options: String,
    arguments: Vec<RawArgument>,
}

/// An instance with the function opened in it.
pub(crate) struct Ready {
    pub instance: Instance,
    pub handle: Handle,
    /// Whether it has been called before.
    pub used: bool,
}

/// One row that has no value, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Failure {
    /// The row, counted from 0 in the arguments of the call.
    pub row: usize,
    /// What kind of failure: [`ErrorKind::Row`] when the function said so and its code
    /// stands for nothing more exact.
    pub kind: ErrorKind,
    /// What the function says that it is about, a word of the contract's open list such
    /// as `invalid-input`; the name of the kind for failures that the host found.
    pub code: String,
    /// Why, for people.
    pub message: String,
}

/// Values, and the failures of the rows that have none.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Output {
    /// One value for each row; null where the row failed.
    pub values: ArrayRef,
    /// The rows that failed, in ascending order.
    pub failures: Vec<Failure>,
    /// The calls into the plugin that took longer than [`CallOptions::slow`], in the order
    /// of their rows.
    pub slow: Vec<Slow>,
}

/// The columns of a call.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Arguments<'a> {
    /// One array for each argument, in order, all of one length.
    Arrays(&'a [ArrayRef]),
    /// A batch with columns named like the arguments, or with exactly as many
    /// columns as there are arguments.
    Batch(&'a RecordBatch),
}

impl<'a> From<&'a [ArrayRef]> for Arguments<'a> {
    fn from(arrays: &'a [ArrayRef]) -> Self {
        Self::Arrays(arrays)
    }
}

impl<'a, const N: usize> From<&'a [ArrayRef; N]> for Arguments<'a> {
    fn from(arrays: &'a [ArrayRef; N]) -> Self {
        Self::Arrays(arrays)
    }
}

impl<'a> From<&'a Vec<ArrayRef>> for Arguments<'a> {
    fn from(arrays: &'a Vec<ArrayRef>) -> Self {
        Self::Arrays(arrays)
    }
}

impl<'a> From<&'a RecordBatch> for Arguments<'a> {
    fn from(batch: &'a RecordBatch) -> Self {
        Self::Batch(batch)
    }
}

impl Function {
    pub(crate) fn open(
        plugin: &Plugin,
        name: &str,
        options: &Value,
        arguments: &[Argument],
    ) -> Result<Self> {
        let options = match options {
            Value::Null => "{}".to_owned(),
            Value::Object(_) => options.to_string(),
            _ => {
                return Err(Error::new(
                    ErrorKind::InvalidOptions,
                    "options are a JSON object",
                ));
            }
        };
        Self::with(plugin, name, options, arguments, Arc::default())
    }

    fn with(
        plugin: &Plugin,
        name: &str,
        options: String,
        arguments: &[Argument],
        counters: Arc<Counters>,
    ) -> Result<Self> {
        let declared = plugin
            .signatures()
            .iter()
            .find(|s| s.name == name)
            .ok_or_else(|| {
                let names: Vec<_> = plugin
                    .signatures()
                    .iter()
                    .map(|s| s.name.as_str())
                    .collect();
                Error::new(
                    ErrorKind::UnknownFunction,
                    format!("no such function; there is: {}", names.join(", ")),
                )
            })?;
        let opening = Opening {
            name: name.to_owned(),
            options,
            arguments: match arguments {
                // As when nothing is known, which most functions do not ask for.
                [] => Vec::new(),
                given => argument::raw(declared, given)?,
            },
        };
        let mut first = ready(&plugin.0, &opening)?;
        counters.created.add(1);
        let known = match arguments {
            [] => plugin.0.bound(name, &opening.options),
            _ => None,
        };
        let signature = match known {
            Some(bound) => bound,
            None => {
                let bound = match first.instance.signature(first.handle)? {
                    Some(bound) => Signature::check(bound)?,
                    None => declared.clone(),
                };
                bound.check_bound(declared, arguments.len())?;
                match arguments {
                    [] => plugin.0.bind(name, &opening.options, bound),
                    _ => Arc::new(bound),
                }
            }
        };
        for asset in &signature.assets {
            if !plugin.0.shared.assets.contains(asset) {
                let message = format!("missing asset `{asset}`: the host does not grant it");
                return Err(Error::new(ErrorKind::Asset, message));
            }
        }
        let constants = constants(&signature, arguments)?;
        let batch_size = first.instance.state().batch_size;
        let inner = Arc::new(Inner {
            plugin: Arc::clone(&plugin.0),
            unbound: signature.is_generic() && arguments.is_empty(),
            rows_per_call: signature.rows_per_call(),
            signature,
            counters,
            opening,
            constants,
            bound: Mutex::default(),
            idle: Mutex::new(vec![first]),
            callers: AtomicUsize::new(0),
            most_callers: AtomicUsize::new(0),
            row_cost: AtomicU64::new(0),
            trial: AtomicUsize::new(0),
            batch_size: AtomicUsize::new(batch_size),
        });
        plugin.0.shared.runtime.add(&inner);
        Ok(Self(inner))
    }

    /// The plugin that it belongs to.
    pub fn plugin(&self) -> Plugin {
        Plugin(Arc::clone(&self.0.plugin))
    }

    /// Its signature under the bound options.
    pub fn signature(&self) -> &Signature {
        &self.0.signature
    }

    /// The same function under the same options, with other arguments bound: the types
    /// of the caller's columns, and the values of those that are the same in all rows.
    /// A function that takes any type says what it returns only once arguments are
    /// bound.
    ///
    /// # Errors
    /// As [`Plugin::open_with`].
    pub fn bind(&self, arguments: &[Argument]) -> Result<Self> {
        let inner = &self.0;
        let options = inner.opening.options.clone();
        let counters = Arc::clone(&inner.counters);
        let name = &inner.opening.name;
        Self::with(&self.plugin(), name, options, arguments, counters).map_err(|e| inner.here(e))
    }

    /// The function bound to columns of these types.
    fn bound_to(&self, arguments: &Arguments<'_>) -> Result<Self> {
        /// More is a caller that has new types each time.
        const KEPT: usize = 64;
        let types: Vec<DataType> = match arguments {
            Arguments::Arrays(arrays) => arrays.iter().map(|a| a.data_type().clone()).collect(),
            Arguments::Batch(batch) => {
                let schema = batch.schema();
                let fields = schema.fields().iter();
                fields.map(|f| f.data_type().clone()).collect()
            }
        };
        let lock = || self.0.bound.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bound) = lock().get(&types) {
            return Ok(bound.clone());
        }
        let arguments: Vec<Argument> = types
            .iter()
            .enumerate()
            .map(|(i, ty)| {
                let name = self.0.signature.argument(i);
                let name = name.map_or("", |field| field.name());
                Argument::column(Field::new(name, ty.clone(), true))
            })
            .collect();
        let bound = self.bind(&arguments)?;
        let mut kept = lock();
        if kept.len() >= KEPT {
            kept.clear();
        }
        kept.insert(types, bound.clone());
        Ok(bound)
    }

    /// Whether arrays of these types may be its arguments: the declared types,
    /// and those that become them by the rule of [`cast`](crate::cast). Arguments that
    /// are bound to constants are left out, here and in calls.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArguments`], saying which does not fit.
    pub fn check_types<'a>(&self, types: impl IntoIterator<Item = &'a DataType>) -> Result<()> {
        self.0
            .check_types(types.into_iter())
            .map_err(|e| self.0.here(e))
    }

    /// Computes one value a row.
    ///
    /// # Errors
    /// Of kind [`ErrorKind::Row`] and the like, with [`Error::row`], for the
    /// first row that failed; otherwise as [`Function::evaluate`].
    pub fn call<'a>(&self, arguments: impl Into<Arguments<'a>>) -> Result<ArrayRef> {
        let output = self.evaluate(arguments)?;
        match output.failures.into_iter().next() {
            None => Ok(output.values),
            Some(failure) => Err(self
                .0
                .here(Error::new(failure.kind, failure.message).in_row(failure.row))),
        }
    }

    /// Computes one value a row, and says of each row without one why. A
    /// crash, a limit or a time-out costs the row that it happened in, not the
    /// others, until each thread of a batch has lost four times [`Limits::call_time`] to
    /// such rows: then those that are left fail as [`ErrorKind::NotTried`].
    ///
    /// [`Limits::call_time`]: crate::Limits::call_time
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArguments`] when types or lengths do not fit,
    /// [`ErrorKind::InvalidOutput`] when the plugin breaks the contract, and
    /// what the plugin says of the call as a whole.
    pub fn evaluate<'a>(&self, arguments: impl Into<Arguments<'a>>) -> Result<Output> {
        self.evaluate_with(arguments, &CallOptions::default())
    }

    /// As [`Function::evaluate`], under options of this call alone.
    ///
    /// # Errors
    /// As [`Function::evaluate`], [`ErrorKind::Cancelled`], and
    /// [`ErrorKind::TooManyFailures`].
    pub fn evaluate_with<'a>(
        &self,
        arguments: impl Into<Arguments<'a>>,
        options: &CallOptions,
    ) -> Result<Output> {
        let arguments = arguments.into();
        if self.0.unbound {
            // The columns of a batch that are named like the arguments, if there are such.
            let named = match arguments {
                Arguments::Batch(batch) if !self.0.signature.is_variadic() => self.0.named(batch),
                _ => None,
            };
            let arguments = named.as_ref().map_or(arguments, Arguments::from);
            let bound = self.bound_to(&arguments)?;
            return bound.evaluate_with(arguments, options);
        }
        self.0
            .arrays(arguments)
            .and_then(|(arrays, rows)| self.run(arrays, rows, options))
            .map_err(|e| self.0.here(e))
    }

    /// Computes `rows` values of a function that takes no arguments, or none that is not
    /// bound to a constant.
    ///
    /// # Errors
    /// As [`Function::evaluate`].
    pub fn evaluate_rows(&self, rows: usize) -> Result<Output> {
        self.evaluate_rows_with(rows, &CallOptions::default())
    }

    /// As [`Function::evaluate_rows`], under options of this call alone.
    ///
    /// # Errors
    /// As [`Function::evaluate_with`].
    pub fn evaluate_rows_with(&self, rows: usize, options: &CallOptions) -> Result<Output> {
        self.0
            .check_types([].iter())
            .and_then(|()| self.run(self.0.with_constants(Vec::new()), rows, options))
            .map_err(|e| self.0.here(e))
    }

    /// What has been done so far.
    pub fn stats(&self) -> Stats {
        self.0.counters.snapshot()
    }

    fn run(&self, arrays: Vec<ArrayRef>, rows: usize, options: &CallOptions) -> Result<Output> {
        let (plugin, function) = (&self.0.plugin.name, &self.0.signature.name);
        let span = tracing::debug_span!("batch", plugin, function, rows);
        let _entered = span.enter();
        let run = || {
            let columns = arrays.iter().enumerate();
            let columns = columns.filter(|(i, _)| self.0.constant(*i).is_none());
            let bytes_in = columns.map(|(_, array)| size::of_values(array)).sum();
            let output = Call::run(&self.0, arrays, rows, options.clone())?;
            let bytes_out = size::of_values(&output.values);
            let counters = &self.0.counters;
            counters.batch(rows, &output.failures, bytes_in, bytes_out);
            Ok(output)
        };
        // What is wrong with the host costs the call, not the engine.
        catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|panic| {
            let why = match (panic.downcast_ref::<&str>(), panic.downcast_ref::<String>()) {
                (Some(why), _) => why,
                (_, Some(why)) => why.as_str(),
                _ => "unknown",
            };
            let message = format!("the host panicked, please report this: {why}");
            Err(Error::new(ErrorKind::Sandbox, message))
        })
    }
}

impl std::fmt::Debug for Function {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Function({}: {})", self.0.plugin.name, self.0.signature)
    }
}

impl Inner {
    fn here(&self, error: Error) -> Error {
        error
            .in_plugin(&self.plugin.name)
            .in_function(&self.signature.name)
    }

    fn check_types<'a>(&self, types: impl Iterator<Item = &'a DataType>) -> Result<()> {
        let mut wanted = self.columns();
        let mut given = 0;
        for ty in types {
            given += 1;
            let Some(field) = wanted.next() else { continue };
            argument::check(field.name(), ty, field.data_type())?;
        }
        let takes = self.columns().count();
        if given != takes {
            let message = format!("takes {takes} arguments, not {given}: {}", self.signature);
            return Err(Error::new(ErrorKind::InvalidArguments, message));
        }
        Ok(())
    }

    fn arrays(&self, arguments: Arguments<'_>) -> Result<(Vec<ArrayRef>, usize)> {
        let (arrays, rows) = match arguments {
            Arguments::Arrays(arrays) => (arrays.to_vec(), arrays.first().map_or(0, |a| a.len())),
            Arguments::Batch(batch) => {
                let arrays = match self.named(batch) {
                    Some(arrays) => arrays,
                    None if batch.num_columns() == self.columns().count() => {
                        batch.columns().to_vec()
                    }
                    None => {
                        let schema = batch.schema();
                        let have: Vec<_> =
                            schema.fields().iter().map(|f| f.name().as_str()).collect();
                        let message = format!(
                            "{} wants columns of its names; there is: {}",
                            self.signature,
                            have.join(", ")
                        );
                        return Err(Error::new(ErrorKind::InvalidArguments, message));
                    }
                };
                (arrays, batch.num_rows())
            }
        };
        self.check_types(arrays.iter().map(|a| a.data_type()))?;
        if arrays.iter().any(|a| a.len() != rows) {
            return Err(Error::new(
                ErrorKind::InvalidArguments,
                "arguments of different lengths",
            ));
        }
        Ok((self.with_constants(arrays), rows))
    }

    /// The columns of a batch by the names of the arguments, if all are there.
    fn named(&self, batch: &RecordBatch) -> Option<Vec<ArrayRef>> {
        let columns = self.columns();
        columns
            .map(|field| batch.column_by_name(field.name()).cloned())
            .collect()
    }

    /// The arguments that calls bring columns for: all but those bound to constants.
    fn columns(&self) -> impl Iterator<Item = &Field> {
        let arguments = self.signature.arguments.iter().enumerate();
        arguments.filter_map(|(i, field)| match self.constant(i) {
            Some(_) => None,
            None => Some(field),
        })
    }

    /// The value that an argument is bound to.
    pub(crate) fn constant(&self, argument: usize) -> Option<&ArrayRef> {
        self.constants.get(argument)?.as_ref()
    }

    /// All arguments in order, of the columns of a call and the constants.
    fn with_constants(&self, columns: Vec<ArrayRef>) -> Vec<ArrayRef> {
        if self.constants.is_empty() {
            return columns;
        }
        let mut columns = columns.into_iter();
        let arguments = self.constants.iter();
        arguments
            .filter_map(|constant| constant.clone().or_else(|| columns.next()))
            .collect()
    }

    /// The plain function that this is, if it is one.
    pub(crate) fn plain(&self) -> Option<&PlainFunction> {
        let mut plain = self.plugin.compiled.plain.iter();
        plain.find(|f| f.signature.name == self.signature.name)
    }

    /// An instance to call: an idle one, or a new one.
    pub(crate) fn check_out(&self) -> Result<Ready> {
        let idle = self.idle().pop();
        match idle {
            Some(ready) => {
                self.counters.reused.add(1);
                Ok(ready)
            }
            None => self.new_instance(),
        }
    }

    /// An instance that no row has been in.
    pub(crate) fn new_instance(&self) -> Result<Ready> {
        let ready = ready(&self.plugin, &self.opening)?;
        self.counters.created.add(1);
        self.batch_size
            .fetch_max(ready.instance.state().batch_size, Ordering::Relaxed);
        Ok(ready)
    }

    /// Gives back an instance that is still good.
    pub(crate) fn check_in(&self, mut ready: Ready) {
        ready.used = true;
        // More than threads can use at once would only hold memory.
        let most = self
            .workers()
            .max(self.most_callers.load(Ordering::Relaxed));
        let now = ready.instance.state().entered;
        let idle_time = self.plugin.shared.limits.idle_time;
        let mut idle = self.idle();
        // The first was used longest ago.
        let unused = |first: &Ready| now.saturating_duration_since(first.instance.state().entered);
        let stale = idle.first().is_some_and(|first| unused(first) > idle_time);
        let stale = stale.then(|| idle.remove(0));
        let mut ended = u64::from(stale.is_some());
        if idle.len() < most {
            idle.push(ready);
        } else {
            ended += 1;
        }
        drop(idle);
        self.counters.evicted.add(ended);
        // Its memory is given back without anybody waiting for that.
        drop(stale);
    }

    /// Takes half of the idle instances, those that have been idle longest, so that
    /// another function can have their room.
    pub(crate) fn evict(&self) -> Vec<Ready> {
        let mut idle = self.idle();
        let half = idle.len().div_ceil(2);
        self.counters.evicted.add(half as u64);
        idle.drain(..half).collect()
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Ready>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a caller while what comes back lives. An engine that calls from threads of
    /// its own finds an instance for each, whatever the runtime's threads are.
    pub(crate) fn caller(&self) -> Caller<'_> {
        /// How many calls it takes to forget one of the callers that there once were.
        const FORGET: u64 = 1_024;
        let now = self.callers.fetch_add(1, Ordering::Relaxed) + 1;
        let most = self.most_callers.load(Ordering::Relaxed);
        if now > most {
            self.most_callers.fetch_max(now, Ordering::Relaxed);
        } else if now < most && self.counters.calls.get().is_multiple_of(FORGET) {
            self.most_callers.fetch_sub(1, Ordering::Relaxed);
        }
        Caller(self)
    }

    /// Threads that it pays to use on one batch: one for each core, or as many
    /// as keep a batching device full while its last batch is being unpacked.
    pub(crate) fn workers(&self) -> usize {
        let threads = self.plugin.shared.threads;
        // A function that works on many rows at once fills batches by itself.
        if self.rows_per_call.is_some_and(|rows| rows > 1) {
            return threads;
        }
        match self.batch_size.load(Ordering::Relaxed) {
            0 | 1 => threads,
            batch => threads.max((2 * batch).min(256)),
        }
    }
}

/// Somebody who is calling a function.
pub(crate) struct Caller<'a>(&'a Inner);

impl Drop for Caller<'_> {
    fn drop(&mut self) {
        self.0.callers.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The constants among the arguments, as the types that the function wants of them.
fn constants(signature: &Signature, arguments: &[Argument]) -> Result<Vec<Option<ArrayRef>>> {
    let pairs = signature.arguments.iter().zip(arguments);
    let values = pairs.map(|(field, argument)| {
        let misfit = |what: String| {
            let message = format!("argument `{}`: {what}", field.name());
            Error::new(ErrorKind::InvalidArguments, message)
        };
        let (from, to) = (argument.field().data_type(), field.data_type());
        cast::conversion(from, to).map_err(|e| misfit(e.message().to_owned()))?;
        let value = argument.value();
        let value = value.map(|value| cast::whole(value, to).map_err(misfit));
        value.transpose()
    });
    let values: Vec<_> = values.collect::<Result<_>>()?;
    Ok(match values.iter().any(Option::is_some) {
        true => values,
        false => Vec::new(),
    })
}

fn ready(plugin: &plugin::Inner, opening: &Opening) -> Result<Ready> {
    let name = &opening.name;
    let mut instance = plugin.instance()?;
    let handle = match plugin
        .compiled
        .plain
        .iter()
        .find(|f| f.signature.name == *name)
    {
        None => instance.open(name, &opening.options, &opening.arguments)?,
        Some(function) => instance.open_plain(function, &opening.options)?,
    };
    Ok(Ready {
        instance,
        handle,
        used: false,
    })
}
