//! Which function, and how it is to run.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use wudf::{Cache, Error, ErrorKind, MaxFailures, Result};
use wudf_backends::Libraries;

use crate::{Registries, reference};

/// Everything that makes a UDF: cheap to copy and to send, it holds no code,
/// no session and no weights, unless the plugin was put [in it](PluginSource::Inline).
#[derive(Clone, Debug, PartialEq)]
pub struct Spec {
    /// Where the plugin is.
    pub plugin: PluginSource,
    /// The function; without one the only one, or the one named like the plugin.
    pub function: Option<String>,
    /// The plugin's digest, `sha256:HEX`: another one is refused.
    pub digest: Option<String>,
    /// The function's options: a JSON object, or null for none.
    pub options: Value,
    /// The models that the plugin may ask for: names, and sources with
    /// settings as [`wudf_backends::catalogue`] reads them.
    pub models: BTreeMap<String, String>,
    /// The backend of models that name none.
    pub backend: Option<String>,
    /// ONNX Runtime's library; searched when `None`.
    pub onnxruntime: Option<PathBuf>,
    /// OpenVINO's library; searched when `None`.
    pub openvino: Option<PathBuf>,
    /// Files that the plugin may read, by name.
    pub assets: BTreeMap<String, PathBuf>,
    /// What a failed row does.
    pub on_error: OnError,
    /// How many rows may fail before calls do, counted from when the function is opened; any
    /// number when `None`. Of rows that [raise](OnError::Raise) an error, the first ends a
    /// call anyway: a bound beside that policy is refused.
    pub max_failures: Option<MaxFailures>,
    /// Threads that work on one batch; one a core when `None`.
    pub threads: Option<usize>,
    /// Bytes of memory for an instance; the library's default when `None`.
    pub memory: Option<usize>,
    /// How long a call may take; the library's default when `None`.
    pub time_limit: Option<Duration>,
    /// Where compiled plugins are kept.
    pub cache: Cache,
    /// How registries are used, and what may run.
    pub registries: Registries,
}

/// Where a plugin is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PluginSource {
    /// A file, the name of a plugin that ships with wudf, or one in a registry: `oci://...`.
    Named(String),
    /// Here.
    Inline {
        /// What errors call it.
        name: String,
        /// The component.
        bytes: Arc<[u8]>,
        /// Signatures of the bytes, as a file `.sig` has them.
        signatures: Vec<String>,
    },
}

/// What a failed row does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnError {
    /// It fails the call; the error says which row and why.
    #[default]
    Raise,
    /// Its value is null.
    Null,
    /// Values come as structs of `value` and `error`, of which one is null.
    Record,
}

impl OnError {
    /// Its name: `raise`, `null` or `record`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Raise => "raise",
            Self::Null => "null",
            Self::Record => "record",
        }
    }
}

impl std::str::FromStr for OnError {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        [Self::Raise, Self::Null, Self::Record]
            .into_iter()
            .find(|policy| policy.name() == name)
            .ok_or_else(|| {
                Error::new(
                    ErrorKind::InvalidOptions,
                    format!("on_error is raise, null or record, not `{name}`"),
                )
            })
    }
}

impl Spec {
    /// The function that `PLUGIN[:FUNCTION]` means, with everything else as it comes.
    pub fn new(reference: &str) -> Self {
        let (plugin, function) = reference::split(reference);
        Self::of(PluginSource::Named(plugin.to_owned()), function)
    }

    /// A function of a plugin, with everything else as it comes.
    pub fn of(plugin: PluginSource, function: Option<&str>) -> Self {
        Self {
            plugin,
            function: function.map(str::to_owned),
            digest: None,
            options: Value::Null,
            models: BTreeMap::new(),
            backend: None,
            onnxruntime: None,
            openvino: None,
            assets: BTreeMap::new(),
            on_error: OnError::default(),
            max_failures: None,
            threads: None,
            memory: None,
            time_limit: None,
            cache: Cache::default(),
            registries: Registries::default(),
        }
    }

    /// Whether its settings go together.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidOptions`].
    pub(crate) fn check(&self) -> Result<()> {
        if self.max_failures.is_some() && self.on_error == OnError::Raise {
            let message = "max_failures counts rows that fail under on_error null or record; raise stops at the first";
            return Err(Error::new(ErrorKind::InvalidOptions, message));
        }
        Ok(())
    }

    /// The libraries of backends.
    pub(crate) fn libraries(&self) -> Libraries {
        let mut libraries = Libraries::default();
        libraries.onnxruntime.clone_from(&self.onnxruntime);
        libraries.openvino.clone_from(&self.openvino);
        libraries
    }
}
