//! One digest, the same rows, every engine: all tensors have the same bits, and so have all vectors that one backend made.

mod embedded;
mod program;
mod python;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use wudf_adapter::reference::digest_of;
use wudf_artifacts::IMAGE_FEATURES;
use wudf_tests::samples::digest;

use crate::engines::rows::Rows;

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

impl Job {
    fn models(self) -> BTreeMap<String, String> {
        let model = self.model.into_iter();
        model
            .map(|(name, source)| (name.to_owned(), source.to_owned()))
            .collect()
    }
}

/// What an engine gives: the digest of the plugin that it ran, and a vector for each row.
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
        let rows = Rows::all();
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

    /// The plugin's digest, as every engine must report it.
    fn digest(&self) -> String {
        digest_of(IMAGE_FEATURES.bytes)
    }

    /// The function as `f`, of this plugin and no other.
    fn create_function(&self, job: Job) -> String {
        let (reference, digest) = (self.reference(job), self.digest());
        format!(
            "CREATE FUNCTION f(image BYTEA) RETURNS FLOAT[] LANGUAGE wasm \
             AS '{reference}?digest={digest}'"
        )
    }

    /// `PLUGIN:FUNCTION`.
    fn reference(&self, job: Job) -> String {
        format!("{}:{}", self.plugin(), job.function)
    }
}

/// An engine, which answers all jobs; none when it is not there, which is recorded as a skip.
type Engine = fn(&Place, &[Job]) -> Option<Vec<Answer>>;

/// An engine that is always there and takes one job at a time.
macro_rules! each {
    ($engine:path) => {
        |place, jobs| Some(jobs.iter().map(|&job| $engine(place, job)).collect())
    };
}

const ENGINES: &[(&str, Engine)] = &[
    ("Rust", each!(embedded::rust)),
    ("wudf run", each!(program::run)),
    ("wudf pipe", each!(program::pipe)),
    ("wudf sql", each!(program::sql)),
    ("DataFusion", each!(embedded::datafusion)),
    ("C", embedded::c),
    ("Python", python::python),
    ("pandas", python::pandas),
    ("Polars", python::polars),
    ("DuckDB", python::duckdb),
    ("Spark", python::spark),
];

/// The vectors of an answer, checked to be one for each row, and whole.
#[track_caller]
fn whole(place: &Place, engine: &str, job: Job, answer: Answer) -> Vec<Vec<f32>> {
    assert_eq!(answer.digest, place.digest(), "{engine} ran another plugin");
    assert_eq!(answer.vectors.len(), place.rows.len(), "{engine}");
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
    let mut wanted: Vec<Vec<Vec<f32>>> = Vec::new();
    for (engine, run) in ENGINES {
        let Some(answers) = run(&place, &JOBS) else {
            continue;
        };
        assert_eq!(answers.len(), JOBS.len(), "{engine}");
        for (at, (job, answer)) in JOBS.into_iter().zip(answers).enumerate() {
            let found = whole(&place, engine, job, answer);
            match wanted.get(at) {
                Some(wanted) => assert_same(engine, job, &found, wanted),
                None => {
                    if job.model.is_none() {
                        assert_reference(&place.rows, &found);
                    }
                    // Pictures differ, and so does what is made of them.
                    assert!((1..found.len()).all(|row| found[row] != found[0]));
                    wanted.push(found);
                }
            }
        }
    }
    assert_eq!(wanted.len(), JOBS.len());
}

/// Tensors are those of Pillow and torchvision.
fn assert_reference(rows: &Rows, tensors: &[Vec<f32>]) {
    assert_eq!(tensors.len(), rows.len());
    for (name, tensor) in rows.names.iter().zip(tensors) {
        assert_eq!(digest(tensor), rows.reference[name], "{name}");
    }
}
