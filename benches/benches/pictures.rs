//! Pictures: preprocessing in the sandbox beside the same code outside of it on one thread, and features end to end beside their
//! model alone.
//!
//! What counts are ratios, so this is no criterion bench: both sides run in turn, and each round gives a ratio.
//!
//! ```text
//! pictures [preprocessing] [end-to-end] [--rounds N] [--photos FOLDER] [--backend NAME] [--precision NAME] [--threads N]
//! pictures serve [--photos FOLDER]      a round of preprocessing for each line of standard input; answers with seconds
//! ```

use std::hint::black_box;
use std::io::{BufRead as _, Write as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use arrow_array::ArrayRef;
use arrow_array::cast::AsArray as _;
use arrow_array::types::Float32Type;
use image_features::recipe::Recipe;
use image_features::transform::Preprocessor;
use serde_json::{Value, json};
use wudf::CallOptions;
use wudf::nn::{LoadRequest, Tensor};
use wudf::{Function, Plugin, Session};
use wudf_artifacts::IMAGE_FEATURES;
use wudf_backends::source::Sources;
use wudf_backends::{Libraries, OnnxRuntime, OpenVino, catalogue, defaults, onnxruntime, openvino};
use wudf_benches::{Comparison, Failure, column, number, one_thread, photos, record};

/// Photographs of one round end to end, for each thread: a round must be short beside what else the machine does.
const FEW: usize = 8;

fn main() -> Result<(), Failure> {
    let (mut what, mut rounds, mut folder) = (Vec::new(), None, None);
    let (mut backend, mut precision, mut threads) = (None, "f32".to_owned(), 1);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            // From `cargo bench`.
            "--bench" => {}
            "--rounds" => rounds = Some(number(&argument, arguments.next())?),
            "--threads" => threads = number(&argument, arguments.next())?,
            "--photos" => {
                folder = Some(PathBuf::from(
                    arguments.next().ok_or("--photos wants a folder")?,
                ))
            }
            "--backend" => backend = Some(arguments.next().ok_or("--backend wants a name")?),
            "--precision" => precision = arguments.next().ok_or("--precision wants a name")?,
            "preprocessing" | "end-to-end" | "serve" => what.push(argument),
            _ => return Err(format!("what is {argument}?").into()),
        }
    }
    let files = photos(folder.as_deref())?;
    if files.len() < FEW * threads {
        return Err(format!("{threads} threads want {} photographs", FEW * threads).into());
    }
    let wanted = |name: &str| what.iter().any(|w| w == name) || what.is_empty() && name != "serve";
    if wanted("serve") {
        return serve(&files);
    }
    if wanted("preprocessing") {
        preprocessing(&files, rounds.unwrap_or(60))?;
    }
    if wanted("end-to-end") {
        end_to_end(
            &files,
            rounds.unwrap_or(60),
            backend.as_deref(),
            &precision,
            threads,
        )?;
    }
    Ok(())
}

fn open(session: &Session, function: &str) -> Result<Function, Failure> {
    let plugin = Plugin::from_bytes(session, IMAGE_FEATURES.name, IMAGE_FEATURES.bytes)?;
    Ok(plugin.open(function, &Value::Null)?)
}

fn call(function: &Function, files: &ArrayRef) -> Result<(), Failure> {
    black_box(function.call(std::slice::from_ref(files))?);
    Ok(())
}

fn preprocessing(files: &[Vec<u8>], rounds: usize) -> Result<(), Failure> {
    let function = open(&one_thread().build()?, "image_tensor")?;
    let images = column(files);
    let mut native = Preprocessor::<f32>::new(Recipe::default())?;
    let mut tensor = Vec::new();
    let mut outside = || {
        files.iter().try_for_each(|file| {
            native.tensor(black_box(file), &mut tensor)?;
            black_box(&tensor);
            Ok(())
        })
    };
    let comparison = Comparison::run(rounds, || call(&function, &images), &mut outside)?;
    comparison.report(
        ("pictures", "preprocessing, sandbox / native"),
        (files.len(), "pictures"),
        "preprocessing in the sandbox",
        "the same code native",
    )?;
    eprintln!("{:?}", function.stats());
    Ok(())
}

/// The version of a backend's library, if it has one and this machine has it.
fn version(backend: &str) -> Result<String, Failure> {
    let sources = Arc::new(Sources::default());
    Ok(match backend {
        "onnxruntime" => OnnxRuntime::find(&onnxruntime::Options::default(), sources)?
            .version()
            .to_owned(),
        "openvino" => OpenVino::find(&openvino::Options::default(), sources)?
            .version()
            .to_owned(),
        _ => String::new(),
    })
}

fn end_to_end(
    files: &[Vec<u8>],
    rounds: usize,
    wanted: Option<&str>,
    precision: &str,
    threads: usize,
) -> Result<(), Failure> {
    let (name, version) = match wanted {
        Some(name) => (name, version(name)?),
        None => match version("onnxruntime") {
            Ok(version) => ("onnxruntime", version),
            Err(error) => {
                eprintln!("note: rten runs the model, since {error}");
                ("rten", String::new())
            }
        },
    };
    println!(
        "seeded:resnet50 (untrained weights, the real cost) on {name} {version}, {precision}, {threads} thread(s)"
    );
    let backend = defaults(Libraries::default(), Arc::new(Sources::default()))
        .into_iter()
        .find(|backend| backend.name() == name)
        .ok_or_else(|| format!("there is no backend {name}"))?;
    let spec = catalogue::parse(&format!(
        "resnet50=seeded:resnet50,backend={name},precision={precision}"
    ))?;
    let outputs = ["features".to_owned()];
    let model = backend.load(&LoadRequest::new(&spec, &outputs))?;
    let input = model
        .inputs()
        .first()
        .ok_or("the model has no input")?
        .name
        .clone();

    let tensors = open(&one_thread().build()?, "image_tensor")?.call(&[column(files)])?;
    let tensors: Vec<Tensor> = (0..files.len())
        .map(|row| {
            let values = tensors.as_fixed_size_list().value(row);
            Tensor::from_values(
                vec![1, 3, 224, 224],
                values.as_primitive::<Float32Type>().values(),
            )
        })
        .collect::<Result<_, _>>()?;
    let session = one_thread()
        .threads(threads)
        .backend(backend)
        .model(spec)
        .build()?;
    let function = open(&session, "image_features")?;
    let few = FEW * threads;
    let parts: Vec<ArrayRef> = files.chunks_exact(few).map(column).collect();

    // Each side takes the next few in its turn.
    let (mut turns, mut others) = (parts.iter().cycle(), tensors.chunks_exact(few).cycle());
    let comparison = Comparison::run(
        rounds,
        || turns.next().map_or(Ok(()), |part| call(&function, part)),
        || {
            let alone = |tensors: &[Tensor]| {
                tensors.iter().try_for_each(|tensor| {
                    black_box(model.run(&[(&input, tensor)], &CallOptions::default())?);
                    Ok::<_, wudf::nn::Error>(())
                })
            };
            let tensors = others.next().unwrap_or_default();
            std::thread::scope(|scope| {
                let (mine, others) = tensors.split_at(FEW);
                let others: Vec<_> = others
                    .chunks(FEW)
                    .map(|part| scope.spawn(|| alone(part)))
                    .collect();
                alone(mine)?;
                for other in others {
                    other.join().map_err(|_| "a thread panicked")??;
                }
                Ok(())
            })
        },
    )?;
    let case = format!("end to end / model, {name}, {precision}, {threads} thread(s)");
    comparison.report(
        ("pictures", &case),
        (few, "pictures"),
        "end to end",
        "the model alone",
    )?;
    if !version.is_empty() {
        record("versions", name, json!({ "value": version }))?;
    }
    eprintln!("{:?}", function.stats());
    Ok(())
}

fn serve(files: &[Vec<u8>]) -> Result<(), Failure> {
    let function = open(&one_thread().build()?, "image_tensor")?;
    let images = column(files);
    call(&function, &images)?;
    for line in std::io::stdin().lock().lines() {
        line?;
        let begin = Instant::now();
        call(&function, &images)?;
        let seconds = begin.elapsed().as_secs_f64();
        println!("{} {seconds}", files.len());
        std::io::stdout().flush()?;
    }
    Ok(())
}
