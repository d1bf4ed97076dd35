//! `wudf_spec`: a [`Spec`], put together setting by setting.

use std::ffi::{c_char, c_void};
use std::slice;
use std::time::Duration;

use wudf_adapter::{PluginSource, Spec};

use crate::border::{caught, free, guard, is_null, required, text};
use crate::error::{Error, Handle};

/// A spec, or why there is none: making one cannot fail, opening it can.
pub struct SpecHandle(Result<Spec, Error>);

impl SpecHandle {
    pub fn spec(&self) -> Result<&Spec, Error> {
        self.0.as_ref().map_err(Error::clone)
    }
}

/// Changes a spec.
///
/// # Safety
/// `spec` is NULL or a spec that was not freed and that no other thread uses.
unsafe fn change(
    spec: *mut SpecHandle,
    change: impl FnOnce(&mut Spec) -> Result<(), Error>,
) -> *mut Handle {
    guard(|| {
        // SAFETY: as the function's own.
        match unsafe { spec.as_mut() } {
            None => Err(is_null("spec")),
            Some(SpecHandle(Ok(spec))) => change(spec),
            Some(SpecHandle(Err(error))) => Err(error.clone()),
        }
    })
}

/// A new spec, in a place of the caller's.
fn new(make: impl FnOnce() -> Result<Spec, Error>) -> *mut SpecHandle {
    Box::into_raw(Box::new(SpecHandle(caught(make))))
}

/// A spec by reference.
///
/// # Safety
/// `reference` is NULL or a C string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wudf_spec_new(reference: *const c_char) -> *mut SpecHandle {
    // SAFETY: as the function's own.
    new(|| Ok(Spec::new(unsafe { text(reference, "reference") }?)))
}

/// A spec of a plugin in memory.
///
/// # Safety
/// `name` is NULL or a C string; `bytes` is NULL or points to `size` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wudf_spec_new_bytes(
    name: *const c_char,
    bytes: *const c_void,
    size: usize,
) -> *mut SpecHandle {
    new(|| {
        // SAFETY: as the function's own.
        let name = unsafe { text(name, "name") }?;
        if bytes.is_null() {
            return Err(is_null("bytes"));
        }
        if isize::try_from(size).is_err() {
            return Err(Error::arguments("`size` is larger than memory"));
        }
        // SAFETY: they are `size` bytes, which is no more than a slice may have.
        let bytes = unsafe { slice::from_raw_parts(bytes.cast::<u8>(), size) };
        let source = PluginSource::Inline {
            name: name.to_owned(),
            bytes: bytes.into(),
            signatures: Vec::new(),
        };
        Ok(Spec::of(source, None))
    })
}

/// Makes a setting.
///
/// # Safety
/// `spec` is NULL or a spec that was not freed and that no other thread uses;
/// the others are NULL or C strings.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wudf_spec_set(
    spec: *mut SpecHandle,
    setting: *const c_char,
    value: *const c_char,
) -> *mut Handle {
    // SAFETY: as the function's own.
    unsafe {
        change(spec, |spec| {
            set(spec, text(setting, "setting")?, text(value, "value")?)
        })
    }
}

fn set(spec: &mut Spec, setting: &str, value: &str) -> Result<(), Error> {
    let wrong = |wants: &str| Error::options(format!("{setting} is {wants}, not `{value}`"));
    match setting {
        "function" => spec.function = Some(value.to_owned()),
        "options" => {
            let options: serde_json::Value = serde_json::from_str(value)
                .map_err(|e| Error::options(format!("options: no JSON: {e}")))?;
            if !options.is_object() {
                return Err(wrong("a JSON object"));
            }
            spec.options = options;
        }
        "on_error" => spec.on_error = value.parse()?,
        "digest" => spec.digest = Some(value.to_owned()),
        "backend" => spec.backend = Some(value.to_owned()),
        "onnxruntime" => spec.onnxruntime = Some(value.into()),
        "openvino" => spec.openvino = Some(value.into()),
        "threads" => {
            let threads = value.parse().ok().filter(|threads| *threads > 0);
            spec.threads = Some(threads.ok_or_else(|| wrong("a number of threads"))?);
        }
        "memory" => {
            let bytes = value.parse().ok().filter(|bytes| *bytes > 0);
            spec.memory = Some(bytes.ok_or_else(|| wrong("a number of bytes"))?);
        }
        "time_limit" => {
            let seconds = value.parse().ok();
            let time = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
            let time = time.filter(|time| !time.is_zero());
            spec.time_limit = Some(time.ok_or_else(|| wrong("a number of seconds"))?);
        }
        "max_failures" => spec.max_failures = Some(value.parse()?),
        "policy" => spec.registries.policy = Some(value.into()),
        "lock" => spec.registries.lock = Some(value.into()),
        "locked" => spec.registries.locked = boolean(value).ok_or_else(|| wrong(BOOLEAN))?,
        "offline" => spec.registries.offline = boolean(value).ok_or_else(|| wrong(BOOLEAN))?,
        "plain_http" => {
            spec.registries.plain_http = boolean(value).ok_or_else(|| wrong(BOOLEAN))?
        }
        "signatures" => match &mut spec.plugin {
            PluginSource::Inline { signatures, .. } => {
                *signatures = value.lines().map(str::to_owned).collect();
            }
            _ => {
                return Err(Error::options(
                    "signatures are for a plugin in memory; those of a file lie beside it",
                ));
            }
        },
        _ => {
            return Err(Error::options(format!(
                "there is no setting `{setting}`; there are function, options, on_error, digest, \
                 backend, onnxruntime, openvino, threads, memory, time_limit, max_failures, policy, lock, \
                 locked, offline, plain_http and signatures"
            )));
        }
    }
    Ok(())
}

const BOOLEAN: &str = "true or false";

fn boolean(value: &str) -> Option<bool> {
    value.parse().ok()
}

/// Names a model.
///
/// # Safety
/// As [`wudf_spec_set`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wudf_spec_model(
    spec: *mut SpecHandle,
    name: *const c_char,
    source: *const c_char,
) -> *mut Handle {
    // SAFETY: as the function's own.
    unsafe {
        change(spec, |spec| {
            let (name, source) = (text(name, "name")?, text(source, "source")?);
            spec.models.insert(name.to_owned(), source.to_owned());
            Ok(())
        })
    }
}

/// Names an asset.
///
/// # Safety
/// As [`wudf_spec_set`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wudf_spec_asset(
    spec: *mut SpecHandle,
    name: *const c_char,
    path: *const c_char,
) -> *mut Handle {
    // SAFETY: as the function's own.
    unsafe {
        change(spec, |spec| {
            let (name, path) = (text(name, "name")?, text(path, "path")?);
            spec.assets.insert(name.to_owned(), path.into());
            Ok(())
        })
    }
}

/// Frees a spec.
///
/// # Safety
/// `spec` is NULL or a spec that was not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wudf_spec_free(spec: *mut SpecHandle) {
    // SAFETY: as the function's own; specs are made by `new` only.
    unsafe { free(spec) }
}

/// The spec behind a handle.
///
/// # Safety
/// `spec` is NULL or a spec that lives for `'a`.
pub unsafe fn spec<'a>(spec: *const SpecHandle) -> Result<&'a Spec, Error> {
    // SAFETY: as the function's own.
    unsafe { required(spec, "spec") }?.spec()
}
