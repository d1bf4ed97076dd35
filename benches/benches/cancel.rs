//! How long it takes for a call to end once it is cancelled: of a plugin that spins, of a batch that waits for a model, of a model
//! that runs, and of a query of DataFusion.
//!
//! Fails when one takes more than 100 ms.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow_array::{ArrayRef, BinaryArray, Int64Array};
use datafusion::execution::SessionStateBuilder;
use datafusion::prelude::{SessionConfig, SessionContext};
use serde_json::{Value, json};
use wudf::nn::{Backend, Error, LoadRequest, Model, ModelSpec, Tensor, TensorSpec, TensorType};
use wudf::{CallOptions, CancellationToken, ErrorKind, Function, Plugin, Session};
use wudf_artifacts::IMAGE_FEATURES;
use wudf_backends::{OnnxRuntime, catalogue, onnxruntime, source::Sources};
use wudf_benches::Failure;
use wudf_datafusion::{Cancellation, WasmFunctions};
use wudf_fixtures::KIT;

const ROUNDS: usize = 20;
const LIMIT: Duration = Duration::from_millis(100);

fn main() -> Result<(), Failure> {
    let session = Session::builder().threads(2).build()?;
    let kit = Plugin::from_bytes(&session, KIT.name, KIT.bytes)?;
    let thirteen: ArrayRef = Arc::new(Int64Array::from(vec![13]));
    let spins = kit.open("spins", &Value::Null)?;
    let mut late = show("a plugin that spins", || ends(&spins, &thirteen));

    let session = Session::builder()
        .threads(2)
        .backend(Arc::new(Busy))
        .model(ModelSpec::new("m", ""))
        .build()?;
    let infer = Plugin::from_bytes(&session, KIT.name, KIT.bytes)?;
    let infer = infer.open("infer", &json!({ "model": "m" }))?;
    std::thread::scope(|scope| -> Result<(), Failure> {
        let hold = CancellationToken::new();
        let holding = CallOptions::new().cancel(hold.clone());
        let (first, column) = (&infer, &thirteen);
        let holder =
            scope.spawn(move || first.evaluate_with(std::slice::from_ref(column), &holding));
        std::thread::sleep(Duration::from_millis(100));
        late |= show("a batch that waits for a model", || ends(&infer, &thirteen));
        hold.cancel();
        let _ = holder.join();
        Ok(())
    })?;

    match OnnxRuntime::find(
        &onnxruntime::Options::default(),
        Arc::new(Sources::default()),
    ) {
        Err(error) => println!("a model that runs: not measured, {error}"),
        Ok(backend) => {
            let session = Session::builder()
                .threads(1)
                .backend(Arc::new(backend))
                .model(catalogue::parse("resnet50=seeded:resnet50")?)
                .build()?;
            let plugin = Plugin::from_bytes(&session, IMAGE_FEATURES.name, IMAGE_FEATURES.bytes)?;
            // So large that a run takes seconds.
            let features =
                plugin.open("image_features", &json!({ "resize": 1500, "crop": 1500 }))?;
            let picture: ArrayRef = Arc::new(BinaryArray::from_vec(vec![&blank()]));
            late |= show("a model that runs", || ends(&features, &picture));
        }
    }

    let engine = tokio::runtime::Runtime::new()?;
    late |= show("a query of DataFusion", || {
        let token = CancellationToken::new();
        let config = SessionConfig::new().with_option_extension(Cancellation::new(token.clone()));
        let state = SessionStateBuilder::new_with_default_features()
            .with_config(config)
            .with_function_factory(Some(Arc::new(WasmFunctions::new())))
            .build();
        let context = SessionContext::new_with_state(state);
        let create = format!(
            "CREATE FUNCTION spins(x BIGINT) LANGUAGE wasm AS '{}:spins'",
            KIT.path
        );
        engine.block_on(async {
            context.sql(&create).await?;
            let canceller = cancel_later(token);
            let query = context
                .sql("SELECT spins(x) FROM (VALUES (13), (14)) AS t(x)")
                .await?;
            let answer = query.collect().await;
            let took = canceller.join().map_err(|_| "no canceller")?.elapsed();
            match answer {
                Ok(_) => Err("it came to an end".into()),
                Err(_) => Ok(took),
            }
        })
    });
    if late {
        return Err("a call went on for more than 100 ms".into());
    }
    Ok(())
}

/// Prints the median and the worst of some rounds; says whether one was late.
fn show(what: &str, mut round: impl FnMut() -> Result<Duration, Failure>) -> bool {
    let rounds: Result<Vec<Duration>, Failure> = (0..ROUNDS).map(|_| round()).collect();
    match rounds {
        Ok(mut rounds) => {
            rounds.sort_unstable();
            let (median, worst) = (rounds[ROUNDS / 2], rounds[ROUNDS - 1]);
            println!("{what}: {median:.1?}, {worst:.1?} at most in {ROUNDS} rounds");
            worst > LIMIT
        }
        Err(error) => {
            println!("{what}: {error}");
            true
        }
    }
}

/// Calls a function that takes long, cancels it, and measures from there to its end.
fn ends(function: &Function, column: &ArrayRef) -> Result<Duration, Failure> {
    let token = CancellationToken::new();
    let options = CallOptions::new().cancel(token.clone());
    let canceller = cancel_later(token);
    let answer = function.evaluate_with(std::slice::from_ref(column), &options);
    let took = canceller.join().map_err(|_| "no canceller")?.elapsed();
    match answer {
        Err(error) if error.kind() == ErrorKind::Cancelled => Ok(took),
        Err(error) => Err(error.into()),
        Ok(output) => Err(format!("it came to an end: {:?}", output.failures).into()),
    }
}

/// Cancels in a while, and gives the time when it did.
fn cancel_later(token: CancellationToken) -> std::thread::JoinHandle<Instant> {
    std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(500));
        let at = Instant::now();
        token.cancel();
        at
    })
}

/// A white picture.
fn blank() -> Vec<u8> {
    let (width, height) = (64, 64);
    let mut picture = format!("P5 {width} {height} 255\n").into_bytes();
    picture.resize(picture.len() + width * height, 255);
    picture
}

/// A device with one model, which runs until its call is cancelled.
struct Busy;

impl Backend for Busy {
    fn name(&self) -> &str {
        "busy"
    }

    fn load(&self, _: &LoadRequest<'_>) -> Result<Box<dyn Model>, Error> {
        let open = || Some(vec![None, None]);
        Ok(Box::new(Running {
            inputs: [TensorSpec::new("x", TensorType::F32, open())],
            outputs: [TensorSpec::new("y", TensorType::F32, open())],
        }))
    }
}

struct Running {
    inputs: [TensorSpec; 1],
    outputs: [TensorSpec; 1],
}

impl Model for Running {
    fn inputs(&self) -> &[TensorSpec] {
        &self.inputs
    }

    fn outputs(&self) -> &[TensorSpec] {
        &self.outputs
    }

    fn batch_size(&self) -> usize {
        2
    }

    fn run(&self, inputs: &[(&str, &Tensor)], options: &CallOptions) -> Result<Vec<Tensor>, Error> {
        while !options.is_over() {
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(inputs.iter().map(|(_, tensor)| (*tensor).clone()).collect())
    }
}
