//! DataFusion, embedded.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow_array::builder::{BinaryViewBuilder, ListBuilder, StringDictionaryBuilder};
use arrow_array::cast::AsArray as _;
use arrow_array::types::{Float32Type, Float64Type, Int32Type, Int64Type};
use arrow_array::{
    Array, ArrayRef, BinaryArray, Float32Array, Int64Array, LargeBinaryArray, LargeStringArray,
    RecordBatch, StringArray, StringViewArray,
};
use arrow_schema::DataType;
use arrow_select::concat::concat_batches;
use datafusion::common::DataFusionError;
use datafusion::datasource::MemTable;
use datafusion::execution::SessionStateBuilder;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::prelude::{SessionConfig, SessionContext};
use proptest::prelude::*;
use wudf::{Cache, CancellationToken, ErrorKind, MaxFailures};
use wudf_adapter::{OnError, Spec, open};
use wudf_datafusion::{Cancellation, WasmFunctions, WasmUdf};
use wudf_fixtures::{ECHO, KIT};
use wudf_tests::tables::{arc, table};

/// What a test waits on.
struct Engine {
    context: SessionContext,
    runtime: tokio::runtime::Runtime,
}

/// Limits under which a hostile row is done with soon.
fn spec(reference: &str) -> Spec {
    let mut spec = Spec::new(reference);
    spec.time_limit = Some(Duration::from_millis(300));
    spec.memory = Some(64 << 20);
    spec.cache = Cache::Folder(std::env::temp_dir().join("wudf-tests-cache"));
    spec
}

impl Engine {
    fn new() -> Self {
        let functions = WasmFunctions::with_defaults(spec(""));
        let state = SessionStateBuilder::new_with_default_features()
            .with_config(SessionConfig::new().with_target_partitions(4))
            .with_function_factory(Some(Arc::new(functions)))
            .build();
        Self {
            context: SessionContext::new_with_state(state),
            runtime: tokio::runtime::Runtime::new().unwrap(),
        }
    }

    /// An engine with functions of the test plugin; `add_one?on_error=null`
    /// has options.
    fn with(functions: &[(&str, &str, &str)]) -> Self {
        let engine = Self::new();
        for (name, arguments, body) in functions {
            engine.create(name, arguments, body);
        }
        engine
    }

    fn create(&self, name: &str, arguments: &str, body: &str) {
        self.sql(&statement(name, arguments, body)).unwrap();
    }

    fn table(&self, name: &str, rows: RecordBatch) {
        self.tables(name, vec![vec![rows]]);
    }

    fn tables(&self, name: &str, partitions: Vec<Vec<RecordBatch>>) {
        let schema = partitions[0][0].schema();
        let table = MemTable::try_new(schema, partitions).unwrap();
        self.context.register_table(name, Arc::new(table)).unwrap();
    }

    fn sql(&self, text: &str) -> Result<RecordBatch, DataFusionError> {
        self.runtime.block_on(async {
            let frame = self.context.sql(text).await?;
            let schema = Arc::clone(frame.schema().inner());
            let batches = frame.collect().await?;
            Ok(concat_batches(&schema, &batches)?)
        })
    }

    /// The first column of a result.
    #[track_caller]
    fn column(&self, text: &str) -> ArrayRef {
        let rows = self.sql(text).unwrap_or_else(|e| panic!("{text}: {e}"));
        Arc::clone(rows.column(0))
    }

    #[track_caller]
    fn ints(&self, text: &str) -> Vec<Option<i64>> {
        let column = self.column(text);
        column.as_primitive::<Int64Type>().iter().collect()
    }

    /// The engine's own words.
    #[track_caller]
    fn error(&self, text: &str) -> String {
        let error = self.sql(text).expect_err(text);
        error.strip_backtrace()
    }
}

fn statement(name: &str, arguments: &str, body: &str) -> String {
    format!(
        "CREATE FUNCTION {name}({arguments}) LANGUAGE wasm AS '{}:{body}'",
        KIT.path
    )
}

fn numbers(values: impl IntoIterator<Item = Option<i64>>) -> RecordBatch {
    table([("x", arc(values.into_iter().collect::<Int64Array>()))])
}

#[test]
fn nulls_stay_nulls() {
    let engine = Engine::with(&[
        ("add_one", "x BIGINT", "add_one"),
        ("maybe", "x BIGINT", "echo_option"),
    ]);
    engine.table("t", numbers([Some(1), None, Some(3)]));
    assert_eq!(
        engine.ints("SELECT add_one(x) FROM t"),
        [Some(2), None, Some(4)]
    );
    assert_eq!(
        engine.ints("SELECT maybe(x) FROM t"),
        [Some(1), None, Some(3)]
    );
    assert_eq!(engine.ints("SELECT add_one(NULL)"), [None]);
}

#[test]
fn no_rows_are_no_rows_of_the_right_type() {
    let engine = Engine::with(&[
        ("upper_wasm", "s TEXT", "upper"),
        ("answer", "", "answer"),
        ("fails", "x BIGINT", "fails"),
    ]);
    engine.table(
        "t",
        table([("s", arc(StringArray::from(Vec::<&str>::new())))]),
    );
    let column = engine.column("SELECT upper_wasm(s) FROM t");
    assert_eq!((column.len(), column.data_type()), (0, &DataType::Utf8));
    assert_eq!(engine.ints("SELECT answer() FROM t"), []);
    assert_eq!(engine.ints("SELECT fails(13) FROM t"), [], "nobody asked");
}

#[test]
fn slices_are_read_where_they_begin() {
    let engine = Engine::with(&[
        ("add_one", "x BIGINT", "add_one"),
        ("upper_wasm", "s TEXT", "upper"),
        ("same", "l FLOAT[]", "echo_list"),
    ]);
    let mut lists = ListBuilder::new(Float32Array::builder(0));
    for n in 0..10_u8 {
        lists.append_value((0..n).map(|i| Some(f32::from(i) + f32::from(n) * 100.0)));
    }
    let rows = table([
        (
            "x",
            arc((0..10)
                .map(|n| (n != 5).then_some(n))
                .collect::<Int64Array>()),
        ),
        (
            "s",
            arc(StringArray::from_iter_values(
                (0..10).map(|n| "x".repeat(n)),
            )),
        ),
        ("l", arc(lists.finish())),
    ]);
    let slice = rows.slice(4, 3);
    engine.table("t", slice.clone());
    let found = engine
        .sql("SELECT add_one(x), upper_wasm(s), same(l) FROM t")
        .unwrap();
    let ints: Vec<_> = found.column(0).as_primitive::<Int64Type>().iter().collect();
    assert_eq!(ints, [Some(5), None, Some(7)]);
    let texts: Vec<_> = found.column(1).as_string::<i32>().iter().collect();
    assert_eq!(texts, [Some("XXXX"), Some("XXXXX"), Some("XXXXXX")]);
    assert_eq!(
        found
            .column(2)
            .as_list::<i32>()
            .value(1)
            .as_primitive::<Float32Type>()
            .values(),
        slice
            .column(2)
            .as_list::<i32>()
            .value(1)
            .as_primitive::<Float32Type>()
            .values(),
    );
}

#[test]
fn views_large_types_and_dictionaries_go_in_as_they_are() {
    let engine = Engine::with(&[
        ("upper_wasm", "s TEXT", "upper"),
        ("size", "b BYTEA", "blob_len"),
    ]);
    let words = [Some("a word that is longer than a view"), None, Some("ö")];
    let mut dictionary = StringDictionaryBuilder::<Int32Type>::new();
    dictionary.extend(words);
    let mut views = BinaryViewBuilder::new();
    words
        .iter()
        .for_each(|word| views.append_option(word.map(str::as_bytes)));
    let bytes: Vec<_> = words.iter().map(|word| word.map(str::as_bytes)).collect();
    engine.table(
        "t",
        table([
            ("view", arc(StringViewArray::from_iter(words))),
            ("large", arc(LargeStringArray::from_iter(words))),
            ("dictionary", arc(dictionary.finish())),
            ("bytes_view", arc(views.finish())),
            (
                "large_bytes",
                arc(LargeBinaryArray::from_iter(bytes.iter().copied())),
            ),
            ("fixed", arc(BinaryArray::from_iter(bytes.iter().copied()))),
        ]),
    );
    for column in ["view", "large", "dictionary"] {
        let found = engine.column(&format!("SELECT upper_wasm({column}) FROM t"));
        let texts: Vec<_> = found.as_string::<i32>().iter().collect();
        let wanted = words.map(|word| word.map(str::to_uppercase));
        assert_eq!(texts, wanted.each_ref().map(Option::as_deref), "{column}");
        let sizes = engine.ints(&format!("SELECT size({column}) FROM t"));
        assert_eq!(sizes, [Some(33), None, Some(2)], "{column}");
        let plan = engine.sql(&format!("EXPLAIN SELECT size({column}) FROM t"));
        let plan = format!("{:?}", plan.unwrap());
        assert!(plan.contains("size(") && !plan.contains("CAST"), "{plan}");
    }
    for column in ["bytes_view", "large_bytes", "fixed"] {
        let sizes = engine.ints(&format!("SELECT size({column}) FROM t"));
        assert_eq!(sizes, [Some(33), None, Some(2)], "{column}");
    }
}

#[test]
fn failed_rows_do_what_the_policy_says() {
    let engine = Engine::new();
    engine.table("t", numbers([Some(1), Some(13), Some(3)]));
    // A row that fails, one that crashes the plugin and one that never ends.
    for (function, why) in [
        ("fails", "13 is unlucky"),
        ("panics", "row with 13 in it"),
        ("spins", "without an answer"),
        ("hogs", "memory"),
    ] {
        for policy in ["raise", "null", "record"] {
            engine.create(
                &format!("{function}_{policy}"),
                "x BIGINT",
                &format!("{function}?on_error={policy}"),
            );
        }
        let raised = engine.error(&format!("SELECT {function}_raise(x) FROM t"));
        assert!(
            raised.starts_with(&format!("External error: kit:{function}: row 1: "))
                && raised.contains(why)
                && raised.ends_with("(counted from 0 in a batch of 3 rows)"),
            "{raised}"
        );
        assert_eq!(
            engine.ints(&format!("SELECT {function}_null(x) FROM t")),
            [Some(1), None, Some(3)]
        );
        let record = engine
            .sql(&format!(
                "SELECT r['value'] AS value, r['error'] AS error FROM (SELECT {function}_record(x) AS r FROM t)"
            ))
            .unwrap();
        let values: Vec<_> = record
            .column(0)
            .as_primitive::<Int64Type>()
            .iter()
            .collect();
        assert_eq!(values, [Some(1), None, Some(3)]);
        let errors = record.column(1).as_string::<i32>();
        assert!(errors.is_null(0) && errors.is_null(2));
        assert!(errors.value(1).contains(why), "{errors:?}");
        // The engine lives on.
        assert_eq!(
            engine.ints(&format!("SELECT {function}_raise(x) FROM t WHERE x <> 13")),
            [Some(1), Some(3)]
        );
    }
}

#[test]
fn errors_keep_their_kind() {
    let engine = Engine::with(&[("fails", "x BIGINT", "fails")]);
    engine.table("t", numbers([Some(13)]));
    let error = engine.sql("SELECT fails(x) FROM t").unwrap_err();
    let DataFusionError::External(inner) = error.find_root() else {
        panic!("{error:?}");
    };
    let inner: &wudf::Error = inner.downcast_ref().unwrap();
    assert_eq!((inner.kind(), inner.row()), (ErrorKind::Row, Some(0)));
    assert_eq!(
        (inner.plugin(), inner.function()),
        (Some("kit"), Some("fails"))
    );
}

#[test]
fn constants_are_computed_once() {
    let engine = Engine::new();
    let udf = open(&spec(&format!("{}:add_one", KIT.path))).unwrap();
    let time = open(&spec(&format!("{}:random_and_time", KIT.path))).unwrap();
    let answer = open(&spec(&format!("{}:answer", KIT.path))).unwrap();
    engine
        .context
        .register_udf(WasmUdf::new(udf.clone(), "add_one"));
    engine
        .context
        .register_udf(WasmUdf::new(time.clone(), "now_wasm"));
    engine
        .context
        .register_udf(WasmUdf::new(answer.clone(), "answer"));
    engine.table("t", numbers((0..1000).map(Some)));
    assert_eq!(engine.ints("SELECT add_one(41) FROM t"), [Some(42); 1000]);
    assert!(
        udf.function().stats().rows <= 2,
        "{:?}",
        udf.function().stats()
    );
    assert_eq!(engine.ints("SELECT answer() FROM t"), [Some(42); 1000]);
    assert!(answer.function().stats().rows <= 2);
    assert_eq!(engine.column("SELECT now_wasm() FROM t").len(), 1000);
    assert_eq!(time.function().stats().rows, 1000, "it is volatile");
}

#[test]
fn constants_stand_beside_columns() {
    let engine = Engine::with(&[("part", "s TEXT, start BIGINT, length BIGINT", "substr")]);
    engine.table("t", numbers((0..100).map(Some)));
    let found = engine.column("SELECT part('abcdef', x, 2) FROM t WHERE x < 3");
    let texts: Vec<_> = found.as_string::<i32>().iter().flatten().collect();
    assert_eq!(texts, ["ab", "bc", "cd"]);
    // A hundred copies of this would be a hundred megabytes.
    let found = engine.column("SELECT part(repeat('ab', 500000), x, 3) FROM t ORDER BY x");
    let texts = found.as_string::<i32>();
    assert_eq!(texts.len(), 100);
    assert_eq!((texts.value(98), texts.value(99)), ("aba", "bab"));
}

/// The plugin gets what is the same in all rows once: a function that gives its last
/// argument back has one value for three rows.
#[test]
fn constants_are_bound() {
    let engine = Engine::new();
    let last = open(&spec(&format!("{}:last", ECHO.path))).unwrap();
    engine.context.register_udf(WasmUdf::new(last, "last"));
    engine.table("t", numbers((0..3).map(Some)));
    for _ in 0..2 {
        let error = engine.error("SELECT last(x, 258) FROM t");
        assert!(error.contains("1 values where"), "{error}");
    }
    for constant in ["258", "3", "'a'"] {
        let found = engine.ints(&format!("SELECT last({constant}, x) FROM t"));
        assert_eq!(found, [Some(0), Some(1), Some(2)]);
    }
}

/// A query whose plugin never comes back ends with its session's token.
#[test]
fn queries_are_cancelled() {
    let token = CancellationToken::new();
    let config = SessionConfig::new().with_option_extension(Cancellation::new(token.clone()));
    let context = SessionContext::new_with_config(config);
    let mut patient = spec(&format!("{}:spins", KIT.path));
    patient.time_limit = Some(Duration::from_secs(60));
    context.register_udf(WasmUdf::new(open(&patient).unwrap(), "spins"));
    let engine = Engine {
        context,
        runtime: tokio::runtime::Runtime::new().unwrap(),
    };
    engine.table("t", numbers([Some(1), Some(13)]));
    let (error, ended) = std::thread::scope(|scope| {
        let query = scope.spawn(|| engine.sql("SELECT spins(x) FROM t").unwrap_err());
        std::thread::sleep(Duration::from_millis(300));
        let begin = Instant::now();
        token.cancel();
        (query.join().unwrap(), begin.elapsed())
    });
    let DataFusionError::External(error) = error.find_root() else {
        panic!("{error}")
    };
    let error = error.downcast_ref::<wudf::Error>().unwrap();
    assert_eq!(error.kind(), ErrorKind::Cancelled, "{error}");
    assert!(ended < Duration::from_secs(10), "{ended:?}");
}

#[test]
fn rows_of_large_constants_are_counted_in_the_whole_batch() {
    let engine = Engine::with(&[("chosen", "s TEXT", "parse_int")]);
    engine.table("t", numbers((0..100).map(Some)));
    let error = engine.error("SELECT chosen(CASE WHEN x = 70 THEN 'seventy' ELSE '1' END) FROM t");
    assert!(error.contains("kit:parse_int: row 70: "), "{error}");
}

#[test]
fn literals_become_what_the_function_takes() {
    let engine = Engine::with(&[
        ("weigh", "count INT, weight DOUBLE", "weigh"),
        ("small", "x TINYINT", "echo_i8"),
        ("real", "x FLOAT", "echo_f32"),
        ("day", "x DATE", "echo_date"),
        ("list", "x FLOAT[]", "echo_list"),
        ("triple", "x FLOAT[3]", "echo_array"),
    ]);
    let float = |text: &str| engine.column(text).as_primitive::<Float64Type>().value(0);
    assert_eq!(float("SELECT weigh(3, 2.5)"), 7.5);
    assert_eq!(float("SELECT weigh(3, 2)"), 6.0);
    assert!(engine.column("SELECT weigh(NULL, 2.5)").is_null(0));
    assert_eq!(
        engine
            .column("SELECT real(0.5)")
            .as_primitive::<Float32Type>()
            .value(0),
        0.5
    );
    assert_eq!(
        engine.column("SELECT day('2020-02-29')").data_type(),
        &DataType::Date32
    );
    assert_eq!(
        engine
            .column("SELECT list([1, 2.5])")
            .as_list::<i32>()
            .value(0)
            .len(),
        2
    );
    assert_eq!(
        engine
            .column("SELECT list([])")
            .as_list::<i32>()
            .value(0)
            .len(),
        0
    );
    assert_eq!(
        engine
            .column("SELECT triple([1, 2, 3])")
            .as_fixed_size_list()
            .value_length(),
        3
    );
    // A value that does not fit is an error, not another value.
    assert!(engine.error("SELECT small(300)").contains("300"));
    assert!(
        engine
            .error("SELECT weigh(3000000000, 1.0)")
            .contains("3000000000")
    );
    assert!(engine.error("SELECT triple([1, 2])").contains('3'));
    assert!(
        engine
            .error("SELECT weigh(2.5, 1)")
            .contains("2.5 does not fit int32")
    );
    for call in ["weigh('three', 1)", "weigh(1)", "weigh()", "weigh(1, 2, 3)"] {
        let error = engine.error(&format!("SELECT {call}"));
        assert!(
            error.contains("weigh takes (count INT, weight DOUBLE), not ("),
            "{call}: {error}"
        );
    }
}

#[test]
fn results_have_the_declared_type() {
    let engine = Engine::new();
    let create = |name: &str, returns: &str| {
        engine.sql(&format!(
            "CREATE FUNCTION {name}(x BIGINT) {returns} LANGUAGE wasm AS '{}:sized_list?size=3'",
            KIT.path
        ))
    };
    create("own", "").unwrap();
    create("lists", "RETURNS FLOAT[]").unwrap();
    create("doubles", "RETURNS DOUBLE[]").unwrap();
    create("sized", "RETURNS FLOAT[3]").unwrap();
    let own = engine.column("SELECT own(7)");
    assert_eq!(own.as_fixed_size_list().value_length(), 3);
    let lists = engine.column("SELECT lists(7)");
    let list = lists.as_list::<i32>().value(0);
    assert_eq!(list.as_primitive::<Float32Type>().values(), &[7.0; 3]);
    let doubles = engine.column("SELECT doubles(7)");
    let list = doubles.as_list::<i32>().value(0);
    assert_eq!(list.as_primitive::<Float64Type>().values(), &[7.0; 3]);
    for (returns, why) in [
        (
            "RETURNS FLOAT[4]",
            "returns FLOAT[3], which does not become the FLOAT[4]",
        ),
        (
            "RETURNS BIGINT",
            "returns FLOAT[3], which does not become the BIGINT",
        ),
    ] {
        let error = create("other", returns).unwrap_err().strip_backtrace();
        assert!(error.contains(why), "{error}");
    }
}

#[test]
fn functions_come_and_go() {
    let engine = Engine::new();
    let create = |how: &str, body: &str| {
        engine.sql(&format!(
            "{how} f(x BIGINT) RETURNS BIGINT IMMUTABLE LANGUAGE wasm AS '{}:{body}'",
            KIT.path
        ))
    };
    create("CREATE FUNCTION", "add_one").unwrap();
    assert_eq!(engine.ints("SELECT f(1)"), [Some(2)]);
    let error = create("CREATE FUNCTION", "nothing").unwrap_err();
    assert!(
        error.to_string().contains("there is a function f already"),
        "{error}"
    );
    create("CREATE OR REPLACE FUNCTION", "nothing").unwrap();
    assert_eq!(engine.ints("SELECT f(1)"), [Some(1)]);
    engine.sql("DROP FUNCTION f").unwrap();
    assert!(engine.error("SELECT f(1)").contains("Invalid function 'f'"));
    engine.sql("DROP FUNCTION IF EXISTS f").unwrap();
    assert!(engine.error("DROP FUNCTION f").contains("does not exist"));
    create("CREATE TEMPORARY FUNCTION", "add_one").unwrap();
    assert_eq!(engine.ints("SELECT f(1)"), [Some(2)]);
    // Names are found however they are spelt.
    engine.create("AddOne", "x BIGINT", "add_one");
    assert_eq!(engine.ints("SELECT AddOne(1)"), [Some(2)]);
    assert_eq!(engine.ints("SELECT \"AddOne\"(1)"), [Some(2)]);
    engine.sql("DROP FUNCTION AddOne").unwrap();
    assert!(engine.sql("SELECT AddOne(1)").is_err());
    // DataFusion's own are in no danger.
    let error = engine.error(&statement("upper", "s TEXT", "upper"));
    assert!(
        error.contains("there is a function upper already"),
        "{error}"
    );
}

#[test]
fn options_are_read_as_the_function_wants_them() {
    let engine = Engine::with(&[(
        "options",
        "x BIGINT",
        "options_echo?count=7&flavour=dark_chocolate&mean=%5B1%2C2%2C3%5D&text=a%26b%25&names=[\"x\"]",
    )]);
    let found = engine.column("SELECT options(1)");
    let text = found.as_string::<i32>().value(0);
    for part in [
        "count: 7",
        "flavour: DarkChocolate",
        "mean: [1.0, 2.0, 3.0]",
        "text: \"a&b%\"",
        "names: [\"x\"]",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn statements_that_make_no_sense() {
    let engine = Engine::new();
    let kit = KIT.path;
    for (statement, why) in [
        (
            "f(x BIGINT) LANGUAGE perl AS 'x'".to_owned(),
            "f is in LANGUAGE perl; functions here are LANGUAGE wasm or python",
        ),
        ("f(x BIGINT) AS 'x'".into(), "f has no LANGUAGE"),
        ("f(x BIGINT) LANGUAGE wasm".into(), "f needs AS 'PLUGIN"),
        ("f(x BIGINT) LANGUAGE wasm AS ''".into(), "names no plugin"),
        (
            format!("f(x BIGINT DEFAULT 1) LANGUAGE wasm AS '{kit}:add_one'"),
            "f declares a DEFAULT",
        ),
        (
            "f(x BIGINT) LANGUAGE wasm AS 'gone.wasm:f'".into(),
            "gone.wasm is neither a file nor a plugin that ships with wudf (image-features)",
        ),
        (
            format!("f(x BIGINT) LANGUAGE wasm AS '{kit}:gone'"),
            "kit has no function gone; it has add_one,",
        ),
        (
            format!("f(x TEXT) LANGUAGE wasm AS '{kit}:add_one'"),
            "kit:add_one takes (x BIGINT), which is not what f(TEXT) declares",
        ),
        (
            format!("f(a INT, b FLOAT, c INT) LANGUAGE wasm AS '{kit}:weigh'"),
            "kit:weigh takes (count INT, weight DOUBLE), which is not what f(INT, FLOAT, INT) declares",
        ),
        (
            format!("f(x BIGINT) LANGUAGE wasm AS '{kit}:options_echo?colour=red'"),
            "kit:options_echo: the function has no option colour; its options are ",
        ),
        (
            format!("f(x BIGINT) LANGUAGE wasm AS '{kit}:add_one?colour=red'"),
            "no colour either; on_error, max_failures, digest, model.NAME and asset.NAME can be given besides",
        ),
        (
            format!("f(x BIGINT) LANGUAGE wasm AS '{kit}:options_echo?count=many'"),
            "kit:options_echo: the option count wants integer, not `many`",
        ),
        (
            format!("f(x BIGINT) LANGUAGE wasm AS '{kit}:add_one?on_error=ignore'"),
            "on_error is raise, null or record, not `ignore`",
        ),
        (
            format!("f(x BIGINT) LANGUAGE wasm AS '{kit}:add_one?digest=sha256:00'"),
            "the one that is wanted sha256:00",
        ),
        (
            format!("f(s TEXT) IMMUTABLE LANGUAGE wasm AS '{kit}:prints'"),
            "kit:prints is VOLATILE, and cannot be declared IMMUTABLE",
        ),
        (
            "f(image BYTEA) LANGUAGE wasm AS 'image-features'".into(),
            "image-features:image_features: it runs the model `resnet50`, and nothing says where that is: \
             add `?model.resnet50=SOURCE` to it",
        ),
    ] {
        let error = engine.error(&format!("CREATE FUNCTION {statement}"));
        assert!(error.contains(why), "{statement}: {error}");
    }
    // A weaker promise is fine.
    engine
        .sql(&format!(
            "CREATE FUNCTION f(x INT) RETURNS BIGINT VOLATILE LANGUAGE wasm AS '{kit}:add_one'"
        ))
        .unwrap();
    assert_eq!(engine.ints("SELECT f(CAST(1 AS INT))"), [Some(2)]);
}

#[test]
fn models_are_named_in_defaults_or_statements() {
    let engine = Engine::new();
    let pictures = BinaryArray::from_vec(vec![b"no picture"]);
    engine.table("t", table([("image", arc(pictures))]));
    engine
        .sql(
            "CREATE FUNCTION embed(image BYTEA) RETURNS FLOAT[] LANGUAGE wasm \
             AS 'image-features:image_features?on_error=record&model.resnet50=seeded:resnet50'",
        )
        .expect_err("a record is no list");
    engine
        .sql(
            "CREATE FUNCTION embed(image BYTEA) RETURNS STRUCT<value FLOAT[], error TEXT> LANGUAGE wasm \
             AS 'image-features:image_features?on_error=record&model.resnet50=seeded:resnet50'",
        )
        .unwrap();
    let errors = engine.column("SELECT embed(image)['error'] FROM t");
    assert_eq!(errors.null_count(), 0);
}

/// What plugins hold is reserved in the pool of the session that made the functions.
#[test]
fn memory_is_the_engines_to_grant() {
    let runtime = RuntimeEnvBuilder::new().with_memory_limit(24 << 20, 1.0);
    let environment = runtime.build_arc().unwrap();
    let pool = Arc::clone(&environment.memory_pool);
    let functions = WasmFunctions::with_defaults(spec(""));
    let state = SessionStateBuilder::new_with_default_features()
        .with_runtime_env(environment)
        .with_function_factory(Some(Arc::new(functions)))
        .build();
    let engine = Engine {
        context: SessionContext::new_with_state(state),
        runtime: tokio::runtime::Runtime::new().unwrap(),
    };
    engine.create("hoards", "bytes BIGINT", "hoards");
    assert!(pool.reserved() > 0, "an idle instance has memory");
    assert_eq!(engine.ints("SELECT hoards(1)"), [Some(1)]);
    let error = engine.error("SELECT hoards(40000000)");
    assert!(error.contains("the engine does not grant"), "{error}");
    assert!(
        error.contains("wudf hoards"),
        "the pool says who holds what: {error}"
    );
    engine.sql("DROP FUNCTION hoards").unwrap();
    assert_eq!(pool.reserved(), 0);
}

#[test]
fn functions_may_be_asynchronous() {
    let engine = Engine::new();
    for name in ["add_one", "fails"] {
        let udf = open(&spec(&format!("{}:{name}", KIT.path))).unwrap();
        engine
            .context
            .register_udf(WasmUdf::asynchronous(udf, name));
    }
    engine.table("t", numbers([Some(1), None, Some(3)]));
    assert_eq!(
        engine.ints("SELECT add_one(x) FROM t"),
        [Some(2), None, Some(4)]
    );
    assert_eq!(
        engine.ints("SELECT x FROM t WHERE add_one(x) > 3"),
        [Some(3)]
    );
    assert_eq!(engine.ints("SELECT add_one(CAST(1 AS INT))"), [Some(2)]);
    let error = engine.error("SELECT add_one('one', 2) FROM t");
    assert!(error.contains("add_one"), "{error}");
    let error = engine.error("SELECT fails(x + 10) FROM t");
    assert!(
        error.contains("counted from 0 in a batch of 3 rows"),
        "{error}"
    );

    // A bound on failures holds for them, too.
    let mut few = spec(&format!("{}:fails", KIT.path));
    few.on_error = OnError::Null;
    few.max_failures = Some(MaxFailures::Rows(0));
    let few = WasmUdf::asynchronous(open(&few).unwrap(), "few");
    engine.context.register_udf(few);
    assert_eq!(
        engine.ints("SELECT few(x) FROM t"),
        [Some(1), None, Some(3)]
    );
    let error = engine.error("SELECT few(x + 10) FROM t");
    assert!(error.contains("max_failures=0"), "{error}");
}

#[test]
fn what_a_plugin_asks_of_the_system_stops_no_thread_of_the_engine() {
    // Printing, sockets and files make WASI wait elsewhere; here they must work in
    // whatever kind of runtime the engine is.
    let engine = Engine::with(&[
        ("prints", "text TEXT", "prints"),
        ("looks", "path TEXT", "looks_around"),
        ("sleeps", "x BIGINT", "sleeps"),
    ]);
    let query = "SELECT prints('x'), looks('/etc/passwd'), sleeps(13)";
    let rows = engine.sql(query).unwrap();
    assert!(!rows.column(1).as_string::<i32>().value(0).contains("FOUND"));
    let ask = || async {
        let frame = engine.context.sql(query).await.unwrap();
        frame.collect().await.unwrap()
    };
    let one = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let rows = one.block_on(ask());
    assert!(rows[0].column(0).as_boolean().value(0));
    let local = tokio::task::LocalSet::new();
    let many = &engine.runtime;
    let rows = many.block_on(local.run_until(ask()));
    assert_eq!(rows[0].column(2).as_primitive::<Int64Type>().value(0), 13);
    let local = tokio::task::LocalSet::new();
    let rows = one.block_on(local.run_until(ask()));
    assert_eq!(rows[0].column(2).as_primitive::<Int64Type>().value(0), 13);
}

#[test]
fn partitions_share_a_function() {
    let engine = Engine::with(&[("add_one", "x BIGINT", "add_one")]);
    let partition = |n: i64| vec![numbers((0..1000).map(|i| Some(1000 * n + i)))];
    engine.tables("t", (0..8).map(partition).collect());
    let sum = engine.ints("SELECT sum(add_one(x)) FROM t");
    assert_eq!(sum, [Some((1..=8000).sum())]);
    let grouped = engine.ints("SELECT count(*) FROM t GROUP BY add_one(x) % 7 ORDER BY 1");
    assert_eq!(grouped.iter().flatten().sum::<i64>(), 8000);
}

/// Texts of a column, cut out of a longer one, in one of three layouts.
fn texts() -> impl Strategy<Value = (ArrayRef, Vec<Option<String>>)> {
    let text = proptest::option::of(".{0,20}");
    (proptest::collection::vec(text, 0..50), 0..10_usize, 0..3_u8).prop_map(
        |(texts, skip, layout)| {
            let array: ArrayRef = match layout {
                0 => Arc::new(StringArray::from_iter(texts.iter())),
                1 => Arc::new(LargeStringArray::from_iter(texts.iter())),
                _ => Arc::new(StringViewArray::from_iter(texts.iter())),
            };
            let skip = skip.min(texts.len());
            (
                array.slice(skip, texts.len() - skip),
                texts[skip..].to_vec(),
            )
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn texts_come_back_as_they_went((array, wanted) in texts()) {
        thread_local! {
            static ENGINE: Engine = Engine::with(&[("same", "s TEXT", "echo_option_string")]);
        }
        ENGINE.with(|engine| {
            let _ = engine.context.deregister_table("t");
            engine.table("t", table([("s", array)]));
            let found = engine.column("SELECT same(s) FROM t");
            let found: Vec<_> = found.as_string::<i32>().iter().map(|text| text.map(str::to_owned)).collect();
            prop_assert_eq!(found, wanted);
            Ok(())
        })?;
    }
}
