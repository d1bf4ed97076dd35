//! The models that a runtime has in memory: one copy, and one batcher, for all sessions.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use super::batcher::{Batcher, guarded};
use super::catalogue::Loaded;
use super::{Backend, Error, LoadRequest, Model, ModelSpec};

/// Models by what they are, while somebody has them.
#[derive(Default)]
pub(crate) struct Store {
    slots: Mutex<HashMap<Key, Slot>>,
    /// That of the process which this one was forked from.
    parent: Option<Arc<Store>>,
}

/// What makes two models the same.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Key {
    backend: String,
    entry: String,
    outputs: Vec<String>,
    /// What the backend says of its files.
    identity: String,
}

/// A model's slot; its lock is held while the model loads, so that others wait for it.
type Slot = Arc<Mutex<Held>>;

#[derive(Default)]
struct Held {
    model: Option<Weak<dyn Model>>,
    batcher: Weak<Batcher>,
}

impl Held {
    fn is_alive(&self) -> bool {
        let model = self.model.as_ref();
        model.is_some_and(|model| model.strong_count() > 0)
    }
}

impl Store {
    /// One that begins with the models of the process that this one was forked from, as
    /// far as their backends [can be forked](Backend::forks).
    pub(crate) fn forked_from(parent: Arc<Self>) -> Self {
        Self {
            slots: Mutex::default(),
            parent: Some(parent),
        }
    }

    /// The model of an entry, which is loaded if nobody has it.
    pub(crate) fn load(
        &self,
        backend: &Arc<dyn Backend>,
        spec: &ModelSpec,
        outputs: &[String],
    ) -> Result<Loaded, Error> {
        let load = || -> Result<Arc<dyn Model>, Error> {
            let span =
                tracing::info_span!("load_model", model = spec.name, backend = backend.name());
            let _entered = span.enter();
            tracing::info!(model = spec.name, backend = backend.name(), source = ?spec.source, "loading");
            guarded(|| backend.load(&LoadRequest::new(spec, outputs))).map(Arc::from)
        };
        let Some(identity) = backend.identity(spec) else {
            return Ok(Arc::new(Batcher::new(load()?, spec.max_elements)));
        };
        let key = Key {
            backend: backend.name().to_owned(),
            entry: entry(spec),
            outputs: outputs.to_vec(),
            identity,
        };
        let slot = self.slot(&key);
        let mut held = lock(&slot);
        if let Some(batcher) = held.batcher.upgrade() {
            return Ok(batcher);
        }
        let inherited = || match backend.forks() {
            true => self.parent.as_ref()?.held(&key),
            false => None,
        };
        let model = match held.model.as_ref().and_then(Weak::upgrade) {
            Some(model) => model,
            None => match inherited() {
                Some(model) => model,
                None => load()?,
            },
        };
        let batcher = Arc::new(Batcher::new(Arc::clone(&model), spec.max_elements));
        *held = Held {
            model: Some(Arc::downgrade(&model)),
            batcher: Arc::downgrade(&batcher),
        };
        Ok(batcher)
    }

    fn slot(&self, key: &Key) -> Slot {
        let mut slots = lock(&self.slots);
        // Entries of models that are gone cost little, but not for ever. A slot that
        // others have is being filled.
        slots.retain(|_, slot| Arc::strong_count(slot) > 1 || lock(slot).is_alive());
        Arc::clone(slots.entry(key.clone()).or_default())
    }

    /// A model that is in memory, if it is not just about to be: a fork has the lock of
    /// who was loading it then, and never lets go of it.
    fn held(&self, key: &Key) -> Option<Arc<dyn Model>> {
        let slots = self.slots.try_lock().ok()?;
        let held = slots.get(key)?.try_lock().ok()?;
        let model = held.model.as_ref().and_then(Weak::upgrade);
        model.or_else(|| self.parent.as_ref()?.held(key))
    }
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The entry without its name and properties, which change nothing about the model.
fn entry(spec: &ModelSpec) -> String {
    let mut spec = spec.clone();
    spec.name = String::new();
    spec.properties.clear();
    format!("{spec:?}")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::CallOptions;
    use crate::nn::{Tensor, TensorSpec};

    /// Makes models without inputs, slowly, and counts them.
    #[derive(Default)]
    struct Counting {
        loads: AtomicUsize,
        state: Mutex<String>,
        forks: bool,
    }

    impl Counting {
        fn loads(&self) -> usize {
            self.loads.load(Ordering::Relaxed)
        }
    }

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
            std::thread::sleep(std::time::Duration::from_millis(50));
            self.loads.fetch_add(1, Ordering::Relaxed);
            Ok(Box::new(Empty))
        }

        fn forks(&self) -> bool {
            self.forks
        }

        fn identity(&self, _: &ModelSpec) -> Option<String> {
            Some(self.state.lock().unwrap().clone())
        }
    }

    fn backend(counting: &Arc<Counting>) -> Arc<dyn Backend> {
        Arc::clone(counting) as Arc<dyn Backend>
    }

    #[test]
    fn a_model_is_loaded_once_while_somebody_has_it() {
        let counting = Arc::new(Counting::default());
        let store = Store::default();
        let load = |name: &str, outputs: &[String]| {
            let spec = ModelSpec::new(name, "a.onnx");
            store.load(&backend(&counting), &spec, outputs).unwrap()
        };
        let first = load("a", &[]);
        let second = load("b", &[]);
        assert_eq!(counting.loads(), 1, "a name changes nothing");
        assert!(Arc::ptr_eq(&first, &second), "they share a batcher");
        let other = load("a", &["logits".to_owned()]);
        assert_eq!(counting.loads(), 2, "other outputs are another model");
        *counting.state.lock().unwrap() = "changed".into();
        let changed = load("a", &[]);
        assert_eq!(counting.loads(), 3, "the file has changed");
        drop((first, second, other, changed));
        load("a", &[]);
        assert_eq!(counting.loads(), 4, "what nobody has is gone");
    }

    #[test]
    fn who_asks_while_a_model_loads_waits_for_it() {
        const THREADS: usize = 16;
        let counting = Arc::new(Counting::default());
        let store = Store::default();
        let start = std::sync::Barrier::new(THREADS);
        let models: Vec<Loaded> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..THREADS)
                .map(|_| {
                    scope.spawn(|| {
                        let spec = ModelSpec::new("m", "a.onnx");
                        start.wait();
                        store.load(&backend(&counting), &spec, &[]).unwrap()
                    })
                })
                .collect();
            threads.into_iter().map(|t| t.join().unwrap()).collect()
        });
        assert_eq!((models.len(), counting.loads()), (THREADS, 1));
    }

    #[test]
    fn forks_inherit_what_can_be_forked() {
        for (forks, loads) in [(true, 1), (false, 2)] {
            let counting = Arc::new(Counting {
                forks,
                ..Counting::default()
            });
            let spec = ModelSpec::new("m", "a.onnx");
            let parent = Arc::new(Store::default());
            let model = parent.load(&backend(&counting), &spec, &[]).unwrap();
            let child = Store::forked_from(parent);
            let inherited = child.load(&backend(&counting), &spec, &[]).unwrap();
            assert!(!Arc::ptr_eq(&model, &inherited), "the queue is its own");
            assert_eq!(counting.loads(), loads);
        }
    }
}
