//! `wudf run`: a function over files or tables.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, ensure};
use arrow_array::ArrayRef;
use wudf::{CallOptions, Function};
use wudf_adapter::{Prepared, prepare};

use crate::args::{OnError, RunArgs};
use crate::columns::{self, Mapping, Projection};
use crate::exit::Exit;
use crate::failures::{Failed, Failures};
use crate::input::{self, Bounds, CONTENT};
use crate::output::{PREVIEW_ROWS, ParquetOptions, Target};
use crate::pipeline::{self, Evaluate, Evaluated, Plan, Summary};
use crate::progress::{self, Progress};
use crate::talk::Talk;
use crate::{failures, models, stats};

/// Runs a function, and says how it went.
pub fn run(args: &RunArgs, talk: Talk) -> Result<Exit> {
    let target = Target::new(args.output.output.as_deref(), args.output.output_format)?;
    let target = target.with_parquet(ParquetOptions {
        compression: args.output.compression,
        row_group_rows: args.output.row_group_rows,
    })?;
    let done = execute(args, &target, talk)?;
    talk.say(&summary_line(&done.summary, &target));
    Ok(match args.output.on_error {
        OnError::Record if done.summary.failed > 0 => Exit::RowsFailed,
        _ => Exit::Success,
    })
}

/// A run that is over.
pub struct Done {
    pub summary: Summary,
    pub function: Function,
    pub prepared: Prepared,
}

/// Runs a function. What can be known to be wrong without a model is found before one is loaded.
pub fn execute(args: &RunArgs, target: &Target, talk: Talk) -> Result<Done> {
    let watch = &args.watch;
    ensure!(
        watch.max_failures.is_none() || args.output.on_error != OnError::Fail,
        "--max-failures counts rows that fail under --on-error record or null: fail stops at the first"
    );
    let table = watch.failures.as_deref();
    let table = table.map(|path| Target::failures(path, target));
    let table = table.transpose()?;
    let mut limit = args.input.limit;
    if target.is_preview() {
        limit.get_or_insert(PREVIEW_ROWS);
    }
    let mut bounds = Bounds::default();
    if let Some(rows) = limit.and_then(|rows| usize::try_from(rows).ok()) {
        bounds.rows = bounds.rows.min(rows.max(1));
    }
    let settings = input::Settings {
        text: Arc::new(args.input.text.options()),
        keep_text: target.is_csv(),
        talk,
    };
    let outputs = [target.path(), table.as_ref().and_then(Target::path)];
    let outputs: Vec<&Path> = outputs.into_iter().flatten().collect();
    let input = input::open(
        &args.inputs,
        args.input.input_format,
        &outputs,
        &settings,
        bounds,
    )?;

    let spec = models::spec(
        &args.plugin,
        args.function.call.function.as_deref(),
        &args.models,
        &args.function.call.assets,
        &args.limits,
        &args.registries,
    )?;
    let prepared = prepare(&spec, &models::fetch(talk))?;
    let declared = prepared.signature();
    tracing::info!(
        plugin = prepared.plugin.name(),
        digest = prepared.plugin.digest(),
        function = declared.name,
        "plugin loaded"
    );
    let options = args.function.call.options(&declared.options)?;
    let signature = prepared
        .signature_under(&options)
        .map_err(|error| models::explain(&spec, prepared.models(), declared, error))?;
    let signature = &*signature;
    let mapping = Mapping::choose(
        &input.types,
        &signature.arguments,
        &args.function.columns,
        input.files,
    )
    .map_err(|error| match input.text {
        true => anyhow!("{error}\n  --types NAME=TYPE says what a column of text is"),
        false => error,
    })
    .with_context(|| format!("{signature} does not fit the input"))?;
    tracing::info!(columns = ?mapping.names(&input.schema), "arguments");

    models::remark(&spec, prepared.models(), signature, talk);
    let function = prepared
        .open(&options)
        .and_then(|udf| udf.bind(&mapping.types()))
        .map_err(|error| models::explain(&spec, prepared.models(), signature, error))?
        .into_function();
    let name = args.output.rename.as_deref().unwrap_or(&signature.name);
    let value = function
        .signature()
        .returns
        .clone()
        .with_name(name)
        .with_nullable(true);
    let mut drop = match &args.output.select {
        Some(selected) => columns::all_but(&input.schema, selected)?,
        None => args.output.drop.clone(),
    };
    if input.files && !args.output.keep_content && args.output.select.is_none() {
        drop.push(CONTENT.to_owned());
    }
    let projection = Projection::new(
        &input.schema,
        &drop,
        value,
        args.output.on_error == OnError::Record,
    )?;

    // Columns that nobody wants are not read.
    let mut wanted: Vec<usize> = mapping.columns().chain(projection.columns()).collect();
    wanted.sort_unstable();
    wanted.dedup();
    let (mapping, projection) = (mapping.among(&wanted), projection.among(&wanted));

    let output = target.create(&projection.schema)?;
    let failures = Failures::new(watch.max_failures, table.as_ref())?;
    let rows = input.rows.map(|rows| rows.min(limit.unwrap_or(u64::MAX)));
    if limit.is_some_and(|limit| input.rows.is_some_and(|rows| rows <= limit)) {
        limit = None;
    }
    let chunks = input.read(&wanted)?;
    let plan = Plan {
        mapping: &mapping,
        projection: &projection,
        on_error: args.output.on_error,
        limit,
        // Enough for every thread to have a few.
        first_call: 4 * prepared.session.threads(),
    };
    let visible = !(target.is_stdout() && std::io::IsTerminal::is_terminal(&std::io::stdout()))
        || target.is_preview();
    let mut progress = Progress::new(talk, rows, visible);
    let evaluator = Evaluator {
        function: &function,
        slow: watch.slow,
    };
    let summary = pipeline::run(chunks, &evaluator, output, &plan, failures, &mut progress);
    progress.finish();
    if watch.stats {
        talk.say(&stats::of_run(&function.stats(), summary.as_ref().ok()));
    }
    if let Some(path) = &watch.failures
        && summary.as_ref().err().is_none_or(failures::stopped)
    {
        talk.say(&format!("failures -> {}", path.display()));
    }
    Ok(Done {
        summary: summary?,
        function,
        prepared,
    })
}

/// A function, and what is to be told of its calls.
struct Evaluator<'a> {
    function: &'a Function,
    slow: Option<Duration>,
}

impl Evaluate for Evaluator<'_> {
    fn evaluate(&self, arguments: &[ArrayRef], rows: usize) -> Result<Evaluated> {
        let mut options = CallOptions::new();
        if let Some(slow) = self.slow {
            options = options.slow(slow);
        }
        let output = if arguments.is_empty() {
            self.function.evaluate_rows_with(rows, &options)
        } else {
            self.function.evaluate_with(arguments, &options)
        }?;
        let failures = output.failures.into_iter().map(|failure| {
            let failed = Failed {
                code: failure.code,
                message: failure.message,
            };
            (failure.row, failed)
        });
        let slow = output.slow.into_iter().map(|slow| (slow.rows, slow.took));
        Ok(Evaluated {
            values: output.values,
            failures: failures.collect(),
            slow: slow.collect(),
        })
    }
}

fn summary_line(summary: &Summary, target: &Target) -> String {
    let per_second =
        summary.rows as f64 / summary.elapsed.max(Duration::from_micros(1)).as_secs_f64();
    let mut line = format!(
        "{} {}, {} failed, {}, {} rows/s",
        indicatif::HumanCount(summary.rows),
        if summary.rows == 1 { "row" } else { "rows" },
        indicatif::HumanCount(summary.failed),
        progress::seconds(summary.elapsed),
        progress::rate(per_second)
    );
    match target.path() {
        Some(path) => line.push_str(&format!(" -> {}", path.display())),
        None if target.is_preview() && summary.cut => {
            line.push_str("; there are more: -o FILE writes them all")
        }
        None => {}
    }
    line
}
