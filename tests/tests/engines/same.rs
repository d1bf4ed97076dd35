//! One digest, the same forty rows, every engine: all tensors have the same
//! bits, and all vectors that one backend made have.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;
use wudf::nn::ModelSpec;
use wudf::{Plugin, Runtime};
use wudf_artifacts::IMAGE_FEATURES;
use wudf_backends::{defaults, source::Sources};
use wudf_tests::program::wudf;
use wudf_tests::tables::{read_parquet, table, vectors};

use crate::c::{self, Link};
use crate::rows::Rows;

/// The backend of all of them.
const BACKEND: &str = "rten";

/// What an engine is to run.
#[derive(Clone, Copy)]
struct Job {
    function: &'static str,
    /// The plugin's model, and where it is.
    model: Option<(&'static str, &'static str)>,
    /// What each vector has.
    width: usize,
}

const JOBS: [Job; 2] = [
    Job {
        function: "image_tensor",
        model: None,
        width: 3 * 224 * 224,
    },
    Job {
        function: "image_features",
        model: Some(("resnet50", "seeded:resnet50")),
        width: 2_048,
    },
];

/// What it makes of them: the digest that it says it ran, and a vector for each row.
struct Answer {
    digest: String,
    vectors: Vec<Option<Vec<f32>>>,
}

/// Where the plugin and the rows are.
struct Place {
    folder: TempDir,
    rows: Rows,
    plugin: PathBuf,
    table: PathBuf,
    files: Vec<PathBuf>,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let rows = Rows::forty();
        // Not the plugin that comes with wudf, which Python and the program each have: one file.
        let plugin = folder.path().join("image-features.wasm");
        fs::write(&plugin, IMAGE_FEATURES.bytes).unwrap();
        let table = folder.path().join("rows.parquet");
        rows.write_parquet(&table);
        let pictures = folder.path().join("pictures");
        fs::create_dir(&pictures).unwrap();
        let files = rows.write_files(&pictures);
        Self {
            folder,
            rows,
            plugin,
            table,
            files,
        }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn plugin(&self) -> &str {
        self.plugin.to_str().unwrap()
    }

    /// `PLUGIN:FUNCTION`.
    fn reference(&self, job: Job) -> String {
        format!("{}:{}", self.plugin(), job.function)
    }
}

/// An engine; none when it is not there, which it has said.
type Engine = fn(&Place, Job) -> Option<Answer>;

const ENGINES: &[(&str, Engine)] = &[("Rust", rust), ("the program", program), ("C", from_c)];

fn rust(place: &Place, job: Job) -> Option<Answer> {
    let mut builder = Runtime::builder().backends(defaults(None, Arc::new(Sources::default())));
    if let Some((name, source)) = job.model {
        builder = builder.model(ModelSpec::new(name, source).backend(BACKEND));
    }
    let plugin = Plugin::from_file(&builder.build().unwrap(), &place.plugin).unwrap();
    let function = plugin.open(job.function, &json!({})).unwrap();
    let column = function.call(&[place.rows.column()]).unwrap();
    Some(Answer {
        digest: plugin.digest().to_owned(),
        vectors: vectors(&table([("vector", column)]), "vector"),
    })
}

fn program(place: &Place, job: Job) -> Option<Answer> {
    let out = place.path().join("program.parquet");
    let (reference, model) = (place.reference(job), job.model);
    let mut words = vec!["run", &reference, place.table.to_str().unwrap()];
    words.extend(["--column", "content", "--backend", BACKEND]);
    words.extend(["-o", out.to_str().unwrap()]);
    let model = model.map(|(name, source)| format!("{name}={source}"));
    if let Some(model) = &model {
        words.extend(["--model", model]);
    }
    wudf(place.path(), words).run().ends_with(0);
    let vectors = vectors(&read_parquet(&out), job.function);
    fs::remove_file(out).unwrap();

    let said = wudf(place.path(), ["inspect", "--json", place.plugin()]).run();
    let said: Value = serde_json::from_str(said.ends_with(0).text()).unwrap();
    Some(Answer {
        digest: said["digest"].as_str().unwrap().to_owned(),
        vectors,
    })
}

fn from_c(place: &Place, job: Job) -> Option<Answer> {
    let Some(cc) = c::compiler("CC", "cc") else {
        crate::skipped("there is no C compiler, so C is not among the engines compared");
        return None;
    };
    let example = place.path().join("vectors");
    c::compile(
        &cc,
        Link::Shared,
        &["-std=c11"],
        &["examples/vectors.c"],
        &example,
    )
    .unwrap();
    let out = place.path().join("vectors.f32");
    let mut command = c::program(&example);
    command.arg(place.reference(job)).arg(&out);
    if let Some((name, source)) = job.model {
        command.args(["-m", name, source]);
    }
    command.args(["-b", BACKEND, "--"]).args(&place.files);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", c::transcript(&output));
    let said: Value = serde_json::from_slice(&output.stdout).unwrap();
    Some(Answer {
        digest: said["digest"].as_str().unwrap().to_owned(),
        vectors: counted(&fs::read(out).unwrap()),
    })
}

/// Vectors as the example in C writes them: a count and as many numbers.
fn counted(bytes: &[u8]) -> Vec<Option<Vec<f32>>> {
    let word = |at: usize| <[u8; 4]>::try_from(&bytes[at..at + 4]).unwrap();
    let (mut vectors, mut at) = (Vec::new(), 0);
    while at < bytes.len() {
        let count = i32::from_ne_bytes(word(at));
        at += 4;
        vectors.push(usize::try_from(count).ok().map(|count| {
            let vector = (0..count).map(|i| f32::from_ne_bytes(word(at + 4 * i)));
            let vector = vector.collect();
            at += 4 * count;
            vector
        }));
    }
    vectors
}

fn sha256(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The vectors of an answer, checked to be one for each row, and whole.
#[track_caller]
fn whole(engine: &str, job: Job, answer: Answer) -> Vec<Vec<f32>> {
    let digest = format!("sha256:{}", sha256(IMAGE_FEATURES.bytes));
    assert_eq!(answer.digest, digest, "{engine} ran another plugin");
    assert_eq!(answer.vectors.len(), 40, "{engine}");
    let vectors = answer.vectors.into_iter().enumerate();
    let whole = vectors.map(|(row, vector)| {
        let vector = vector.unwrap_or_else(|| panic!("{engine}: row {row} is null"));
        assert_eq!(vector.len(), job.width, "{engine}: row {row}");
        vector
    });
    whole.collect()
}

/// Fails with the place where vectors differ, not with all that is in them.
#[track_caller]
fn assert_same(engine: &str, job: Job, found: &[Vec<f32>], wanted: &[Vec<f32>]) {
    for (row, (found, wanted)) in found.iter().zip(wanted).enumerate() {
        let mut pairs = found.iter().zip(wanted);
        if let Some(at) = pairs.position(|(a, b)| a.to_bits() != b.to_bits()) {
            let (a, b) = (found[at], wanted[at]);
            panic!(
                "{engine}: {}: row {row}, value {at}: {a:e} where Rust has {b:e}",
                job.function
            );
        }
    }
}

#[test]
fn every_engine_gives_the_same_bits() {
    let place = Place::new();
    for job in JOBS {
        let mut wanted: Option<Vec<Vec<f32>>> = None;
        for (engine, run) in ENGINES {
            let Some(answer) = run(&place, job) else {
                continue;
            };
            let found = whole(engine, job, answer);
            match &wanted {
                Some(wanted) => assert_same(engine, job, &found, wanted),
                None => {
                    if job.model.is_none() {
                        assert_reference(&place.rows, &found);
                    }
                    // Pictures differ, and so does what is made of them.
                    assert!((1..40).all(|row| found[row] != found[0]));
                    wanted = Some(found);
                }
            }
        }
    }
}

/// Tensors are those of Pillow and torchvision, where it is known what those are.
fn assert_reference(rows: &Rows, tensors: &[Vec<f32>]) {
    for (name, tensor) in rows.names.iter().zip(tensors) {
        let bytes: Vec<u8> = tensor.iter().flat_map(|x| x.to_le_bytes()).collect();
        if let Some(wanted) = rows.reference.get(name) {
            assert_eq!(&sha256(&bytes), wanted, "{name}");
        }
    }
}
