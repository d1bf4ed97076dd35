//! One running copy of a plugin: its store, its limits, its way in.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow_array::ArrayRef;
use wasmtime::component::{self, InstancePre, ResourceTable, ResourceTableError};
use wasmtime::{
    PoolConcurrencyLimitError, ResourceLimiter, Store, Trap, UpdateDeadline, WasmBacktrace,
};
use wasmtime_wasi::{I32Exit, WasiCtx, WasiCtxView, WasiView};

use crate::budget::Budget;
use crate::cancel::CallOptions;
use crate::columns::Node;
use crate::contract::{
    Problem, RawArgument, RawOutput, RawSignature, Scalar, ScalarFunction, ScalarInstance,
};
use crate::engine::INSTANCES;
use crate::error::printable;
use crate::nn::batcher::Seen;
use crate::plain::{self, PlainFunction, Refusal};
use crate::runtime::Place;
use crate::sandbox::{self, Printed};
use crate::session::Shared;
use crate::{Error, ErrorKind, Result};

/// Handles that a plugin may hold on the host: tensors, graphs, streams.
const HANDLES: usize = 10_000;

/// The code of the error when all of the sandbox's instances are alive.
pub(crate) const NO_ROOM: &str = "too-many-instances";

/// The code of the error when a result exceeds a limit.
pub(crate) const TOO_LARGE: &str = "too-large";

/// What the host keeps for one instance.
pub(crate) struct State {
    pub shared: Arc<Shared>,
    pub table: ResourceTable,
    wasi: WasiCtx,
    printed: Printed,
    /// When the plugin was last entered.
    pub entered: Instant,
    /// When the plugin must be back.
    pub deadline: Instant,
    /// Bytes of the tensors that the plugin holds.
    pub tensors: usize,
    /// The largest batch size of the models that the plugin has loaded.
    pub batch_size: usize,
    /// Models loaded so far.
    pub loads: usize,
    /// Whether the plugin has asked for a model.
    pub infers: bool,
    /// Time spent running models, and loading them.
    pub computing: Duration,
    pub loading: Duration,
    /// What these runs came to.
    pub batching: Seen,
    /// When the call that the plugin is in is to end before it is done.
    pub options: CallOptions,
    /// Why the host stopped the plugin, when it did.
    stopped: Option<(ErrorKind, String)>,
    /// Bytes that the session's account has for this instance.
    held: usize,
    /// Bytes of them that the sandbox's memory has.
    memory: usize,
    _place: Place,
}

impl State {
    fn new(shared: Arc<Shared>, place: Place) -> Self {
        let printed = Printed::default();
        let mut table = ResourceTable::new();
        table.set_max_capacity(HANDLES);
        Self {
            shared,
            table,
            wasi: sandbox::context(&printed),
            printed,
            entered: Instant::now(),
            deadline: Instant::now(),
            tensors: 0,
            batch_size: 1,
            loads: 0,
            infers: false,
            computing: Duration::ZERO,
            loading: Duration::ZERO,
            batching: Seen::default(),
            options: CallOptions::default(),
            stopped: None,
            held: 0,
            memory: 0,
            _place: place,
        }
    }

    /// Takes bytes from the session's account.
    ///
    /// # Errors
    /// Whose limit they exceed.
    pub(crate) fn try_grow(&mut self, bytes: usize) -> Result<(), String> {
        self.shared.try_grow(bytes)?;
        self.held += bytes;
        Ok(())
    }

    /// Gives bytes back to it.
    pub(crate) fn shrink(&mut self, bytes: usize) {
        let bytes = bytes.min(self.held);
        self.held -= bytes;
        self.shared.account.shrink(bytes);
    }

    /// Notes which limit was passed, and gives the error that stops the plugin.
    pub(crate) fn over_limit(&mut self, message: String) -> wasmtime::Error {
        self.stopped = Some((ErrorKind::Memory, message.clone()));
        wasmtime::Error::msg(message)
    }
}

impl Drop for State {
    fn drop(&mut self) {
        self.shrink(self.held);
    }
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}

impl ResourceLimiter for State {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let limit = self.shared.limits.memory;
        // What was granted last, and the system then refused.
        self.shrink(self.memory.saturating_sub(current));
        self.memory = current;
        let grown = match desired <= limit {
            true => self.try_grow(desired.saturating_sub(current)),
            false => Err(format!("more than {limit} bytes of memory")),
        };
        Ok(match grown {
            Ok(()) => {
                self.memory = desired;
                true
            }
            Err(message) => {
                // The plugin learns that there is no more; most then abort.
                self.stopped = Some((ErrorKind::Memory, message));
                false
            }
        })
    }

    fn memories(&self) -> usize {
        1
    }

    fn table_growing(
        &mut self,
        _: usize,
        desired: usize,
        _: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let limit = self.shared.limits.table_elements;
        let fits = desired <= limit;
        if !fits {
            self.stopped = Some((
                ErrorKind::Memory,
                format!("a table of more than {limit} elements"),
            ));
        }
        Ok(fits)
    }
}

/// One running copy of a plugin. After an error other than the plugin's own it
/// must not be used again.
pub(crate) struct Instance {
    store: Store<State>,
    exports: Exports,
}

/// A component that asks for nothing but what the sandbox has.
pub(crate) enum Pre {
    /// It exports the contract's interface `scalar`.
    Columnar(Scalar),
    /// It exports functions of its own.
    Plain(InstancePre<State>),
}

enum Exports {
    Columnar(ScalarInstance),
    Plain(component::Instance),
}

/// A function in an instance, ready to be called.
#[derive(Clone, Copy)]
pub(crate) enum Handle {
    Columnar(ScalarFunction),
    Plain(plain::Opened),
}

impl Instance {
    pub(crate) fn new(shared: &Arc<Shared>, plugin: &Pre) -> Result<Self> {
        let place = shared.runtime.place().ok_or_else(no_room)?;
        let state = State::new(Arc::clone(shared), place);
        let mut store = Store::new(&shared.runtime.engine, state);
        store.limiter(|state| state);
        store.set_hostcall_fuel(usual_fuel(shared));
        store.epoch_deadline_callback(|mut store| {
            let state = store.data_mut();
            if let Err(error) = state.options.check() {
                state.stopped = Some((error.kind(), error.message().to_owned()));
                return Err(wasmtime::Error::msg(error.message().to_owned()));
            }
            if Instant::now() < state.deadline {
                return Ok(UpdateDeadline::Continue(1));
            }
            let limit = state.shared.limits.call_time;
            let message = format!("more than {limit:?} without an answer");
            state.stopped = Some((ErrorKind::Timeout, message.clone()));
            Err(wasmtime::Error::msg(message))
        });
        let exports = enter(&mut store, |store| {
            Ok(match plugin {
                Pre::Columnar(pre) => Exports::Columnar(pre.instantiate(store)?),
                Pre::Plain(pre) => Exports::Plain(pre.instantiate(store)?),
            })
        })?;
        Ok(Self { store, exports })
    }

    /// What holds for the next call: when it is to end, and how many bytes it may pass to
    /// the host at one time, tensors excepted.
    pub(crate) fn prepare(&mut self, options: &CallOptions, fuel: usize) {
        let state = self.store.data_mut();
        if options.can_stop() || state.options.can_stop() {
            state.options = options.clone();
        }
        let usual = usual_fuel(&state.shared);
        // Tensors come the same way as results.
        let fuel = match state.infers {
            true => usual,
            false => usual.min(fuel),
        };
        self.store.set_hostcall_fuel(fuel);
    }

    /// The state that the host keeps for this instance.
    pub(crate) fn state(&self) -> &State {
        self.store.data()
    }

    pub(crate) fn signatures(&mut self) -> Result<Vec<RawSignature>> {
        let Exports::Columnar(exports) = &self.exports else {
            return Ok(Vec::new());
        };
        enter(&mut self.store, |store| exports.signatures(store))
    }

    /// Opens a function; the handle lives as long as the instance.
    pub(crate) fn open(
        &mut self,
        name: &str,
        options: &str,
        arguments: &[RawArgument],
    ) -> Result<Handle> {
        let Exports::Columnar(exports) = &self.exports else {
            return Err(missing());
        };
        enter(&mut self.store, |store| {
            exports.open(store, name, options, arguments)
        })?
        .map_err(refused)
        .map(Handle::Columnar)
    }

    /// Opens a plain function: binds its options, if it has any.
    pub(crate) fn open_plain(&mut self, function: &PlainFunction, options: &str) -> Result<Handle> {
        let Exports::Plain(instance) = &self.exports else {
            return Err(missing());
        };
        let options = serde_json::from_str(options)
            .map_err(|e| Error::new(ErrorKind::InvalidOptions, format!("not JSON: {e}")))?;
        let opened = enter(&mut self.store, |store| {
            match function.open(store, instance, &options) {
                Err(Refusal::Crashed(error)) => Err(error),
                opened => Ok(opened),
            }
        })?;
        match opened {
            Ok(opened) => Ok(Handle::Plain(opened)),
            Err(Refusal::Options(message)) => Err(Error::new(ErrorKind::InvalidOptions, message)),
            Err(Refusal::Failed(code, message)) => Err(refused(Problem { code, message })),
            Err(_) => Err(missing()),
        }
    }

    /// The signature of an open function; none for a plain one, which keeps its own.
    pub(crate) fn signature(&mut self, handle: Handle) -> Result<Option<RawSignature>> {
        let (Exports::Columnar(exports), Handle::Columnar(handle)) = (&self.exports, handle) else {
            return Ok(None);
        };
        enter(&mut self.store, |store| exports.signature(store, handle)).map(Some)
    }

    pub(crate) fn call(
        &mut self,
        handle: ScalarFunction,
        rows: u32,
        arguments: &[Vec<Node>],
    ) -> Result<RawOutput> {
        let Exports::Columnar(exports) = &self.exports else {
            return Err(missing());
        };
        enter(&mut self.store, |store| {
            exports.call(store, handle, rows, arguments)
        })?
        .map_err(refused)
    }

    /// Calls a plain function for each row of the arguments, and appends to `rows`.
    ///
    /// # Errors
    /// What ended the instance, in the first row that is missing.
    pub(crate) fn call_rows(
        &mut self,
        function: &PlainFunction,
        opened: &plain::Opened,
        arguments: &[ArrayRef],
        count: usize,
        budget: &Budget,
        rows: &mut plain::Rows,
    ) -> Result<()> {
        enter(&mut self.store, |store| {
            function.call(store, opened, arguments, count, budget, rows)
        })
    }
}

/// Bytes that an instance may pass to the host at one time.
fn usual_fuel(shared: &Shared) -> usize {
    shared.limits.output.max(shared.limits.tensors)
}

fn no_room() -> Error {
    let message =
        format!("too many plugins at one time: all of the {INSTANCES} instances are in use");
    Error::new(ErrorKind::Sandbox, message).with_code(NO_ROOM)
}

fn missing() -> Error {
    Error::new(ErrorKind::UnknownFunction, "no such function")
}

/// Enters the plugin under a fresh deadline.
fn enter<T>(
    store: &mut Store<State>,
    call: impl FnOnce(&mut Store<State>) -> wasmtime::Result<T>,
) -> Result<T> {
    let state = store.data_mut();
    state.stopped = None;
    state.printed.take();
    // A limit of centuries is none.
    const LONG: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);
    state.entered = Instant::now();
    state.deadline = state.entered + state.shared.limits.call_time.min(LONG);
    store.set_epoch_deadline(1);
    call(store).map_err(|error| crashed(store.data_mut(), &error))
}

/// The error that a plugin reports.
fn refused(problem: Problem) -> Error {
    let kind = ErrorKind::of_code(&problem.code).unwrap_or(ErrorKind::Plugin);
    Error::new(kind, reason(&problem.message)).with_code(&problem.code)
}

/// Why a plugin says that something failed; a bound is on it, and it is never
/// empty.
pub(crate) fn reason(message: &str) -> String {
    if message.trim().is_empty() {
        return "failed, and the plugin does not say why".into();
    }
    printable(message, 2_000)
}

/// What ended the plugin, with what it printed last.
fn crashed(state: &mut State, error: &wasmtime::Error) -> Error {
    let printed = state.printed.take();
    // What Rust's panics add is advice that nobody here can follow.
    const ADVICE: &str = "note: run with `RUST_BACKTRACE=1`";
    let printed: Vec<&str> = printed.lines().filter(|l| !l.starts_with(ADVICE)).collect();
    let printed = printed.join("\n");
    let printed = printed.trim();
    let trap = error.downcast_ref::<Trap>();
    let (kind, mut message) = match (state.stopped.take(), trap) {
        (Some((ErrorKind::Timeout, message)), _) => {
            (ErrorKind::Timeout, format!("stopped after {message}"))
        }
        // The plugin has no part in it.
        (Some((kind @ (ErrorKind::Cancelled | ErrorKind::TooManyFailures), message)), _) => {
            return Error::new(kind, message);
        }
        (Some((kind, message)), _) => (kind, format!("stopped for asking for {message}")),
        (None, None) if error.is::<PoolConcurrencyLimitError>() => {
            return no_room();
        }
        (None, None) if matches!(error.downcast_ref(), Some(ResourceTableError::Full)) => (
            ErrorKind::Memory,
            format!("stopped for asking for more than {HANDLES} handles"),
        ),
        // wasmtime keeps the type of this error to itself.
        (None, None)
            if error
                .root_cause()
                .to_string()
                .contains("allocated for hostcalls") =>
        {
            let message = "stopped for passing more to the host at one time than the limits on output and tensors (Limits::output, Limits::tensors) allow: return less per row, or pass fewer rows at a time";
            return Error::new(ErrorKind::Memory, message).with_code(TOO_LARGE);
        }
        // Compilers put a plugin's own stack where its memory begins: what runs
        // out of it leaves the memory.
        (None, Some(Trap::MemoryOutOfBounds)) => (
            ErrorKind::Trap,
            "crashed: bad memory access, or stack overflow".into(),
        ),
        (None, Some(Trap::StackOverflow)) => (ErrorKind::Trap, "crashed: stack overflow".into()),
        (None, Some(Trap::UnreachableCodeReached)) => (ErrorKind::Trap, "crashed".into()),
        (None, Some(trap)) => (ErrorKind::Trap, format!("crashed: {trap}")),
        (None, None) => match error.downcast_ref::<I32Exit>() {
            Some(I32Exit(code)) => (
                ErrorKind::Trap,
                format!("ended itself with exit status {code}"),
            ),
            None => (
                ErrorKind::Trap,
                format!(
                    "crashed: {}",
                    printable(&error.root_cause().to_string(), 500)
                ),
            ),
        },
    };
    message.push_str(&place(error));
    if !printed.is_empty() {
        message.push_str("; it printed: ");
        // The end of it: there the panic's message is.
        const SHOWN: usize = 1_000;
        let start = printed.len().saturating_sub(SHOWN);
        let start = (start..).find(|at| printed.is_char_boundary(*at));
        message.push_str(&printable(&printed[start.unwrap_or(0)..], SHOWN));
    }
    Error::new(kind, message)
}

/// Where in the plugin it happened: ` in parse, called by extract`, as far as the file
/// names its functions.
fn place(error: &wasmtime::Error) -> String {
    const SHOWN: usize = 3;
    let Some(trace) = error.downcast_ref::<WasmBacktrace>() else {
        return String::new();
    };
    let mut names: Vec<String> = Vec::new();
    for name in trace.frames().iter().filter_map(|frame| frame.func_name()) {
        // Without the hash that Rust ends names with.
        let name = printable(&format!("{:#}", rustc_demangle::demangle(name)), 100);
        // Recursion says it once.
        if is_the_plugins(&name) && names.last() != Some(&name) {
            names.push(name);
        }
    }
    names.truncate(SHOWN);
    match names.is_empty() {
        true => String::new(),
        false => format!(", in {}", names.join(", called by ")),
    }
}

/// Whether a function is of the plugin's own code: not of what a panic goes through, nor
/// of what calls it, which is the same in all plugins.
fn is_the_plugins(function: &str) -> bool {
    const OTHERS: [&str; 8] = [
        "std::",
        "core::",
        "alloc::",
        "rust_",
        "__",
        "abort",
        "wudf_guest::",
        "wudf:",
    ];
    let name = function.trim_start_matches(['<', '&']);
    !OTHERS.iter().any(|other| name.starts_with(other))
}
