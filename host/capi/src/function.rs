//! `wudf_function`: opening, describing, calling.

use std::ffi::{CStr, CString, c_char};
use std::ptr;
use std::sync::{Mutex, PoisonError};

use arrow_array::{Array, ArrayRef};
use arrow_data::ffi::FFI_ArrowArray;
use arrow_schema::ffi::FFI_ArrowSchema;
use arrow_schema::{Field, Schema};
use runtime::{CallOptions, CancellationToken, ErrorKind};
use serde_json::Value;
use wudf_adapter::{Udf, arrays, describe, open};

use crate::border::{c_string, free, guard, is_null, pointer_to, required};
use crate::error::{Error, Handle};
use crate::failures::Failures;
use crate::spec::{SpecHandle, spec};

/// An opened function.
pub struct Function {
    udf: Udf,
    description: CString,
    /// Ends the calls that are running.
    running: Mutex<CancellationToken>,
    /// The process that it lives in: a fork has neither its clock nor its threads.
    process: u32,
}

impl Function {
    fn new(udf: Udf) -> Self {
        let mut description = describe::signature(udf.signature());
        if let Value::Object(description) = &mut description {
            let plugin = udf.function().plugin();
            description.insert("plugin".into(), plugin.name().into());
            description.insert("digest".into(), plugin.digest().into());
            description.insert("on_error".into(), udf.on_error().name().into());
            description.insert("returns".into(), describe::field(&udf.returns()));
        }
        Self {
            description: c_string(&description.to_string()),
            udf,
            running: Mutex::default(),
            process: std::process::id(),
        }
    }

    pub fn udf(&self) -> &Udf {
        &self.udf
    }

    /// What holds for a call that begins now.
    fn options(&self) -> CallOptions {
        let running = self.running.lock();
        let token = running.unwrap_or_else(PoisonError::into_inner).clone();
        CallOptions::new().cancel(token)
    }

    /// Ends the calls that are running, and none that begins later.
    fn cancel(&self) {
        let running = self.running.lock();
        let mut running = running.unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *running).cancel();
    }

    /// An error about the columns of a call.
    fn wrong(&self, message: impl Into<String>) -> Error {
        self.error(ErrorKind::InvalidArguments, message)
    }

    fn error(&self, kind: ErrorKind, message: impl Into<String>) -> Error {
        runtime::Error::new(kind, message)
            .in_plugin(self.udf.function().plugin().name())
            .in_function(&self.udf.signature().name)
            .into()
    }

    /// The columns of a call, borrowed: checked before anything of them is read
    /// that the checks do not cover.
    ///
    /// # Safety
    /// `schemas` and `arrays` are NULL or point to `count` pointers, which are NULL or
    /// point to structures of the C Data Interface that live, unchanged, until the
    /// arrays are dropped.
    unsafe fn columns(
        &self,
        rows: i64,
        count: usize,
        schemas: *const *const FFI_ArrowSchema,
        arrays: *const *const FFI_ArrowArray,
    ) -> Result<(usize, Vec<ArrayRef>), Error> {
        let Ok(rows) = usize::try_from(rows) else {
            return Err(self.wrong(format!("{rows} rows cannot be")));
        };
        let signature = self.udf.signature();
        let takes = signature.arguments.len();
        // Before the pointers are followed: there may be fewer.
        if count != takes {
            return Err(self.wrong(format!("takes {takes} arguments, not {count}: {signature}")));
        }
        if count == 0 {
            return Ok((rows, Vec::new()));
        }
        if schemas.is_null() || arrays.is_null() {
            let what = if schemas.is_null() {
                "schemas"
            } else {
                "arrays"
            };
            return Err(self.wrong(format!("`{what}` is NULL")));
        }
        let of = |at: usize| {
            let name = signature.arguments[at].name();
            move |what: String| self.wrong(format!("argument `{name}`: {what}"))
        };
        let mut types = Vec::with_capacity(count);
        for at in 0..count {
            // SAFETY: there are `count` pointers to schemas, or NULL.
            let ty = unsafe { arrays::data_type(*schemas.add(at)) };
            types.push(ty.map_err(of(at))?);
        }
        self.udf.function().check_types(&types)?;
        let mut columns = Vec::with_capacity(count);
        for (at, ty) in types.iter().enumerate() {
            // SAFETY: there are `count` pointers to arrays, or NULL, and whoever calls us
            // drops what we make of them while they live.
            let column = unsafe { arrays::borrow(*arrays.add(at), ty) }.map_err(of(at))?;
            if column.len() != rows {
                let message = format!("its array has {} elements, not {rows}", column.len());
                return Err(of(at)(message));
            }
            columns.push(column);
        }
        Ok((rows, columns))
    }

    /// A call, from pointers to pointers. `compute` makes the column.
    ///
    /// # Safety
    /// As [`wudf_call`].
    #[allow(clippy::too_many_arguments)]
    unsafe fn call(
        &self,
        (rows, count): (i64, usize),
        schemas: *const *const FFI_ArrowSchema,
        arrays: *const *const FFI_ArrowArray,
        values: *mut FFI_ArrowArray,
        ty: *mut FFI_ArrowSchema,
        returns: &Field,
        compute: impl FnOnce(usize, Vec<ArrayRef>) -> runtime::Result<ArrayRef>,
    ) -> Result<(), Error> {
        if self.process != std::process::id() {
            return Err(self.error(
                ErrorKind::Sandbox,
                "was opened by the process that this one was forked from: open it here",
            ));
        }
        // SAFETY: as the function's own. The columns end within `compute`, and helpers
        // that a call leaves behind take nothing out of them.
        let (rows, columns) = unsafe { self.columns(rows, count, schemas, arrays) }?;
        let column = compute(rows, columns)?;
        let schema = match ty.is_null() {
            true => None,
            false => Some(exported(returns)?),
        };
        // SAFETY: as the function's own. What was there is of no worth.
        unsafe {
            ptr::write(values, FFI_ArrowArray::new(&column.to_data()));
            if let Some(schema) = schema {
                ptr::write(ty, schema);
            }
        }
        Ok(())
    }
}

fn exported(field: &Field) -> Result<FFI_ArrowSchema, Error> {
    FFI_ArrowSchema::try_from(field).map_err(|e| unsayable(&e))
}

fn unsayable(error: &arrow_schema::ArrowError) -> Error {
    let message = format!("the type cannot be said in the C Data Interface: {error}");
    runtime::Error::new(ErrorKind::Unsupported, message).into()
}

/// Opens a function.
///
/// # Safety
/// `spec` is NULL or a spec that nobody changes meanwhile; `function` is NULL or
/// a place for a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wudf_open(
    spec_: *const SpecHandle,
    function: *mut *mut Function,
) -> *mut Handle {
    guard(|| {
        if function.is_null() {
            return Err(is_null("function"));
        }
        // SAFETY: it is a place for a pointer.
        unsafe { ptr::write(function, ptr::null_mut()) };
        // SAFETY: as the function's own.
        let opened = Function::new(open(unsafe { spec(spec_) }?)?);
        // SAFETY: it is a place for a pointer.
        unsafe { ptr::write(function, Box::into_raw(Box::new(opened))) };
        Ok(())
    })
}

/// Frees a function.
///
/// # Safety
/// `function` is NULL or a function that was not freed and that nobody calls.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wudf_function_free(function: *mut Function) {
    // SAFETY: as the function's own.
    let forked = unsafe { pointer_to(function) }
        .is_some_and(|function| function.process != std::process::id());
    if forked {
        // To end it would be to wait for threads of the parent's.
        return;
    }
    // SAFETY: as the function's own; `wudf_open` boxed it.
    unsafe { free(function) }
}

/// The function as JSON.
///
/// # Safety
/// `function` is NULL or a function that was not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wudf_function_describe(function: *const Function) -> *const c_char {
    // SAFETY: as the function's own.
    let function = unsafe { pointer_to(function) };
    function.map_or(ptr::null(), |function| CStr::as_ptr(&function.description))
}

/// How many arguments it takes.
///
/// # Safety
/// `function` is NULL or a function that was not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wudf_function_arity(function: *const Function) -> usize {
    // SAFETY: as the function's own.
    let function = unsafe { pointer_to(function) };
    function.map_or(0, |function| function.udf.signature().arguments.len())
}

/// Its arguments.
///
/// # Safety
/// `function` is NULL or a function that was not freed; `schema` is NULL or a place for
/// a schema.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wudf_function_arguments(
    function: *const Function,
    schema: *mut FFI_ArrowSchema,
) -> *mut Handle {
    let arguments = |function: &Function| {
        let fields = function.udf.signature().arguments.clone();
        FFI_ArrowSchema::try_from(&Schema::new(fields)).map_err(|e| unsayable(&e))
    };
    // SAFETY: as the function's own.
    unsafe { describe_in(function, schema, arguments) }
}

/// Its result.
///
/// # Safety
/// As [`wudf_function_arguments`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wudf_function_returns(
    function: *const Function,
    schema: *mut FFI_ArrowSchema,
) -> *mut Handle {
    // SAFETY: as the function's own.
    unsafe {
        describe_in(function, schema, |function| {
            exported(&function.udf.returns())
        })
    }
}

/// # Safety
/// As [`wudf_function_arguments`].
unsafe fn describe_in(
    function: *const Function,
    schema: *mut FFI_ArrowSchema,
    describe: impl FnOnce(&Function) -> Result<FFI_ArrowSchema, Error>,
) -> *mut Handle {
    guard(|| {
        if schema.is_null() {
            return Err(is_null("schema"));
        }
        // SAFETY: it is a place for a schema.
        unsafe { ptr::write(schema, FFI_ArrowSchema::empty()) };
        // SAFETY: as the function's own.
        let described = describe(unsafe { required(function, "function") }?)?;
        // SAFETY: it is a place for a schema, and what is there has nothing to drop.
        unsafe { ptr::write(schema, described) };
        Ok(())
    })
}

/// Marks the places of results as empty, or says that there is none.
///
/// # Safety
/// The pointers are NULL or places for what they point to.
unsafe fn clear(values: *mut FFI_ArrowArray, ty: *mut FFI_ArrowSchema) -> Result<(), Error> {
    if !ty.is_null() {
        // SAFETY: it is a place for a schema.
        unsafe { ptr::write(ty, FFI_ArrowSchema::empty()) };
    }
    if values.is_null() {
        return Err(is_null("values"));
    }
    // SAFETY: it is a place for an array.
    unsafe { ptr::write(values, FFI_ArrowArray::empty()) };
    Ok(())
}

/// Computes a column under the function's policy.
///
/// # Safety
/// `function` is NULL or a function that was not freed; `schemas` and `arrays` are
/// NULL or point to `count` pointers, which are NULL or point to structures of the
/// C Data Interface that live, unchanged, until this returns; `values` and `ty`
/// are NULL or places for what they point to.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wudf_call(
    function: *const Function,
    rows: i64,
    count: usize,
    schemas: *const *const FFI_ArrowSchema,
    arrays: *const *const FFI_ArrowArray,
    values: *mut FFI_ArrowArray,
    ty: *mut FFI_ArrowSchema,
) -> *mut Handle {
    // SAFETY: as the function's own.
    guard(|| unsafe {
        clear(values, ty)?;
        let function = required(function, "function")?;
        let udf = &function.udf;
        let options = function.options();
        let compute = |rows, columns: Vec<ArrayRef>| udf.call_with(&columns, rows, &options);
        let place = (rows, count);
        function.call(place, schemas, arrays, values, ty, &udf.returns(), compute)
    })
}

/// Ends the function's calls that are running.
///
/// # Safety
/// `function` is NULL or a function that was not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wudf_cancel(function: *const Function) {
    // SAFETY: as the function's own.
    if let Some(function) = unsafe { pointer_to(function) } {
        function.cancel();
    }
}

/// Computes a column, and says which rows failed.
///
/// # Safety
/// As [`wudf_call`]; `failures` is NULL or a place for a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wudf_evaluate(
    function: *const Function,
    rows: i64,
    count: usize,
    schemas: *const *const FFI_ArrowSchema,
    arrays: *const *const FFI_ArrowArray,
    values: *mut FFI_ArrowArray,
    ty: *mut FFI_ArrowSchema,
    failures: *mut *mut Failures,
) -> *mut Handle {
    // SAFETY: as the function's own.
    guard(|| unsafe {
        if !failures.is_null() {
            ptr::write(failures, ptr::null_mut());
        }
        clear(values, ty)?;
        if failures.is_null() {
            return Err(is_null("failures"));
        }
        let function = required(function, "function")?;
        let options = function.options();
        let mut failed = Vec::new();
        let compute = |rows, columns: Vec<ArrayRef>| {
            let output = function.udf.evaluate_with(&columns, rows, &options)?;
            failed = output.failures;
            Ok(output.values)
        };
        let (place, returns) = ((rows, count), &function.udf.signature().returns);
        function.call(place, schemas, arrays, values, ty, returns, compute)?;
        ptr::write(failures, Box::into_raw(Box::new(Failures::from(failed))));
        Ok(())
    })
}
