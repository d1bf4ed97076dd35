//! Closures in place of models.

use std::cell::RefCell;
use std::fmt::{self, Debug, Display};
use std::rc::Rc;

use super::Provided;
use crate::model::{Description, Element, ModelError, Tensor};

type NamedTensors = Vec<(String, Tensor<'static>)>;
type Run = dyn FnMut(&Inputs<'_>) -> Result<NamedTensors, String>;

thread_local! {
    static MODELS: Provided<Rc<RefCell<Run>>> = const { Provided::new() };
    static DESCRIPTIONS: Provided<Description> = const { Provided::new() };
}

/// Provides a model to this thread until the guard is dropped.
///
/// The closure is given the tensors of one run, and returns what the model
/// returns; see [`Outputs`] for the types that this can have.
///
/// ```
/// use wudf_guest::model::{Model, Tensor};
/// use wudf_guest::testing;
///
/// let _net = testing::model("net", |inputs| {
///     let ids = inputs.get::<i64>("input_ids");
///     [("logits", Tensor::from_vec([1, 2], vec![ids.len() as f32, 0.5]))]
/// });
/// let net = Model::by_name("net").unwrap();
/// let outputs = net.run(&[("input_ids", Tensor::new(&[1, 3], &[7_i64, 8, 9]))]).unwrap();
/// assert_eq!(outputs[0].1.to_vec::<f32>().unwrap(), [3.0, 0.5]);
/// ```
pub fn model<F, O>(name: &str, mut run: F) -> ModelGuard
where
    F: FnMut(&Inputs<'_>) -> O + 'static,
    O: Outputs,
{
    let run = move |inputs: &Inputs<'_>| run(inputs).into_outputs();
    let run: Rc<RefCell<Run>> = Rc::new(RefCell::new(run));
    ModelGuard {
        name: name.to_owned(),
        model: MODELS.with(|models| models.add(name.to_owned(), run)),
        description: None,
    }
}

/// Takes the model away again when it is dropped.
#[derive(Debug)]
#[must_use = "the model is taken away when the guard is dropped: bind it with `let _model = ...`"]
pub struct ModelGuard {
    name: String,
    model: u64,
    description: Option<u64>,
}

impl ModelGuard {
    /// Provides what [`Model::describe`](crate::Model::describe) returns as well.
    ///
    /// ```
    /// use wudf_guest::model::{Description, Model, TensorSpec};
    /// use wudf_guest::testing;
    ///
    /// let input = TensorSpec {
    ///     name: "x".to_owned(),
    ///     format: "f".to_owned(),
    ///     dimensions: Some(vec![None, Some(3)]),
    /// };
    /// let description = Description { inputs: vec![input], ..Description::default() };
    /// let _net = testing::model("net", |_| 0.0_f32).described(description);
    /// assert_eq!(Model::describe("net").unwrap().inputs[0].name, "x");
    /// ```
    pub fn described(mut self, description: Description) -> Self {
        let name = self.name.clone();
        let added = DESCRIPTIONS.with(|all| all.add(name, description));
        if let Some(before) = self.description.replace(added) {
            DESCRIPTIONS.with(|all| all.remove(before));
        }
        self
    }
}

impl Drop for ModelGuard {
    fn drop(&mut self) {
        // Threads that end drop what they provide before or after their guards.
        let _ = MODELS.try_with(|models| models.remove(self.model));
        if let Some(description) = self.description {
            let _ = DESCRIPTIONS.try_with(|all| all.remove(description));
        }
    }
}

const NOT_PROVIDED: &str = "outside of wudf, provide it with `wudf_guest::testing::model`";

/// The description of a model, if the thread has one: of `NAME#OUTPUT,OUTPUT`, of these outputs.
pub(crate) fn description_of(request: &str) -> Result<Description, ModelError> {
    let (name, outputs) = match request.split_once('#') {
        Some((name, outputs)) => (name, Some(outputs)),
        None => (request, None),
    };
    if let Some(mut description) = DESCRIPTIONS.with(|all| all.find(name)) {
        if let Some(outputs) = outputs {
            let spec = |name: &str| {
                let known = description.outputs.iter().find(|spec| spec.name == name);
                known.cloned().ok_or_else(|| {
                    ModelError::missing(format!("the description has no output `{name}`"))
                })
            };
            description.outputs = outputs.split(',').map(spec).collect::<Result<_, _>>()?;
        }
        return Ok(description);
    }
    let known = MODELS.with(|models| models.find(name)).is_some();
    Err(match known {
        true => ModelError::new("it has no description: provide one with `described`"),
        false => ModelError::missing(NOT_PROVIDED),
    })
}

/// The tensors that a model is run with.
#[derive(Debug)]
pub struct Inputs<'a>(&'a [(&'a str, Tensor<'a>)]);

impl<'a> Inputs<'a> {
    /// The numbers of the input of this name.
    ///
    /// # Panics
    /// If there is none, or it has other numbers.
    pub fn get<T: Element>(&self, name: &str) -> Vec<T> {
        numbers(name, self.tensor(name))
    }

    /// The numbers of the only input, which needs no name.
    ///
    /// # Panics
    /// If there is another number of inputs, or it has other numbers.
    pub fn only<T: Element>(&self) -> Vec<T> {
        match self.0 {
            [(name, tensor)] => numbers(name, tensor),
            others => panic!("the model is run with {} inputs, not one", others.len()),
        }
    }

    /// The input of this name.
    ///
    /// # Panics
    /// If there is none.
    pub fn tensor(&self, name: &str) -> &Tensor<'a> {
        let names = || {
            let names: Vec<_> = self.0.iter().map(|(name, _)| *name).collect();
            names.join(", ")
        };
        match self.0.iter().find(|(known, _)| *known == name) {
            Some((_, tensor)) => tensor,
            None => panic!(
                "the model is run without input `{name}`; its inputs are: {}",
                names()
            ),
        }
    }

    /// All inputs, in the order in which they were given.
    pub fn iter(&self) -> impl Iterator<Item = (&'a str, &Tensor<'a>)> {
        self.0.iter().map(|(name, tensor)| (*name, tensor))
    }
}

fn numbers<T: Element>(name: &str, tensor: &Tensor<'_>) -> Vec<T> {
    tensor
        .to_vec()
        .unwrap_or_else(|error| panic!("input `{name}`: {error}"))
}

/// What the closure of [`model`] may return: a number or a `Vec` of numbers (one
/// output with one dimension), a [`Tensor`], several named ones as an array or a
/// `Vec`, and a `Result` of these, whose error is the model's.
pub trait Outputs {
    #[doc(hidden)]
    fn into_outputs(self) -> Result<NamedTensors, String>;
}

impl<T: Element> Outputs for T {
    fn into_outputs(self) -> Result<NamedTensors, String> {
        vec![self].into_outputs()
    }
}

impl<T: Element> Outputs for Vec<T> {
    fn into_outputs(self) -> Result<NamedTensors, String> {
        Tensor::from_vec([self.len() as u32], self).into_outputs()
    }
}

impl Outputs for Tensor<'static> {
    fn into_outputs(self) -> Result<NamedTensors, String> {
        Ok(vec![("output".to_owned(), self)])
    }
}

impl<S: Into<String>> Outputs for Vec<(S, Tensor<'static>)> {
    fn into_outputs(self) -> Result<NamedTensors, String> {
        let named = |(name, tensor): (S, _)| (name.into(), tensor);
        Ok(self.into_iter().map(named).collect())
    }
}

impl<S: Into<String>, const N: usize> Outputs for [(S, Tensor<'static>); N] {
    fn into_outputs(self) -> Result<NamedTensors, String> {
        Vec::from(self).into_outputs()
    }
}

impl<O: Outputs, E: Display> Outputs for Result<O, E> {
    fn into_outputs(self) -> Result<NamedTensors, String> {
        self.map_err(|error| error.to_string())?.into_outputs()
    }
}

/// A model as `Model` has it.
pub(crate) struct LoadedModel {
    run: Rc<RefCell<Run>>,
    /// The outputs that were asked for, in this order.
    outputs: Option<Vec<String>>,
}

impl LoadedModel {
    /// By `NAME` or `NAME#OUTPUT,OUTPUT`, as wasi:nn is asked.
    pub fn find(name: &str) -> Result<Self, ModelError> {
        let (name, outputs) = match name.split_once('#') {
            Some((name, outputs)) => {
                let outputs = outputs.split(',').map(str::to_owned).collect();
                (name, Some(outputs))
            }
            None => (name, None),
        };
        let run = MODELS
            .with(|models| models.find(name))
            .ok_or_else(|| ModelError::missing(NOT_PROVIDED))?;
        Ok(Self { run, outputs })
    }

    pub fn run(&self, inputs: &[(&str, Tensor<'_>)]) -> Result<NamedTensors, ModelError> {
        let mut run = self.run.try_borrow_mut().map_err(|_| {
            ModelError::new("the closure in place of the model runs the model itself")
        })?;
        let mut given = run(&Inputs(inputs)).map_err(ModelError::new)?;
        let Some(names) = &self.outputs else {
            return Ok(given);
        };
        let mut taken = Vec::with_capacity(names.len());
        for name in names {
            let at = given.iter().position(|(known, _)| known == name);
            let at =
                at.ok_or_else(|| ModelError::new(format!("the model has no output `{name}`")))?;
            // Names may repeat.
            taken.push(given[at].clone());
        }
        given.clear();
        Ok(taken)
    }
}

impl Debug for LoadedModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoadedModel")
            .field("outputs", &self.outputs)
            .finish_non_exhaustive()
    }
}
