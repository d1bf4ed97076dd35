//! `wudf sql`: SQL over files, from the command line.

use std::fs;
use std::io::{Read as _, Write as _};
use std::path::Path;

use arrow_array::cast::AsArray as _;
use arrow_array::types::{Float32Type, Int64Type};
use arrow_array::{Array, BinaryArray, Int64Array, StringArray};
use arrow_ipc::reader::{FileReader, StreamReader};
use arrow_schema::DataType;
use tempfile::TempDir;
use wudf_fixtures::KIT;
use wudf_tests::program::{Ran, Wudf, names_in, wudf};
use wudf_tests::tables::{arc, read_parquet, table, texts, write_parquet};

/// A folder with the test plugin, a table and some files.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| fs::write(folder.path().join(name), bytes).unwrap();
    write("kit.wasm", KIT.bytes);
    write("n.csv", b"n,word\n1,one\n13,thirteen\n3,three\n");
    fs::create_dir_all(folder.path().join("files/below")).unwrap();
    write("files/b.bin", b"bb");
    write("files/below/c.txt", b"");
    write("files/a.bin", b"aaaa");
    write("files/.hidden", b"h");
    folder
}

fn create(name: &str, arguments: &str, body: &str) -> String {
    format!("CREATE FUNCTION {name}({arguments}) LANGUAGE wasm AS 'kit.wasm:{body}'; ")
}

fn command(folder: &TempDir, sql: &str, more: &[&str]) -> Wudf {
    let words: Vec<&str> = ["sql", sql, "--quiet"]
        .iter()
        .chain(more)
        .copied()
        .collect();
    wudf(folder.path(), words)
}

fn sql(folder: &TempDir, text: &str, more: &[&str]) -> Ran {
    command(folder, text, more).run()
}

/// The lines of a result, as CSV.
#[track_caller]
fn lines(folder: &TempDir, text: &str) -> Vec<String> {
    let ran = sql(folder, text, &["--format", "csv"]).ends_with(0);
    assert_eq!(ran.stderr, "");
    ran.text().lines().map(str::to_owned).collect()
}

#[track_caller]
fn error(folder: &TempDir, text: &str) -> String {
    let ran = sql(folder, text, &["--format", "csv"]).ends_with(3);
    assert_eq!(ran.text(), "", "errors go to stderr");
    ran.stderr
}

#[test]
fn files_are_rows() {
    let folder = folder();
    let size = create("size", "b BYTEA", "blob_len");
    assert_eq!(
        lines(
            &folder,
            &format!(
                "{size} SELECT path, length, size(content) AS size FROM 'files/' ORDER BY path"
            )
        ),
        [
            "path,length,size",
            "files/a.bin,4,4",
            "files/b.bin,2,2",
            "files/below/c.txt,0,0"
        ]
    );
    assert_eq!(
        lines(&folder, "SELECT count(*) AS n FROM 'files/*.bin'"),
        ["n", "2"]
    );
    assert_eq!(
        lines(
            &folder,
            "SELECT arrow_typeof(\"modificationTime\") AS t FROM files LIMIT 1"
        ),
        ["t", "\"Timestamp(µs, \"\"UTC\"\")\""]
    );
    let external = "CREATE EXTERNAL TABLE f STORED AS BINARYFILE LOCATION 'files/'; SELECT count(*) AS n FROM f";
    assert_eq!(lines(&folder, external), ["n", "3"]);
}

#[test]
fn contents_are_read_only_when_they_are_wanted() {
    let folder = folder();
    // A file of a terabyte, of which nothing is on the disk.
    let sparse = fs::File::create(folder.path().join("files/huge.bin")).unwrap();
    sparse.set_len(1 << 40).unwrap();
    assert_eq!(
        lines(&folder, "SELECT max(length) AS n FROM 'files/'"),
        ["n", "1099511627776"]
    );
    // And when they are, what cannot be read is said and null.
    let ran = wudf(
        folder.path(),
        [
            "sql",
            "SELECT count(*) AS n FROM 'files/' WHERE content IS NULL",
            "--format",
            "csv",
        ],
    )
    .run()
    .ends_with(0);
    assert_eq!(ran.text(), "n\n1\n");
    assert!(
        ran.stderr
            .contains("warning: files/huge.bin: cannot read the file: it is larger than 1024 MiB"),
        "{}",
        ran.stderr
    );
}

#[test]
fn tables_of_every_format_are_read() {
    let folder = folder();
    let rows = table([
        ("n", arc(Int64Array::from(vec![1, 13, 3]))),
        (
            "word",
            arc(StringArray::from(vec!["one", "thirteen", "three"])),
        ),
    ]);
    let write = |name: &str, bytes: &[u8]| fs::write(folder.path().join(name), bytes).unwrap();
    write_parquet(&folder.path().join("n.parquet"), &rows);
    write("n.tsv", b"n\tword\n1\tone\n13\tthirteen\n3\tthree\n");
    write(
        "n.ndjson",
        b"{\"n\": 1, \"word\": \"one\"}\n{\"n\": 13, \"word\": \"thirteen\"}\n{\"n\": 3, \"word\": \"three\"}\n",
    );
    for (name, format) in [("n.arrow", "arrow"), ("n.arrows", "arrow-stream")] {
        sql(
            &folder,
            "SELECT * FROM 'n.csv'",
            &["-o", name, "--format", format],
        )
        .ends_with(0);
    }
    // A folder that an engine wrote.
    fs::create_dir(folder.path().join("parts.parquet")).unwrap();
    write_parquet(
        &folder.path().join("parts.parquet/part-0"),
        &rows.slice(0, 1),
    );
    write_parquet(
        &folder.path().join("parts.parquet/part-1"),
        &rows.slice(1, 2),
    );
    write("parts.parquet/_SUCCESS", b"");
    for name in [
        "n.csv",
        "n.tsv",
        "n.ndjson",
        "n.parquet",
        "n.arrow",
        "n.arrows",
        "parts.parquet",
    ] {
        let query = format!(
            "{}{} SELECT add_one(n) AS m, upper_wasm(word) AS w FROM '{name}' ORDER BY 1",
            create("add_one", "x BIGINT", "add_one"),
            create("upper_wasm", "s TEXT", "upper")
        );
        assert_eq!(
            lines(&folder, &query),
            ["m,w", "2,ONE", "4,THREE", "14,THIRTEEN"],
            "{name}"
        );
    }
    let external =
        "CREATE EXTERNAL TABLE t STORED AS CSV LOCATION 'n.csv'; SELECT sum(n) AS n FROM t";
    assert_eq!(lines(&folder, external), ["n", "17"]);
    // What cannot be read says which file it is.
    write("broken.parquet", b"no parquet");
    assert!(
        error(&folder, "SELECT * FROM 'broken.parquet'").contains("cannot read broken.parquet")
    );
    write("broken.ndjson", b"{\"n\": 1}\n{\"n\": \n");
    assert!(error(&folder, "SELECT * FROM 'broken.ndjson'").contains("broken.ndjson"));
    assert!(
        error(&folder, "SELECT * FROM 'gone.csv'").contains("there is no file or folder gone.csv")
    );
    assert!(error(&folder, "SELECT * FROM '*.jpg'").contains("no file matches `*.jpg`"));
    assert!(
        error(&folder, "SELECT * FROM gone").contains("table 'datafusion.public.gone' not found")
    );
}

#[test]
fn results_are_written_in_every_format() {
    let folder = folder();
    let query = format!(
        "{} SELECT n, triple([n, n, n]) AS t FROM 'n.csv' ORDER BY n",
        create("triple", "x FLOAT[3]", "echo_array")
    );
    let path = |name: &str| folder.path().join(name);
    for name in [
        "o.parquet",
        "o.arrow",
        "o.arrows",
        "o.csv",
        "o.tsv",
        "o.ndjson",
        "o.json",
    ] {
        let ran = sql(&folder, &query, &["-o", name]).ends_with(0);
        assert_eq!((ran.text(), ran.stderr.as_str()), ("", ""), "{name}");
    }
    let parquet = read_parquet(&path("o.parquet"));
    let file = FileReader::try_new(fs::File::open(path("o.arrow")).unwrap(), None).unwrap();
    let stream = StreamReader::try_new(fs::File::open(path("o.arrows")).unwrap(), None).unwrap();
    let batches = [parquet]
        .into_iter()
        .chain(file.map(Result::unwrap))
        .chain(stream.map(Result::unwrap));
    for batch in batches {
        assert_eq!(
            batch.column(0).as_primitive::<Int64Type>().values(),
            &[1, 3, 13]
        );
        let lists = batch.column(1).as_fixed_size_list();
        assert_eq!(
            lists.value(2).as_primitive::<Float32Type>().values(),
            &[13.0; 3]
        );
    }
    let read = |name: &str| fs::read_to_string(path(name)).unwrap();
    assert_eq!(
        read("o.csv"),
        "n,t\n1,\"[1.0,1.0,1.0]\"\n3,\"[3.0,3.0,3.0]\"\n13,\"[13.0,13.0,13.0]\"\n"
    );
    assert_eq!(read("o.ndjson").lines().count(), 3);
    let json: serde_json::Value = serde_json::from_str(&read("o.json")).unwrap();
    assert_eq!(json[2]["t"][0], 13.0);
    // Results without rows are whole files, too.
    for (format, bytes) in [("json", "[]\n"), ("csv", "n\n"), ("ndjson", "")] {
        let ran = sql(
            &folder,
            "SELECT n FROM 'n.csv' WHERE n > 99",
            &["--format", format],
        );
        assert_eq!(ran.ends_with(0).text(), bytes);
    }
    sql(
        &folder,
        "SELECT n FROM 'n.csv' WHERE n > 99",
        &["-o", "none.parquet"],
    )
    .ends_with(0);
    assert_eq!(read_parquet(&path("none.parquet")).num_rows(), 0);
}

#[test]
fn failed_rows_do_what_the_policy_says() {
    let folder = folder();
    for (function, why) in [
        ("fails", "13 is unlucky"),
        ("panics", "row with 13 in it"),
        ("spins", "without an answer"),
    ] {
        let run = |policy: &str, select: &str| {
            let create = create("f", "x BIGINT", &format!("{function}?on_error={policy}"));
            let query = format!(
                "{create} SELECT {select} FROM (SELECT n, f(n) AS r FROM 'n.csv') ORDER BY n"
            );
            sql(&folder, &query, &["--format", "csv", "--time-limit", "0.3"])
        };
        let raised = run("raise", "r").ends_with(3);
        assert_eq!(raised.text(), "");
        assert!(
            raised
                .stderr
                .starts_with(&format!("error: kit:{function}: row 1: "))
                && raised.stderr.contains(why)
                && raised
                    .stderr
                    .ends_with("(counted from 0 in a batch of 3 rows)\n"),
            "{}",
            raised.stderr
        );
        assert_eq!(
            run("null", "n, r").ends_with(0).text(),
            "n,r\n1,1\n3,3\n13,\n"
        );
        let record = run("record", "n, r['value'] AS v, r['error'] IS NULL AS fine").ends_with(0);
        assert_eq!(record.text(), "n,v,fine\n1,1,true\n3,3,true\n13,,false\n");
    }
}

#[test]
fn a_run_that_fails_leaves_no_file() {
    let folder = folder();
    fs::write(folder.path().join("old.csv"), "as it was").unwrap();
    let before = names_in(folder.path());
    let query = format!(
        "{} SELECT f(n) FROM 'n.csv'",
        create("f", "x BIGINT", "fails")
    );
    for name in ["new.csv", "old.csv"] {
        sql(&folder, &query, &["-o", name]).ends_with(3);
    }
    assert_eq!(names_in(folder.path()), before);
    assert_eq!(
        fs::read_to_string(folder.path().join("old.csv")).unwrap(),
        "as it was"
    );
}

#[test]
fn the_output_is_not_its_own_input() {
    let folder = folder();
    let query = "SELECT count(*) AS n FROM 'files/'";
    let ran = sql(&folder, query, &["-o", "files/count.csv"]).ends_with(3);
    assert!(
        ran.stderr
            .contains("files/count.csv is inside the input files/"),
        "{}",
        ran.stderr
    );
    assert!(!folder.path().join("files/count.csv").exists());
    sql(&folder, query, &["-o", "count.csv"]).ends_with(0);
    let found = fs::read_to_string(folder.path().join("count.csv")).unwrap();
    assert_eq!(found, "n\n3\n");
}

#[test]
fn statements_come_from_a_file_or_a_pipe() {
    let folder = folder();
    let statements = format!(
        "-- A comment; with a semicolon.\n{}\nSELECT add_one(n) AS m\nFROM 'n.csv' ORDER BY 1",
        create("add_one", "x BIGINT", "add_one")
    );
    fs::write(folder.path().join("job.sql"), &statements).unwrap();
    let wanted = "m\n2\n4\n14\n";
    let ran = wudf(
        folder.path(),
        ["sql", "--file", "job.sql", "--format", "csv"],
    )
    .run();
    assert_eq!(ran.ends_with(0).text(), wanted);
    let ran = wudf(folder.path(), ["sql", "--format", "csv"])
        .stdin(statements)
        .run();
    assert_eq!(ran.ends_with(0).text(), wanted);
    // And then stdin is not a table.
    let ran = wudf(folder.path(), ["sql"])
        .stdin("SELECT * FROM '-'")
        .run()
        .ends_with(3);
    assert!(
        ran.stderr
            .contains("that is where the statements come from"),
        "{}",
        ran.stderr
    );
    let ran = wudf(folder.path(), ["sql", "--file", "gone.sql"])
        .run()
        .ends_with(3);
    assert!(
        ran.stderr.starts_with("error: cannot read gone.sql"),
        "{}",
        ran.stderr
    );
}

#[test]
fn a_table_may_come_through_a_pipe() {
    let folder = folder();
    let run = |query: &str| {
        command(&folder, query, &["--format", "csv"])
            .stdin("a,b\n1,x\n2,y\n")
            .run()
    };
    assert_eq!(
        run("SELECT sum(a) AS s FROM '-'").ends_with(0).text(),
        "s\n3\n"
    );
    let twice = run("SELECT * FROM '-' UNION ALL SELECT * FROM '-'").ends_with(3);
    assert!(
        twice.stderr.contains("stdin can be read once, and was"),
        "{}",
        twice.stderr
    );
}

#[test]
fn one_place_holds_one_result() {
    let folder = folder();
    let refuse = |query: &str, more: &[&str], why: &str| {
        let ran = sql(&folder, query, more).ends_with(3);
        assert!(ran.stderr.contains(why), "{}", ran.stderr);
        assert_eq!(ran.text(), "");
    };
    refuse(
        "SELECT 1; SELECT 2",
        &["-o", "o.csv"],
        "2 of the statements have a result, and o.csv holds one",
    );
    refuse(
        "SELECT 1; SELECT 2",
        &["--format", "csv"],
        "2 of the statements have a result, and stdout holds one",
    );
    refuse(
        "SET datafusion.execution.batch_size = 10",
        &["-o", "o.csv"],
        "0 of the statements have one",
    );
    refuse("", &[], "there are no statements");
    refuse("SELECT 1", &["-o", "o.xlsx"], "or say --format");
    assert!(!folder.path().join("o.csv").exists());
    let tables = sql(&folder, "SELECT 1 AS a; SELECT 2 AS b", &[]).ends_with(0);
    assert!(tables.text().contains("| a |") && tables.text().contains("| b |"));
}

#[test]
fn rows_stream() {
    let folder = folder();
    // More than is ever read.
    let query = "SELECT value FROM generate_series(1, 1000000000000)";
    let mut child = command(&folder, query, &["--format", "ndjson"]).start();
    let mut stdout = child.stdout.take().unwrap();
    let mut some = vec![0; 100_000];
    stdout.read_exact(&mut some).unwrap();
    assert!(some.starts_with(b"{\"value\":"));
    drop(stdout);
    let ended = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8(ended.stderr).unwrap(), "");
    assert_eq!(ended.status.code(), Some(0), "as with `| head`");
    // And a table ends where people stop reading.
    let ran = wudf(folder.path(), ["sql", query]).run().ends_with(0);
    assert_eq!(ran.text().lines().count(), 1_000 + 4);
    assert!(
        ran.stderr
            .contains("; there are more: -o FILE writes them all"),
        "{}",
        ran.stderr
    );
}

#[test]
fn pictures_come_in_small_batches() {
    let folder = folder();
    let values: Vec<&[u8]> = vec![b"x"; 1000];
    write_parquet(
        &folder.path().join("b.parquet"),
        &table([
            ("id", arc((0..1000).collect::<Int64Array>())),
            ("bytes", arc(BinaryArray::from_vec(values))),
        ]),
    );
    let query = format!(
        "{} SELECT f(CASE WHEN id = 999 THEN '' ELSE '1' END) FROM 'b.parquet' WHERE length(arrow_cast(bytes, 'Utf8')) > 0",
        create("f", "s TEXT", "parse_int")
    );
    let said = sql(&folder, &query, &["-o", "out.csv"]).ends_with(3).stderr;
    assert!(
        said.contains("in a batch of 64 rows") || said.contains("in a batch of 40 rows"),
        "{said}"
    );
}

#[test]
fn expressions_may_be_long() {
    let folder = folder();
    let sum = vec!["1"; 3_000].join(" + ");
    assert_eq!(lines(&folder, &format!("SELECT {sum} AS s")), ["s", "3000"]);
    let deep = format!("SELECT {}1{}", "(".repeat(5_000), ")".repeat(5_000));
    assert!(error(&folder, &deep).contains("recursion limit"));
}

#[test]
fn models_are_named_once_for_all_statements() {
    let folder = folder();
    fs::write(
        folder.path().join("files/a.bin"),
        wudf_tests::pictures::small(1),
    )
    .unwrap();
    let query = "CREATE FUNCTION embed(image BYTEA) RETURNS FLOAT[] LANGUAGE wasm AS 'image-features?on_error=null';
                 SELECT path, embed(content) AS features FROM 'files/' ORDER BY path";
    let more = ["--model", "resnet50=seeded:resnet50", "-o", "f.parquet"];
    let words: Vec<&str> = ["sql", query].iter().chain(&more).copied().collect();
    let ran = wudf(folder.path(), words).run().ends_with(0);
    assert!(ran.stderr.contains("untrained weights"), "{}", ran.stderr);
    let rows = read_parquet(&folder.path().join("f.parquet"));
    assert_eq!(texts(&rows, "path")[0].as_deref(), Some("files/a.bin"));
    let features = rows.column(1).as_list::<i32>();
    assert_eq!(features.value_type(), DataType::Float32);
    assert_eq!((features.value_length(0), features.null_count()), (2048, 2));
    // The same vectors as `wudf run` makes.
    let run = [
        "run",
        "image-features",
        "files/a.bin",
        "-o",
        "r.parquet",
        "--quiet",
    ];
    let words: Vec<&str> = run.iter().chain(&more[..2]).copied().collect();
    wudf(folder.path(), words).run().ends_with(0);
    let wanted = read_parquet(&folder.path().join("r.parquet"));
    let wanted = wudf_tests::tables::vectors(&wanted, "image_features");
    assert_eq!(
        features
            .value(0)
            .as_primitive::<Float32Type>()
            .values()
            .to_vec(),
        wanted[0].clone().unwrap()
    );
}

/// A session at a terminal, which `script` makes.
#[cfg(unix)]
#[test]
fn at_a_terminal_statements_are_asked_for() {
    use std::process::{Command, Stdio};

    let script = Path::new("/usr/bin/script");
    if !script.exists() {
        wudf_test_support::skipped(
            "there is no /usr/bin/script: `wudf sql` at a terminal is not tested",
        );
        return;
    }
    let folder = folder();
    let program = wudf_tests::program::program();
    let mut child = Command::new(script)
        .args([
            "-qec",
            &format!("{} sql --color never", program.display()),
            "/dev/null",
        ])
        .current_dir(folder.path())
        .env("XDG_CACHE_HOME", folder.path().join("cache"))
        .env("TERM", "dumb")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let typed = [
        create("add_one", "x BIGINT", "add_one"),
        "SELECT add_one(".into(),
        "41) AS answer;".into(),
        "SELECT nonsense;".into(),
        "\\d".into(),
        "\\d 'n.csv'".into(),
        "help".into(),
        "\\q".into(),
    ];
    for line in typed {
        stdin.write_all(line.as_bytes()).unwrap();
        stdin.write_all(b"\n").unwrap();
    }
    stdin.flush().unwrap();
    let ended = child.wait_with_output().unwrap();
    drop(stdin);
    let said = String::from_utf8_lossy(&ended.stdout);
    for part in [
        "| answer |",
        "| 42     |",
        "error: ",
        "nonsense",
        "add_one(x BIGINT) RETURNS BIGINT",
        "| word",
        "Ctrl-C stops what runs",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert_eq!(ended.status.code(), Some(0), "{said}");
    let history = fs::read_to_string(folder.path().join("cache/wudf/sql-history")).unwrap();
    assert!(history.contains("41) AS answer;"), "{history}");
}

/// Assets are granted to one function by its statement, or to all of them by a flag.
#[test]
fn assets_are_granted() {
    let folder = folder();
    fs::write(folder.path().join("words.txt"), "zero\none\ntwo\n").unwrap();
    let select = "SELECT word(n) AS w FROM 'n.csv' WHERE n = 1";
    let statement = create("word", "n INT", "asset_word?asset.words=words.txt");
    assert_eq!(
        lines(&folder, &format!("{statement}{select}")),
        ["w", "one"]
    );

    let statement = create("word", "n INT", "asset_word");
    let text = format!("{statement}{select}");
    let ran = sql(
        &folder,
        &text,
        &["--format", "csv", "--asset", "words=words.txt"],
    )
    .ends_with(0);
    assert_eq!(ran.text(), "w\none\n");
    let said = error(&folder, &text);
    assert!(
        said.contains("missing asset `words`: add `?asset.words=FILE`"),
        "{said}"
    );
    let statement = create("word", "n INT", "asset_word?asset.words=nowhere.txt");
    let said = error(&folder, &statement);
    assert!(said.contains("nowhere.txt"), "{said}");
}
