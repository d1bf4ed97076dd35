//! From a [`Spec`] to a [`Udf`].

use std::borrow::Cow;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;
use wudf::{
    Cache, Error, ErrorKind, Limits, MaxFailures, MemoryPool, Plugin, Result, Session, Signature,
};
use wudf_backends::stamp::{self, Stamp};
use wudf_registry::Reference;

use crate::models::Models;
use crate::{Fetch, PluginSource, Registries, Spec, Udf, process, reference, separate};

/// The UDFs that a process keeps open, beyond those that are in use.
const KEPT: usize = 32;

/// A function that was found, before its models are loaded.
pub struct Prepared {
    /// What its plugin runs in.
    pub session: Session,
    /// Its plugin.
    pub plugin: Plugin,
    /// Its name in the plugin.
    pub function: String,
    /// The option that names it, and the name that it was asked for by.
    named: Option<(String, String)>,
    models: Models,
    reference: Option<Reference>,
    on_error: crate::OnError,
    max_failures: Option<MaxFailures>,
}

impl Prepared {
    /// What the plugin says of the function, before options.
    pub fn signature(&self) -> &Signature {
        let mut signatures = self.plugin.signatures().iter();
        signatures
            .find(|signature| signature.name == self.function)
            .expect("the function was found when this was made")
    }

    /// The signature under these options, before arguments are bound. Most functions
    /// declare it; one that its options name has to be opened for it.
    ///
    /// # Errors
    /// As [`Prepared::open`].
    pub fn signature_under(&self, options: &Value) -> Result<Cow<'_, Signature>> {
        Ok(match self.signature().named_by() {
            None => Cow::Borrowed(self.signature()),
            Some(_) => Cow::Owned(self.open(options)?.signature().clone()),
        })
    }

    /// The options, with the function's name among them where they name it.
    fn with_name<'a>(&self, options: &'a Value) -> Result<Cow<'a, Value>> {
        let Some((option, name)) = &self.named else {
            return Ok(Cow::Borrowed(options));
        };
        let mut options = match options {
            Value::Null => serde_json::Map::new(),
            Value::Object(options) => options.clone(),
            _ => return Ok(Cow::Borrowed(options)),
        };
        let given = options.insert(option.clone(), name.as_str().into());
        match given {
            Some(given) if given != name.as_str() => Err(Error::new(
                ErrorKind::InvalidOptions,
                format!("the function is {name}, and its option {option} says {given}"),
            )),
            _ => Ok(Cow::Owned(options.into())),
        }
    }

    /// The model entries and backends.
    pub fn models(&self) -> &Models {
        &self.models
    }

    /// Binds options, and loads the models.
    ///
    /// # Errors
    /// As [`Plugin::open`]; a model that no entry names is said to be missing.
    pub fn open(&self, options: &Value) -> Result<Udf> {
        let options = self.with_name(options)?;
        let function = self
            .plugin
            .open(&self.function, &options)
            .map_err(|error| match self.models.missing(self.signature()) {
                Some(name) if error.kind() == ErrorKind::Model => Error::new(
                    ErrorKind::Model,
                    format!("it runs the model `{name}`, and nothing says where that is"),
                )
                .in_plugin(self.plugin.name())
                .in_function(&self.function),
                _ => error,
            })?;
        let udf = Udf::new(function, self.on_error, self.reference.clone());
        Ok(udf.with_max_failures(self.max_failures))
    }
}

/// Finds the plugin and the function of a spec, compiles the plugin and reads
/// the models' entries; loads no model. Models that the spec does not name are
/// those that the plugin's registry names for it.
///
/// # Errors
/// What stands in the way: see [`ErrorKind`].
pub fn prepare(spec: &Spec, fetch: &Fetch) -> Result<Prepared> {
    prepare_in(spec, fetch, None)
}

/// As [`prepare`], for an engine that accounts for memory itself: see
/// [`SessionBuilder::memory_pool`](wudf::SessionBuilder::memory_pool).
///
/// # Errors
/// As [`prepare`].
pub fn prepare_in(
    spec: &Spec,
    fetch: &Fetch,
    memory: Option<Arc<dyn MemoryPool>>,
) -> Result<Prepared> {
    spec.check()?;
    let found = reference::find(
        &spec.plugin,
        spec.digest.as_deref(),
        &spec.registries,
        fetch,
    )?;
    let mut named: BTreeMap<&str, String> = found
        .models
        .iter()
        .map(|(name, reference)| (name.as_str(), reference.to_string()))
        .collect();
    for (name, source) in &spec.models {
        named.insert(name, source.clone());
    }
    let entries = named
        .iter()
        .map(|(name, source)| format!("{name}={source}"));
    let models = Models::read(
        entries,
        spec.backend.as_deref(),
        spec.libraries(),
        spec.registries.sources(fetch),
    )?;
    let session = session(spec, &models, memory)?;
    let plugin = found.load(&session, fetch)?;
    let function = reference::function(&plugin, &spec.plugin, spec.function.as_deref())?;
    let asked = spec.function.clone().filter(|name| *name != function.name);
    let option = function.named_by().map(str::to_owned);
    Ok(Prepared {
        function: function.name.clone(),
        named: option.zip(asked),
        session,
        plugin,
        models,
        reference: found.reference,
        on_error: spec.on_error,
        max_failures: spec.max_failures,
    })
}

/// Loads a plugin to look at what it offers.
///
/// # Errors
/// As [`prepare`].
pub fn inspect(source: &PluginSource, registries: &Registries) -> Result<Plugin> {
    let found = reference::find(source, None, registries, &Fetch::default())?;
    let session = process::runtime(&Cache::default())?.session().build()?;
    found.load(&session, &Fetch::default())
}

/// Opens a spec. What this process has opened before is not opened again, as
/// long as its files are those of then; failures are counted anew.
///
/// # Errors
/// As [`prepare`] and [`Prepared::open`].
pub fn open(spec: &Spec) -> Result<Udf> {
    let seen = Seen::of(spec);
    if let Some(udf) = recall(&seen) {
        return Ok(udf.with_max_failures(spec.max_failures));
    }
    // Not under the lock: a model may take its time, and others need not wait
    // for it. Two who open the same at once share the model all the same.
    let udf = prepare(spec, &Fetch::default())?.open(&spec.options)?;
    let mut opened = OPENED.lock().unwrap_or_else(PoisonError::into_inner);
    opened.push_back((seen, udf.clone()));
    if opened.len() > KEPT
        && let Some((seen, udf)) = opened.pop_front()
        && seen.process != std::process::id()
    {
        // What a parent opened waits for threads that a fork does not have
        // when it is dropped.
        std::mem::forget(udf);
    }
    Ok(udf)
}

/// What is open, the last used one last.
static OPENED: Mutex<VecDeque<(Seen, Udf)>> = Mutex::new(VecDeque::new());

fn recall(seen: &Seen) -> Option<Udf> {
    let mut opened = OPENED.lock().unwrap_or_else(PoisonError::into_inner);
    let at = opened.iter().position(|(other, _)| other == seen)?;
    let entry = opened.remove(at)?;
    let udf = entry.1.clone();
    opened.push_back(entry);
    Some(udf)
}

/// A spec, and the files that it names as they are now. A forked process has
/// its parent's memory but not the clock that ends what takes too long, and
/// opens anew.
#[derive(PartialEq)]
struct Seen {
    process: u32,
    spec: Spec,
    files: Vec<Option<Stamp>>,
}

impl Seen {
    fn of(spec: &Spec) -> Self {
        let plugin = match &spec.plugin {
            PluginSource::Named(name) => {
                stamp::of(name.as_ref()).or_else(|| stamp::of(&separate::file(name)?))
            }
            PluginSource::Inline { .. } => None,
        };
        let models = spec
            .models
            .iter()
            .filter_map(|(name, source)| {
                wudf_backends::catalogue::parse(&format!("{name}={source}")).ok()
            })
            .flat_map(|model| stamp::of_model(&model.source));
        let assets = spec.assets.values().map(|path| stamp::of(path));
        let registries = &spec.registries;
        let rules = [&registries.lock, &registries.policy];
        let rules = rules.into_iter().map(|file| stamp::of(file.as_deref()?));
        Self {
            process: std::process::id(),
            spec: spec.clone(),
            files: [plugin]
                .into_iter()
                .chain(models)
                .chain(assets)
                .chain(rules)
                .collect(),
        }
    }
}

/// A session for the spec, in the runtime that the process has.
fn session(spec: &Spec, models: &Models, memory: Option<Arc<dyn MemoryPool>>) -> Result<Session> {
    let mut limits = Limits::default();
    if let Some(memory) = spec.memory {
        limits.memory = memory;
    }
    if let Some(time) = spec.time_limit {
        limits.call_time = time;
    }
    let mut builder = process::runtime(&spec.cache)?
        .session()
        .limits(limits)
        .backends(models.backends.iter().cloned());
    if let Some(threads) = spec.threads {
        builder = builder.threads(threads);
    }
    if let Some(memory) = memory {
        builder = builder.memory_pool(memory);
    }
    for model in &models.specs {
        builder = builder.model(model.clone());
    }
    for (name, path) in &spec.assets {
        let bytes = std::fs::read(path).map_err(|e| {
            let message = format!("cannot read the asset {name} from {}: {e}", path.display());
            Error::new(ErrorKind::Asset, message)
        })?;
        builder = builder.asset(name, bytes);
    }
    builder.build()
}
