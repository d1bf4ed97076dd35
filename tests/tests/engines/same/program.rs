//! The program `wudf`: over a file, over a stream, in SQL.

use std::io::Cursor;

use arrow_ipc::reader::StreamReader;
use arrow_ipc::writer::StreamWriter;
use arrow_select::concat::concat_batches;
use serde_json::Value;
use wudf_tests::program::{Ran, wudf};
use wudf_tests::tables::{read_parquet, table, vectors};

use super::{Answer, BACKEND, Job, Place};

/// Runs the program with the words, and those that say what runs which model.
fn command(place: &Place, job: Job, words: &[&str], stdin: Vec<u8>) -> Ran {
    let models = job.models();
    let models = models.iter().flat_map(|(name, source)| {
        let entry = format!("{name}={source}");
        ["--model".to_owned(), entry]
    });
    let words = words.iter().map(|&word| word.to_owned());
    let backend = ["--backend", BACKEND].map(str::to_owned);
    wudf(place.path(), words.chain(backend).chain(models))
        .stdin(stdin)
        .run()
        .ends_with(0)
}

/// What the program says that the plugin's digest is.
fn digest(place: &Place) -> String {
    let said = wudf(place.path(), ["inspect", "--json", place.plugin()]).run();
    let said: Value = serde_json::from_str(said.ends_with(0).text()).unwrap();
    said["digest"].as_str().unwrap().to_owned()
}

pub fn run(place: &Place, job: Job) -> Answer {
    let (reference, table) = (place.reference(job), place.table.to_str().unwrap());
    let words = [
        "run",
        &reference,
        table,
        "--column",
        "content",
        "-o",
        "run.parquet",
    ];
    command(place, job, &words, Vec::new());
    Answer {
        digest: digest(place),
        vectors: vectors(
            &read_parquet(&place.path().join("run.parquet")),
            job.function,
        ),
    }
}

pub fn pipe(place: &Place, job: Job) -> Answer {
    // As an engine would: a few batches.
    let rows = table([("content", place.rows.column())]);
    let mut stream = StreamWriter::try_new(Vec::new(), &rows.schema()).unwrap();
    for (from, count) in [(0, 17), (17, 0), (17, rows.num_rows() - 17)] {
        stream.write(&rows.slice(from, count)).unwrap();
    }
    let words = ["pipe", &place.reference(job)];
    let ran = command(place, job, &words, stream.into_inner().unwrap());
    let stream = StreamReader::try_new(Cursor::new(&ran.stdout), None).unwrap();
    let schema = stream.schema();
    let batches: Vec<_> = stream.map(Result::unwrap).collect();
    assert_eq!(batches.len(), 3);
    let rows = concat_batches(&schema, &batches).unwrap();
    Answer {
        digest: digest(place),
        vectors: vectors(&rows, job.function),
    }
}

pub fn sql(place: &Place, job: Job) -> Answer {
    let create = place.create_function(job);
    let query = "SELECT f(content) AS vector FROM 'rows.parquet' ORDER BY row";
    let statements = format!("{create}; {query}");
    let words = ["sql", &statements, "-o", "sql.parquet"];
    command(place, job, &words, Vec::new());
    Answer {
        // The statement names it; another one would be refused.
        digest: place.digest(),
        vectors: vectors(&read_parquet(&place.path().join("sql.parquet")), "vector"),
    }
}
