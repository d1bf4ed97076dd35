//! What more threads, cores and devices give: real photographs on one thread and on two, and a simulation of a machine with up to
//! 128 cores and 8 accelerators, in which preprocessing and models are sleeps and only the runtime itself works.
//!
//! ```text
//! scale [threads] [simulation] [--rounds N] [--photos FOLDER] [--model [NAME]] [--slower N] [--batch ROWS]
//! ```
//!
//! `--model` adds features end to end to `threads`, by the backend NAME (rten). `--slower` has simulated cores and devices take N
//! times as long, for machines that are too small for so many. SCALE.md has what comes of it.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use arrow_array::types::Float32Type;
use arrow_array::{ArrayRef, ListArray};
use serde_json::{Value, json};
use wudf::CallOptions;
use wudf::nn::{Backend, Error, LoadRequest, Model, ModelSpec, Tensor, TensorSpec, TensorType};
use wudf::{Function, Plugin, Session};
use wudf_artifacts::{Artifact, IMAGE_FEATURES};
use wudf_backends::source::Sources;
use wudf_backends::{Libraries, catalogue, defaults};
use wudf_benches::{Comparison, Failure, column, number, photos};
use wudf_fixtures::KIT;

/// What a core takes to preprocess a picture; 430 a second.
const PICTURE: Duration = Duration::from_micros(2_325);
/// What a device takes for a row of a full batch: 5,000 a second.
const ROW: Duration = Duration::from_micros(200);
/// Rows to a batch.
const BATCH: usize = 32;
/// Numbers in a simulated row, and in the features of a picture.
const NUMBERS: usize = 16;
const FEATURES: usize = 2_048;
/// How long one measurement of the simulation should take.
const MEASURED: f64 = 1.5;

fn main() -> Result<(), Failure> {
    let (mut what, mut rounds, mut folder, mut backend) = (Vec::new(), None, None, None);
    let (mut slower, mut batch) = (1, BATCH);
    let mut arguments = std::env::args().skip(1).peekable();
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            // From `cargo bench`.
            "--bench" => {}
            "--rounds" => rounds = Some(number(&argument, arguments.next())?),
            "--photos" => {
                let path = arguments.next().ok_or("--photos wants a folder")?;
                folder = Some(PathBuf::from(path));
            }
            "--model" => {
                let name = arguments.next_if(|next| !next.starts_with('-'));
                backend = Some(name.unwrap_or_else(|| "rten".into()));
            }
            "--slower" => {
                let number = arguments.next().ok_or("--slower wants a number")?;
                slower = number.parse::<u32>()?.max(1);
            }
            "--batch" => batch = number(&argument, arguments.next())?.max(2),
            "threads" | "simulation" => what.push(argument),
            _ => return Err(format!("what is {argument}?").into()),
        }
    }
    let wanted = |name: &str| what.iter().any(|w| w == name) || what.is_empty();
    if wanted("threads") {
        let files = photos(folder.as_deref())?;
        preprocessing(&files, rounds.unwrap_or(20))?;
        to_devices(&files, rounds.unwrap_or(20), batch)?;
        if let Some(backend) = backend {
            features(&files[..files.len().min(8)], rounds.unwrap_or(10), &backend)?;
        }
    }
    if wanted("simulation") {
        simulation(PICTURE * slower, ROW * slower, batch)?;
    }
    Ok(())
}

fn open(
    session: &Session,
    artifact: Artifact,
    function: &str,
    options: &Value,
) -> Result<Function, Failure> {
    Ok(Plugin::from_bytes(session, artifact.name, artifact.bytes)?.open(function, options)?)
}

fn on_threads(threads: usize) -> Result<Session, Failure> {
    Ok(Session::builder().threads(threads).build()?)
}

// Photographs.

fn preprocessing(files: &[Vec<u8>], rounds: usize) -> Result<(), Failure> {
    let tensors = |threads| {
        open(
            &on_threads(threads)?,
            IMAGE_FEATURES,
            "image_tensor",
            &Value::Null,
        )
    };
    let (one, two) = (tensors(1)?, tensors(2)?);
    compare(files, rounds, &one, &two, "tensors")
}

fn features(files: &[Vec<u8>], rounds: usize, backend: &str) -> Result<(), Failure> {
    let spec = catalogue::parse(&format!("resnet50=seeded:resnet50,backend={backend}"))?;
    let sources = Arc::new(Sources::default());
    let session = |threads| -> Result<Session, Failure> {
        let backends = defaults(Libraries::default(), Arc::clone(&sources));
        let builder = Session::builder().threads(threads).backends(backends);
        Ok(builder.model(spec.clone()).build()?)
    };
    let function = |threads| {
        open(
            &session(threads)?,
            IMAGE_FEATURES,
            "image_features",
            &Value::Null,
        )
    };
    println!("features: seeded:resnet50 (untrained weights, the real cost) on {backend}");
    compare(
        files,
        rounds,
        &function(1)?,
        &function(2)?,
        &format!("features, {backend}"),
    )
}

/// The same pictures on one thread, on two of one call, and by two callers that have a thread each.
fn compare(
    files: &[Vec<u8>],
    rounds: usize,
    one: &Function,
    two: &Function,
    what: &str,
) -> Result<(), Failure> {
    let images = column(files);
    let call = |function: &Function, images: &ArrayRef| -> Result<(), Failure> {
        function.call(std::slice::from_ref(images))?;
        Ok(())
    };
    let alone = format!("{what}, one thread");
    let comparison = Comparison::run(rounds, || call(two, &images), || call(one, &images))?;
    let case = format!("{what}, one call on two threads");
    comparison.report(("scale", &case), (files.len(), "pictures"), &case, &alone)?;
    // All pictures each, since halves are never of one size.
    let twice = || call(one, &images).and_then(|()| call(one, &images));
    let comparison = Comparison::run(rounds, || by_two(one, &images), twice)?;
    let case = format!("{what}, two callers");
    comparison.report(
        ("scale", &case),
        (2 * files.len(), "pictures"),
        &case,
        &alone,
    )?;

    // On a machine that is busy with other things, this still says whether threads are in each other's way.
    let mut costs = [[0.0, 0.0]; 2];
    for _ in 0..rounds {
        for (function, [cost, faults]) in [one, two].into_iter().zip(&mut costs) {
            let measured = Measured::of(files.len(), || call(function, &images))?;
            *cost += measured.cost() / 1e3 / rounds as f64;
            *faults += measured.faults() / rounds as f64;
        }
    }
    let [[cost, faults], [cost_of_two, faults_of_two]] = costs;
    println!(
        "{what}, processor time a picture: {cost:.3} ms on one thread, {cost_of_two:.3} ms on two: {:.3} times one if both have a core",
        2.0 * cost / cost_of_two
    );
    println!(
        "{what}, page faults a picture: {faults:.1} on one thread, {faults_of_two:.1} on two\n"
    );
    Ok(())
}

/// Real photographs, and models that cost no processor time: preprocessing as it mostly is, whose tensors stay inside.
fn to_devices(files: &[Vec<u8>], rounds: usize, batch: usize) -> Result<(), Failure> {
    let base = on_threads(2)?;
    // Many times over, so that the first and the last batch, which are never full, weigh little.
    let images = column(&[files; 12].concat());
    let machine = |device| Machine {
        cores: None,
        device,
        dims: Some(vec![None, Some(3), Some(224), Some(224)]),
        width: FEATURES,
    };
    let features = |device, threads| -> Result<Function, Failure> {
        let session = with(&machine(device), threads, &base)?;
        open(&session, IMAGE_FEATURES, "image_features", &Value::Null)
    };
    let one = features(None, 1)?;
    let run = ROW * u32::try_from(batch)?;
    for (what, device) in [
        ("a model that costs nothing, one call on two threads", None),
        (
            "a device that runs batches, one call on two cores",
            Some(Device { batch, run }),
        ),
    ] {
        let function = features(device, 2)?;
        let call = |function: &Function| -> Result<(), Failure> {
            function.call(std::slice::from_ref(&images))?;
            Ok(())
        };
        let comparison = Comparison::run(rounds / 4 + 1, || call(&function), || call(&one))?;
        comparison.report(
            ("scale", what),
            (images.len(), "pictures"),
            what,
            "a model that costs nothing, one thread",
        )?;
        let measured = Measured::of(images.len(), || call(&function))?;
        println!(
            "{what}: {:.3} ms of processor time and {:.1} page faults a picture\n",
            measured.cost() / 1e3,
            measured.faults()
        );
    }
    let twice = || (0..2).try_for_each(|_| one.call(std::slice::from_ref(&images)).map(drop));
    let comparison = Comparison::run(rounds / 4 + 1, || by_two(&one, &images), || Ok(twice()?))?;
    let case = "a model that costs nothing, two callers";
    comparison.report(
        ("scale", case),
        (2 * images.len(), "pictures"),
        case,
        "a model that costs nothing, one thread",
    )
}

/// Two threads that each call with all rows.
fn by_two(function: &Function, rows: &ArrayRef) -> Result<(), Failure> {
    std::thread::scope(|scope| {
        let other = scope.spawn(|| function.call(std::slice::from_ref(rows)).err());
        function.call(std::slice::from_ref(rows))?;
        match other.join().map_err(|_| "a thread crashed")? {
            Some(error) => Err(error.into()),
            None => Ok(()),
        }
    })
}

// The simulation.

/// Cores that preprocess: a thread has one of them for as long as a picture takes.
struct Cores {
    picture: Duration,
    free: Mutex<usize>,
    given_back: Condvar,
}

impl Cores {
    fn new(cores: usize, picture: Duration) -> Arc<Self> {
        Arc::new(Self {
            picture,
            free: Mutex::new(cores),
            given_back: Condvar::new(),
        })
    }

    fn preprocess(&self) {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        while *free == 0 {
            free = self
                .given_back
                .wait(free)
                .unwrap_or_else(PoisonError::into_inner);
        }
        *free -= 1;
        drop(free);
        std::thread::sleep(self.picture);
        *self.free.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.given_back.notify_one();
    }
}

/// What runs batches.
#[derive(Clone, Copy)]
struct Device {
    batch: usize,
    run: Duration,
}

/// Loads [`Simulated`] models.
#[derive(Clone)]
struct Machine {
    /// The cores that preprocess, unless the plugin does.
    cores: Option<Arc<Cores>>,
    /// Where rows go that have been preprocessed.
    device: Option<Device>,
    /// Dimensions of the input, rows first.
    dims: Option<Vec<Option<u32>>>,
    /// Numbers that come of a row.
    width: usize,
}

/// Takes the time of a picture's preprocessing on one of the machine's cores, and then, if there is a device, that of its run.
struct Simulated {
    machine: Machine,
    inputs: [TensorSpec; 1],
    outputs: [TensorSpec; 1],
}

impl Backend for Machine {
    fn name(&self) -> &str {
        "machine"
    }
    fn load(&self, request: &LoadRequest<'_>) -> Result<Box<dyn Model>, Error> {
        let output = request.outputs.first().map_or("y", String::as_str);
        Ok(Box::new(Simulated {
            machine: self.clone(),
            inputs: [TensorSpec::new("x", TensorType::F32, self.dims.clone())],
            outputs: [TensorSpec::new(output, TensorType::F32, None)],
        }))
    }
}

impl Model for Simulated {
    /// Asked for once for each row, on the row's own thread, before it queues for the device: the place to preprocess.
    fn inputs(&self) -> &[TensorSpec] {
        if let Some(cores) = &self.machine.cores {
            cores.preprocess();
        }
        &self.inputs
    }
    fn outputs(&self) -> &[TensorSpec] {
        &self.outputs
    }
    fn batch_size(&self) -> usize {
        self.machine.device.map_or(1, |device| device.batch)
    }
    fn run(&self, inputs: &[(&str, &Tensor)], _: &CallOptions) -> Result<Vec<Tensor>, Error> {
        if let Some(device) = self.machine.device {
            std::thread::sleep(device.run);
        }
        let rows = inputs.first().map_or(0, |(_, tensor)| tensor.dims()[0]);
        let width = self.machine.width;
        let values = vec![0_f32; rows as usize * width];
        Ok(vec![Tensor::from_values(
            vec![rows, width as u32],
            &values,
        )?])
    }
}

/// What a run of the simulation came to.
struct Measured {
    rows: usize,
    time: Duration,
    used: Option<Used>,
}

impl Measured {
    fn of(rows: usize, work: impl FnOnce() -> Result<(), Failure>) -> Result<Self, Failure> {
        let (before, begin) = (Used::now(), Instant::now());
        work()?;
        let time = begin.elapsed();
        let used = before.and_then(|before| Some(Used::now()?.since(&before)));
        Ok(Self { rows, time, used })
    }
    fn speed(&self) -> f64 {
        self.rows as f64 / self.time.as_secs_f64()
    }
    /// Microseconds of this machine's processor for a row.
    fn cost(&self) -> f64 {
        let used = self.used.as_ref();
        used.map_or(f64::NAN, |u| {
            1e6 * u.processor.as_secs_f64() / self.rows as f64
        })
    }
    fn faults(&self) -> f64 {
        let used = self.used.as_ref();
        used.map_or(f64::NAN, |u| u.faults as f64 / self.rows as f64)
    }
    /// Cores of this machine that were busy.
    fn busy(&self) -> f64 {
        self.cost() * self.speed() / 1e6
    }
}

fn rows_of(rows: usize, width: usize) -> ArrayRef {
    let row = |n: usize| Some((0..width).map(move |i| Some((n + i) as f32)));
    Arc::new(ListArray::from_iter_primitive::<Float32Type, _, _>(
        (0..rows).map(row),
    ))
}

/// Threads that preprocess the same rows with nothing around them: what the sleeps themselves come to.
fn bare(cores: &Cores, threads: usize, rows: usize) -> Result<Measured, Failure> {
    let next = AtomicUsize::new(0);
    Measured::of(rows, || {
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    while next.fetch_add(1, Ordering::Relaxed) < rows {
                        cores.preprocess();
                    }
                });
            }
        });
        Ok(())
    })
}

/// A session for one model, `m` or `resnet50`.
fn with(machine: &Machine, threads: usize, base: &Session) -> Result<Session, Failure> {
    let builder = base.runtime().session().threads(threads);
    let builder = builder.backend(Arc::new(machine.clone()));
    let models = ["m", "resnet50"].map(|name| ModelSpec::new(name, ""));
    Ok(models
        .into_iter()
        .fold(builder, |b, m| b.model(m))
        .build()?)
}

fn infer(session: &Session) -> Result<Function, Failure> {
    open(session, KIT, "infer", &json!({ "model": "m" }))
}

/// `callers` threads that each call their function, the one of their number, `calls` times with `batch` rows.
fn call_all(
    functions: &[Function],
    callers: usize,
    calls: usize,
    batch: usize,
) -> Result<Measured, Failure> {
    let input = rows_of(batch.max(1), NUMBERS);
    Measured::of(callers * calls * input.len(), || {
        std::thread::scope(|scope| {
            let callers: Vec<_> = (0..callers)
                .map(|caller| {
                    let (function, input) = (&functions[caller % functions.len()], &input);
                    scope.spawn(move || {
                        (0..calls)
                            .try_for_each(|_| function.call(std::slice::from_ref(input)).map(drop))
                    })
                })
                .collect();
            for caller in callers {
                caller.join().map_err(|_| "a thread crashed")??;
            }
            Ok(())
        })
    })
}

fn simulation(picture: Duration, row: Duration, batch: usize) -> Result<(), Failure> {
    let base = on_threads(1)?;
    let machine = |cores: &Arc<Cores>, device| Machine {
        cores: Some(Arc::clone(cores)),
        device,
        dims: Some(vec![None, None]),
        width: NUMBERS,
    };
    // As many as `cores` preprocess in a part of the time that one measurement should take.
    let rows_in =
        |cores: usize, part: f64| (part * MEASURED * cores as f64 / picture.as_secs_f64()) as usize;
    println!("simulated cores, {picture:?} a picture\n");
    println!(
        "| cores | calls | rows/s | of bare threads' | processor time a row, of the bare threads | cores of this machine busy |"
    );
    println!("|---|---|---|---|---|---|");
    for cores in [1, 2, 4, 8, 16, 32, 64, 128] {
        let shared = Cores::new(cores, picture);
        let machine = machine(&shared, None);
        let rows = rows_in(cores, 1.0);
        let sleeps = bare(&shared, cores, rows)?;
        // One call, which the session spreads; and as engines do it: a thread for each partition, and batches of rows.
        for (what, callers, threads, batch) in
            [("one", 1, cores, rows), ("one a core", cores, 1, 32)]
        {
            let function = [infer(&with(&machine, threads, &base)?)?];
            // As many calls for each caller: who has one more makes the others wait.
            let calls = (rows / callers / batch).max(1);
            let measured = call_all(&function, callers, 1, batch.min(rows / 4))
                .and_then(|_| call_all(&function, callers, calls, batch))?;
            println!(
                "| {cores} | {what} | {:.0} | {:.3} | {:.1} us, {:.1} us | {:.2} |",
                measured.speed(),
                measured.speed() / sleeps.speed(),
                measured.cost(),
                sleeps.cost(),
                measured.busy(),
            );
        }
    }

    let run = row * u32::try_from(batch)?;
    println!("\nwith simulated devices, {run:?} a run of up to {batch} rows\n");
    println!(
        "| cores | devices | rows/s | of what limits | processor time a row | cores of this machine busy |"
    );
    println!("|---|---|---|---|---|---|");
    for (cores, devices) in [(8, 1), (32, 1), (16, 4), (32, 4), (32, 8), (64, 8)] {
        let shared = Cores::new(cores, picture);
        let machine = machine(&shared, Some(Device { batch, run }));
        // A session for each device, as a model has one device.
        let functions = (0..devices)
            .map(|_| infer(&with(&machine, cores / devices, &base)?))
            .collect::<Result<Vec<_>, _>>()?;
        let of_cores = bare(&shared, cores, rows_in(cores, 0.3))?.speed();
        let of_devices = devices as f64 / row.as_secs_f64();
        let limit = of_cores.min(of_devices);
        let rows = (MEASURED * limit) as usize / devices;
        call_all(&functions, devices, 1, rows / 4)?;
        let measured = call_all(&functions, devices, 1, rows)?;
        println!(
            "| {cores} | {devices} | {:.0} | {:.3} of the {} | {:.1} us | {:.2} |",
            measured.speed(),
            measured.speed() / limit,
            if of_cores < of_devices {
                "cores"
            } else {
                "devices"
            },
            measured.cost(),
            measured.busy(),
        );
    }
    Ok(())
}

/// What this process has used; only Linux says.
struct Used {
    processor: Duration,
    faults: u64,
}

impl Used {
    fn now() -> Option<Self> {
        /// As Linux counts for programs, whatever it counts in itself.
        const TICKS: f64 = 100.0;
        let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
        // Behind the name, which may hold anything: the state is the third field.
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
        let ticks = field(14)? + field(15)?;
        Some(Self {
            processor: Duration::from_secs_f64(ticks as f64 / TICKS),
            faults: field(10)?,
        })
    }
    fn since(&self, before: &Self) -> Self {
        Self {
            processor: self.processor.saturating_sub(before.processor),
            faults: self.faults - before.faults,
        }
    }
}
