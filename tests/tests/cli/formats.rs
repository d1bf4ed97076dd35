//! Tables in, tables out, in every format.

use std::sync::Arc;

use arrow_array::builder::{ListBuilder, StringBuilder};
use arrow_array::cast::AsArray as _;
use arrow_array::types::{Float32Type, Int64Type};
use arrow_array::{
    ArrayRef, BinaryArray, Int64Array, ListArray, RecordBatch, StringArray, StructArray,
};
use arrow_schema::{DataType, Field};
use wudf_fixtures::PLAIN;
use wudf_tests::program::wudf;
use wudf_tests::tables::{arc, column, read_parquet, table, texts, write_parquet};

use super::{folder, left, read, run, write};

fn numbers_and_words() -> RecordBatch {
    let words = [
        Some("plain"),
        Some("a,\"b\"\tc"),
        None,
        Some("ünïcödé 漢字 🦀"),
        Some("two\nlines"),
    ];
    table([
        (
            "n",
            arc(Int64Array::from(vec![
                Some(1),
                Some(-5),
                Some(i64::MAX),
                None,
                Some(13),
            ])),
        ),
        ("s", arc(StringArray::from(words.to_vec()))),
    ])
}

fn names(table: &RecordBatch) -> Vec<String> {
    table
        .schema()
        .fields()
        .iter()
        .map(|field| field.name().clone())
        .collect()
}

#[test]
fn every_format_is_written_and_read_again() {
    let folder = folder();
    let path = |name: &str| folder.path().join(name);
    let original = numbers_and_words();
    write_parquet(&path("in.parquet"), &original);
    for extension in [
        "parquet", "arrow", "ipc", "feather", "arrows", "csv", "tsv", "ndjson", "jsonl",
    ] {
        run(
            &folder,
            &format!("run kit.wasm:add_one in.parquet -o once.{extension}"),
        )
        .ends_with(0);
        run(
            &folder,
            &format!("run kit.wasm:upper once.{extension} --column s -o twice.parquet"),
        )
        .ends_with(0);
        let found = read_parquet(&path("twice.parquet"));
        // The second column of errors gives way to the first.
        assert_eq!(
            names(&found),
            ["n", "s", "add_one", "error", "upper", "upper_error"],
            "{extension}"
        );
        for name in ["n", "s"] {
            assert_eq!(
                column(&found, name),
                column(&original, name),
                "{extension}: {name}"
            );
        }
        let sums = column(&found, "add_one").as_primitive::<Int64Type>();
        let wanted = [Some(2), Some(-4), Some(i64::MIN), None, Some(14)];
        assert_eq!(sums.iter().collect::<Vec<_>>(), wanted, "{extension}");
        let capitals = texts(&found, "upper");
        assert_eq!(capitals[1].as_deref(), Some("A,\"B\"\tC"), "{extension}");
        assert_eq!(capitals[2], None, "{extension}");
        assert_eq!(capitals[4].as_deref(), Some("TWO\nLINES"), "{extension}");
        for name in ["error", "upper_error"] {
            assert!(
                texts(&found, name).iter().all(Option::is_none),
                "{extension}: {name}"
            );
        }
    }
}

#[test]
fn every_format_can_be_said() {
    let folder = folder();
    write(&folder, "numbers", "n\n1\n2\n");
    for (format, begins, ends) in [
        ("parquet", "PAR1", "PAR1"),
        ("arrow", "ARROW1", "ARROW1"),
        ("csv", "n,add_one,error\n1,2,\n2,3,\n", ""),
        ("tsv", "n\tadd_one\terror\n1\t2\t\n2\t3\t\n", ""),
        (
            "ndjson",
            "{\"n\":1,\"add_one\":2,\"error\":null}\n{\"n\":2,",
            "\n",
        ),
        ("arrow-stream", "\u{fffd}\u{fffd}\u{fffd}\u{fffd}", "\0"),
        ("table", "+---", "---+\n"),
    ] {
        let line = format!(
            "run kit.wasm:add_one numbers --input-format csv -o - --output-format {format}"
        );
        let ran = run(&folder, &line).ends_with(0);
        let text = String::from_utf8_lossy(&ran.stdout);
        assert!(
            text.starts_with(begins) && text.ends_with(ends),
            "{format}: {text}"
        );
        let to_file = format!(
            "run kit.wasm:add_one numbers --input-format csv -o out --output-format {format}"
        );
        run(&folder, &to_file).ends_with(0);
        assert_eq!(
            std::fs::read(folder.path().join("out")).unwrap(),
            ran.stdout,
            "{format}"
        );
    }
}

#[test]
fn pipes_join_runs() {
    let folder = folder();
    write(&folder, "in.csv", "n\n1\n2\n3\n");
    let formats = ["arrow-stream", "ndjson", "csv"];
    for format in formats {
        let first = run(
            &folder,
            &format!("run kit.wasm:add_one in.csv -o - --output-format {format} --on-error null"),
        );
        let first = first.ends_with(0);
        let words = "run kit.wasm:add_one - --column add_one --as more -o - --output-format csv --on-error null";
        let second = wudf(folder.path(), words.split(' '))
            .stdin(first.stdout)
            .run()
            .ends_with(0);
        assert_eq!(
            second.text(),
            "n,add_one,more\n1,2,3\n2,3,4\n3,4,5\n",
            "{format}"
        );
    }
}

#[test]
fn lists_and_structs_are_json_in_text() {
    let folder = folder();
    let mut tags = ListBuilder::new(StringBuilder::new());
    tags.values().append_value("a \"b\"");
    tags.values().append_value("c");
    tags.append(true);
    tags.append(false);
    let fields = vec![
        (
            Arc::new(Field::new("x", DataType::Int64, true)),
            arc(Int64Array::from(vec![1, 2])),
        ),
        (
            Arc::new(Field::new("y", DataType::Utf8, true)),
            arc(StringArray::from(vec![Some("z"), None])),
        ),
    ];
    let lists = [Some(vec![Some(0.5), Some(-1.0)]), Some(vec![])];
    let input = table([
        (
            "x",
            arc(ListArray::from_iter_primitive::<Float32Type, _, _>(lists)),
        ),
        ("tags", arc(tags.finish())),
        ("point", arc(StructArray::from(fields))),
    ]);
    write_parquet(&folder.path().join("in.parquet"), &input);
    let line = "run kit.wasm:echo_list in.parquet --column x --on-error null -o";
    run(&folder, &format!("{line} out.csv")).ends_with(0);
    let wanted = "x,tags,point,echo_list\n\
        \"[0.5,-1.0]\",\"[\"\"a \\\"\"b\\\"\"\"\",\"\"c\"\"]\",\"{\"\"x\"\":1,\"\"y\"\":\"\"z\"\"}\",\"[0.5,-1.0]\"\n\
        [],,\"{\"\"x\"\":2}\",[]\n";
    assert_eq!(read(&folder, "out.csv"), wanted);
    run(&folder, &format!("{line} out.ndjson")).ends_with(0);
    let lines: Vec<serde_json::Value> = read(&folder, "out.ndjson")
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines[0]["tags"], serde_json::json!(["a \"b\"", "c"]));
    assert_eq!(lines[1]["echo_list"], serde_json::json!([]));
    assert_eq!(lines[1]["tags"], serde_json::Value::Null);
}

#[test]
fn columns_are_chosen_renamed_and_dropped() {
    let folder = folder();
    let blob = |bytes: &[&[u8]]| arc(BinaryArray::from(bytes.to_vec()));
    let image = StructArray::from(vec![
        (
            Arc::new(Field::new("bytes", DataType::Binary, true)),
            blob(&[b"123", b""]),
        ),
        (
            Arc::new(Field::new("path", DataType::Utf8, true)),
            arc(StringArray::from(vec!["a", "b"])) as ArrayRef,
        ),
    ]);
    let input = table([
        ("id", arc(Int64Array::from(vec![1, 2]))),
        ("image", arc(image)),
        ("thumbnail", blob(&[b"1", b"12"])),
        ("other", blob(&[b"", b""])),
    ]);
    write_parquet(&folder.path().join("in.parquet"), &input);
    let lengths = |more: &str| {
        let line = format!("run kit.wasm:blob_len in.parquet -o out.parquet {more}");
        run(&folder, &line).ends_with(0);
        let found = read_parquet(&folder.path().join("out.parquet"));
        let last = found
            .column(found.num_columns() - 2)
            .as_primitive::<Int64Type>()
            .values()
            .to_vec();
        (names(&found), last)
    };
    let (columns, found) = lengths("--column image.bytes");
    assert_eq!((columns.len(), found), (6, vec![3, 0]));
    let (columns, found) = lengths("--column thumbnail --as size --drop image --drop other");
    assert_eq!(
        (columns, found),
        (
            vec![
                "id".into(),
                "thumbnail".into(),
                "size".into(),
                "error".into()
            ],
            vec![1, 2]
        )
    );
    // The name of a column that goes is free.
    let (columns, found) = lengths("--column other --as image --drop image");
    assert_eq!(
        (columns, found),
        (
            vec![
                "id".into(),
                "thumbnail".into(),
                "other".into(),
                "image".into(),
                "error".into()
            ],
            vec![0, 0]
        )
    );
    let two = run(&folder, "run kit.wasm:blob_len in.parquet -o out.parquet").ends_with(3);
    assert!(
        two.stderr.contains("--column") && two.stderr.contains("image.bytes"),
        "{}",
        two.stderr
    );
}

#[test]
fn several_tables_are_read_as_one() {
    let folder = folder();
    write(&folder, "1.csv", "n\n1\n2\n");
    write(&folder, "2.csv", "n\n13\n");
    let ran = run(&folder, "run kit.wasm:fails *.csv -o out.ndjson").ends_with(1);
    assert!(
        ran.stderr.contains("2.csv, row 1: 13 is unlucky"),
        "{}",
        ran.stderr
    );
    let lines = read(&folder, "out.ndjson");
    assert_eq!(lines.lines().count(), 3);
    assert!(
        lines.ends_with("{\"n\":13,\"fails\":null,\"error\":\"13 is unlucky\"}\n"),
        "{lines}"
    );
}

#[test]
fn files_are_rows() {
    let folder = folder();
    let files = folder.path().join("files");
    std::fs::create_dir_all(files.join("below")).unwrap();
    for (name, text) in [
        ("b.bin", "four"),
        ("below/a.bin", "1"),
        (".hidden", "no"),
        ("c.csv", "n\n1\n"),
    ] {
        std::fs::write(files.join(name), text).unwrap();
    }
    run(
        &folder,
        "run kit.wasm:blob_len files -o out.csv --drop modificationTime",
    )
    .ends_with(0);
    let wanted =
        "path,length,blob_len,error\nfiles/b.bin,4,4,\nfiles/below/a.bin,1,1,\nfiles/c.csv,4,4,\n";
    assert_eq!(read(&folder, "out.csv"), wanted);
    run(
        &folder,
        "run kit.wasm:blob_len files/b.bin -o out.parquet --keep-content",
    )
    .ends_with(0);
    let kept = read_parquet(&folder.path().join("out.parquet"));
    assert_eq!(
        column(&kept, "content").as_binary::<i32>().value(0),
        b"four"
    );
}

#[test]
fn a_table_without_rows_stays_one() {
    let folder = folder();
    write(&folder, "in.ndjson", "{\"n\": 1}\n");
    run(
        &folder,
        "run kit.wasm:add_one in.ndjson -o empty.parquet --limit 0",
    )
    .ends_with(0);
    for extension in ["parquet", "arrow", "csv", "ndjson"] {
        run(
            &folder,
            &format!("run kit.wasm:nothing empty.parquet --column n -o out.{extension}"),
        )
        .ends_with(0);
    }
    assert_eq!(
        read(&folder, "out.csv"),
        "n,add_one,error,nothing,nothing_error\n"
    );
    assert_eq!(read(&folder, "out.ndjson"), "");
    assert_eq!(
        read_parquet(&folder.path().join("out.parquet")).num_columns(),
        5
    );
    assert_eq!(left(folder.path()).len(), 6);
}

#[test]
fn plain_plugins_run_like_others() {
    let folder = folder();
    std::fs::write(folder.path().join("plain.wasm"), PLAIN.bytes).unwrap();
    write(
        &folder,
        "in.ndjson",
        "{\"text\": \"12\"}\n{\"text\": \"x\"}\n{\"text\": null}\n",
    );
    let line = "run plain.wasm:parse in.ndjson -o - --output-format ndjson --as n";
    let ran = run(&folder, line).ends_with(1);
    let lines: Vec<&str> = ran.text().lines().collect();
    assert_eq!(lines[0], r#"{"text":"12","n":12,"error":null}"#);
    assert_eq!(
        lines[1],
        r#"{"text":"x","n":null,"error":"\"x\": invalid digit found in string"}"#
    );
    assert_eq!(lines[2], r#"{"text":null,"n":null,"error":null}"#);
}
