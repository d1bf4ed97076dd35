//! A device that takes as long for 64 rows as for one, behind plugins that know one row: how much of what it can do they get out
//! of it, and what they add to its time when rows come one at a time.
//!
//! ```text
//! batcher [--rounds N] [--cost MICROSECONDS] [--width NUMBERS-IN-A-ROW]
//! ```

use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow_array::types::Float32Type;
use arrow_array::{ArrayRef, ListArray};
use serde_json::json;
use wudf::CallOptions;
use wudf::nn::{Backend, Error, LoadRequest, Model, ModelSpec, Tensor, TensorSpec, TensorType};
use wudf::{Plugin, Session};
use wudf_benches::{Failure, Spread, record};
use wudf_fixtures::KIT;

const BATCH: usize = 64;
/// A row of 64 bytes; a picture's tensor is 150,528 numbers, 602 kB.
const WIDTH: usize = 16;

/// Returns its input after a time that is the same for any number of rows.
struct Device {
    cost: Duration,
    width: usize,
}

struct Identity {
    cost: Duration,
    specs: [TensorSpec; 1],
}

impl Identity {
    fn new(cost: Duration, width: usize) -> Self {
        let dims = vec![None, Some(width as u32)];
        Self {
            cost,
            specs: [TensorSpec::new("x", TensorType::F32, Some(dims))],
        }
    }
}

impl Backend for Device {
    fn name(&self) -> &str {
        "device"
    }
    fn load(&self, _: &LoadRequest<'_>) -> Result<Box<dyn Model>, Error> {
        Ok(Box::new(Identity::new(self.cost, self.width)))
    }
}

impl Model for Identity {
    fn inputs(&self) -> &[TensorSpec] {
        &self.specs
    }
    fn outputs(&self) -> &[TensorSpec] {
        &self.specs
    }
    fn batch_size(&self) -> usize {
        BATCH
    }
    fn run(&self, inputs: &[(&str, &Tensor)], _: &CallOptions) -> Result<Vec<Tensor>, Error> {
        std::thread::sleep(self.cost);
        Ok(inputs.iter().map(|(_, tensor)| (*tensor).clone()).collect())
    }
}

fn main() -> Result<(), Failure> {
    let (mut rounds, mut cost, mut width) = (10, 5_000, WIDTH);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut number = || -> Result<u64, Failure> {
            let number = arguments.next();
            Ok(number.ok_or("a number is missing")?.parse()?)
        };
        match argument.as_str() {
            // From `cargo bench`.
            "--bench" => {}
            "--rounds" => rounds = number()?.max(1),
            "--cost" => cost = number()?,
            "--width" => width = usize::try_from(number()?.max(1))?,
            _ => return Err(format!("what is {argument}?").into()),
        }
    }
    let cost = Duration::from_micros(cost);
    let session = Session::builder()
        .backend(Arc::new(Device { cost, width }))
        .model(ModelSpec::new("identity", ""))
        .build()?;
    let infer = Plugin::from_bytes(&session, KIT.name, KIT.bytes)?
        .open("infer", &json!({ "model": "identity" }))?;
    let column = |rows: usize| -> ArrayRef {
        let row = |n: usize| Some((0..width).map(move |i| Some((n + i) as f32)));
        Arc::new(ListArray::from_iter_primitive::<Float32Type, _, _>(
            (0..rows).map(row),
        ))
    };
    // Many batches, so that the first and the last, which are never full, weigh little; of wide rows as many as memory allows.
    let batches = (6_400 / width).clamp(8, 100);
    let (many, one) = (column(batches * BATCH), column(1));
    let device = Identity::new(cost, width);
    // A sleep takes longer than it should: what the device takes is measured, beside the plugins.
    let alone = |rows: usize, runs: u32| -> Result<Duration, Failure> {
        let input =
            Tensor::from_values(vec![rows as u32, width as u32], &vec![0_f32; rows * width])?;
        let begin = Instant::now();
        for _ in 0..runs {
            device.run(&[("x", &input)], &CallOptions::default())?;
        }
        Ok(begin.elapsed() / runs)
    };
    for _ in 0..3 {
        infer.call(&[Arc::clone(&many)])?;
    }
    let (mut shares, mut added) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        let limit = BATCH as f64 / alone(BATCH, 20)?.as_secs_f64();
        let begin = Instant::now();
        infer.call(&[Arc::clone(&many)])?;
        shares.push(many.len() as f64 / begin.elapsed().as_secs_f64() / limit);

        let lone = alone(1, 50)?;
        let begin = Instant::now();
        for _ in 0..50 {
            infer.call(&[Arc::clone(&one)])?;
        }
        added.push((begin.elapsed() / 50).as_secs_f64() / lone.as_secs_f64() - 1.0);
    }
    for (what, values) in [
        ("of the device's limit, single rows", shares),
        ("added to a lone row's time", added),
    ] {
        let percent = Spread::of(values.iter().map(|share| 100.0 * share).collect())?;
        println!(
            "{:6.2} % {what} (quartiles {:.2} to {:.2}, {rounds} rounds; {cost:?} a run of up to {BATCH} rows of {width} numbers)",
            percent.median, percent.low, percent.high
        );
        record(
            "batcher",
            &format!("{what}, {width} numbers"),
            percent.figure("%"),
        )?;
    }
    Ok(())
}
