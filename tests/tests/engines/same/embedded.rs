//! wudf in programs: Rust with the library, Rust with DataFusion, C.

use std::fs;
use std::sync::Arc;

use arrow_select::concat::concat_batches;
use datafusion::error::Result;
use datafusion::execution::{FunctionRegistry as _, SessionStateBuilder};
use datafusion::prelude::{ParquetReadOptions, SessionContext};
use serde_json::{Value, json};
use wudf::nn::ModelSpec;
use wudf::{Plugin, Session};
use wudf_adapter::Spec;
use wudf_backends::{Libraries, defaults, source::Sources};
use wudf_datafusion::{WasmFunctions, WasmUdf};
use wudf_test_support::skipped;
use wudf_tests::tables::{table, vectors};

use super::{Answer, BACKEND, Job, Place};
use crate::engines::c::{Link, compile, compiler, program, transcript};

pub fn rust(place: &Place, job: Job) -> Answer {
    let mut builder =
        Session::builder().backends(defaults(Libraries::default(), Arc::new(Sources::default())));
    if let Some((name, source)) = job.model {
        builder = builder.model(ModelSpec::new(name, source).backend(BACKEND));
    }
    let plugin = Plugin::from_file(&builder.build().unwrap(), &place.plugin).unwrap();
    let function = plugin.open(job.function, &json!({})).unwrap();
    let column = function.call(&[place.rows.column()]).unwrap();
    Answer {
        digest: plugin.digest().to_owned(),
        vectors: vectors(&table([("vector", column)]), "vector"),
    }
}

pub fn datafusion(place: &Place, job: Job) -> Answer {
    let mut spec = Spec::new("");
    spec.backend = Some(BACKEND.to_owned());
    spec.models = job.models();
    let state = SessionStateBuilder::new_with_default_features()
        .with_function_factory(Some(Arc::new(WasmFunctions::with_defaults(spec))))
        .build();
    let context = SessionContext::new_with_state(state);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let answer = runtime.block_on(select(&context, place, job));
    answer.unwrap_or_else(|e| panic!("{e}"))
}

async fn select(context: &SessionContext, place: &Place, job: Job) -> Result<Answer> {
    let path = place.table.to_str().unwrap();
    let options = ParquetReadOptions::default();
    context.register_parquet("rows", path, options).await?;
    context.sql(&place.create_function(job)).await?;
    let query = "SELECT f(content) AS vector FROM rows ORDER BY row";
    let frame = context.sql(query).await?;
    let schema = Arc::clone(frame.schema().inner());
    let rows = concat_batches(&schema, &frame.collect().await?)?;
    let function = context.udf("f")?;
    let function: &WasmUdf = function.inner().downcast_ref().unwrap();
    Ok(Answer {
        digest: function.udf().function().plugin().digest().to_owned(),
        vectors: vectors(&rows, "vector"),
    })
}

pub fn c(place: &Place, jobs: &[Job]) -> Option<Vec<Answer>> {
    let Some(cc) = compiler("CC", "cc") else {
        skipped("there is no C compiler: C is not among the engines compared");
        return None;
    };
    let example = place.path().join("vectors");
    let sources = ["examples/vectors.c"];
    compile(&cc, Link::Shared, &["-std=c11"], &sources, &example).unwrap_or_else(|e| panic!("{e}"));
    let run = |&job: &Job| {
        let out = place.path().join("vectors.f32");
        let mut command = program(&example);
        command.arg(place.reference(job)).arg(&out);
        if let Some((name, source)) = job.model {
            command.args(["-m", name, source]);
        }
        command.args(["-b", BACKEND, "--"]).args(&place.files);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", transcript(&output));
        let said: Value = serde_json::from_slice(&output.stdout).unwrap();
        Answer {
            digest: said["digest"].as_str().unwrap().to_owned(),
            vectors: counted(&fs::read(out).unwrap()),
        }
    };
    Some(jobs.iter().map(run).collect())
}

/// Vectors as the example in C writes them: a count and as many numbers.
fn counted(bytes: &[u8]) -> Vec<Option<Vec<f32>>> {
    let mut words = bytes.chunks_exact(4).map(|word| word.try_into().unwrap());
    let mut vectors = Vec::new();
    while let Some(count) = words.next().map(i32::from_ne_bytes) {
        let vector = |count| words.by_ref().take(count).map(f32::from_ne_bytes).collect();
        vectors.push(usize::try_from(count).ok().map(vector));
    }
    vectors
}
