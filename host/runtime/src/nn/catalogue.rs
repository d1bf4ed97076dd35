//! The catalogue: which models there are, each loaded once for all.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::batcher::{Batcher, guarded};
use super::{Backend, Error, ErrorKind, LoadRequest, Model, ModelSpec};

/// A model that has been loaded, and the way to run it.
pub(crate) type Loaded = Arc<Batcher>;

type Slot = Arc<OnceLock<Result<Loaded, Error>>>;

/// The models and backends of a runtime.
pub(crate) struct Catalogue {
    backends: Vec<Arc<dyn Backend>>,
    models: HashMap<String, ModelSpec>,
    /// One slot for each model and choice of outputs. The lock is held to find
    /// a slot only; who finds it empty fills it while others wait for it.
    loaded: Mutex<HashMap<(String, Vec<String>), Slot>>,
}

impl Catalogue {
    pub(crate) fn new(backends: Vec<Arc<dyn Backend>>, models: HashMap<String, ModelSpec>) -> Self {
        Self {
            backends,
            models,
            loaded: Mutex::default(),
        }
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.models.keys().map(String::as_str)
    }

    /// The model that wasi:nn `load-by-name` means by `NAME` or
    /// `NAME#OUTPUT,OUTPUT`; loaded on first use.
    pub(crate) fn load(&self, request: &str) -> Result<Loaded, Error> {
        // Kept as a key below: bounded.
        const LONGEST: usize = 4_096;
        if request.len() > LONGEST {
            let message = format!("a model's name of more than {LONGEST} bytes");
            return Err(Error::new(ErrorKind::TooLarge, message));
        }
        let (name, outputs) = match request.split_once('#') {
            Some((name, outputs)) => (name, outputs.split(',').map(str::to_owned).collect()),
            None => (request, Vec::new()),
        };
        let spec = self.models.get(name).ok_or_else(|| self.no_model(name))?;
        let outputs = if outputs.is_empty() {
            spec.outputs.clone()
        } else {
            outputs
        };
        let slot = {
            let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
            // A plugin chooses outputs freely, and each choice may be a copy of
            // the model: bounded, so that it cannot fill the host's memory.
            const MOST: usize = 32;
            let key = (name.to_owned(), outputs.clone());
            if !loaded.contains_key(&key) && loaded.len() >= MOST {
                loaded.retain(|_, slot| !matches!(slot.get(), Some(Err(_))));
                if loaded.len() >= MOST {
                    let message =
                        format!("{MOST} choices of models and outputs are in use already");
                    return Err(Error::new(ErrorKind::TooLarge, message));
                }
            }
            Arc::clone(loaded.entry(key).or_default())
        };
        slot.get_or_init(|| self.load_spec(spec, &outputs)).clone()
    }

    /// Loads a model outside of the catalogue.
    pub(crate) fn load_spec(&self, spec: &ModelSpec, outputs: &[String]) -> Result<Loaded, Error> {
        let backend = match &spec.backend {
            Some(name) => self.backends.iter().find(|b| b.name() == name),
            None => self.backends.first(),
        };
        let backend = backend.ok_or_else(|| {
            let have: Vec<_> = self.backends.iter().map(|b| b.name()).collect();
            let have = if have.is_empty() {
                "none".to_owned()
            } else {
                have.join(", ")
            };
            let wanted = spec
                .backend
                .as_deref()
                .map_or("a backend".into(), |b| format!("backend `{b}`"));
            Error::new(
                ErrorKind::NotFound,
                format!("model `{}` wants {wanted}; there is: {have}", spec.name),
            )
        })?;
        tracing::info!(model = spec.name, backend = backend.name(), source = ?spec.source, "loading");
        let model: Box<dyn Model> = guarded(|| backend.load(&LoadRequest::new(spec, outputs)))
            .map_err(|e| Error::new(e.kind(), format!("model `{}`: {e}", spec.name)))?;
        Ok(Arc::new(Batcher::new(model)))
    }

    fn no_model(&self, name: &str) -> Error {
        let mut have: Vec<_> = self.names().collect();
        have.sort_unstable();
        let have = if have.is_empty() {
            "none".to_owned()
        } else {
            have.join(", ")
        };
        let name = crate::error::printable(name, 100);
        Error::new(
            ErrorKind::NotFound,
            format!("no model `{name}` in the catalogue; there is: {have}"),
        )
    }
}
