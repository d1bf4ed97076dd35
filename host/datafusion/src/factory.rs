//! `CREATE FUNCTION ... LANGUAGE wasm AS '...'`, or `LANGUAGE python AS $$...$$`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::common::{DataFusionError, Result, exec_err, plan_err};
use datafusion::execution::context::{FunctionFactory, RegisterFunction, SessionState};
use datafusion::logical_expr::{CreateFunction, ScalarUDF};
use wudf::{Error, ErrorKind, MemoryPool};
use wudf_adapter::{Fetch, OnError, PluginSource, Prepared, Spec, options, prepare_in, reference};

use crate::body::{Body, NAMES};
use crate::{PoolMemory, WasmUdf, declare};

/// Makes functions of plugins, by `CREATE FUNCTION`.
pub struct WasmFunctions {
    defaults: Spec,
    fetch: Fetch,
}

impl WasmFunctions {
    /// Functions that find models only where statements say.
    pub fn new() -> Self {
        Self::with_defaults(Spec::new(""))
    }

    /// Functions for which everything that a statement does not say is as in
    /// `defaults`, whose own plugin, function and options do not matter. Its
    /// threads are one where it does not say: DataFusion has its own.
    pub fn with_defaults(mut defaults: Spec) -> Self {
        defaults.threads.get_or_insert(1);
        Self {
            defaults,
            fetch: Fetch::default(),
        }
    }

    /// How downloads are kept and shown.
    #[must_use]
    pub fn with_fetch(mut self, fetch: Fetch) -> Self {
        self.fetch = fetch;
        self
    }

    fn spec(&self, body: &Body) -> Spec {
        let (plugin, function) = reference::split(&body.reference);
        let mut spec = self.defaults.clone();
        spec.plugin = PluginSource::Named(plugin.to_owned());
        spec.function = function.map(str::to_owned);
        spec.digest.clone_from(&body.digest);
        spec.on_error = body.on_error.unwrap_or(OnError::Raise);
        spec.max_failures = body.max_failures;
        spec.models.extend(body.models.iter().cloned());
        spec.assets.extend(body.assets.iter().cloned());
        spec
    }
}

impl Default for WasmFunctions {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for WasmFunctions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WasmFunctions")
            .field("defaults", &self.defaults)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl FunctionFactory for WasmFunctions {
    async fn create(
        &self,
        state: &SessionState,
        statement: CreateFunction,
    ) -> Result<RegisterFunction> {
        let body = declare::body(&statement)?;
        let name = &statement.name;
        let lower = name.to_ascii_lowercase();
        let taken = [name, &lower].into_iter().any(|name| {
            state.scalar_functions().contains_key(name)
                || state.aggregate_functions().contains_key(name)
                || state.window_functions().contains_key(name)
        });
        if taken && !statement.or_replace {
            return plan_err!(
                "there is a function {name} already; CREATE OR REPLACE FUNCTION replaces it"
            );
        }
        let spec = self.spec(&body);
        let fetch = self.fetch.clone();
        let memory = PoolMemory::new(name, &state.runtime_env().memory_pool);
        let memory: Arc<dyn MemoryPool> = Arc::new(memory);
        // Compiling and loading take their time: not on a thread that others wait for.
        let made = tokio::task::spawn_blocking(move || {
            let prepared = prepare_in(&spec, &fetch, Some(memory)).map_err(external)?;
            open(&prepared, &body, &spec.assets, statement)
        });
        match made.await {
            Ok(made) => Ok(RegisterFunction::Scalar(Arc::new(made?))),
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            Err(_) => exec_err!("the runtime was shut down"),
        }
    }
}

/// Opens the function, and holds it against what the statement declares. What
/// can be known to be wrong without a model is found before one is loaded.
fn open(
    prepared: &Prepared,
    body: &Body,
    granted: &BTreeMap<String, PathBuf>,
    statement: CreateFunction,
) -> Result<ScalarUDF> {
    let plugin = prepared.plugin.name();
    let signature = prepared.signature();
    let here = |error: Error| external(error.in_plugin(plugin).in_function(&signature.name));
    let options = options::parse(&body.options, &signature.options)
        .map_err(|error| here(explain(error, body, signature)))?;
    let missing = |error: Error| {
        here(match (error.kind(), prepared.models().missing(signature)) {
            (ErrorKind::Model, Some(name)) => Error::new(
                ErrorKind::Model,
                format!("{}: add `?model.{name}=SOURCE` to it", error.message()),
            ),
            (ErrorKind::Asset, _) => match signature
                .assets
                .iter()
                .find(|name| !granted.contains_key(*name))
            {
                Some(name) => Error::new(
                    ErrorKind::Asset,
                    format!("missing asset `{name}`: add `?asset.{name}=FILE` to the plugin"),
                ),
                None => error,
            },
            _ => error,
        })
    };
    let under = prepared.signature_under(&options).map_err(missing)?;
    declare::check_arguments(&statement, plugin, &under)?;
    let udf = prepared.open(&options).map_err(missing)?;
    declare::check_returns(&statement, plugin, &udf)?;
    let made = WasmUdf::declared(
        udf,
        statement.name,
        statement.return_type,
        statement.params.behavior,
    );
    Ok(ScalarUDF::from(made))
}

/// An option that there is not may have been meant as something else.
fn explain(error: Error, body: &Body, signature: &wudf::Signature) -> Error {
    let known = |name: &str| signature.options["properties"].get(name).is_some();
    if body.options.iter().all(|(name, _)| known(name)) {
        return error;
    }
    let message = format!("{}; {NAMES} can be given besides", error.message());
    Error::new(error.kind(), message)
}

fn external(error: Error) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}
