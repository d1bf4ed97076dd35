//! Engines that Python brings, through `tests/engines.py` and the wheel that
//! `make test` has built.

use std::path::{Path, PathBuf};
use std::process::Command;

use wudf_test_support::skipped;
use wudf_tests::program::alone;
use wudf_tests::tables::{read_parquet, vectors};

use super::{Answer, BACKEND, Job, Place};
use crate::engines::c::transcript;
use crate::engines::{NOT_HERE, lacks_spark};

/// Names the Python that has wudf's wheel and the engines; `make test` sets it.
const PYTHON: &str = "WUDF_TEST_PYTHON";

pub fn python(place: &Place, jobs: &[Job]) -> Option<Vec<Answer>> {
    engine("python", place, jobs)
}

pub fn pandas(place: &Place, jobs: &[Job]) -> Option<Vec<Answer>> {
    engine("pandas", place, jobs)
}

pub fn polars(place: &Place, jobs: &[Job]) -> Option<Vec<Answer>> {
    engine("polars", place, jobs)
}

pub fn duckdb(place: &Place, jobs: &[Job]) -> Option<Vec<Answer>> {
    engine("duckdb", place, jobs)
}

/// On a standalone cluster of one master and two workers.
pub fn spark(place: &Place, jobs: &[Job]) -> Option<Vec<Answer>> {
    engine("spark", place, jobs)
}

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

fn engine(name: &str, place: &Place, jobs: &[Job]) -> Option<Vec<Answer>> {
    let Some(python) = std::env::var_os(PYTHON).map(PathBuf::from) else {
        skipped(&format!(
            "{PYTHON} names no Python with wudf in it (make test does): {name} is not among the engines compared"
        ));
        return None;
    };
    let out = |job: &Job| {
        place
            .path()
            .join(format!("{name}-{}.parquet", job.function))
    };
    let mut command = Command::new(&python);
    alone(&mut command).current_dir(place.path());
    if name == "spark" {
        // Starts a cluster that lasts as long as the command behind it.
        command.arg(repository().join("host/python/tests/spark_cluster.py"));
        command.arg(&python);
    }
    command.arg(repository().join("tests/engines.py"));
    command
        .args([name, place.plugin()])
        .arg(&place.table)
        .arg(BACKEND);
    for job in jobs {
        let models: Vec<String> = job
            .models()
            .iter()
            .map(|(name, source)| format!("{name}={source}"))
            .collect();
        command
            .args(["--job", job.function])
            .arg(out(job))
            .args(models);
    }
    let output = command.output().unwrap();
    if output.status.code() == Some(NOT_HERE) || lacks_spark(&output.stderr) {
        let why = String::from_utf8_lossy(&output.stderr);
        skipped(&format!("{why}: {name} is not among the engines compared"));
        return None;
    }
    assert!(output.status.success(), "{name}: {}", transcript(&output));
    let said = String::from_utf8(output.stdout).unwrap();
    let digests: Vec<&str> = said.lines().collect();
    assert_eq!(digests.len(), jobs.len(), "{name}: {said}");
    let answer = |(job, digest): (&Job, &str)| Answer {
        digest: digest.to_owned(),
        vectors: vectors(&read_parquet(&out(job)), "vector"),
    };
    Some(jobs.iter().zip(digests).map(answer).collect())
}
