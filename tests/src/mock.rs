//! A backend without models: it answers with twice the input and the row's
//! sum, notes what it was asked, and misbehaves as its models' sources say.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use wudf::CallOptions;
use wudf::nn::{
    Backend, Error, ErrorKind, LoadRequest, Model, ModelSource, ModelSpec, Tensor, TensorSpec,
    TensorType,
};

/// The backend. Clones are the same one.
#[derive(Clone, Default)]
pub struct Mock(Arc<Notes>);

/// What it was asked.
#[derive(Default)]
struct Notes {
    loads: AtomicUsize,
    outputs: Mutex<Vec<Vec<String>>>,
    runs: Mutex<Vec<usize>>,
    running: AtomicUsize,
    most_running: AtomicUsize,
}

impl Mock {
    /// Models loaded, or tried to.
    pub fn loads(&self) -> usize {
        self.0.loads.load(Ordering::SeqCst)
    }
    /// The outputs asked for, of each load.
    pub fn outputs(&self) -> Vec<Vec<String>> {
        self.0.outputs.lock().expect("no panic").clone()
    }
    /// The rows of each run.
    pub fn runs(&self) -> Vec<usize> {
        self.0.runs.lock().expect("no panic").clone()
    }
    /// The most runs at one time.
    pub fn most_running(&self) -> usize {
        self.0.most_running.load(Ordering::SeqCst)
    }
}

/// How a model of this backend behaves: the words of its source. `u8` and
/// `i64` are the input's type (otherwise `f32`), `wide=N` the input's fixed
/// second dimension, `fixed` fixes the first one to 1, `takes=MS` is how long a
/// run takes, `late` ignores deadlines. Where the first value of a row is
/// `fails=X`, `panics=X` or `hangs=X`, that is what its run does; `hangs` ends
/// at the deadline. `load-fails`, `load-panics` and `load-takes=MS` are of
/// loading, and `odd` gives outputs that cannot be split into rows.
struct Behaviour(String);

impl Behaviour {
    fn is(&self, word: &str) -> bool {
        self.0.split(' ').any(|w| w == word)
    }
    fn number(&self, word: &str) -> Option<f32> {
        let mut words = self.0.split(' ').filter_map(|w| w.split_once('='));
        words.find(|w| w.0 == word).and_then(|w| w.1.parse().ok())
    }
    fn millis(&self, word: &str) -> Duration {
        Duration::from_secs_f32(self.number(word).unwrap_or(0.0) / 1000.0)
    }
}

impl Backend for Mock {
    fn name(&self) -> &str {
        "mock"
    }

    fn identity(&self, _: &ModelSpec) -> Option<String> {
        Some(String::new())
    }

    fn load(&self, request: &LoadRequest<'_>) -> Result<Box<dyn Model>, Error> {
        self.0.loads.fetch_add(1, Ordering::SeqCst);
        let outputs = request.outputs.to_vec();
        self.0
            .outputs
            .lock()
            .expect("no panic")
            .push(outputs.clone());
        let behaviour = Behaviour(match &request.spec.source {
            ModelSource::Location(words) => words.clone(),
            ModelSource::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            other => panic!("{other:?}"),
        });
        std::thread::sleep(behaviour.millis("load-takes"));
        if behaviour.is("load-fails") {
            return Err(Error::new(ErrorKind::InvalidEncoding, "\u{1b}[2J no model"));
        }
        assert!(!behaviour.is("load-panics"), "the backend panics at load");
        let outputs = if outputs.is_empty() {
            vec!["double".to_owned()]
        } else {
            outputs
        };
        if let Some(unknown) = outputs.iter().find(|o| *o != "double" && *o != "sum") {
            let message = format!("no output `{unknown}`; there is: double, sum");
            return Err(Error::new(ErrorKind::NotFound, message));
        }
        let ty = match () {
            () if behaviour.is("u8") => TensorType::U8,
            () if behaviour.is("i64") => TensorType::I64,
            () => TensorType::F32,
        };
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let width = behaviour.number("wide").map(|n| n as u32);
        let rows = behaviour.is("fixed").then_some(1);
        Ok(Box::new(Mocked {
            inputs: vec![TensorSpec::new("x", ty, Some(vec![rows, width]))],
            outputs: outputs
                .into_iter()
                .map(|name| TensorSpec::new(name, ty, None))
                .collect(),
            batch: request.spec.batch_size.unwrap_or(1),
            behaviour,
            notes: Arc::clone(&self.0),
        }))
    }
}

struct Mocked {
    inputs: Vec<TensorSpec>,
    outputs: Vec<TensorSpec>,
    batch: usize,
    behaviour: Behaviour,
    notes: Arc<Notes>,
}

impl Model for Mocked {
    fn inputs(&self) -> &[TensorSpec] {
        &self.inputs
    }
    fn outputs(&self) -> &[TensorSpec] {
        &self.outputs
    }
    fn batch_size(&self) -> usize {
        self.batch
    }

    fn run(&self, inputs: &[(&str, &Tensor)], options: &CallOptions) -> Result<Vec<Tensor>, Error> {
        struct Running<'a>(&'a Notes);
        impl Drop for Running<'_> {
            fn drop(&mut self) {
                self.0.running.fetch_sub(1, Ordering::SeqCst);
            }
        }
        let now = self.notes.running.fetch_add(1, Ordering::SeqCst) + 1;
        let _running = Running(&self.notes);
        self.notes.most_running.fetch_max(now, Ordering::SeqCst);
        let &[("x", x)] = inputs else {
            panic!("inputs were not checked: {inputs:?}")
        };
        let rows = x.dims()[0] as usize;
        self.notes.runs.lock().expect("no panic").push(rows);
        let late = Error::new(ErrorKind::Timeout, "the mock ran out of time");
        let takes = self.behaviour.millis("takes");
        match options.ends_at() {
            Some(deadline) if !self.behaviour.is("late") => {
                let left = deadline.saturating_duration_since(Instant::now());
                std::thread::sleep(takes.min(left));
                if takes >= left {
                    return Err(late);
                }
            }
            _ => std::thread::sleep(takes),
        }
        let dims = x.dims();
        match x.ty() {
            TensorType::F32 => {
                let values = x.values::<f32>()?;
                let first = |row: &[f32]| row.first().copied();
                let each = || values.chunks(dims[1].max(1) as usize).map(first);
                let there = |word| {
                    let number = self.behaviour.number(word);
                    number.is_some() && each().any(|value| value == number)
                };
                if there("fails") {
                    return Err(Error::new(ErrorKind::Runtime, "the mock fails\u{1b}[2J"));
                }
                assert!(!there("panics"), "the mock panics");
                if there("hangs") {
                    let left = options.ends_at().expect("a deadline") - Instant::now();
                    std::thread::sleep(left);
                    return Err(late);
                }
                let double: Vec<f32> = values.iter().map(|v| v * 2.0).collect();
                let sums: Vec<f32> = values
                    .chunks(dims[1].max(1) as usize)
                    .map(|row| row.iter().sum())
                    .collect();
                let outputs = self.outputs.iter().map(|spec| match spec.name.as_str() {
                    _ if self.behaviour.is("odd") => {
                        let all = u32::try_from(double.len()).expect("small");
                        Tensor::from_values(vec![1, all], &double)
                    }
                    "sum" => Tensor::from_values(vec![dims[0], 1], &sums),
                    _ => Tensor::from_values(dims.to_vec(), &double),
                });
                outputs.collect()
            }
            TensorType::I64 => {
                let double: Vec<i64> = x.values::<i64>()?.iter().map(|v| v * 2).collect();
                Ok(vec![Tensor::from_values(dims.to_vec(), &double)?])
            }
            _ => Ok(vec![x.clone()]),
        }
    }
}
