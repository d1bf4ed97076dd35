//! What is watched of a run: failures, slow rows, statistics.

use std::fmt::Write as _;

use wudf_tests::program::wudf;

use super::{folder, left, read, run, write};

/// A table of the numbers below `rows`, of which each `nth` is replaced by 13, which the test
/// plugin's functions dislike.
fn numbers(folder: &tempfile::TempDir, rows: usize, nth: usize) {
    let mut text = "n\n".to_owned();
    for row in 0..rows {
        let n = if row % nth == nth - 1 { 13 } else { row + 100 };
        writeln!(text, "{n}").unwrap();
    }
    write(folder, "in.csv", &text);
}

const FAILS: &str = "run kit.wasm:fails in.csv -o out.csv";

#[test]
fn too_many_failures_stop_a_run() {
    let folder = folder();
    numbers(&folder, 40, 10);
    for (most, status) in [
        ("4", 1),
        ("10%", 1),
        ("100%", 1),
        ("3", 5),
        ("9.9%", 5),
        ("0", 5),
    ] {
        let ran = run(&folder, &format!("{FAILS} --max-failures {most}")).ends_with(status);
        let there = left(folder.path()).contains(&"out.csv".to_owned());
        assert_eq!(there, status == 1, "{most}: {}", ran.stderr);
        if status == 5 {
            let wanted =
                format!("rows failed, more than max_failures={most} allows: 13 is unlucky");
            let error = ran.stderr.lines().last().unwrap();
            assert!(error.starts_with("error: "), "{error}");
            assert!(error.contains(&wanted), "{error}");
        } else {
            std::fs::remove_file(folder.path().join("out.csv")).unwrap();
        }
    }
}

/// A run of many rows does not go on to its end.
#[test]
fn a_run_is_stopped_on_its_way() {
    let folder = folder();
    numbers(&folder, 200_000, 2);
    let ran = run(
        &folder,
        &format!("{FAILS} --on-error null --max-failures 2%"),
    )
    .ends_with(5);
    let error = ran.stderr.lines().last().unwrap();
    let rows: u64 = error.split(' ').nth(3).unwrap().parse().unwrap();
    assert!((1_000..200_000).contains(&rows), "{error}");
    assert_eq!(left(folder.path()), ["in.csv"]);
}

#[test]
fn failures_are_a_table_of_their_own() {
    let folder = folder();
    write(&folder, "in.csv", "n\n1\n13\n2\n13\n");
    let ran = run(&folder, &format!("{FAILS} --failures failed.ndjson")).ends_with(1);
    let lines = ran.stderr.lines().rev().take(2).collect::<Vec<_>>();
    assert!(lines[0].starts_with("4 rows, 2 failed, "), "{}", ran.stderr);
    assert_eq!(lines[1], "failures -> failed.ndjson");
    let table = read(&folder, "failed.ndjson");
    let rows: Vec<serde_json::Value> = table
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(rows.len(), 2);
    for (row, number) in rows.iter().zip([2, 4]) {
        assert_eq!(
            (&row["path"], &row["row"]),
            (&"in.csv".into(), &number.into())
        );
        assert_eq!(row["message"], "13 is unlucky");
        assert!(!row["code"].as_str().unwrap().is_empty());
    }
    // Of files, the path says which row it was; and none failed is a table, too.
    run(
        &folder,
        "run image-features:image_tensor in.csv --input-format binary -o out.parquet --failures failed.csv",
    )
    .ends_with(1);
    let table = read(&folder, "failed.csv");
    let mut lines = table.lines();
    assert_eq!(lines.next(), Some("path,row,code,message"));
    assert!(lines.next().unwrap().starts_with("in.csv,,"), "{table}");
    run(
        &folder,
        "run kit.wasm:add_one in.csv -o out.csv --failures failed.csv",
    )
    .ends_with(0);
    assert_eq!(read(&folder, "failed.csv"), "path,row,code,message\n");
}

/// What stopped a run is what one wants to look at.
#[test]
fn the_table_is_there_when_failures_stop_the_run() {
    for how in ["--max-failures 1", "--on-error fail"] {
        let folder = folder();
        write(&folder, "in.csv", "n\n1\n13\n2\n13\n");
        let ran = run(&folder, &format!("{FAILS} {how} --failures failed.csv"));
        assert!(matches!(ran.status, Some(1 | 5)), "{}", ran.transcript());
        assert_eq!(left(folder.path()), ["failed.csv", "in.csv"], "{how}");
        let table = read(&folder, "failed.csv");
        assert!(table.contains("\nin.csv,2,"), "{how}: {table}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn no_table_is_left_when_something_else_stops_the_run() {
    let folder = folder();
    numbers(&folder, 40, 10);
    let line = "run kit.wasm:fails in.csv -o /dev/full --output-format csv --failures failed.csv";
    run(&folder, line).ends_with(3);
    let names = wudf_tests::program::names_in(folder.path());
    assert_eq!(names, ["in.csv", "kit.wasm"]);
}

#[test]
fn failures_have_a_place() {
    let folder = folder();
    numbers(&folder, 3, 2);
    for (more, words) in [
        ("--failures -", "--failures needs a file"),
        ("--failures failed.xlsx", "does not say what to write"),
        ("--failures ./out.csv", "is the output"),
        ("--failures in.csv", "in.csv is the input"),
        ("--failures gone/failed.csv", "there is no folder gone"),
        (
            "--on-error fail --max-failures 3",
            "fail stops at the first",
        ),
    ] {
        let ran = run(&folder, &format!("{FAILS} {more}")).ends_with(3);
        assert!(ran.stderr.contains(words), "{more}: {}", ran.stderr);
    }
    run(&folder, &format!("{FAILS} --max-failures many")).ends_with(2);
    assert_eq!(left(folder.path()), ["in.csv"]);
}

#[test]
fn slow_rows_are_named() {
    let folder = folder();
    write(&folder, "in.csv", "n\n13\n1\n2\n");
    let line = "run kit.wasm:spins in.csv -o out.csv --threads 1 --time-limit 0.5 --slow 0.3s";
    let ran = run(&folder, line).ends_with(1);
    let named = ran
        .stderr
        .lines()
        .find(|line| line.contains(" in the plugin"));
    let named = named.unwrap_or_else(|| panic!("{}", ran.stderr));
    assert!(named.starts_with("warning: in.csv, row 1: "), "{named}");
    let ran = run(&folder, &line.replace(" --slow 0.3s", "")).ends_with(1);
    assert!(!ran.stderr.contains(" in the plugin"), "{}", ran.stderr);
}

/// Each call is slow for who wants to hear of all of them: a few are told, the others counted.
#[test]
fn slow_rows_are_told_in_bounded_number() {
    let folder = folder();
    numbers(&folder, 20_000, 30_000);
    let line = "run kit.wasm:add_one in.csv -o out.csv --threads 1 --slow 0.000000001";
    let ran = run(&folder, line).ends_with(0);
    assert_eq!(
        ran.stderr.matches(" in the plugin\n").count(),
        5,
        "{}",
        ran.stderr
    );
    assert!(ran.stderr.contains("from here on they are only counted"));
    assert!(
        ran.stderr.contains(" calls into the plugin were slow"),
        "{}",
        ran.stderr
    );
}

#[test]
fn statistics_are_told() {
    let folder = folder();
    numbers(&folder, 40, 10);
    let ran = run(&folder, &format!("{FAILS} --stats")).ends_with(1);
    for wanted in [
        "rows                    40\n",
        "failed                  4: 4 ",
        " rows each\n",
        "instances               ",
        "values                  320 B in, 320 B out\n",
        "time in the plugin      ",
        "stages                  reading ",
    ] {
        assert!(ran.stderr.contains(wanted), "{wanted}: {}", ran.stderr);
    }
    assert!(!ran.stderr.contains("models"), "{}", ran.stderr);
    // What was done is told of a run that was stopped, too.
    let ran = run(&folder, &format!("{FAILS} --stats --max-failures 1")).ends_with(5);
    assert!(ran.stderr.contains("time in the plugin"), "{}", ran.stderr);
    let ran = run(&folder, &format!("{FAILS} --stats --quiet")).ends_with(1);
    assert_eq!(ran.stderr, "");
}

#[test]
fn sql_has_them_too() {
    let folder = folder();
    numbers(&folder, 40, 10);
    let sql = |body: &str, more: &[&str]| {
        let text = format!(
            "CREATE FUNCTION f(x BIGINT) LANGUAGE wasm AS 'kit.wasm:{body}'; SELECT sum(f(n)) FROM 'in.csv'"
        );
        let words = ["sql", &text, "--format", "csv"];
        wudf(folder.path(), words.iter().chain(more)).run()
    };
    sql("fails?on_error=null&max_failures=4", &[]).ends_with(0);
    let ran = sql("fails?on_error=null&max_failures=3", &[]).ends_with(5);
    assert!(
        ran.stderr
            .contains("rows failed, more than max_failures=3 allows: 13 is unlucky"),
        "{}",
        ran.stderr
    );
    let ran = sql("fails?max_failures=3", &[]).ends_with(3);
    assert!(
        ran.stderr.contains("raise stops at the first"),
        "{}",
        ran.stderr
    );
    let ran = sql("fails?on_error=null", &["--stats"]).ends_with(0);
    assert!(
        ran.stderr.contains("\nf\n  rows                    40\n"),
        "{}",
        ran.stderr
    );
}

#[test]
fn pipes_end_when_too_many_rows_fail() {
    use arrow_array::{ArrayRef, Int64Array, RecordBatch};

    let folder = folder();
    let numbers: ArrayRef = std::sync::Arc::new(Int64Array::from(vec![1, 13, 2, 13]));
    let batch = RecordBatch::try_from_iter([("x", numbers)]).unwrap();
    let mut stream = Vec::new();
    let mut writer =
        arrow_ipc::writer::StreamWriter::try_new(&mut stream, &batch.schema()).unwrap();
    writer.write(&batch).unwrap();
    writer.finish().unwrap();
    drop(writer);
    let pipe = |most: &str| {
        let words = [
            "pipe",
            "kit.wasm:fails",
            "--on-error",
            "null",
            "--max-failures",
            most,
        ];
        wudf(folder.path(), words).stdin(stream.clone()).run()
    };
    pipe("2").ends_with(0);
    let ran = pipe("1").ends_with(5);
    assert!(
        ran.stderr.contains("more than max_failures=1 allows"),
        "{}",
        ran.stderr
    );
}
