//! `wudf pipe`, as an engine that calls programs sees it.

use std::io::{Cursor, Read as _, Write as _};

use arrow_array::builder::{BinaryViewBuilder, StringDictionaryBuilder};
use arrow_array::cast::AsArray as _;
use arrow_array::types::{Int32Type, Int64Type};
use arrow_array::{Array, Int64Array, LargeStringArray, RecordBatch, StringArray, StringViewArray};
use arrow_ipc::reader::{FileReader, StreamReader};
use arrow_ipc::writer::{FileWriter, StreamWriter};
use arrow_schema::{DataType, SchemaRef};
use wudf_fixtures::KIT;
use wudf_tests::program::{Ran, wudf};
use wudf_tests::tables::{arc, table};

fn stream(batches: &[RecordBatch]) -> Vec<u8> {
    let mut writer = StreamWriter::try_new(Vec::new(), &batches[0].schema()).unwrap();
    batches
        .iter()
        .for_each(|batch| writer.write(batch).unwrap());
    writer.into_inner().unwrap()
}

fn numbers(values: impl IntoIterator<Item = Option<i64>>) -> RecordBatch {
    table([("x", arc(values.into_iter().collect::<Int64Array>()))])
}

fn pipe(words: &[&str], stdin: impl Into<Vec<u8>>) -> Ran {
    let folder = tempfile::tempdir().unwrap();
    wudf(folder.path(), ["pipe"].iter().chain(words))
        .stdin(stdin)
        .run()
}

fn kit(function: &str) -> String {
    format!("{}:{function}", KIT.path)
}

/// One stream out of bytes that may go on.
fn read(bytes: &mut Cursor<&[u8]>) -> (SchemaRef, Vec<RecordBatch>) {
    let reader = StreamReader::try_new(bytes, None).unwrap();
    (reader.schema(), reader.map(Result::unwrap).collect())
}

fn answers(ran: &Ran) -> (SchemaRef, Vec<RecordBatch>) {
    let mut bytes = Cursor::new(ran.stdout.as_slice());
    let read = read(&mut bytes);
    assert_eq!(
        bytes.position(),
        ran.stdout.len() as u64,
        "one stream, and its end mark"
    );
    read
}

fn ints(batches: &[RecordBatch]) -> Vec<Vec<Option<i64>>> {
    let ints = |batch: &RecordBatch| batch.column(0).as_primitive::<Int64Type>().iter().collect();
    batches.iter().map(ints).collect()
}

#[test]
fn batches_are_answered_one_by_one() {
    let batches = [
        numbers([Some(1), None]),
        numbers([]),
        numbers([Some(3)]),
        numbers((0..100).map(Some)).slice(40, 2),
    ];
    let ran = pipe(&[&kit("add_one")], stream(&batches)).ends_with(0);
    assert_eq!(ran.stderr, "");
    let (schema, answers) = answers(&ran);
    assert_eq!(schema.field(0).name(), "add_one");
    assert_eq!(
        ints(&answers),
        [
            vec![Some(2), None],
            vec![],
            vec![Some(4)],
            vec![Some(41), Some(42)]
        ]
    );
    let ran = pipe(&[&kit("add_one"), "--as", "y"], stream(&batches[..1])).ends_with(0);
    assert_eq!(self::answers(&ran).0.field(0).name(), "y");
}

#[test]
fn columns_are_found_by_name_and_else_by_place() {
    let ints = |value| arc(Int64Array::from(vec![value]));
    let text = arc(StringArray::from(vec!["abcdef"]));
    let named = table([
        ("length", ints(2)),
        ("more", ints(0)),
        ("start", ints(3)),
        ("s", text.clone()),
    ]);
    let placed = table([("c1", text.clone()), ("c2", ints(3)), ("c3", ints(2))]);
    for rows in [named, placed] {
        let ran = pipe(&[&kit("substr")], stream(&[rows])).ends_with(0);
        let (_, answers) = answers(&ran);
        assert_eq!(answers[0].column(0).as_string::<i32>().value(0), "de");
    }
    let other = table([("c1", text), ("c2", ints(3))]);
    let ran = pipe(&[&kit("substr")], stream(&[other])).ends_with(3);
    assert!(
        ran.stderr
            .contains("wants columns of its names; there is: c1, c2"),
        "{}",
        ran.stderr
    );
    let ran = pipe(&[&kit("answer")], stream(&[numbers([Some(1), Some(2)])])).ends_with(0);
    assert_eq!(self::ints(&answers(&ran).1), [[Some(42), Some(42)]]);
}

#[test]
fn every_layout_is_read() {
    let words = [Some("a word that is longer than a view"), None, Some("ö")];
    let mut dictionary = StringDictionaryBuilder::<Int32Type>::new();
    dictionary.extend(words);
    let mut views = BinaryViewBuilder::new();
    words
        .iter()
        .for_each(|word| views.append_option(word.map(str::as_bytes)));
    for column in [
        arc(StringViewArray::from_iter(words)),
        arc(LargeStringArray::from_iter(words)),
        arc(dictionary.finish()),
        arc(views.finish()),
    ] {
        let rows = table([("blob", column)]).slice(1, 2);
        let ran = pipe(&[&kit("blob_len")], stream(&[rows])).ends_with(0);
        assert_eq!(ints(&answers(&ran).1), [[None, Some(2)]]);
    }
}

#[test]
fn nothing_in_is_nothing_out() {
    // A stream without batches, no stream at all, and a stream without an end mark.
    let empty = stream(&[numbers([])][..]);
    let schema_only = {
        let writer = StreamWriter::try_new(Vec::new(), &numbers([]).schema()).unwrap();
        let mut writer = writer;
        writer.finish().unwrap();
        writer.into_inner().unwrap()
    };
    let unmarked = schema_only[..schema_only.len() - 8].to_vec();
    for (bytes, batches) in [(empty, 1), (schema_only, 0), (Vec::new(), 0), (unmarked, 0)] {
        let ran = pipe(&[&kit("upper")], bytes.clone());
        if batches == 1 {
            // A column of numbers is no text, whether there are rows or not.
            assert!(ran.ends_with(3).stderr.contains("upper"));
            continue;
        }
        let ran = ran.ends_with(0);
        let (schema, found) = answers(&ran);
        assert_eq!(schema.field(0).data_type(), &DataType::Utf8);
        assert_eq!(found.len(), batches);
    }
}

#[test]
fn failed_rows_do_what_the_policy_says() {
    let rows = [
        numbers((0..4).map(Some)),
        numbers([Some(1), Some(13), Some(3)]),
    ];
    for (function, why) in [
        ("fails", "13 is unlucky"),
        ("panics", "row with 13 in it"),
        ("spins", "without an answer"),
    ] {
        let run = |more: &[&str]| {
            let name = kit(function);
            let words: Vec<&str> = [name.as_str(), "--time-limit", "0.3"]
                .iter()
                .chain(more)
                .copied()
                .collect();
            pipe(&words, stream(&rows))
        };
        let raised = run(&[]).ends_with(3);
        assert!(
            raised
                .stderr
                .starts_with(&format!("error: kit:{function}: row 5: "))
                && raised.stderr.contains(why)
                && raised
                    .stderr
                    .trim_end()
                    .ends_with("(counted from 0 in the stream)"),
            "{}",
            raised.stderr
        );
        // What came before was answered.
        let mut bytes = Cursor::new(raised.stdout.as_slice());
        assert_eq!(
            ints(&read(&mut bytes).1),
            [[Some(0), Some(1), Some(2), Some(3)]]
        );

        let null = run(&["--on-error", "null"]).ends_with(0);
        assert_eq!(ints(&answers(&null).1)[1], [Some(1), None, Some(3)]);

        let record = run(&["--on-error", "record"]).ends_with(0);
        let (_, found) = answers(&record);
        let found = found[1].column(0).as_struct();
        assert_eq!(found.null_count(), 0);
        let values: Vec<_> = found.column(0).as_primitive::<Int64Type>().iter().collect();
        assert_eq!(values, [Some(1), None, Some(3)]);
        let errors = found.column(1).as_string::<i32>();
        assert!(
            errors.is_null(0) && errors.value(1).contains(why),
            "{errors:?}"
        );
    }
}

#[test]
fn streams_follow_one_another() {
    let mut bytes = stream(&[numbers([Some(1)]), numbers([Some(2)])]);
    bytes.extend(stream(&[table([(
        "other",
        arc(Int64Array::from(vec![10])),
    )])]));
    bytes.extend(stream(&[numbers([None])]));
    let ran = pipe(&[&kit("add_one")], bytes).ends_with(0);
    // As ClickHouse reads: a schema, then as many rows as were sent.
    let mut rest = Cursor::new(ran.stdout.as_slice());
    for wanted in [vec![Some(2), Some(3)], vec![Some(11)], vec![None]] {
        let mut reader = StreamReader::try_new(&mut rest, None).unwrap();
        let batches = (&mut reader).take(wanted.len()).map(Result::unwrap);
        let found: Vec<_> = ints(&batches.collect::<Vec<_>>()).concat();
        assert_eq!(found, wanted);
    }
    assert_eq!(ran.stdout.len() as u64 - rest.position(), 8, "the end mark");
}

#[test]
fn an_answer_does_not_wait_for_the_next_question() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = wudf(folder.path(), ["pipe", &kit("add_one")]).start();
    let mut stdin = child.stdin.take().unwrap();
    let mut stdout = child.stdout.take().unwrap();
    // Twice over one process, as a pool does; each stream with its end mark.
    for n in [1, 100] {
        stdin.write_all(&stream(&[numbers([Some(n)])])).unwrap();
        stdin.flush().unwrap();
        let mut reader = StreamReader::try_new(&mut stdout, None).unwrap();
        let answer = reader.next().unwrap().unwrap();
        assert_eq!(ints(&[answer]), [[Some(n + 1)]]);
    }
    drop(stdin);
    let mut rest = Vec::new();
    stdout.read_to_end(&mut rest).unwrap();
    assert_eq!(rest, [0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0], "the end mark");
    assert!(child.wait().unwrap().success());
}

#[test]
fn streams_that_are_cut_are_said_to_be() {
    let whole = stream(&[numbers([Some(1)]), numbers([Some(2)])]);
    let marks: Vec<usize> = whole
        .windows(4)
        .enumerate()
        .filter(|(_, window)| *window == [0xff; 4])
        .map(|(at, _)| at)
        .collect();
    let second = marks[2];
    for cut in [
        2,
        4,
        6,
        40,
        second + 2,
        second + 6,
        second + 40,
        whole.len() - 12,
        whole.len() - 3,
    ] {
        let ran = pipe(&[&kit("add_one")], &whole[..cut]).ends_with(3);
        assert_eq!(
            ran.stderr.trim_end(),
            "error: stdin ends in the middle of an Arrow stream",
            "{cut} of {}",
            whole.len()
        );
    }
}

#[test]
fn what_is_no_stream_is_refused() {
    let batch = numbers([Some(1)]);
    let mut file = FileWriter::try_new(Vec::new(), &batch.schema()).unwrap();
    file.write(&batch).unwrap();
    let file = file.into_inner().unwrap();
    assert!(FileReader::try_new(Cursor::new(&file), None).is_ok());
    let said = |bytes: Vec<u8>| pipe(&[&kit("add_one")], bytes).ends_with(3).stderr;
    assert_eq!(
        said(file),
        "error: stdin is an Arrow file; an Arrow stream is wanted\n"
    );
    assert_eq!(
        said(b"x\n1\n2\n".to_vec()),
        "error: stdin is no Arrow stream\n"
    );
    let mut rubbish = vec![0xff, 0xff, 0xff, 0xff, 16, 0, 0, 0];
    rubbish.extend([0xab; 64]);
    assert!(said(rubbish).starts_with("error: stdin is no Arrow stream that can be read\n"));
    let mut more = stream(&[batch]);
    more.extend(b"more");
    assert_eq!(said(more), "error: stdin is no Arrow stream\n");
}

#[test]
fn an_engine_that_goes_away_is_no_error() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = wudf(folder.path(), ["pipe", &kit("add_one")]).start();
    drop(child.stdout.take());
    let mut stdin = child.stdin.take().unwrap();
    let batch = numbers((0..1000).map(Some));
    let mut writer = StreamWriter::try_new(&mut stdin, &batch.schema()).unwrap();
    while writer.write(&batch).is_ok() {}
    let ended = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8(ended.stderr).unwrap(), "");
    assert_eq!(ended.status.code(), Some(0));
}

#[test]
fn functions_that_cannot_be_opened() {
    let said = |words: &[&str]| pipe(words, Vec::new()).ends_with(3).stderr;
    assert!(said(&["gone"]).contains("gone is neither a file nor a plugin that ships with wudf"));
    assert!(said(&[&kit("gone")]).contains("kit has no function gone"));
    assert!(said(&["image-features"]).contains("--model resnet50=resnet50.onnx"));
    assert!(said(&[&kit("options_echo"), "--option", "colour=red"]).contains("no option colour"));
    let twice = [
        "image-features",
        "--model",
        "a=x.onnx",
        "--model",
        "a=y.onnx",
    ];
    assert!(said(&twice).contains("--model names a twice"));
}
