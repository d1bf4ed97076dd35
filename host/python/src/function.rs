//! Functions: opened once for a process, called with columns from any thread.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use arrow_array::cast::AsArray;
use arrow_array::{Array as _, ArrayRef, new_empty_array};
use arrow_buffer::NullBuffer;
use arrow_schema::{DataType, FieldRef};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use wudf::{CallOptions, CancellationToken, Error, ErrorKind, MaxFailures};
use wudf_adapter::{OnError, PluginSource, Registries, Spec, Udf, describe};

use crate::columns::{Array, ChunkedArray, Field};
use crate::error::{invalid, raise};
use crate::import::{Column, Stream};
use crate::signature::Signature;

/// How often a call that goes on looks for an interrupt.
const LOOK: Duration = Duration::from_millis(50);

/// A function with its options, models and policy.
#[pyclass(frozen, module = "wudf._wudf")]
pub(crate) struct Function {
    spec: Spec,
    /// The process that opened it, and what it opened. Locked only by who holds
    /// the interpreter, and never while waiting, so that a fork finds it free.
    opened: Mutex<Option<(u32, Udf)>>,
}

#[pymethods]
impl Function {
    #[new]
    #[pyo3(signature = (plugin, *, bytes = None, signatures = Vec::new(), function = None, digest = None, options = "null",
        models = BTreeMap::new(), backend = None, onnxruntime = None, openvino = None, assets = BTreeMap::new(),
        on_error = "raise", threads = None, memory = None, time_limit = None, max_failures = None,
        policy = None, lock = None, locked = false, offline = false, plain_http = false))]
    #[allow(clippy::too_many_arguments, reason = "they have names in Python")]
    fn new(
        py: Python<'_>,
        plugin: String,
        bytes: Option<&[u8]>,
        signatures: Vec<String>,
        function: Option<&str>,
        digest: Option<String>,
        options: &str,
        models: BTreeMap<String, String>,
        backend: Option<String>,
        onnxruntime: Option<PathBuf>,
        openvino: Option<PathBuf>,
        assets: BTreeMap<String, PathBuf>,
        on_error: &str,
        threads: Option<usize>,
        memory: Option<usize>,
        time_limit: Option<f64>,
        max_failures: Option<&str>,
        policy: Option<PathBuf>,
        lock: Option<PathBuf>,
        locked: bool,
        offline: bool,
        plain_http: bool,
    ) -> PyResult<Self> {
        let raise = |e: Error| raise(py, &e);
        let plugin = match bytes {
            Some(bytes) => PluginSource::Inline {
                name: plugin,
                bytes: bytes.into(),
                signatures,
            },
            None => PluginSource::Named(plugin),
        };
        let mut spec = Spec::of(plugin, function);
        spec.digest = digest;
        spec.options = serde_json::from_str(options)
            .map_err(|e| Error::new(ErrorKind::InvalidOptions, format!("no JSON: {e}")))
            .map_err(raise)?;
        spec.models = models;
        spec.backend = backend;
        spec.onnxruntime = onnxruntime;
        spec.openvino = openvino;
        spec.assets = assets;
        spec.on_error = on_error.parse::<OnError>().map_err(raise)?;
        spec.max_failures = max_failures
            .map(str::parse::<MaxFailures>)
            .transpose()
            .map_err(raise)?;
        spec.threads = threads;
        spec.memory = memory;
        spec.time_limit = time_limit
            .map(Duration::try_from_secs_f64)
            .transpose()
            .map_err(|e| PyValueError::new_err(format!("time_limit: {e}")))?;
        spec.registries = Registries {
            store: None,
            offline,
            plain_http,
            lock,
            locked,
            policy,
        };
        Ok(Self {
            spec,
            opened: Mutex::new(None),
        })
    }

    /// The plugin's digest.
    #[getter]
    fn digest(&self, py: Python<'_>) -> PyResult<String> {
        Ok(self.udf(py)?.function().plugin().digest().to_owned())
    }

    /// What the plugin is in its registry, by digest; None when it comes from none.
    #[getter]
    fn reference(&self, py: Python<'_>) -> PyResult<Option<String>> {
        Ok(self.udf(py)?.reference().map(ToString::to_string))
    }

    /// The plugin's name.
    #[getter]
    fn plugin(&self, py: Python<'_>) -> PyResult<String> {
        Ok(self.udf(py)?.function().plugin().name().to_owned())
    }

    /// The signature under the function's options.
    #[getter]
    fn signature(&self, py: Python<'_>) -> PyResult<Signature> {
        Ok(Signature::new(self.udf(py)?.signature()))
    }

    /// What a call gives, under the policy for failed rows.
    #[getter]
    fn returns(&self, py: Python<'_>) -> PyResult<Field> {
        Ok(Field(Arc::new(self.udf(py)?.returns())))
    }

    /// What a call gives of no rows, without a call.
    fn empty(&self, py: Python<'_>) -> PyResult<Array> {
        let field = self.udf(py)?.returns();
        let values = new_empty_array(field.data_type());
        let field = Arc::new(field);
        Ok(Array { field, values })
    }

    /// What has been done so far in this process; times in seconds.
    #[getter]
    fn stats<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let stats = describe::stats(&self.udf(py)?.function().stats());
        py.import("json")?
            .call_method1("loads", (stats.to_string(),))
    }

    /// Computes a value for each row of the columns, in one piece if all of
    /// them are. `rows` is for functions without arguments.
    #[pyo3(signature = (columns, rows = None))]
    fn call(
        &self,
        py: Python<'_>,
        columns: Vec<Bound<'_, PyAny>>,
        rows: Option<usize>,
    ) -> PyResult<Py<PyAny>> {
        let udf = self.udf(py)?;
        let field: FieldRef = Arc::new(udf.returns());
        if columns.is_empty() {
            let rows = rows.ok_or_else(|| {
                invalid(
                    py,
                    "a function without arguments has to be told how many rows",
                )
            })?;
            let values = py
                .detach(|| udf.call(&[], rows))
                .map_err(|e| raise(py, &e))?;
            return Ok(Py::new(py, Array { field, values })?.into_any());
        }
        if rows.is_some() {
            return Err(invalid(py, "how many rows there are, the columns say"));
        }
        let columns = columns
            .iter()
            .map(Column::of)
            .collect::<PyResult<Vec<_>>>()?;
        let unpack = unpacks(&udf, &columns);
        let whole: Option<Vec<ArrayRef>> = columns
            .iter()
            .map(|column| match column {
                Column::Array(array) => Some(Arc::clone(array)),
                Column::Stream(_) => None,
            })
            .collect();
        if let Some(arrays) = whole {
            let values = evaluate(py, &udf, &arrays, unpack, 0)?;
            let field = of_type(&field, values.data_type());
            return Ok(Py::new(py, Array { field, values })?.into_any());
        }
        let types: Vec<DataType> = columns.iter().map(|c| c.data_type().clone()).collect();
        let mut pieces = Pieces::of(columns);
        let (mut chunks, mut done) = (Vec::new(), 0);
        while let Some(arrays) = pieces.next(py)? {
            let values = evaluate(py, &udf, &arrays, unpack, done)?;
            done += values.len();
            chunks.push(values);
        }
        if chunks.is_empty() {
            // Types that do not fit are an error without rows too.
            let empty: Vec<ArrayRef> = types.iter().map(new_empty_array).collect();
            chunks.push(evaluate(py, &udf, &empty, unpack, 0)?);
        }
        let field = match chunks.first() {
            Some(chunk) => of_type(&field, chunk.data_type()),
            None => field,
        };
        Ok(Py::new(py, ChunkedArray { field, chunks })?.into_any())
    }

    fn __repr__(&self) -> String {
        format!("<wudf.Function {:?}>", self.spec.plugin)
    }
}

impl Function {
    /// The function, opened by this process: what a parent has opened lacks
    /// the threads that end what takes too long.
    fn udf(&self, py: Python<'_>) -> PyResult<Udf> {
        let process = std::process::id();
        {
            let opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some((_, udf)) = opened.as_ref().filter(|(of, _)| *of == process) {
                return Ok(udf.clone());
            }
        }
        let udf = py
            .detach(|| wudf_adapter::open(&self.spec))
            .map_err(|e| raise(py, &e))?;
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        forget(opened.replace((process, udf.clone())));
        Ok(udf)
    }
}

impl Drop for Function {
    fn drop(&mut self) {
        let opened = self.opened.get_mut();
        forget(opened.unwrap_or_else(PoisonError::into_inner).take());
    }
}

/// Drops what this process opened. A parent's would wait for threads that a
/// fork does not have.
fn forget(opened: Option<(u32, Udf)>) {
    if let Some((process, udf)) = opened
        && process != std::process::id()
    {
        std::mem::forget(udf);
    }
}

/// The field, of a type that arguments may have decided.
fn of_type(field: &FieldRef, ty: &DataType) -> FieldRef {
    match field.data_type() == ty {
        true => Arc::clone(field),
        false => Arc::new(field.as_ref().clone().with_data_type(ty.clone())),
    }
}

/// Whether one column stands for all arguments: a struct with a field for each.
fn unpacks(udf: &Udf, columns: &[Column]) -> bool {
    let arguments = &udf.signature().arguments;
    let is_struct = |ty: &DataType| matches!(ty, DataType::Struct(_));
    match (columns, arguments.as_slice()) {
        ([column], [argument]) => {
            // `DataType::Null` takes any type, structs too.
            let takes = argument.data_type();
            is_struct(column.data_type()) && !is_struct(takes) && *takes != DataType::Null
        }
        ([column], [_, _, ..]) => is_struct(column.data_type()),
        _ => false,
    }
}

/// A value for each row. `before` rows of the column have gone before these.
fn evaluate(
    py: Python<'_>,
    udf: &Udf,
    arrays: &[ArrayRef],
    unpack: bool,
    before: usize,
) -> PyResult<ArrayRef> {
    let unpacked = match arrays {
        [array] if unpack => fields(py, udf, array)?,
        _ => arrays.to_vec(),
    };
    let signals = Arc::new(Signals::new());
    let watched = Arc::clone(&signals);
    let token = CancellationToken::polling(move || watched.arrived());
    let result = py.detach(|| {
        let options = udf.under(CallOptions::new().cancel(token));
        let mut output = udf.function().evaluate_with(&unpacked, &options)?;
        // Only this policy says which row it was.
        if udf.on_error() == OnError::Raise {
            output.failures.iter_mut().for_each(|f| f.row += before);
        }
        udf.settle(output)
    });
    match signals.take() {
        Some(signal) => Err(signal),
        None => result.map_err(|e| raise(py, &e)),
    }
}

/// Ctrl-C and other signals whose Python handlers raise, looked for during a call by the
/// thread that made it: Python runs handlers on no other.
struct Signals {
    caller: ThreadId,
    state: Mutex<(Instant, Option<PyErr>)>,
}

impl Signals {
    fn new() -> Self {
        Self {
            caller: thread::current().id(),
            state: Mutex::new((Instant::now(), None)),
        }
    }

    /// Whether a handler has raised.
    fn arrived(&self) -> bool {
        if thread::current().id() != self.caller {
            return false;
        }
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let (looked, raised) = &mut *state;
        if raised.is_none() && looked.elapsed() >= LOOK {
            *looked = Instant::now();
            *raised = Python::attach(|py| py.check_signals()).err();
        }
        raised.is_some()
    }

    fn take(&self) -> Option<PyErr> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.1.take()
    }
}

/// The fields of a struct as columns: by the arguments' names, or in their
/// order.
fn fields(py: Python<'_>, udf: &Udf, array: &ArrayRef) -> PyResult<Vec<ArrayRef>> {
    let array = array.as_struct();
    let arguments = &udf.signature().arguments;
    let by_name: Option<Vec<&ArrayRef>> = arguments
        .iter()
        .map(|argument| array.column_by_name(argument.name()))
        .collect();
    let columns = match by_name {
        Some(columns) => columns,
        None if array.num_columns() == arguments.len() => array.columns().iter().collect(),
        None => {
            let message = format!(
                "{} wants columns of its names; there is: {}",
                udf.signature(),
                array.column_names().join(", ")
            );
            return Err(invalid(py, message));
        }
    };
    columns
        .into_iter()
        .map(|column| mask(column, array.nulls()))
        .collect::<Result<_, _>>()
        .map_err(|e| invalid(py, e.to_string()))
}

/// The column, with nulls where the struct around it has them.
fn mask(
    column: &ArrayRef,
    nulls: Option<&NullBuffer>,
) -> Result<ArrayRef, arrow_schema::ArrowError> {
    if nulls.is_none_or(|nulls| nulls.null_count() == 0) {
        return Ok(Arc::clone(column));
    }
    let nulls = NullBuffer::union(nulls, column.nulls());
    let data = column.to_data().into_builder().nulls(nulls).build()?;
    Ok(arrow_array::make_array(data))
}

/// Columns that come in pieces, cut where any of them is.
struct Pieces(Vec<Piece>);

/// What is left of one column.
struct Piece {
    array: Option<ArrayRef>,
    stream: Option<Stream>,
}

impl Pieces {
    fn of(columns: Vec<Column>) -> Self {
        let piece = |column| match column {
            Column::Array(array) => Piece {
                array: Some(array),
                stream: None,
            },
            Column::Stream(stream) => Piece {
                array: None,
                stream: Some(stream),
            },
        };
        Self(columns.into_iter().map(piece).collect())
    }

    /// The next rows of all columns, none after the last.
    fn next(&mut self, py: Python<'_>) -> PyResult<Option<Vec<ArrayRef>>> {
        let mut rows = usize::MAX;
        let mut ended = 0;
        for piece in &mut self.0 {
            match piece.fill(py)? {
                0 => ended += 1,
                left => rows = rows.min(left),
            }
        }
        match ended {
            0 => Ok(Some(
                self.0.iter_mut().map(|piece| piece.take(rows)).collect(),
            )),
            all if all == self.0.len() => Ok(None),
            _ => Err(invalid(py, "arguments of different lengths")),
        }
    }
}

impl Piece {
    /// Sees to it that there are rows if any are left; says how many.
    fn fill(&mut self, py: Python<'_>) -> PyResult<usize> {
        loop {
            if let Some(array) = self.array.as_ref().filter(|array| !array.is_empty()) {
                return Ok(array.len());
            }
            self.array = match &mut self.stream {
                Some(stream) => stream.next(py)?,
                None => None,
            };
            if self.array.is_none() {
                return Ok(0);
            }
        }
    }

    /// The first rows, which are there.
    fn take(&mut self, rows: usize) -> ArrayRef {
        let array = self.array.take().expect("`fill` said that there are rows");
        if array.len() > rows {
            self.array = Some(array.slice(rows, array.len() - rows));
        }
        array.slice(0, rows)
    }
}
