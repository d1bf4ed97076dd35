//! The catalogue: which models there are, each loaded once for all.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use super::batcher::Batcher;
use super::store::Store;
use super::{Backend, Error, ErrorKind, ModelSpec};
use crate::threads::off_rayon;

/// A model that has been loaded, and the way to run it.
pub(crate) type Loaded = Arc<Batcher>;

/// What loading gave, and when.
type Slot = Arc<OnceLock<(Instant, Result<Loaded, Error>)>>;

/// How long a failure stands before the next who asks tries again: networks and
/// disks recover, but a plugin that asks in a loop is answered at once.
const RETRY: Duration = Duration::from_secs(10);

/// The models and backends of a session.
pub(crate) struct Catalogue {
    backends: Vec<Arc<dyn Backend>>,
    models: HashMap<String, ModelSpec>,
    /// One slot for each model and choice of outputs. The lock is held to find
    /// a slot only; who finds it empty fills it while others wait for it.
    loaded: Mutex<HashMap<(String, Vec<String>), Slot>>,
    retry: Duration,
    /// The models that the runtime has in memory.
    store: Arc<Store>,
}

impl Catalogue {
    pub(crate) fn new(
        backends: Vec<Arc<dyn Backend>>,
        models: HashMap<String, ModelSpec>,
        store: Arc<Store>,
    ) -> Self {
        Self {
            backends,
            models,
            loaded: Mutex::default(),
            retry: RETRY,
            store,
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
            // the model: bounded, so that it cannot fill the host's memory. Choices that
            // nobody holds any more make room.
            const MOST: usize = 32;
            let key = (name.to_owned(), outputs.clone());
            let failed =
                |slot: &Slot, age| matches!(slot.get(), Some((at, Err(_))) if at.elapsed() >= age);
            if loaded
                .get(&key)
                .is_some_and(|slot| failed(slot, self.retry))
            {
                loaded.remove(&key);
            }
            if !loaded.contains_key(&key) && loaded.len() >= MOST {
                let held = |slot: &Slot| match slot.get() {
                    // Being loaded.
                    None => true,
                    Some((_, Ok(model))) => Arc::strong_count(model) > 1,
                    Some((_, Err(_))) => false,
                };
                loaded.retain(|_, slot| held(slot));
                if loaded.len() >= MOST {
                    let message =
                        format!("{MOST} choices of models and outputs are in use already");
                    return Err(Error::new(ErrorKind::TooLarge, message));
                }
            }
            Arc::clone(loaded.entry(key).or_default())
        };
        // Another call that waits for this slot must not be run below this one.
        off_rayon(|| {
            let (_, result) = slot.get_or_init(|| {
                let result = self.load_spec(spec, &outputs);
                (Instant::now(), result)
            });
            result.clone()
        })
    }

    /// What the entry says of the model that [`load`](Self::load) loads by this name.
    pub(crate) fn properties(&self, request: &str) -> Vec<(String, String)> {
        let name = request.split_once('#').map_or(request, |(name, _)| name);
        let entry = self.models.get(name);
        let properties = entry.into_iter().flat_map(|entry| &entry.properties);
        properties.map(|(k, v)| (k.clone(), v.clone())).collect()
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
                format!("wants {wanted}; there is: {have}"),
            )
        })?;
        off_rayon(|| self.store.load(backend, spec, outputs))
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

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::super::{LoadRequest, Model};
    use super::*;

    /// Fails, and counts how often it was asked.
    struct Broken(AtomicUsize);

    impl Backend for Broken {
        fn name(&self) -> &str {
            "broken"
        }

        fn load(&self, _: &LoadRequest<'_>) -> Result<Box<dyn Model>, Error> {
            self.0.fetch_add(1, Ordering::Relaxed);
            Err(Error::new(ErrorKind::Runtime, "no"))
        }
    }

    #[test]
    fn failures_stand_for_a_while_and_not_for_ever() {
        let backend = Arc::new(Broken(AtomicUsize::new(0)));
        let spec = ModelSpec::new("m", "");
        let models = HashMap::from([("m".to_owned(), spec)]);
        let mut catalogue = Catalogue::new(vec![backend.clone()], models, Arc::default());
        for _ in 0..3 {
            assert!(catalogue.load("m").is_err());
        }
        assert_eq!(backend.0.load(Ordering::Relaxed), 1);
        catalogue.retry = Duration::ZERO;
        for _ in 0..3 {
            assert!(catalogue.load("m").is_err());
        }
        assert_eq!(backend.0.load(Ordering::Relaxed), 4);
    }
}
