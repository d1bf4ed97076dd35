//! Rows that fail: a thousand pictures, fifty of them broken.

use arrow_array::{Array as _, BinaryArray, Int64Array};
use wudf_tests::pictures;
use wudf_tests::program::{Ran, names_in};
use wudf_tests::tables::{arc, column, read_parquet, table, texts, vectors, write_parquet};

use super::{folder, left, read, run, write};

const ROWS: usize = 1000;

/// The way in which a row is broken: one row in twenty is, each way five times.
fn way(row: usize) -> Option<usize> {
    (row % 20 == 7).then_some(row / 20 % 10)
}

fn a_thousand_pictures(folder: &tempfile::TempDir) {
    let broken = pictures::broken();
    let contents = (0..ROWS).map(|row| match way(row) {
        Some(way) => broken[way].1.clone(),
        None => pictures::small(row as u32),
    });
    let contents = contents.map(Some).collect::<BinaryArray>();
    let ids = Int64Array::from_iter_values(0..ROWS as i64);
    let table = table([("id", arc(ids)), ("content", arc(contents))]);
    write_parquet(&folder.path().join("in.parquet"), &table);
}

const TENSORS: &str =
    "run image-features:image_tensor in.parquet --option resize=16 --option crop=16 --drop content";
const FEATURES: &str = "run image-features in.parquet --backend rten --model resnet50=seeded:tiny --option layer=features --drop content";

fn check_rows(ran: &Ran, folder: &tempfile::TempDir, name: &str, width: usize) {
    let found = read_parquet(&folder.path().join("out.parquet"));
    assert_eq!(found.num_rows(), ROWS);
    let (values, errors) = (vectors(&found, name), texts(&found, "error"));
    for row in 0..ROWS {
        match (way(row), &values[row], &errors[row]) {
            (Some(_), None, Some(why)) => assert!(!why.is_empty(), "row {row}"),
            (None, Some(vector), None) => {
                assert_eq!(vector.len(), width, "row {row}");
                assert!(vector.iter().any(|x| *x != 0.0), "row {row}");
            }
            (way, value, error) => panic!("row {row}, broken {way:?}: {value:?}, {error:?}"),
        }
    }
    assert_eq!(values.iter().flatten().count(), 950);
    assert_eq!(errors.iter().flatten().count(), 50);
    // Each way has one message, whatever rows are beside it.
    for row in (0..ROWS - 200).filter(|&row| way(row).is_some()) {
        assert_eq!(errors[row], errors[row + 200], "row {row}");
    }
    assert_eq!(ran.text(), "");
    let summary = ran.stderr.lines().last().unwrap();
    assert!(summary.starts_with("1,000 rows, 50 failed, "), "{summary}");
    // A few failures are told, the others counted.
    assert_eq!(
        ran.stderr.matches("in.parquet, row ").count(),
        5,
        "{}",
        ran.stderr
    );
}

#[test]
fn of_a_thousand_pictures_fifty_fail() {
    let folder = folder();
    a_thousand_pictures(&folder);
    let ran = run(&folder, &format!("{TENSORS} -o out.parquet")).ends_with(1);
    check_rows(&ran, &folder, "image_tensor", 3 * 16 * 16);
    let ran = run(&folder, &format!("{FEATURES} -o out.parquet")).ends_with(1);
    check_rows(&ran, &folder, "image_features", 16);
    assert_eq!(left(folder.path()), ["in.parquet", "out.parquet"]);
}

#[test]
fn a_failure_may_stop_the_run() {
    let folder = folder();
    a_thousand_pictures(&folder);
    let ran = run(
        &folder,
        &format!("{TENSORS} -o out.parquet --on-error fail"),
    )
    .ends_with(1);
    assert!(
        ran.stderr.contains("error: in.parquet, row 8: "),
        "{}",
        ran.stderr
    );
    assert_eq!(names_in(folder.path()), ["in.parquet", "kit.wasm"]);
    // What was there stays.
    write(&folder, "out.parquet", "as it was");
    run(
        &folder,
        &format!("{TENSORS} -o out.parquet --on-error fail"),
    )
    .ends_with(1);
    assert_eq!(read(&folder, "out.parquet"), "as it was");
    assert_eq!(left(folder.path()), ["in.parquet", "out.parquet"]);
}

#[test]
fn a_failure_may_be_a_null() {
    let folder = folder();
    a_thousand_pictures(&folder);
    let ran = run(
        &folder,
        &format!("{TENSORS} -o out.parquet --on-error null"),
    )
    .ends_with(0);
    assert!(
        ran.stderr.contains("1,000 rows, 50 failed, "),
        "{}",
        ran.stderr
    );
    let found = read_parquet(&folder.path().join("out.parquet"));
    assert_eq!(column(&found, "image_tensor").null_count(), 50);
    assert!(found.column_by_name("error").is_none());
}

#[test]
fn messages_say_what_is_wrong() {
    let folder = folder();
    let (ways, files): (Vec<&str>, Vec<Vec<u8>>) = pictures::broken().into_iter().unzip();
    let contents: BinaryArray = files.into_iter().map(Some).collect();
    write_parquet(
        &folder.path().join("in.parquet"),
        &table([("content", arc(contents))]),
    );
    run(&folder, &format!("{TENSORS} -o out.parquet")).ends_with(1);
    let errors = texts(&read_parquet(&folder.path().join("out.parquet")), "error");
    let lines: Vec<String> = ways
        .iter()
        .zip(errors)
        .map(|(way, why)| format!("{way}: {}", why.unwrap()))
        .collect();
    super::golden::check("broken_pictures", &lines.join("\n"));
}

#[test]
fn a_null_is_no_failure() {
    let folder = folder();
    let contents: BinaryArray = [None, Some(pictures::small(1)), None].into_iter().collect();
    write_parquet(
        &folder.path().join("in.parquet"),
        &table([("content", arc(contents))]),
    );
    run(&folder, &format!("{TENSORS} -o out.parquet")).ends_with(0);
    let found = read_parquet(&folder.path().join("out.parquet"));
    let values = column(&found, "image_tensor");
    assert_eq!(
        (0..3).map(|row| values.is_null(row)).collect::<Vec<_>>(),
        [true, false, true]
    );
    assert_eq!(texts(&found, "error"), [None, None, None]);
}

#[cfg(target_os = "linux")]
#[test]
fn a_file_that_cannot_be_read_is_a_row_that_fails() {
    use std::os::unix::fs::symlink;

    let folder = folder();
    let files = folder.path().join("files");
    std::fs::create_dir(&files).unwrap();
    std::fs::write(files.join("a.png"), pictures::small(1)).unwrap();
    // Opening it succeeds, reading it does not, whoever asks.
    symlink("/proc/self/mem", files.join("b.png")).unwrap();
    let line = TENSORS
        .replace("in.parquet", "files")
        .replace(" --drop content", "");
    let ran = run(&folder, &format!("{line} -o out.parquet")).ends_with(1);
    assert!(
        ran.stderr
            .contains("warning: files/b.png: cannot read the file: "),
        "{}",
        ran.stderr
    );
    let found = read_parquet(&folder.path().join("out.parquet"));
    let values = column(&found, "image_tensor");
    assert_eq!(
        (0..2).map(|row| values.is_null(row)).collect::<Vec<_>>(),
        [false, true]
    );
}
