//! Engines that Python brings, through `tests/engines.py` and the wheel that
//! `make test` has built.

use std::path::{Path, PathBuf};
use std::process::Command;

use wudf_tests::program::alone;
use wudf_tests::tables::{read_parquet, vectors};

use super::{Answer, BACKEND, Job, Place};
use crate::c::transcript;
use crate::skipped;

/// Which Python has wudf's wheel and the engines: `make test` says so.
const PYTHON: &str = "WUDF_TEST_PYTHON";

/// How `engines.py` ends where the engine is not installed.
const NOT_HERE: i32 = 77;

/// What `spark_cluster.py` says where there can be no cluster.
fn lacks_spark(said: &[u8]) -> bool {
    let said = String::from_utf8_lossy(said);
    said.starts_with("pyspark is not installed") || said.starts_with("there is no Java for Spark")
}

pub fn python(place: &Place, job: Job) -> Option<Answer> {
    engine("python", place, job)
}

pub fn pandas(place: &Place, job: Job) -> Option<Answer> {
    engine("pandas", place, job)
}

pub fn polars(place: &Place, job: Job) -> Option<Answer> {
    engine("polars", place, job)
}

pub fn duckdb(place: &Place, job: Job) -> Option<Answer> {
    engine("duckdb", place, job)
}

/// On a standalone cluster of one master and two workers.
pub fn spark(place: &Place, job: Job) -> Option<Answer> {
    engine("spark", place, job)
}

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

fn engine(name: &str, place: &Place, job: Job) -> Option<Answer> {
    let Some(python) = std::env::var_os(PYTHON).map(PathBuf::from) else {
        skipped(&format!(
            "{PYTHON} names no Python with the wheel (make test sets it), so {name} is not \
             among the engines compared"
        ));
        return None;
    };
    let out = place.path().join(format!("{name}.parquet"));
    let mut command = Command::new(&python);
    alone(&mut command).current_dir(place.path());
    if name == "spark" {
        // A cluster for as long as the command behind it runs.
        command.arg(repository().join("host/python/tests/spark_cluster.py"));
        command.arg(&python);
    }
    command.arg(repository().join("tests/engines.py"));
    command.args([name, place.plugin(), job.function]);
    command.args([&place.table, &out]).arg(BACKEND);
    let models = job.models();
    command.args(
        models
            .iter()
            .map(|(name, source)| format!("{name}={source}")),
    );
    let output = command.output().unwrap();
    if output.status.code() == Some(NOT_HERE) || lacks_spark(&output.stderr) {
        let why = String::from_utf8_lossy(&output.stderr);
        skipped(&format!("{name} is not among the engines compared: {why}"));
        return None;
    }
    assert!(output.status.success(), "{name}: {}", transcript(&output));
    let said = String::from_utf8(output.stdout).unwrap();
    Some(Answer {
        digest: said.trim().to_owned(),
        vectors: vectors(&read_parquet(&out), "vector"),
    })
}
