//! Reading, evaluating and writing at the same time, with little in flight.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, ScopedJoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use arrow_array::{Array, ArrayRef, BooleanArray, RecordBatch, StringArray};
use arrow_select::nullif::nullif;
use wudf::ErrorKind;

use crate::args::OnError;
use crate::columns::{Mapping, Projection};
use crate::failures::{Failed, Failures, RowFailed, stopped};
use crate::input::{Chunk, Chunks};
use crate::output::Output;
use crate::progress::Progress;

/// Chunks that wait between two stages.
const WAITING: usize = 1;

/// How long one call of the function should take: short enough for the progress bar, long enough that the end of a call,
/// where some threads have nothing left to do, weighs little.
const CALL: Duration = Duration::from_secs(2);

/// The bytes of values that a call should come to: tensors are larger than the pictures that they are made of, and
/// several calls' values are in flight.
const VALUES: usize = 32 << 20;

/// What computes a column.
pub trait Evaluate {
    /// One value for each of `rows` rows.
    fn evaluate(&self, arguments: &[ArrayRef], rows: usize) -> Result<Evaluated>;
}

/// What became of some rows.
pub struct Evaluated {
    /// One value for each; null where the row failed.
    pub values: ArrayRef,
    pub failures: BTreeMap<usize, Failed>,
    /// Rows that took long together, and how long.
    pub slow: Vec<(Range<usize>, Duration)>,
}

/// What a run does with rows.
pub struct Plan<'a> {
    pub mapping: &'a Mapping,
    pub projection: &'a Projection,
    pub on_error: OnError,
    /// The most rows to read.
    pub limit: Option<u64>,
    /// The rows of the first call; later ones follow the clock.
    pub first_call: usize,
}

/// What a run did.
#[derive(Clone, Copy, Debug, Default)]
pub struct Summary {
    pub rows: u64,
    pub failed: u64,
    pub elapsed: Duration,
    /// Each stage's own time; they overlap.
    pub reading: Duration,
    pub evaluating: Duration,
    pub writing: Duration,
    /// Whether there may be more rows than the limit let in.
    pub cut: bool,
}

/// Evaluates all rows of `input` and completes `output`.
pub fn run(
    input: Chunks,
    evaluator: &dyn Evaluate,
    output: Output,
    plan: &Plan<'_>,
    mut failures: Failures,
    progress: &mut Progress,
) -> Result<Summary> {
    let began = Instant::now();
    let (to_evaluator, chunks) = sync_channel(WAITING);
    let (to_writer, batches) = sync_channel(WAITING);
    let mut summary = thread::scope(|scope| {
        let reader = scope.spawn(move || read(input, &to_evaluator));
        let writer = scope.spawn(move || write(output, &batches));
        let evaluated = evaluate(
            &chunks,
            evaluator,
            &to_writer,
            plan,
            &mut failures,
            progress,
        );
        let evaluated = evaluated.and_then(|summary| failures.settle().map(|()| summary));
        // Hanging up ends the others.
        drop(chunks);
        if evaluated.is_ok() {
            let _ = to_writer.send(None);
        }
        drop(to_writer);
        let reading = join(reader);
        let written = join(writer);
        // The evaluator stops when the writer does: then it is the writer that knows why.
        let writing = written?;
        // Which rows failed is what one wants to know where that stopped the run.
        if evaluated.as_ref().err().is_none_or(stopped) {
            failures.finish()?;
        }
        Ok::<_, anyhow::Error>(Summary {
            reading,
            writing,
            ..evaluated?
        })
    })?;
    summary.elapsed = began.elapsed();
    Ok(summary)
}

fn read(mut chunks: Chunks, to_evaluator: &SyncSender<Result<Chunk>>) -> Duration {
    let mut busy = Duration::ZERO;
    loop {
        let began = Instant::now();
        let chunk = chunks.next();
        busy += began.elapsed();
        let Some(chunk) = chunk else { return busy };
        if to_evaluator.send(chunk).is_err() {
            return busy;
        }
    }
}

/// Writes what comes, and completes the output only when told that this was all.
fn write(mut output: Output, batches: &Receiver<Option<RecordBatch>>) -> Result<Duration> {
    let mut busy = Duration::ZERO;
    while let Ok(batch) = batches.recv() {
        let began = Instant::now();
        match batch {
            Some(batch) => output.write(&batch)?,
            None => {
                output.finish()?;
                return Ok(busy + began.elapsed());
            }
        }
        busy += began.elapsed();
    }
    Ok(busy)
}

fn evaluate(
    chunks: &Receiver<Result<Chunk>>,
    evaluator: &dyn Evaluate,
    to_writer: &SyncSender<Option<RecordBatch>>,
    plan: &Plan<'_>,
    failures: &mut Failures,
    progress: &mut Progress,
) -> Result<Summary> {
    let mut summary = Summary::default();
    let mut call_rows = plan.first_call.max(1);
    for chunk in chunks {
        let chunk = chunk?;
        let mut start = 0;
        while start < chunk.batch.num_rows() {
            let left = plan
                .limit
                .map_or(u64::MAX, |limit| limit.saturating_sub(summary.rows));
            if left == 0 {
                summary.cut = true;
                return Ok(summary);
            }
            let rows = call_rows.min(chunk.batch.num_rows() - start);
            let rows = usize::try_from(left).map_or(rows, |left| rows.min(left));
            let part = chunk.slice(start, rows);
            let began = Instant::now();
            let done = evaluate_part(&part, evaluator, plan.mapping)?;
            let took = began.elapsed();
            summary.evaluating += took;
            call_rows = next_call(call_rows, rows, took, plan.first_call)
                .min(rows_of_values(rows, done.values.get_array_memory_size()))
                .max(plan.first_call);
            for (rows, took) in done.slow {
                progress.slow(&part.rows_name(rows), took);
            }
            failures.hear(&part, &done.failures)?;
            for (&row, failed) in &done.failures {
                if plan.on_error == OnError::Fail {
                    return Err(RowFailed {
                        row: part.row_name(row),
                        why: failed.message.clone(),
                    }
                    .into());
                }
                progress.failure(&part.row_name(row), &failed.message);
            }
            summary.rows += rows as u64;
            summary.failed += done.failures.len() as u64;
            progress.advance(rows);
            failures.check()?;
            let batch =
                plan.projection
                    .apply(&part.batch, done.values, errors(rows, &done.failures))?;
            to_writer
                .send(Some(batch))
                .ok()
                .context("the writer stopped")?;
            start += rows;
        }
    }
    Ok(summary)
}

fn evaluate_part(part: &Chunk, evaluator: &dyn Evaluate, mapping: &Mapping) -> Result<Evaluated> {
    let rows = part.batch.num_rows();
    let arguments = mapping.arguments(part)?;
    let mut done = evaluator.evaluate(&arguments, rows)?;
    ensure!(
        done.values.len() == rows,
        "the function returned {} values for {rows} rows",
        done.values.len()
    );
    let failures = &mut done.failures;
    failures.retain(|row, _| *row < rows);
    // What could not be read failed for that reason, whatever the function makes of a null.
    for (row, why) in &part.unreadable {
        let failed = Failed {
            code: ErrorKind::Io.name().to_owned(),
            message: why.clone(),
        };
        failures.insert(*row, failed);
    }
    if failures.keys().any(|&row| done.values.is_valid(row)) {
        let failed: BooleanArray = (0..rows)
            .map(|row| Some(failures.contains_key(&row)))
            .collect();
        done.values = nullif(&done.values, &failed)?;
    }
    Ok(done)
}

/// The rows of the next call, so that it takes about [`CALL`].
fn next_call(call_rows: usize, rows: usize, took: Duration, least: usize) -> usize {
    if rows < call_rows {
        // The rest of a chunk says little about speed.
        return call_rows;
    }
    let by_clock = rows as f64 * CALL.as_secs_f64() / took.as_secs_f64().max(1e-6);
    (by_clock as usize)
        .clamp(call_rows / 4, call_rows.saturating_mul(4))
        .max(least.max(1))
}

/// The rows whose values come to [`VALUES`], by those of a call.
fn rows_of_values(rows: usize, bytes: usize) -> usize {
    VALUES / bytes.div_ceil(rows.max(1)).max(1)
}

fn errors(rows: usize, failures: &BTreeMap<usize, Failed>) -> ArrayRef {
    let errors: StringArray = (0..rows)
        .map(|row| failures.get(&row).map(|failed| failed.message.as_str()))
        .collect();
    Arc::new(errors)
}

fn join<T>(handle: ScopedJoinHandle<'_, T>) -> T {
    handle
        .join()
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use arrow_array::cast::AsArray as _;
    use arrow_array::types::Int64Type;
    use arrow_schema::{DataType, Field};

    use super::*;
    use crate::input::{self, Bounds};
    use crate::output::Target;
    use crate::talk::Talk;

    /// Doubles; fails on 3.
    struct Double;

    impl Evaluate for Double {
        fn evaluate(&self, arguments: &[ArrayRef], _rows: usize) -> Result<Evaluated> {
            let numbers = arguments[0].as_primitive::<Int64Type>();
            let three = || Failed {
                code: "unlucky".to_owned(),
                message: "three".to_owned(),
            };
            let failures = (0..numbers.len())
                .filter(|&i| numbers.value(i) == 3)
                .map(|i| (i, three()))
                .collect();
            Ok(Evaluated {
                values: Arc::new(numbers.unary::<_, Int64Type>(|n| 2 * n)),
                failures,
                slow: Vec::new(),
            })
        }
    }

    fn double(rows: usize, on_error: OnError, limit: Option<u64>, out: &Path) -> Result<Summary> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("in.csv");
        let text: String = std::iter::once("n\n".to_owned())
            .chain((0..rows).map(|n| format!("{n}\n")))
            .collect();
        std::fs::write(&path, text).unwrap();
        let bounds = Bounds {
            rows: 7,
            ..Bounds::default()
        };
        let names = [path.to_str().unwrap().to_owned()];
        let input = input::open(&names, None, &[], &input::Settings::default(), bounds).unwrap();
        let argument = [Field::new("n", DataType::Int64, true)];
        let mapping = Mapping::choose(&input.schema, &argument, &[], false).unwrap();
        let value = Field::new("double", DataType::Int64, true);
        let projection =
            Projection::new(&input.schema, &[], value, on_error == OnError::Record).unwrap();
        let output = Target::new(Some(out), None)
            .unwrap()
            .create(&projection.schema)
            .unwrap();
        let plan = Plan {
            mapping: &mapping,
            projection: &projection,
            on_error,
            limit,
            first_call: 2,
        };
        let talk = Talk::silent();
        run(
            input.read_all().unwrap(),
            &Double,
            output,
            &plan,
            Failures::default(),
            &mut Progress::new(talk, None, false),
        )
    }

    #[test]
    fn failures_are_recorded() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("out.csv");
        let summary = double(5, OnError::Record, None, &out).unwrap();
        assert_eq!((summary.rows, summary.failed), (5, 1));
        assert_eq!(
            std::fs::read_to_string(&out).unwrap(),
            "n,double,error\n0,0,\n1,2,\n2,4,\n3,,three\n4,8,\n"
        );
        let summary = double(5, OnError::Null, None, &out).unwrap();
        assert_eq!(summary.failed, 1);
        assert_eq!(
            std::fs::read_to_string(&out).unwrap(),
            "n,double\n0,0\n1,2\n2,4\n3,\n4,8\n"
        );
    }

    #[test]
    fn a_failure_may_end_the_run_and_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let error = double(
            1000,
            OnError::Fail,
            None,
            &folder.path().join("out.parquet"),
        )
        .unwrap_err();
        let failed: &RowFailed = error.downcast_ref().unwrap();
        assert!(failed.row.ends_with("in.csv, row 4"), "{failed}");
        assert_eq!(failed.why, "three");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn many_chunks_stay_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("out.csv");
        let summary = double(1000, OnError::Null, None, &out).unwrap();
        assert_eq!(summary.rows, 1000);
        let text = std::fs::read_to_string(&out).unwrap();
        assert!(
            text.lines()
                .skip(1)
                .enumerate()
                .all(|(i, line)| line.starts_with(&format!("{i},")))
        );
        assert_eq!(text.lines().count(), 1001);
    }

    #[test]
    fn rows_can_be_limited() {
        let folder = tempfile::tempdir().unwrap();
        let summary = double(
            1000,
            OnError::Null,
            Some(10),
            &folder.path().join("out.csv"),
        )
        .unwrap();
        assert_eq!(summary.rows, 10);
        assert!(summary.cut);
    }

    #[test]
    fn calls_follow_the_clock() {
        assert_eq!(next_call(8, 8, Duration::from_millis(1000), 8), 16);
        assert_eq!(next_call(8, 8, Duration::from_millis(1), 8), 32);
        assert_eq!(next_call(64, 64, Duration::from_secs(60), 8), 16);
        assert_eq!(next_call(64, 3, Duration::from_secs(1), 8), 64);
        assert_eq!(next_call(8, 8, Duration::from_secs(600), 8), 8);
    }

    #[test]
    fn calls_end_before_their_values_are_large() {
        assert_eq!(rows_of_values(8, 8 << 20), 32);
        assert_eq!(rows_of_values(8, 8 << 30), 0);
        assert_eq!(rows_of_values(8, 0), VALUES);
    }
}
