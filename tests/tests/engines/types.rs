//! Every type of `tests/types.txt` through every engine: whole, null, sliced, nested, empty, and values
//! that do not fit, which cost their rows.

mod columns;

use std::fs::File;
use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_ipc::reader::{FileReader, StreamReader};
use arrow_ipc::writer::{FileWriter, StreamWriter};
use arrow_schema::{Field, Schema};
use arrow_select::concat::{concat, concat_batches};
use datafusion::datasource::MemTable;
use datafusion::execution::SessionStateBuilder;
use datafusion::prelude::SessionContext;
use serde_json::json;
use tempfile::TempDir;
use wudf::cast::cast_rows;
use wudf::{Plugin, Session};
use wudf_adapter::Spec;
use wudf_datafusion::WasmFunctions;
use wudf_fixtures::ECHO;
use wudf_test_support::skipped;
use wudf_tests::host::ints;
use wudf_tests::program::{alone, release, wudf};

use super::c::transcript;
use super::{NOT_HERE, lacks_spark};
use columns::ROWS;

const TABLE: &str = include_str!("../../types.txt");

/// One row of the table: a function, and a column for it.
struct Case {
    name: &'static str,
    /// The engines that lack the type.
    lacking: Vec<&'static str>,
    given: ArrayRef,
    /// What comes back: the column as the function's type, null where a value does not fit.
    wanted: ArrayRef,
}

/// The cases, and where they lie as files.
struct Place {
    folder: TempDir,
    cases: Vec<Case>,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("echo.wasm"), ECHO.bytes).unwrap();
        let session = Session::builder().build().unwrap();
        let plugin = Plugin::from_bytes(&session, "echo", ECHO.bytes).unwrap();
        let lines = TABLE.lines().filter(|line| !line.starts_with('#'));
        let cases = lines.map(|line| {
            let mut words = line.split_whitespace();
            let name = words.next().unwrap();
            let signatures = plugin.signatures();
            let signature = signatures.iter().find(|s| s.name == name);
            let signature = signature.unwrap_or_else(|| panic!("echo has no function {name}"));
            let given = columns::column(name, signature.arguments[0].data_type());
            let wanted = cast_rows(&given, signature.returns.data_type()).unwrap();
            columns::check(name, &wanted);
            Case {
                name,
                lacking: words.skip(1).flat_map(|w| w.split(',')).collect(),
                given,
                wanted: wanted.values,
            }
        });
        let cases: Vec<Case> = cases.collect();
        let place = Self { folder, cases };
        let mut file = FileWriter::try_new(
            File::create(place.path("table.arrow")).unwrap(),
            &place.rows().schema(),
        )
        .unwrap();
        for batch in pieces(&place.rows()) {
            file.write(&batch).unwrap();
        }
        file.finish().unwrap();
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A column for each case, and the number of each row.
    fn rows(&self) -> RecordBatch {
        let numbers = ints(0..ROWS as i64);
        let columns = self
            .cases
            .iter()
            .map(|c| (c.name, Arc::clone(&c.given), true));
        let columns = columns.chain([("row", numbers, false)]);
        RecordBatch::try_from_iter_with_nullable(columns).unwrap()
    }

    /// The cases whose types an engine has.
    fn of(&self, engine: &str) -> impl Iterator<Item = &Case> {
        let engine = engine.to_owned();
        self.cases
            .iter()
            .filter(move |case| !case.lacking.contains(&engine.as_str()))
    }

    /// Checks what an engine gives for all rows of a case.
    #[track_caller]
    fn check(&self, engine: &str, case: &Case, found: &ArrayRef) {
        let name = case.name;
        assert_eq!(found.len(), case.wanted.len(), "{engine}: {name}");
        // Engines have types of their own; every value has to be one of the function's.
        let found = cast_rows(found, case.wanted.data_type())
            .unwrap_or_else(|e| panic!("{engine}: {name}: {} came back: {e}", found.data_type()));
        assert!(
            found.failures.is_empty(),
            "{engine}: {name}: {:?}",
            found.failures
        );
        // Items and entries have names that differ between engines.
        let found = arrow_cast::cast(&found.values, case.wanted.data_type()).unwrap();
        for row in 0..found.len() {
            let (found, wanted) = (found.slice(row, 1), case.wanted.slice(row, 1));
            assert_eq!(&found, &wanted, "{engine}: {name}: row {row}");
        }
    }
}

/// Checks what a function that takes any type gives back: the column as it was, in a
/// layout that plugins have.
#[track_caller]
fn check_any(engine: &str, case: &Case, found: &ArrayRef) {
    let given = cast_rows(&case.given, found.data_type()).unwrap();
    assert!(given.failures.is_empty(), "{engine}: {}", case.name);
    let found = arrow_cast::cast(found, given.values.data_type()).unwrap();
    assert_eq!(&found, &given.values, "{engine}: {}", case.name);
}

/// Rows in pieces, one of which is empty, and which begin anywhere.
fn pieces(rows: &RecordBatch) -> Vec<RecordBatch> {
    let n = rows.num_rows();
    vec![rows.slice(0, 3), rows.slice(3, 0), rows.slice(3, n - 3)]
}

fn read(path: &Path) -> RecordBatch {
    let reader = FileReader::try_new(File::open(path).unwrap(), None).unwrap();
    let schema = reader.schema();
    let batches: Vec<_> = reader.map(Result::unwrap).collect();
    concat_batches(&schema, &batches).unwrap()
}

#[test]
fn the_library() {
    let place = Place::new();
    let session = Session::builder().threads(1).build().unwrap();
    let plugin = Plugin::from_bytes(&session, "echo", ECHO.bytes).unwrap();
    for case in place.of("rust") {
        // By its type, and by the column's.
        let typed = plugin.open(case.name, &json!({})).unwrap();
        let parts = [(0, 3), (3, 0), (3, case.given.len() - 3)].map(|(from, len)| {
            let output = typed.evaluate(&[case.given.slice(from, len)]).unwrap();
            let failed = output.failures.iter();
            assert!(
                failed
                    .clone()
                    .all(|f| f.code == "invalid-input" && output.values.is_null(f.row))
            );
            output.values
        });
        let parts: Vec<_> = parts.iter().map(AsRef::as_ref).collect();
        place.check("rust", case, &concat(&parts).unwrap());
        let any = plugin.open("echo", &json!({})).unwrap();
        let back = any.call(&[Arc::clone(&case.given)]).unwrap();
        check_any("rust", case, &back);
        let nulls = arrow_array::new_null_array(&arrow_schema::DataType::Null, 2);
        assert_eq!(
            typed.call(&[nulls]).unwrap().logical_null_count(),
            2,
            "{}",
            case.name
        );
    }
}

#[test]
fn wudf_run() {
    let place = Place::new();
    for case in place.of("run") {
        let function = format!("echo.wasm:{}", case.name);
        let words = [
            "run",
            &function,
            "table.arrow",
            "--column",
            case.name,
            "--as",
            "v",
        ];
        let words = words
            .into_iter()
            .chain(["--on-error", "record", "-o", "run.arrow"]);
        let ran = wudf(place.folder.path(), words).run();
        let failed = ran.status == Some(1);
        let rows = read(&place.path("run.arrow"));
        place.check("run", case, rows.column_by_name("v").unwrap());
        let errors = rows.column_by_name("error").unwrap();
        assert_eq!(
            failed,
            errors.null_count() < errors.len(),
            "{}",
            ran.transcript()
        );
        let words = [
            "run",
            "echo.wasm:echo",
            "table.arrow",
            "--column",
            case.name,
        ];
        let words = words.into_iter().chain(["--as", "v", "-o", "any.arrow"]);
        wudf(place.folder.path(), words).run().ends_with(0);
        let rows = read(&place.path("any.arrow"));
        check_any("run", case, rows.column_by_name("v").unwrap());
    }
}

#[test]
fn wudf_pipe() {
    let place = Place::new();
    for case in place.of("pipe") {
        let schema = Arc::new(Schema::new(vec![Field::new(
            "x",
            case.given.data_type().clone(),
            true,
        )]));
        let mut stream = StreamWriter::try_new(Vec::new(), &schema).unwrap();
        let rows = RecordBatch::try_new(schema, vec![Arc::clone(&case.given)]).unwrap();
        for batch in pieces(&rows) {
            stream.write(&batch).unwrap();
        }
        stream.finish().unwrap();
        let function = format!("echo.wasm:{}", case.name);
        let ran = wudf(
            place.folder.path(),
            ["pipe", &function, "--on-error", "null"],
        )
        .stdin(stream.into_inner().unwrap())
        .run()
        .ends_with(0);
        let stream = StreamReader::try_new(Cursor::new(&ran.stdout), None).unwrap();
        let schema = stream.schema();
        let batches: Vec<_> = stream.map(Result::unwrap).collect();
        assert_eq!(batches.len(), 3);
        let rows = concat_batches(&schema, &batches).unwrap();
        place.check("pipe", case, rows.column(0));
    }
}

/// A statement for each function, and one over all columns.
fn statements<'a>(cases: impl Iterator<Item = &'a Case>, plugin: &str, table: &str) -> Vec<String> {
    let (mut statements, mut columns) = (Vec::new(), Vec::new());
    for case in cases {
        let name = case.name;
        statements.push(format!(
            "CREATE FUNCTION f_{name}() LANGUAGE wasm AS '{plugin}:{name}?on_error=null'"
        ));
        columns.push(format!("f_{name}(\"{name}\") AS \"{name}\""));
        columns.push(format!("echo(\"{name}\") AS \"any_{name}\""));
    }
    statements.push(format!(
        "CREATE FUNCTION echo() LANGUAGE wasm AS '{plugin}:echo'"
    ));
    statements.push(format!(
        "SELECT {} FROM {table} ORDER BY row",
        columns.join(", ")
    ));
    statements
}

#[test]
fn wudf_sql() {
    let place = Place::new();
    let statements = statements(place.of("sql"), "./echo.wasm", "'table.arrow'").join(";\n");
    let words = ["sql", &statements, "-o", "sql.arrow"];
    wudf(place.folder.path(), words).run().ends_with(0);
    let rows = read(&place.path("sql.arrow"));
    for case in place.of("sql") {
        place.check("sql", case, rows.column_by_name(case.name).unwrap());
        let any = format!("any_{}", case.name);
        check_any("sql", case, rows.column_by_name(&any).unwrap());
    }
}

#[test]
fn datafusion() {
    let place = Place::new();
    let state = SessionStateBuilder::new_with_default_features()
        .with_function_factory(Some(Arc::new(WasmFunctions::with_defaults(Spec::new("")))))
        .build();
    let context = SessionContext::new_with_state(state);
    let rows = place.rows();
    let table = MemTable::try_new(rows.schema(), vec![pieces(&rows)]).unwrap();
    context.register_table("t", Arc::new(table)).unwrap();
    let plugin = place.path("echo.wasm");
    let statements = statements(place.of("datafusion"), plugin.to_str().unwrap(), "t");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut last = None;
    for statement in statements {
        let frame = runtime.block_on(context.sql(&statement));
        last = Some(frame.unwrap_or_else(|e| panic!("{statement}: {e}")));
    }
    let frame = last.unwrap();
    let schema = Arc::clone(frame.schema().inner());
    let batches = runtime
        .block_on(frame.collect())
        .unwrap_or_else(|e| panic!("{e}"));
    let found = concat_batches(&schema, &batches).unwrap();
    for case in place.of("datafusion") {
        let of = |name: &str| found.column_by_name(name).unwrap();
        place.check("datafusion", case, of(case.name));
        check_any("datafusion", case, of(&format!("any_{}", case.name)));
    }
}

fn of_python(engine: &str) {
    const PYTHON: &str = "WUDF_TEST_PYTHON";
    let Some(python) = std::env::var_os(PYTHON).map(PathBuf::from) else {
        skipped(&format!(
            "{PYTHON} names no Python with wudf in it (make test does): types are not tried in {engine}"
        ));
        return;
    };
    let place = Place::new();
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut command = Command::new(&python);
    alone(&mut command).current_dir(place.folder.path());
    if engine == "spark" {
        // Starts a cluster that lasts as long as the command behind it.
        command.arg(repository.join("host/python/tests/spark_cluster.py"));
        command.arg(&python);
    }
    command
        .arg(repository.join("tests/every_type.py"))
        .arg(engine)
        .args(["echo.wasm", "table.arrow", "out.arrow"].map(|name| place.path(name)))
        .arg(release().join("libwudf.so"))
        .args(place.of(engine).map(|case| case.name));
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    if output.status.code() == Some(NOT_HERE) || lacks_spark(&output.stderr) {
        skipped(&format!("{said}: types are not tried in {engine}"));
        return;
    }
    assert!(output.status.success(), "{engine}: {}", transcript(&output));
    let rows = read(&place.path("out.arrow"));
    for case in place.of(engine) {
        place.check(engine, case, rows.column_by_name(case.name).unwrap());
    }
}

#[test]
fn c() {
    of_python("c");
}

#[test]
fn pyarrow() {
    of_python("python");
}

#[test]
fn pandas() {
    of_python("pandas");
}

#[test]
fn polars() {
    of_python("polars");
}

#[test]
fn duckdb() {
    of_python("duckdb");
}

#[test]
fn spark() {
    of_python("spark");
}
