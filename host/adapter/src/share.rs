//! One copy of a model in a process, whatever the number of runtimes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use wudf::nn::{Backend, Error, LoadRequest, Model, ModelSource, ModelSpec};

use crate::stamp::{self, Stamp};

/// A backend that hands out the models that the process has in memory.
pub(crate) struct Shared {
    backend: Arc<dyn Backend>,
}

/// What makes two models the same: process, backend, entry and outputs; and, of a file, the stamps of it and of those
/// that hold its weights. A forked process has its parent's memory, but not the threads that most models need.
type Key = (u32, String, String, Vec<String>, Vec<Option<Stamp>>);

/// A slot for each model; its lock is held while the model loads, so that others wait for it.
type Slot = Arc<Mutex<Weak<dyn Model>>>;

static LOADED: Mutex<Option<HashMap<Key, Slot>>> = Mutex::new(None);

impl Shared {
    pub(crate) fn new(backend: Arc<dyn Backend>) -> Self {
        Self { backend }
    }
}

impl Backend for Shared {
    fn name(&self) -> &str {
        self.backend.name()
    }

    fn load(&self, request: &LoadRequest<'_>) -> Result<Box<dyn Model>, Error> {
        if matches!(request.spec.source, ModelSource::Bytes(_)) {
            return self.backend.load(request);
        }
        let key = (
            std::process::id(),
            self.name().to_owned(),
            entry(request.spec),
            request.outputs.to_vec(),
            stamp::of_model(&request.spec.source),
        );
        let slot = {
            let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
            let loaded = loaded.get_or_insert_default();
            // Entries of models that are gone cost little, but not for ever.
            loaded.retain(|_, slot| {
                Arc::strong_count(slot) > 1
                    || slot
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .strong_count()
                        > 0
            });
            let of_parent = || match self.backend.forks() {
                true => inherited(loaded, &key),
                false => None,
            };
            match loaded.get(&key) {
                Some(slot) => Arc::clone(slot),
                None => {
                    let model = of_parent().unwrap_or_else(|| Weak::<Arc<dyn Model>>::new());
                    let slot = Arc::new(Mutex::new(model));
                    loaded.insert(key, Arc::clone(&slot));
                    slot
                }
            }
        };
        let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
        let model = match slot.upgrade() {
            Some(model) => model,
            None => {
                let model: Arc<dyn Model> = Arc::from(self.backend.load(request)?);
                *slot = Arc::downgrade(&model);
                model
            }
        };
        Ok(Box::new(model))
    }
}

/// The model that a parent process has loaded for this key, if it is not just
/// about to: then the fork has the lock, and never lets go of it.
fn inherited(loaded: &HashMap<Key, Slot>, key: &Key) -> Option<Weak<dyn Model>> {
    let same =
        |other: &Key| (&other.1, &other.2, &other.3, &other.4) == (&key.1, &key.2, &key.3, &key.4);
    let slots = loaded.iter().filter(|(other, _)| same(other));
    slots
        .filter_map(|(_, slot)| Some(slot.try_lock().ok()?.clone()))
        .find(|model| model.strong_count() > 0)
}

/// The entry without its name, which changes nothing about the model.
fn entry(spec: &ModelSpec) -> String {
    let mut spec = spec.clone();
    spec.name = String::new();
    format!("{spec:?}")
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use wudf::CallOptions;
    use wudf::nn::{Tensor, TensorSpec};

    use super::*;

    /// Makes models without inputs, and counts them.
    #[derive(Default)]
    struct Counting(AtomicUsize);

    struct Empty;

    impl Model for Empty {
        fn inputs(&self) -> &[TensorSpec] {
            &[]
        }

        fn outputs(&self) -> &[TensorSpec] {
            &[]
        }

        fn run(&self, _: &[(&str, &Tensor)], _: &CallOptions) -> Result<Vec<Tensor>, Error> {
            Ok(Vec::new())
        }
    }

    impl Backend for Counting {
        fn name(&self) -> &str {
            "counting"
        }

        fn load(&self, _: &LoadRequest<'_>) -> Result<Box<dyn Model>, Error> {
            self.0.fetch_add(1, Ordering::Relaxed);
            Ok(Box::new(Empty))
        }
    }

    #[test]
    fn a_model_is_loaded_once_while_somebody_has_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.onnx");
        std::fs::write(&path, "one").unwrap();
        let counting = Arc::new(Counting::default());
        let loads = || counting.0.load(Ordering::Relaxed);
        // Two backends of the same name, as two runtimes have them.
        let backends: Vec<Shared> = (0..2).map(|_| Shared::new(counting.clone())).collect();
        let load = |at: usize, name: &str, outputs: &[String]| {
            let spec = ModelSpec::new(name, path.to_str().unwrap());
            backends[at]
                .load(&LoadRequest::new(&spec, outputs))
                .unwrap()
        };

        let first = load(0, "a", &[]);
        let second = load(1, "b", &[]);
        assert_eq!(loads(), 1, "a name changes nothing");
        let other = load(1, "a", &["logits".to_owned()]);
        assert_eq!(loads(), 2, "other outputs are another model");
        std::fs::write(&path, "another").unwrap();
        let changed = load(0, "a", &[]);
        assert_eq!(loads(), 3, "the file has changed");
        drop((first, second, other, changed));
        load(0, "a", &[]);
        assert_eq!(loads(), 4, "what nobody has is gone");
    }

    /// Takes its time to load, so that everybody asks meanwhile.
    #[derive(Default)]
    struct Slow(Counting);

    impl Backend for Slow {
        fn name(&self) -> &str {
            "slow"
        }

        fn load(&self, request: &LoadRequest<'_>) -> Result<Box<dyn Model>, Error> {
            std::thread::sleep(std::time::Duration::from_millis(50));
            self.0.load(request)
        }
    }

    #[test]
    fn who_asks_while_a_model_loads_waits_for_it() {
        const THREADS: usize = 16;
        let slow = Arc::new(Slow::default());
        let start = std::sync::Barrier::new(THREADS);
        let models: Vec<Box<dyn Model>> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..THREADS)
                .map(|_| {
                    // One for each thread, as each has a runtime of its own.
                    let (backend, start) = (Shared::new(slow.clone()), &start);
                    scope.spawn(move || {
                        let spec = ModelSpec::new("m", "seeded:tiny");
                        start.wait();
                        backend.load(&LoadRequest::new(&spec, &[])).unwrap()
                    })
                })
                .collect();
            threads.into_iter().map(|t| t.join().unwrap()).collect()
        });
        assert_eq!(models.len(), THREADS);
        assert_eq!(slow.0.0.load(Ordering::Relaxed), 1);
    }
}
