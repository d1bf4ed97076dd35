//! Data as it lies: whatever is in a file comes out again, or the run says what does not.

use std::fs;
use std::io::Write as _;
use std::sync::Arc;

use arrow_array::cast::AsArray as _;
use arrow_array::types::{Int64Type, TimestampMicrosecondType};
use arrow_array::{
    Array as _, ArrayRef, Date64Array, DictionaryArray, Int32Array, RecordBatch, StringArray,
    StringViewArray, Time32SecondArray, TimestampSecondArray, UnionArray,
};
use arrow_schema::{DataType, Field, Schema, TimeUnit};
use tempfile::TempDir;
use wudf_tests::program::{Ran, wudf};
use wudf_tests::tables::{arc, column, read_parquet, table, texts, write_parquet};

use super::{folder, left, read, run, write};

/// A command line with one word that may hold anything.
fn run_with(folder: &TempDir, line: &str, more: &[&str]) -> Ran {
    wudf(
        folder.path(),
        line.split_whitespace().chain(more.iter().copied()),
    )
    .run()
}

fn written(folder: &TempDir) -> RecordBatch {
    read_parquet(&folder.path().join("out.parquet"))
}

fn types(table: &RecordBatch) -> Vec<(String, DataType)> {
    let fields = table.schema_ref().fields().iter();
    fields
        .map(|field| (field.name().clone(), field.data_type().clone()))
        .collect()
}

/// Lines that differ only behind what used to be looked at.
fn late(first: &str, last: &str) -> String {
    let mut text = String::new();
    for _ in 0..10_000 {
        text.push_str(first);
        text.push('\n');
    }
    text + last + "\n"
}

fn write_arrow(folder: &TempDir, name: &str, table: &RecordBatch) {
    let file = fs::File::create(folder.path().join(name)).unwrap();
    let mut writer = arrow_ipc::writer::FileWriter::try_new(file, table.schema_ref()).unwrap();
    writer.write(table).unwrap();
    writer.finish().unwrap();
}

#[test]
fn late_fields_and_values_of_ndjson_are_kept() {
    let folder = folder();
    let first = r#"{"n":1,"v":1,"o":{"a":1},"s":1}"#;
    let last = r#"{"n":1,"v":2.75,"o":{"a":1,"b":2},"s":"7","extra":"x"}"#;
    write(&folder, "in.ndjson", &late(first, last));
    run(
        &folder,
        "run kit.wasm:add_one in.ndjson --column n -o out.ndjson --on-error null",
    )
    .ends_with(0);
    let text = read(&folder, "out.ndjson");
    assert_eq!(
        text.lines().last().unwrap(),
        r#"{"n":1,"v":2.75,"o":{"a":1,"b":2},"s":"7","extra":"x","add_one":2}"#
    );
}

#[test]
fn late_values_of_csv_are_kept() {
    let folder = folder();
    write(
        &folder,
        "in.csv",
        &("n,v,t,zip\n".to_owned()
            + &late(
                "1,1,2024-01-01 00:00:00,1",
                "1,3.5,2024-01-01T00:00:00+02:00,00501",
            )),
    );
    run(
        &folder,
        "run kit.wasm:add_one in.csv --column n -o out.parquet",
    )
    .ends_with(0);
    let found = written(&folder);
    let last = found.num_rows() - 1;
    assert_eq!(texts(&found, "zip")[last].as_deref(), Some("00501"));
    assert_eq!(
        texts(&found, "t")[last].as_deref(),
        Some("2024-01-01T00:00:00+02:00")
    );
    assert_eq!(
        column(&found, "v")
            .as_primitive::<arrow_array::types::Float64Type>()
            .value(last),
        3.5
    );
}

#[test]
fn a_stream_that_goes_on_differently_says_how_to_go_on() {
    let folder = folder();
    let line = "run kit.wasm:add_one - --column n -o out.parquet";
    // Longer than what is looked at before the types are known.
    let csv = |last: &str| format!("n,v\n{}{last}\n", "1,1\n".repeat(100_000));
    let ndjson = |last: &str| format!("{}{last}\n", "{\"n\":1,\"v\":1}\n".repeat(50_000));
    for (text, wanted) in [
        (ndjson(r#"{"n":1,"v":2.5}"#), "--types v=TEXT"),
        (ndjson(r#"{"n":1,"v":"7"}"#), "--types v=TEXT"),
        (ndjson(r#"{"n":1,"new":1}"#), "--types new=TEXT"),
        (csv("1,00501"), "--types v=TEXT"),
        (csv("1,2.5"), "--types v=TEXT"),
    ] {
        let ran = wudf(folder.path(), line.split(' '))
            .stdin(text)
            .run()
            .ends_with(3);
        assert!(
            ran.stderr.contains(wanted) && ran.stderr.contains("line "),
            "{}",
            ran.stderr
        );
        assert_eq!(left(folder.path()), [""; 0]);
    }
    wudf(folder.path(), line.split(' ').chain(["--types", "v=TEXT"]))
        .stdin(csv("1,00501"))
        .run()
        .ends_with(0);
    let values = texts(&written(&folder), "v");
    assert_eq!(values.last().unwrap().as_deref(), Some("00501"));
    let new = ndjson(r#"{"n":1,"new":1}"#);
    wudf(
        folder.path(),
        line.split(' ').chain(["--types", "new=TEXT"]),
    )
    .stdin(new)
    .run()
    .ends_with(0);
    assert_eq!(
        texts(&written(&folder), "new").last().unwrap().as_deref(),
        Some("1")
    );
}

#[test]
fn untouched_csv_columns_keep_their_text() {
    let folder = folder();
    let rows = "1,00501,1.10,TRUE,1e3,2024-01-01 00:00:00,9007199254740993.0,-0,1e400,\"\",,\n\
                2,501,2,false,7,2024-01-02 00:00:00,1,1,1, a ,\"x,\"\"y\"\"\",z\n";
    let head = "n,zip,price,flag,e,t,wide,zero,far,empty,null,last\n";
    write(&folder, "in.csv", &format!("{head}{rows}"));
    run(
        &folder,
        "run kit.wasm:add_one in.csv --column n -o out.csv --on-error null",
    )
    .ends_with(0);
    let wanted: Vec<String> = format!("{head}{rows}")
        .lines()
        .zip(["add_one", "2", "3"])
        .map(|(line, more)| format!("{line},{more}"))
        .collect();
    assert_eq!(read(&folder, "out.csv").lines().collect::<Vec<_>>(), wanted);
}

#[test]
fn types_of_csv_lose_nothing() {
    let folder = folder();
    write(
        &folder,
        "in.csv",
        "n,zip,utc,local,mixed,day,wide,big\n\
         1,00501,2024-01-02T03:04:05Z,2024-01-02T03:04:05+02:00,2024-01-02T03:04:05+02:00,2024-01-02,9007199254740993.0,12345678901234567890\n\
         2,10001,2024-01-02T03:04:05Z,2024-01-02T03:04:06+02:00,2024-01-02T03:04:05+01:00,2024-01-03,1.5,1\n",
    );
    run(
        &folder,
        "run kit.wasm:add_one in.csv --column n -o out.parquet --on-error null",
    )
    .ends_with(0);
    let found = written(&folder);
    let time = |zone: &str| DataType::Timestamp(TimeUnit::Microsecond, Some(zone.into()));
    let types = types(&found);
    let ty = |name: &str| types.iter().find(|(n, _)| n == name).unwrap().1.clone();
    for name in ["zip", "mixed", "wide", "big"] {
        assert_eq!(ty(name), DataType::Utf8, "{name}");
    }
    assert_eq!((ty("utc"), ty("local")), (time("UTC"), time("+02:00")));
    assert_eq!(ty("day"), DataType::Date32);
    let local = column(&found, "local").as_primitive::<TimestampMicrosecondType>();
    assert_eq!(local.value(0), 1_704_157_445_000_000);
}

#[test]
fn csv_has_options() {
    let folder = folder();
    write(&folder, "in.csv", "titel;plz;n\nEins;00501;NA\nZwei;1;2\n");
    let line = "run kit.wasm:upper in.csv --on-error null";
    let hint = run(&folder, &format!("{line} -o out.csv")).ends_with(0);
    assert!(
        hint.stderr
            .contains("in.csv has one column, `titel;plz;n`; --delimiter ';'"),
        "{}",
        hint.stderr
    );
    let line = format!("{line} --column titel -o out.parquet");
    run_with(&folder, &line, &["--delimiter", ";", "--null", "NA"]).ends_with(0);
    let found = written(&folder);
    assert_eq!(
        column(&found, "n")
            .as_primitive::<Int64Type>()
            .iter()
            .collect::<Vec<_>>(),
        [None, Some(2)]
    );
    assert_eq!(
        texts(&found, "plz"),
        [Some("00501".to_owned()), Some("1".to_owned())]
    );
    run_with(&folder, &line, &["--delimiter", ";", "--all-text"]).ends_with(0);
    assert_eq!(
        texts(&written(&folder), "n"),
        [Some("NA".to_owned()), Some("2".to_owned())]
    );
    let ran = run_with(
        &folder,
        &line,
        &["--delimiter", ";", "--types", "plz=BIGINT,n=BIGINT"],
    )
    .ends_with(3);
    assert!(
        ran.stderr
            .contains("line 2: `NA` in the column n is no BIGINT"),
        "{}",
        ran.stderr
    );
    for (more, status, wanted) in [
        (["--delimiter", "ab"], 2, "one ASCII character"),
        (["--types", "n=NUMBER"], 2, "no type NUMBER"),
        (["--types", "gone=TEXT"], 3, "there is no such column"),
    ] {
        let ran = run_with(&folder, &line, &more).ends_with(status);
        assert!(ran.stderr.contains(wanted), "{}", ran.stderr);
    }
    // A separator that only the second line shows.
    write(&folder, "in.csv", "a b\n1,2\n");
    let ran = run(&folder, "run kit.wasm:upper in.csv -o out.csv").ends_with(3);
    assert!(
        ran.stderr.contains("line 2 has 2 fields") && ran.stderr.contains("--delimiter"),
        "{}",
        ran.stderr
    );
}

#[test]
fn compressed_text_is_text() {
    let folder = folder();
    let gzip = |text: &str| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    };
    // Two members, as `cat` of two files makes them.
    let csv = [gzip("n\n1\n"), gzip("2\n")].concat();
    fs::write(folder.path().join("a.csv.gz"), csv).unwrap();
    fs::write(
        folder.path().join("b.ndjson.zst"),
        zstd::encode_all(&b"{\"n\":1}\n{\"n\":2}\n"[..], 0).unwrap(),
    )
    .unwrap();
    for name in ["a.csv.gz", "b.ndjson.zst"] {
        run(
            &folder,
            &format!("run kit.wasm:add_one {name} -o out.csv --on-error null"),
        )
        .ends_with(0);
        assert_eq!(read(&folder, "out.csv"), "n,add_one\n1,2\n2,3\n", "{name}");
    }
    fs::copy(
        folder.path().join("a.csv.gz"),
        folder.path().join("c.csv.xz"),
    )
    .unwrap();
    let ran = run(&folder, "run kit.wasm:add_one c.csv.xz -o out.csv").ends_with(3);
    assert!(ran.stderr.contains("decompress it"), "{}", ran.stderr);
    write(&folder, "d.json", "[]");
    let ran = run(&folder, "run kit.wasm:add_one d.json -o out.csv").ends_with(3);
    assert!(
        ran.stderr.contains("--input-format ndjson"),
        "{}",
        ran.stderr
    );
}

#[test]
fn empty_text_is_no_null() {
    let folder = folder();
    write(&folder, "in.csv", "s,x\n\"\",1\n,2\n");
    run(
        &folder,
        "run kit.wasm:upper in.csv --column s -o out.ndjson --on-error null",
    )
    .ends_with(0);
    assert_eq!(
        read(&folder, "out.ndjson"),
        "{\"s\":\"\",\"x\":1,\"upper\":\"\"}\n{\"s\":null,\"x\":2,\"upper\":null}\n"
    );
    run(
        &folder,
        "run kit.wasm:upper out.ndjson --column s --as u -o out.csv --on-error null",
    )
    .ends_with(0);
    assert_eq!(
        read(&folder, "out.csv"),
        "s,x,upper,u\n\"\",1,\"\",\"\"\n,2,,\n"
    );
}

#[cfg(target_os = "linux")]
#[test]
fn a_pipe_under_a_path_is_read() {
    let folder = folder();
    let line = "run kit.wasm:add_one /dev/stdin -o out.csv --on-error null";
    for (format, text) in [("csv", "n\n1\n2\n"), ("ndjson", "{\"n\":1}\n{\"n\":2}\n")] {
        let line = format!("{line} --input-format {format}");
        wudf(folder.path(), line.split(' '))
            .stdin(text)
            .run()
            .ends_with(0);
        assert_eq!(
            read(&folder, "out.csv"),
            "n,add_one\n1,2\n2,3\n",
            "{format}"
        );
        // Or known by how it begins.
        wudf(
            folder.path(),
            line.split(" --input").next().unwrap().split(' '),
        )
        .stdin(text)
        .run()
        .ends_with(0);
        assert_eq!(
            read(&folder, "out.csv"),
            "n,add_one\n1,2\n2,3\n",
            "{format}"
        );
    }
}

#[cfg(target_os = "linux")]
#[test]
fn the_streams_own_paths_are_streams() {
    use std::process::{Command, Stdio};

    let folder = folder();
    write(&folder, "in.csv", "n\n1\n");
    write(&folder, "log", "before\n");
    for path in ["/dev/stdout", "/dev/fd/1"] {
        let log = fs::OpenOptions::new()
            .append(true)
            .open(folder.path().join("log"))
            .unwrap();
        let status = Command::new(wudf_tests::program::program())
            .current_dir(folder.path())
            .args("run kit.wasm:add_one in.csv --output-format csv --on-error null -o".split(' '))
            .arg(path)
            .stdout(log)
            .stderr(Stdio::null())
            .status()
            .unwrap();
        assert!(status.success());
    }
    assert_eq!(
        read(&folder, "log"),
        "before\nn,add_one\n1,2\nn,add_one\n1,2\n"
    );
}

#[test]
fn output_over_input_is_refused() {
    let folder = folder();
    write(&folder, "in.csv", "n\n1\n");
    fs::create_dir(folder.path().join("t.csv")).unwrap();
    write(&folder, "t.csv/a.csv", "n\n1\n");
    for (line, wanted) in [
        (
            "run kit.wasm:add_one in.csv -o ./in.csv",
            "the output in.csv is the input",
        ),
        (
            "run kit.wasm:add_one *.csv -o in.csv",
            "the output in.csv is the input",
        ),
        (
            "run kit.wasm:add_one t.csv -o t.csv/b.csv",
            "inside the input t.csv",
        ),
        ("run kit.wasm:blob_len . -o out.csv", "inside the input ."),
    ] {
        let ran = run(&folder, line).ends_with(3);
        assert!(ran.stderr.contains(wanted), "{}", ran.stderr);
    }
    let ran = run_with(
        &folder,
        "sql",
        &["SELECT * FROM 'in.csv' LIMIT 0", "-o", "in.csv"],
    )
    .ends_with(3);
    assert!(ran.stderr.contains("is the input"), "{}", ran.stderr);
    assert_eq!(read(&folder, "in.csv"), "n\n1\n");
}

#[test]
fn a_file_that_two_patterns_match_is_read_once() {
    let folder = folder();
    write(&folder, "a1.csv", "n\n1\n");
    write(&folder, "a2.csv", "n\n2\n");
    run(
        &folder,
        "run kit.wasm:add_one a*.csv *1.csv a2.csv -o out.ndjson",
    )
    .ends_with(0);
    assert_eq!(read(&folder, "out.ndjson").lines().count(), 2);
}

#[cfg(target_os = "linux")]
#[test]
fn what_cannot_be_listed_is_passed_over() {
    use std::os::unix::ffi::OsStrExt as _;
    use std::os::unix::fs::symlink;

    let folder = folder();
    let files = folder.path().join("files");
    fs::create_dir_all(files.join("below")).unwrap();
    fs::write(files.join("a.bin"), "1").unwrap();
    fs::write(files.join(std::ffi::OsStr::from_bytes(b"\xff.bin")), "12").unwrap();
    symlink("nowhere", files.join(".#a.bin")).unwrap();
    symlink("nowhere", files.join("gone.bin")).unwrap();
    symlink("..", files.join("below/loop")).unwrap();
    let ran = run(&folder, "run kit.wasm:blob_len files -o out.ndjson").ends_with(0);
    assert_eq!(read(&folder, "out.ndjson").lines().count(), 2);
    assert!(
        ran.stderr
            .contains("files/gone.bin is passed over: the link leads nowhere")
            && ran
                .stderr
                .contains("files/below/loop is passed over: the link leads back")
            && !ran.stderr.contains(".#a.bin"),
        "{}",
        ran.stderr
    );
    // A pattern over a name that is not UTF-8, which used to end in a panic.
    fs::remove_file(files.join("gone.bin")).unwrap();
    run(&folder, "run kit.wasm:blob_len files/*.bin -o out.ndjson").ends_with(0);
    assert_eq!(read(&folder, "out.ndjson").lines().count(), 2);
    run(&folder, "run kit.wasm:blob_len files/*.nope -o out.ndjson").ends_with(3);
}

#[test]
fn folders_are_partition_columns() {
    let folder = folder();
    let part = |path: &str, n: i32| {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        write_parquet(&path, &table([("x", arc(Int32Array::from(vec![n])))]));
    };
    part("t.parquet/year=2023/m=01/a.parquet", 1);
    part(
        "t.parquet/year=2024/m=__HIVE_DEFAULT_PARTITION__/a.parquet",
        2,
    );
    part("t.parquet/_temporary/0/year=2024/m=02/b.parquet", 3);
    write(&folder, "t.parquet/_SUCCESS", "");
    let ran = run(
        &folder,
        "run kit.wasm:add_one t.parquet --column x -o out.ndjson --on-error null",
    )
    .ends_with(0);
    let wanted = "{\"x\":1,\"year\":2023,\"m\":\"01\",\"add_one\":2}\n{\"x\":2,\"year\":2024,\"m\":null,\"add_one\":3}\n";
    assert_eq!(read(&folder, "out.ndjson"), wanted);
    assert!(
        ran.stderr.contains("t.parquet/_temporary is passed over"),
        "{}",
        ran.stderr
    );
    let sql = "SELECT m, x, year FROM 't.parquet' WHERE year > 2000 ORDER BY x";
    let ran = run_with(&folder, "sql", &[sql, "--format", "csv"]).ends_with(0);
    assert_eq!(ran.text(), "m,x,year\n01,1,2023\n,2,2024\n");
    run(&folder, "run kit.wasm:add_one t.parquet/year=*/*/a.parquet --column year -o out.csv --on-error null").ends_with(0);
    assert_eq!(
        read(&folder, "out.csv"),
        "x,year,m,add_one\n1,2023,01,2024\n2,2024,,2025\n"
    );
}

#[test]
fn tables_of_other_software_are_refused_by_name() {
    let folder = folder();
    fs::create_dir_all(folder.path().join("t.parquet/_delta_log")).unwrap();
    write(&folder, "t.parquet/a.parquet", "");
    let ran = run(&folder, "run kit.wasm:add_one t.parquet -o out.csv").ends_with(3);
    assert!(
        ran.stderr.contains("t.parquet is a Delta Lake table"),
        "{}",
        ran.stderr
    );
}

#[test]
fn parquet_has_times_that_every_reader_knows() {
    let folder = folder();
    let input = table([
        ("n", arc(Int32Array::from(vec![1]))),
        ("t", arc(TimestampSecondArray::from(vec![1_704_164_645]))),
        ("at", arc(Time32SecondArray::from(vec![3600]))),
        ("day", arc(Date64Array::from(vec![86_400_000]))),
    ]);
    write_arrow(&folder, "in.arrow", &input);
    run(
        &folder,
        "run kit.wasm:add_one in.arrow --column n -o out.parquet --on-error null",
    )
    .ends_with(0);
    let bytes = fs::File::open(folder.path().join("out.parquet")).unwrap();
    let builder =
        parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(bytes).unwrap();
    let logical: Vec<bool> = builder
        .parquet_schema()
        .columns()
        .iter()
        .map(|c| c.logical_type_ref().is_some())
        .collect();
    assert_eq!(logical, [false, true, true, true, false]);
    let found = written(&folder);
    assert_eq!(
        column(&found, "t").data_type(),
        &DataType::Timestamp(TimeUnit::Millisecond, None)
    );
    assert_eq!(column(&found, "day").data_type(), &DataType::Date32);
}

#[test]
fn parquet_takes_categories_and_refuses_unions() {
    let folder = folder();
    let values: ArrayRef = Arc::new(StringViewArray::from(vec![
        "a category of some length",
        "b",
    ]));
    let categories = DictionaryArray::new(Int32Array::from(vec![1, 0]), values);
    let n = || arc(Int32Array::from(vec![1, 2]));
    write_arrow(
        &folder,
        "in.arrow",
        &table([("n", n()), ("c", arc(categories))]),
    );
    run(
        &folder,
        "run kit.wasm:add_one in.arrow --column n -o out.parquet",
    )
    .ends_with(0);
    let found = arrow_cast::cast(column(&written(&folder), "c"), &DataType::Utf8).unwrap();
    assert_eq!(
        found.as_string::<i32>().value(1),
        "a category of some length"
    );
    let fields = [(0, Arc::new(Field::new("i", DataType::Int32, true)))]
        .into_iter()
        .collect();
    let union = UnionArray::try_new(fields, vec![0i8, 0].into(), None, vec![n()]).unwrap();
    write_arrow(&folder, "in.arrow", &table([("n", n()), ("u", arc(union))]));
    let line = "run kit.wasm:add_one in.arrow --column n -o out.parquet";
    let ran = run(&folder, line).ends_with(3);
    assert!(
        ran.stderr.contains("the column u: --drop u"),
        "{}",
        ran.stderr
    );
    run(&folder, &format!("{line} --drop u")).ends_with(0);
}

#[test]
fn the_metadata_of_a_table_is_kept() {
    let folder = folder();
    let table = table([("n", arc(Int32Array::from(vec![1])))]);
    let metadata = [("geo".to_owned(), "{}".to_owned())].into();
    let schema = Schema::new_with_metadata(table.schema_ref().fields().clone(), metadata);
    let table = table.with_schema(Arc::new(schema)).unwrap();
    write_arrow(&folder, "in.arrow", &table);
    run(&folder, "run kit.wasm:add_one in.arrow -o a.parquet").ends_with(0);
    run(
        &folder,
        "run kit.wasm:add_one a.parquet --column n --as m -o b.parquet",
    )
    .ends_with(0);
    let found = read_parquet(&folder.path().join("b.parquet"));
    assert_eq!(
        found.schema_ref().metadata().get("geo").map(String::as_str),
        Some("{}")
    );
}

#[test]
fn values_without_a_text_are_errors() {
    let folder = folder();
    let days = arc(arrow_array::Date32Array::from(vec![i32::MAX]));
    write_arrow(
        &folder,
        "in.arrow",
        &table([("n", arc(Int32Array::from(vec![1]))), ("d", days)]),
    );
    for format in ["ndjson", "json", "csv"] {
        let ran = run(
            &folder,
            &format!("run kit.wasm:add_one in.arrow --column n -o out.{format}"),
        )
        .ends_with(3);
        assert!(
            ran.stderr.contains("the column d"),
            "{format}: {}",
            ran.stderr
        );
    }
}

#[test]
fn views_do_not_grow_files() {
    let folder = folder();
    let titles: StringViewArray = (0..100_000)
        .map(|n| Some(format!("some longer title number {n}")))
        .collect();
    let n = Int32Array::from_iter_values(0..100_000);
    write_arrow(
        &folder,
        "in.arrow",
        &table([("n", arc(n)), ("title", arc(titles))]),
    );
    run(
        &folder,
        "run kit.wasm:add_one in.arrow --column n -o out.arrow --on-error null",
    )
    .ends_with(0);
    let size = |name: &str| fs::metadata(folder.path().join(name)).unwrap().len();
    assert!(
        size("out.arrow") < 2 * size("in.arrow"),
        "{}, {}",
        size("in.arrow"),
        size("out.arrow")
    );
}

#[cfg(unix)]
#[test]
fn an_output_keeps_its_mode() {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = folder();
    write(&folder, "in.csv", "n\n1\n");
    write(&folder, "out.csv", "old");
    let path = folder.path().join("out.csv");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    run(&folder, "run kit.wasm:add_one in.csv -o out.csv").ends_with(0);
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn columns_that_are_dropped_are_not_read() {
    let folder = folder();
    let s = StringArray::from_iter_values((0..1000).map(|n| format!("{n} and more of it")));
    write_parquet(
        &folder.path().join("in.parquet"),
        &table([
            ("s", arc(s)),
            ("n", arc(Int32Array::from_iter_values(0..1000))),
        ]),
    );
    // The first column's first page begins behind the magic word.
    let mut bytes = read_bytes(&folder, "in.parquet");
    bytes[4..40].fill(0xff);
    fs::write(folder.path().join("in.parquet"), bytes).unwrap();
    run(
        &folder,
        "run kit.wasm:add_one in.parquet --column n -o out.csv",
    )
    .ends_with(3);
    run(
        &folder,
        "run kit.wasm:add_one in.parquet --column n --drop s -o out.csv",
    )
    .ends_with(0);
}

fn read_bytes(folder: &TempDir, name: &str) -> Vec<u8> {
    fs::read(folder.path().join(name)).unwrap()
}

#[test]
fn columns_can_be_selected() {
    let folder = folder();
    write(&folder, "in.csv", "a,n,b\n1,2,3\n");
    let line = "run kit.wasm:add_one in.csv --column n -o out.csv --on-error null";
    run(&folder, &format!("{line} --select b,a")).ends_with(0);
    assert_eq!(read(&folder, "out.csv"), "a,b,add_one\n1,3,3\n");
    run_with(&folder, line, &["--select", ""]).ends_with(0);
    assert_eq!(read(&folder, "out.csv"), "add_one\n3\n");
    let ran = run(&folder, &format!("{line} --select gone")).ends_with(3);
    assert!(
        ran.stderr
            .contains("--select gone: there is no such column"),
        "{}",
        ran.stderr
    );
}

#[test]
fn parquet_is_compressed_as_asked() {
    let folder = folder();
    let rows: String = (0..10_000).map(|n| format!("{n},some text\n")).collect();
    write(&folder, "in.csv", &format!("n,s\n{rows}"));
    let groups = |more: &str| {
        run(
            &folder,
            &format!("run kit.wasm:add_one in.csv --column n -o out.parquet {more}"),
        )
        .ends_with(0);
        let file = fs::File::open(folder.path().join("out.parquet")).unwrap();
        let builder =
            parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
        let metadata = builder.metadata();
        (
            metadata.num_row_groups(),
            format!("{:?}", metadata.row_group(0).column(0).compression()),
        )
    };
    assert_eq!(groups(""), (1, "SNAPPY".to_owned()));
    let (number, codec) = groups("--compression zstd:9 --row-group-rows 2500");
    assert!(number == 4 && codec.starts_with("ZSTD"), "{number} {codec}");
    run(
        &folder,
        "run kit.wasm:add_one in.csv --column n -o out.csv --compression zstd",
    )
    .ends_with(3);
    run(
        &folder,
        "run kit.wasm:add_one in.csv --column n -o out.parquet --compression zst",
    )
    .ends_with(2);
}

#[test]
fn digits_that_should_be_text_say_how() {
    let folder = folder();
    write(&folder, "in.csv", "s\n1\n2\n");
    let line = "run kit.wasm:upper in.csv --column s -o out.csv --on-error null";
    let ran = run(&folder, line).ends_with(3);
    assert!(ran.stderr.contains("--types NAME=TYPE"), "{}", ran.stderr);
    run(&folder, &format!("{line} --types s=TEXT")).ends_with(0);
    assert_eq!(read(&folder, "out.csv"), "s,upper\n1,1\n2,2\n");
}
